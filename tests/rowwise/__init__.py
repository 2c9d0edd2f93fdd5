"""What a flow of blocks means, row by row in plain Python; the product shares nothing with it."""

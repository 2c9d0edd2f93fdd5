"""Which events a block works on, and which of their fields."""

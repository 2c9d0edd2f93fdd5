"""Rows made up from a seed, one module per area of the product."""

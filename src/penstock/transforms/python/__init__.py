"""Transformations written in Python by users, run in a sealed process."""

"""Columns whose rows may hold values of several kinds, nothing, or null that was set."""

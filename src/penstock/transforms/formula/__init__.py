"""Formulas: `price * qty`, `UPPER($self)`, read once and computed over whole columns."""

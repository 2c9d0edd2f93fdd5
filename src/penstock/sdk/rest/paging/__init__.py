"""Ways to get all rows: one class per kind, which validates its YAML and does the work."""

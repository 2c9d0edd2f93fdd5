"""What readers of change logs share."""

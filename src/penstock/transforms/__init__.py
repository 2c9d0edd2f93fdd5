"""Change events on their way: blocks on columns, or the Python of users in a sealed process."""

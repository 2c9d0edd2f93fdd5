"""Sealing the process in which code of users runs."""

"""Entries, the keys that identify them, and their deletion."""

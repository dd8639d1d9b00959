"""Entries, the keys of entries, and the deletion of old entries."""

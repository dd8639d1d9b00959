"""Targets of notifications, and what is to be told."""

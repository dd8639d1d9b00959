"""Counters of the whole database, and metrics."""

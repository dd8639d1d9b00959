"""Bytes -> `CleanFeed`: everything that runs in a worker process.  Pure."""

"""Schema changes, one revision a file, run by `engine.open_database`."""

"""The episodes of the health feed."""

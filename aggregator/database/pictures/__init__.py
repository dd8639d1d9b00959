"""Pictures of entries: what is to be chosen and fetched, and what pages show."""

"""Lists of entries: pages, searches, archives."""

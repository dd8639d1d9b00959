"""OPML <-> subscriptions.  Pure."""

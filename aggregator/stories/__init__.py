"""Which entries of several feeds are the same story.  Pure."""

"""The language of searches, rules and views, and the words of texts.  Pure."""

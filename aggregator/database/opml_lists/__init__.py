"""The OPML lists of config.yaml."""

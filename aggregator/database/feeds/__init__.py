"""Subscriptions and the state of each feed: leases, polls, hosts, former names."""

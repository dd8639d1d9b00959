"""The table of requests to subscribe to our own hub; see `schema`."""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text

from aggregator.database.columns import TimeSpan, UtcDateTime
from aggregator.database.schema import metadata

hub_requests = Table(
    "hub_requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("callback", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("secret", Text),
    Column("lease", TimeSpan, nullable=False),
    Column("is_unsubscribe", Boolean, nullable=False),
    Column("taken_until", UtcDateTime),
    Index("ix_hub_requests_host", "host"),
)
"""Requests to subscribe to our own hub (WebSub) until they are verified.

`taken_until` is the time until which one process verifies the request, NULL before.
"""

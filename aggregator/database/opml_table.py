"""The table of OPML lists; see `schema`."""

from sqlalchemy import Column, Integer, Table, Text

from aggregator.database.columns import OutlinesJson, UtcDateTime
from aggregator.database.schema import metadata

opml_lists = Table(
    "opml_lists",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("address", Text, nullable=False, unique=True),  # as written, with variables
    Column("position", Integer, nullable=False),  # in config.yaml
    # Of the last good answer
    Column("validators_url", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("outlines", OutlinesJson),  # NULL before the first good answer
    Column("version", Integer, nullable=False, default=0),  # grows with other outlines
    # Of the polls
    Column("failures", Integer, nullable=False, default=0),
    Column("failure", Text),
    Column("last_polled_at", UtcDateTime),
    Column("last_success_at", UtcDateTime),
    Column("next_poll_at", UtcDateTime),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
)
"""The OPML lists of config.yaml; their feeds are rows of `feeds` with `opml_list`."""

"""The tables of notifications; see `schema`."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from aggregator.database.columns import UtcDateTime
from aggregator.database.schema import metadata

notification_targets = Table(
    "notification_targets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("digest", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("position", BigInteger, nullable=False),  # of the last episode told
    Column("taken_by", Text),
    Column("taken_until", UtcDateTime),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("retry_at", UtcDateTime),
    Column("error", Text),
    Column("sent_at", UtcDateTime),
)
"""The targets of `notify`, and how their last messages went."""

notification_queue = Table(
    "notification_queue",
    metadata,
    Column(
        "target_id",
        ForeignKey("notification_targets.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column(
        "entry_id",
        BigInteger,
        ForeignKey("entries.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("queued_at", UtcDateTime, nullable=False),
)
"""Entries to be told, each from the transaction that stores it to the one after the message."""
Index("ix_notification_queue_entry", notification_queue.c.entry_id)

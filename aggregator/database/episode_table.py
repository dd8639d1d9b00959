"""The table of episodes; see `schema`."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from aggregator.database.columns import FailureJson, TimeSpan, UtcDateTime
from aggregator.database.schema import metadata

episodes = Table(
    "episodes",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # the first position
    Column("position", BigInteger, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("feed_id", Integer, nullable=False),  # 0 for the whole program
    Column("began_at", UtcDateTime, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("ending", Text),
    Column("failure", FailureJson),
    Column("detail", Text),
    Column("gap", TimeSpan),
)
"""The episodes of the health feed; see `aggregator.model.health_episodes`."""
Index(
    "ix_episodes_open",
    episodes.c.feed_id,
    episodes.c.kind,
    unique=True,
    sqlite_where=episodes.c.ended_at.is_(None),
    postgresql_where=episodes.c.ended_at.is_(None),
)

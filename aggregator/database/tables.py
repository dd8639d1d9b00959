"""The tables.  Migrations make them; this module is how statements name them.

Times are stored as whole microseconds since 1970 (UTC), so that they sort as numbers in every
database and for every year.  Columns that a page shows but config.yaml decides (name, title,
category) are copied here when the file is read: readers need the database and nothing else.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

POLLS_KEPT = 24
"""Polls a feed remembers: `polls` is a ring, so nothing ever has to be cleaned up."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetime as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Span(TypeDecorator[timedelta]):
    """A timedelta as whole microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        return None if value is None else value // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:
        return None if value is None else timedelta(microseconds=value)


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class JsonList(TypeDecorator[list[Any]]):
    """A list as compact JSON; NULL when empty, which most of them are."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> str | None:
        return _compact(value) if value else None

    def process_result_value(self, value: str | None, dialect: Dialect) -> list[Any]:
        return json.loads(value) if value else []


# SQLite makes only INTEGER PRIMARY KEY its 64-bit rowid.
_Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("checked_at", UtcDateTime),
    Column("boot", Text),
    Column("boot_at", UtcDateTime),
    # Of the subscribed feeds; triggers keep them.
    Column("feeds", BigInteger, nullable=False, server_default="0"),
    Column("entries", BigInteger, nullable=False, server_default="0"),
    Column("unread", BigInteger, nullable=False, server_default="0"),
    Column("failing", BigInteger, nullable=False, server_default="0"),
)
"""One row: `version` grows with every change that a reader could see; `boot` and `boot_at` tell
whether the clock was set."""

categories = Table(
    "categories",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    # Of the subscribed feeds in it; triggers keep them.
    Column("feeds", BigInteger, nullable=False, server_default="0"),
    Column("entries", BigInteger, nullable=False, server_default="0"),
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", Integer, primary_key=True),
    # From config.yaml
    Column("name", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("configured_title", Text),
    Column("category_id", ForeignKey("categories.id")),
    Column("interval", Span, nullable=False),
    Column("interval_given", Boolean, nullable=False, default=False),
    Column("distrust_304", Boolean, nullable=False, default=False),
    Column("subscribed", Boolean, nullable=False),
    # From the document
    Column("title", Text, nullable=False, default=""),
    Column("subtitle", Text, nullable=False, default=""),
    Column("site_url", Text),
    Column("feed_id", Text),
    Column("language", Text),
    Column("author", Text),
    Column("rights", Text),
    Column("format", Text, nullable=False, default=""),
    Column("note", Text),
    # From the last answers
    Column("validators_url", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body_hash", LargeBinary),
    Column("memory", LargeBinary),  # of the entries of the last document, see aggregator.skim
    Column("last_full_at", UtcDateTime),  # when the last 200 came
    Column("freshness", Span),  # its lifetime, for a 304 that does not say
    Column("moved_to", Text),  # where it is polled instead of `url`
    Column("moving_to", Text),  # a permanent redirect, not seen often enough yet
    Column("moving_since", UtcDateTime),
    Column("moving_seen", Integer),
    Column("ttl", Span),
    Column("update_every", Span),
    Column("skip_hours", JsonList),
    Column("skip_days", JsonList),
    # The schedule
    Column("gap", Span),  # usual time between two posts
    Column("plan", JsonList),  # all that was weighed for `next_poll_at`
    Column("next_poll_at", UtcDateTime),
    Column("next_reason", Text),
    Column("not_before", UtcDateTime),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    # Health
    Column("polls", Integer, nullable=False, default=0),
    Column("entries", Integer, nullable=False, default=0),
    Column("last_polled_at", UtcDateTime),
    Column("last_success_at", UtcDateTime),
    Column("last_change_at", UtcDateTime),
    Column("failures", Integer, nullable=False, default=0),
    Column("failing_since", UtcDateTime),
    Column("error", Text),
    Column("gone", Boolean, nullable=False, default=False),
    Index("ix_feeds_due", "next_poll_at", "host"),
)
Index(  # of the few that are leased
    "ix_feeds_leased",
    feeds.c.lease_owner,
    sqlite_where=feeds.c.lease_owner.is_not(None),
    postgresql_where=feeds.c.lease_owner.is_not(None),
)

hosts = Table(
    "hosts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("free_at", UtcDateTime, nullable=False),
    Column("pace", Span),
    Column("learned_at", UtcDateTime),
)
"""Hosts that want patience: no request before `free_at`, and `pace` between two."""

polls = Table(
    "polls",
    metadata,
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer),
    Column("size", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("new", Integer, nullable=False),
    Column("updated", Integer, nullable=False),
    Column("error", Text),
    sqlite_with_rowid=False,
)
"""Ring of the last `POLLS_KEPT` polls of each feed, slot = number of the poll % `POLLS_KEPT`."""

_ARCHIVED = text("archived_at IS NOT NULL")
_WHERE_ARCHIVED: dict[str, Any] = {"sqlite_where": _ARCHIVED, "postgresql_where": _ARCHIVED}

entries = Table(
    "entries",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), nullable=False),
    Column("category_id", Integer),
    Column("listed", Boolean, nullable=False),
    Column("identity", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("record_hash", LargeBinary, nullable=False),
    Column("guid", Text),
    Column("public_id", Text, nullable=False),
    Column("url", Text),
    Column("title", Text, nullable=False),
    Column("title_html", Text),  # NULL where it is the escaped title
    Column("summary", Text, nullable=False),
    Column("authors", JsonList),
    Column("categories", JsonList),
    Column("enclosures", JsonList),
    Column("language", Text),
    Column("comments_url", Text),
    Column("image", Text),
    Column("origin", JsonList),
    Column("copied", Boolean, nullable=False, default=False),
    Column("published_at", UtcDateTime),
    Column("updated_at", UtcDateTime),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    # When it came into the archive; NULL where that is by its place in the list
    Column("archived_at", UtcDateTime),
    # Not (feed_id, identity): in this order one index also finds the same id in other feeds.
    UniqueConstraint("identity", "feed_id"),
    Index("ix_entries_feed", "feed_id", "id"),
    Index("ix_entries_category", "category_id", "id"),
    Index("ix_entries_archived", "archived_at", **_WHERE_ARCHIVED),
    Index("ix_entries_category_archived", "category_id", "archived_at", **_WHERE_ARCHIVED),
)
"""`id` is the place in the list, so newest first, paging and search are walks of one index."""

contents = Table(
    "contents",
    metadata,
    Column(
        "entry_id",
        ForeignKey("entries.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("html", Text, nullable=False),
)
"""Full texts, apart from the entries: a list page never reads them."""

activity = Table(
    "activity",
    metadata,
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("entries", Integer, nullable=False),
    Index("ix_activity_day", "day", "feed_id", "entries"),
    sqlite_with_rowid=False,
)
"""Entries kept of each feed by the day they are listed on (UTC, days since 1970); by triggers."""

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("callback", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("secret", Text),
    Column("lease_until", UtcDateTime, nullable=False),
    Column("wanted", Integer, nullable=False, default=0),
    Column("delivered", Integer, nullable=False, default=0),
    Column("failures", Integer, nullable=False, default=0),
    Column("next_at", UtcDateTime),
    UniqueConstraint("topic", "callback"),
    Index("ix_subscribers_host", "host"),
    Index("ix_subscribers_due", "next_at"),
)
"""Who subscribes to what at our own hub (WebSub); `next_at` is NULL while there is nothing new."""

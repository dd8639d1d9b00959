"""The tables, for statements; migrations create them.

A column has the name of the database, or a `key` where the program has a better word.  Values of
config.yaml on pages (name, title, category) are copied into the tables when the file is read, so
pages need the database and nothing else.
"""

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
    false,
    text,
    true,
)

from aggregator.database.columns import (
    ConstraintsJson,
    DatingText,
    EnclosuresJson,
    ExclusionText,
    FailureJson,
    HabitsJson,
    JsonTuple,
    OriginJson,
    PictureModeText,
    SelectorsJson,
    TimeSpan,
    UtcDateTime,
)

POLLS_KEPT = 24
"""Polls stored for each feed: `polls` is a ring, so no old rows have to be deleted."""

# SQLite makes only INTEGER PRIMARY KEY its 64-bit rowid.
_Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("checked_at", UtcDateTime),
    Column("alive_at", UtcDateTime),  # of a process that polls; see `write_alive`
    Column("hub_owner", Text),  # the process that announces changes and is our own hub
    Column("hub_until", UtcDateTime),
    Column("boot", Text),
    Column("boot_at", UtcDateTime),
    # Counters of the subscribed feeds, kept by triggers
    Column("feeds", BigInteger, nullable=False, server_default="0"),
    Column("unread", BigInteger, key="unpolled", nullable=False, server_default="0"),
    Column("failing", BigInteger, nullable=False, server_default="0"),
    Column("stories", Boolean, nullable=False, server_default=true()),
    Column("listing", Text),  # the rules of all feeds, as `rules.as_json` writes them
    Column("rules_version", Integer, nullable=False, server_default="0"),  # of their language
    Column("config_problem", Text),  # the first mistake, while config.yaml is not in use
    Column("followed_file", Text),  # machine and path of the config.yaml that was followed last
    Column("followed_digest", Text),  # of its feeds, rules and views
)
"""One row: `version` grows with every change that a reader could see; `boot` and `boot_at` tell
whether the clock was set."""

WHOLE_LIST_ID = 1

lists = Table(
    "lists",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),  # all, category, view
    Column("key", Text, nullable=False),  # slug of a category, name of a view
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    Column("search", Text),  # of a view
    Column("position", Integer),  # in config.yaml; NULL for a list that left the file
    Column("began_at", UtcDateTime),  # when the first entry came in
    # Counters, kept by triggers
    Column("entries", BigInteger, nullable=False, server_default="0"),
    Column("stories", BigInteger, nullable=False, server_default="0"),
    Column("feeds", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("kind", "key"),
)
"""The whole list, the categories and the views.

`entries` counts the members of a list, `stories` the representatives among them, `feeds` the
subscribed feeds of a category.
"""
Index(
    "ix_lists_left",
    lists.c.id,
    sqlite_where=lists.c.position.is_(None),
    postgresql_where=lists.c.position.is_(None),
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", Integer, primary_key=True),
    # From config.yaml
    Column("name", Text, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("written_url", Text),  # with variables; NULL without a variable
    Column("named_by_title", Boolean, nullable=False, server_default=false()),
    Column("host", Text, nullable=False),
    Column("configured_title", Text),
    Column("opml_list", Text),  # address, as written, of the OPML list with the feed
    Column("interval", TimeSpan, nullable=False),
    Column("interval_given", Boolean, nullable=False, default=False),
    Column("distrust_304", Boolean, nullable=False, default=False),
    Column("stories", Boolean, nullable=False, server_default=true()),  # also by its categories
    Column("paused", Boolean, nullable=False, default=False),
    Column("read_here", Boolean, nullable=False, server_default=true()),
    Column("pictures", PictureModeText),
    Column("rank", Integer, nullable=False, server_default="0"),
    Column("request_digest", Text),  # NULL: requested like every other feed
    Column("by_proxy", Boolean, nullable=False, server_default=false()),
    Column("selectors", SelectorsJson),  # of a page without a feed
    Column("timezone", Text),
    Column("private", Boolean, nullable=False, default=False),
    Column("listing", Text),  # the feed's own rules, as `rules.as_json` writes them
    Column("subscribed", Boolean, nullable=False),
    # The first poll, which decides about the backlog once
    Column("is_initial", Boolean, nullable=False, default=False),
    Column("first_read_at", UtcDateTime),  # when it was stored whole
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
    Column("memory", LargeBinary, key="seen_hashes"),  # of the last document's entries
    Column("last_full_at", UtcDateTime),  # when the last 200 came
    Column("freshness", TimeSpan),  # lifetime of the document, for a 304 without one
    Column("moved_to", Text),  # where the feed is polled instead of `url`
    Column("moving_to", Text),  # a permanent redirect, not seen often enough yet
    Column("moving_since", UtcDateTime),
    Column("moving_seen", Integer),
    Column("habits", HabitsJson),  # NULL: the usual ones
    Column("first_posts", Integer),  # of a page, at the first good poll with its selectors
    Column("ttl", TimeSpan),
    Column("update_every", TimeSpan),
    Column("skip_hours", JsonTuple),
    Column("skip_days", JsonTuple),
    # The schedule
    Column("gap", TimeSpan),  # usual time between two posts
    Column("plan", ConstraintsJson),  # the constraints on `next_poll_at`
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
    Column("failure", FailureJson),
    Column("gone", Boolean, nullable=False, default=False),
    Index("ix_feeds_due", "next_poll_at", "host"),
)
Index(  # of the few that are leased
    "ix_feeds_leased",
    feeds.c.lease_owner,
    sqlite_where=feeds.c.lease_owner.is_not(None),
    postgresql_where=feeds.c.lease_owner.is_not(None),
)

feed_categories = Table(
    "feed_categories",
    metadata,
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("list_id", ForeignKey("lists.id"), nullable=False),
    Index("ix_feed_categories_list", "list_id"),
    sqlite_with_rowid=False,
)
"""The categories of each feed in the order of config.yaml; the one at position 0 is shown."""

former_names = Table(
    "former_names",
    metadata,
    Column("name", Text, primary_key=True),
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), nullable=False),
)
"""Former names of feeds that no feed has now."""

hosts = Table(
    "hosts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("free_at", UtcDateTime, nullable=False),
    Column("pace", TimeSpan, key="min_delay"),
    Column("learned_at", UtcDateTime, key="throttled_at"),
)
"""Hosts with a pause: no request before `free_at`, and `min_delay` between two requests."""

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
    Column("exclusion", ExclusionText),  # why no list has the entry
    Column("identity", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("record_hash", LargeBinary, nullable=False),
    Column("guid", Text),
    Column("public_id", Text, nullable=False),
    Column("url", Text),
    Column("title", Text, nullable=False),
    Column("title_html", Text),  # NULL where it is the escaped title
    Column("summary", Text, nullable=False),
    Column("authors", JsonTuple),
    Column("categories", JsonTuple),
    Column("enclosures", EnclosuresJson),
    Column("language", Text),
    Column("comments_url", Text),
    Column("image", Text),
    Column("origin", OriginJson),
    Column("copied", Boolean, nullable=False, default=False),
    Column("published_at", UtcDateTime),
    Column("precision", TimeSpan),  # of `published_at`, where a later date may correct it
    Column("dating", DatingText),
    Column("updated_at", UtcDateTime),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("story_id", BigInteger),  # NULL for most
    Column("story_keys", LargeBinary),  # its rows of the table of that name, 4 bytes each
    # Not (feed_id, identity): in this order one index also finds the same id in other feeds.
    Index("ix_entries_identity", "identity", "feed_id", unique=True),
    # With the exclusion, so that the list of a source passes over hidden entries in the index.
    Index("ix_entries_feed", "feed_id", "id", "exclusion"),
)
"""`id` is the place in the list, so newest first, paging and search are walks of one index."""

list_members = Table(
    "list_members",
    metadata,
    Column("list_id", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    # Whether the entry is the one of its story that the list shows
    Column("is_representative", Boolean, nullable=False),
    # When the entry came into the archive; NULL where the place in the list decides
    Column("archived_at", UtcDateTime),
    Index("ix_list_members_archived", "list_id", "archived_at", **_WHERE_ARCHIVED),
    sqlite_with_rowid=False,
)
"""The members of each list: its pages are a walk of the primary key.

Without foreign keys: an index by entry would be as large as the table, so whoever deletes entries
deletes their rows.
"""

withdrawn_members = Table(
    "withdrawn_members",
    metadata,
    Column("list_id", ForeignKey("lists.id"), primary_key=True, autoincrement=False),
    Column("entry_id", ForeignKey("entries.id", ondelete="CASCADE"), primary_key=True),
    Column("archived_at", UtcDateTime),
    Index("ix_withdrawn_members_entry", "entry_id"),
    Index("ix_withdrawn_members_archived", "list_id", "archived_at", **_WHERE_ARCHIVED),
    sqlite_with_rowid=False,
)
"""Entries that a list showed when the archive of their week was closed, and shows no longer."""

relistings = Table(
    "relistings",
    metadata,
    Column("feed_id", Integer, primary_key=True, autoincrement=False),  # 0 for all feeds
    Column("below", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False, default=0),
    Column("former_lists", JsonTuple),
    Column("changed_views", JsonTuple),
    sqlite_with_rowid=False,
)
"""Feeds whose entries below an id are still to be listed anew; `done` counts those above.

`former_lists` has the ids of lists that the feed left, and that may still have its entries;
`changed_views` those of views that may match other entries than before, or that left the file.
`read_definitions` has the ids that stand for all feeds.
"""

resolved_names = Table(
    "resolved_names",
    metadata,
    Column("field", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("feeds", JsonTuple),
    sqlite_with_rowid=False,
)
"""The feeds that the names of sources and categories in rules and views mean."""

entry_keys = Table(
    "entry_keys",
    metadata,
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger),  # NULL where several entries have the key
    Column("gone_before", UtcDateTime),  # the entry was deleted as older than this
    sqlite_with_rowid=False,
)
"""What else the entries of a feed may be known by, see aggregator.dedup.keys.

Those of a feed lie together, so that new ones touch few pages.  An entry that the feed still lists
when it is deleted leaves its keys behind, or it would come back as new.
"""

Index(  # of the few that were deleted
    "ix_entry_keys_gone",
    entry_keys.c.gone_before,
    sqlite_where=entry_keys.c.gone_before.is_not(None),
    postgresql_where=entry_keys.c.gone_before.is_not(None),
)

Index(
    "ix_entries_story",
    entries.c.story_id,
    sqlite_where=entries.c.story_id.is_not(None),
    postgresql_where=entries.c.story_id.is_not(None),
)

story_keys = Table(
    "story_keys",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    Column("feed_id", Integer, nullable=False),
    sqlite_with_rowid=False,
)
"""By what entries of one story are found; see aggregator.stories.  Without foreign keys: their
index would be as large as the table, so whoever deletes entries deletes their keys."""

story_candidates = Table(
    "story_candidates",
    metadata,
    Column("entry_id", BigInteger, primary_key=True, autoincrement=False),
    Column("candidate_id", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Pairs of entries that are still to be compared, because a transaction had no time for them.
Without foreign keys: a pair whose entry was deleted is passed over when its turn comes."""

story_links = Table(
    "story_links",
    metadata,
    Column("one", ForeignKey("entries.id", ondelete="CASCADE"), key="older_id", primary_key=True),
    Column("other", ForeignKey("entries.id", ondelete="CASCADE"), key="newer_id", primary_key=True),
    Column("rule", Text, nullable=False),
    Column("score", Integer, nullable=False),
    Index("ix_story_links_other", "newer_id"),
    sqlite_with_rowid=False,
)
"""Two entries that are the same story, and why; `one` < `other`.  Stories are made from these."""

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
"""Full texts, apart from the entries: a list page never reads full texts."""

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

hidden_entries = Table(
    "hidden_entries",
    metadata,
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("entries", Integer, nullable=False),
)
"""How many entries of a feed are hidden; by triggers.  Feeds that never had one have no row."""

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
"""Subscribers of our own hub (WebSub); `next_at` is NULL while there is nothing to deliver."""

unannounced = Table(
    "unannounced",
    metadata,
    Column("list_id", Integer, primary_key=True, autoincrement=False),  # 0 for a feed's own list
    Column("feed_id", Integer, primary_key=True, autoincrement=False),  # 0 for a list
    Column("first_at", UtcDateTime, nullable=False),
    Column("latest_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)
"""Lists, and lists of single feeds, with changes that were not announced to a hub yet."""

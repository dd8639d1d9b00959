"""Lists with members: the whole list, categories and views.

What stood in the rows of entries (category, listed, rank within an hour, representative, archive)
becomes rows of `list_members` and the reason why no list has an entry; every page and archive stays
as it is.  SQLite copies the tables `feeds` and `entries` once: dropping one column after the other
would rewrite all entries each time.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_MS_A_DAY = 86_400_000
_ARCHIVED = sa.text("archived_at IS NOT NULL")
_LEFT_BY_ENTRIES = (
    "category_id",
    "listed",
    "hour_rank",
    "leads",
    "leads_category",
    "archived_at",
)
_IN_SHARE = "hour_rank < coalesce((SELECT per_hour FROM state), 2147483647)"
_EXCLUSION = (
    f"CASE WHEN listed AND {_IN_SHARE} THEN NULL WHEN listed THEN 'per_hour' "
    "WHEN copied AND (SELECT subscribed FROM feeds WHERE feeds.id = entries.feed_id) THEN 'copy' "
    "ELSE 'unsubscribed' END"
)
_STATEMENTS = (
    # The whole list has the id 1, so a category has the one after its own.
    (
        "INSERT INTO lists (id, kind, key, title, position, began_at) "
        "SELECT 1, 'all', '', '', 0, began_at FROM state"
    ),
    (
        "INSERT INTO lists (id, kind, key, title, position, began_at, feeds) "
        "SELECT id + 1, 'category', slug, name, CASE WHEN feeds > 0 THEN id END, "
        "(SELECT began_at FROM state), feeds FROM categories ORDER BY id"
    ),
    (
        "INSERT INTO feed_categories (feed_id, position, list_id) "
        "SELECT id, 0, category_id + 1 FROM feeds WHERE category_id IS NOT NULL"
    ),
    (
        "INSERT INTO list_members (list_id, entry_id, is_representative, archived_at) "
        f"SELECT 1, id, leads, archived_at FROM entries WHERE listed AND {_IN_SHARE} ORDER BY id"
    ),
    (
        "INSERT INTO list_members (list_id, entry_id, is_representative, archived_at) "
        "SELECT category_id + 1, id, leads_category, archived_at FROM entries "
        f"WHERE category_id IS NOT NULL AND listed AND {_IN_SHARE} ORDER BY category_id, id"
    ),
    (
        "UPDATE lists SET "
        "entries = (SELECT count(*) FROM list_members WHERE list_id = lists.id), "
        "stories = (SELECT count(*) FROM list_members WHERE list_id = lists.id "
        "AND is_representative)"
    ),
    (
        "CREATE TEMPORARY TABLE first_reads AS "
        "SELECT +feed_id AS feed, min(first_seen_at) AS read_at FROM entries GROUP BY +feed_id"
    ),
    (
        "UPDATE feeds SET first_read_at = coalesce("
        "(SELECT read_at FROM first_reads WHERE feed = feeds.id), last_success_at) "
        "WHERE body_hash IS NOT NULL"
    ),
    "DROP TABLE first_reads",
    (
        "UPDATE feeds SET is_initial = true, stories = stories AND coalesce("
        "(SELECT stories FROM categories WHERE categories.id = category_id), true)"
    ),
)
_TAKE_OVER_ANNOUNCEMENTS = (
    (
        "INSERT INTO unannounced (list_id, feed_id, first_at, latest_at) "
        "SELECT 0, feed_id, first_at, latest_at FROM former_unannounced"
    ),
    (
        "INSERT INTO unannounced (list_id, feed_id, first_at, latest_at) "
        "SELECT list_id, 0, min(first_at), max(latest_at) FROM ("
        "SELECT 1 AS list_id, first_at, latest_at FROM former_unannounced UNION ALL "
        "SELECT feed_categories.list_id, first_at, latest_at FROM former_unannounced "
        "JOIN feed_categories ON feed_categories.feed_id = former_unannounced.feed_id"
        ") AS changes GROUP BY list_id"
    ),
    "DROP TABLE former_unannounced",
)


def upgrade() -> None:
    """Make the tables, fill them from the entries, and drop what the entries need no longer."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table, events in (("entries", ("insert", "delete")), ("feeds", _EVENTS)):
        for event in events:
            _drop_trigger(table, event)
    _make_tables()
    _make_member_tables()
    _make_work_tables()
    op.add_column("feeds", sa.Column("listing", sa.Text()))
    op.add_column("feeds", _column("is_initial", sa.Boolean(), sa.false()))
    op.add_column("feeds", sa.Column("first_read_at", sa.BigInteger()))
    op.add_column("feeds", _column("paused", sa.Boolean(), sa.false()))
    for statement in _STATEMENTS:
        op.execute(statement)
    if is_sqlite:
        _copy_entries()
        with op.batch_alter_table("feeds", recreate="always") as feeds:
            feeds.drop_column("category_id")
    else:
        op.execute("SELECT setval('lists_id_seq', (SELECT max(id) FROM lists))")
        _change_entries()
        op.drop_column("feeds", "category_id")
    op.drop_table("categories")
    op.add_column("state", sa.Column("listing", sa.Text()))
    op.add_column("state", _column("rules_version", sa.Integer(), "0"))
    op.execute(_LISTING)
    for name in ("began_at", "entries", "per_hour"):
        op.drop_column("state", name)
    _make_unannounced()
    _make_triggers(is_sqlite=is_sqlite)


_EVENTS = ("insert", "delete", "update")
_LISTING = (
    "UPDATE state SET listing = '{' || coalesce('\"per_hour\":' || per_hour || ',', '') || "
    '\'"timezone":"UTC"}\''
)


def _column(name: str, kind: Any, default: Any) -> "sa.Column[Any]":
    return sa.Column(name, kind, nullable=False, server_default=default)


def _counter(name: str) -> "sa.Column[Any]":
    return _column(name, sa.BigInteger(), "0")


def _make_tables() -> None:
    op.create_table(
        "lists",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        _column("description", sa.Text(), ""),
        sa.Column("search", sa.Text()),
        sa.Column("position", sa.Integer()),
        sa.Column("began_at", sa.BigInteger()),
        *(_counter(name) for name in ("entries", "stories", "feeds")),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("kind", "key"),
    )
    op.create_table(
        "feed_categories",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"]),
        sa.PrimaryKeyConstraint("feed_id", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_feed_categories_list", "feed_categories", ["list_id"])
    left = sa.text("position IS NULL")
    op.create_index("ix_lists_left", "lists", ["id"], sqlite_where=left, postgresql_where=left)


def _make_work_tables() -> None:
    op.create_table(
        "relistings",
        sa.Column("feed_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("below", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("former_lists", sa.Text()),
        sa.PrimaryKeyConstraint("feed_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "resolved_names",
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("feeds", sa.Text()),
        sa.PrimaryKeyConstraint("field", "value"),
        sqlite_with_rowid=False,
    )

    op.create_table(
        "hidden_entries",
        sa.Column("feed_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed_id"),
    )


def _make_member_tables() -> None:
    entry = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "list_members",
        sa.Column("list_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("is_representative", sa.Boolean(), nullable=False),
        sa.Column("archived_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("list_id", "entry_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "withdrawn_members",
        sa.Column("list_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry_id", entry, autoincrement=False, nullable=False),
        sa.Column("archived_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["list_id"], ["lists.id"]),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("list_id", "entry_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_withdrawn_members_entry", "withdrawn_members", ["entry_id"])
    for table in ("list_members", "withdrawn_members"):
        op.create_index(
            f"ix_{table}_archived",
            table,
            ["list_id", "archived_at"],
            sqlite_where=_ARCHIVED,
            postgresql_where=_ARCHIVED,
        )


def _copy_entries() -> None:
    """Replace the table of entries by one with other columns, without a look at foreign keys."""
    former = sa.Table("entries", sa.MetaData(), autoload_with=op.get_bind())
    names = [column.name for column in former.c if column.name not in _LEFT_BY_ENTRIES]
    columns = [
        sa.Column(
            name,
            former.c[name].type,
            nullable=former.c[name].nullable,
            server_default=former.c[name].server_default,
        )
        for name in names
    ]
    columns.insert(2, sa.Column("exclusion", sa.Text()))
    op.create_table(
        "new_entries",
        *columns,
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
    )
    listed = ", ".join(names)
    op.execute(
        f"INSERT INTO new_entries ({listed}, exclusion) "
        f"SELECT {listed}, {_EXCLUSION} FROM entries ORDER BY id"
    )
    op.drop_table("entries")
    op.rename_table("new_entries", "entries")
    _index_entries()
    has_story = sa.text("story_id IS NOT NULL")
    op.create_index("ix_entries_story", "entries", ["story_id"], sqlite_where=has_story)


def _change_entries() -> None:
    op.add_column("entries", sa.Column("exclusion", sa.Text()))
    op.execute(f"UPDATE entries SET exclusion = {_EXCLUSION} WHERE NOT (listed AND {_IN_SHARE})")
    for name in _LEFT_BY_ENTRIES:
        op.drop_column("entries", name)  # with its indexes
    op.drop_constraint("entries_identity_feed_id_key", "entries")
    op.drop_index("ix_entries_feed", "entries")
    _index_entries()


def _index_entries() -> None:
    op.create_index("ix_entries_identity", "entries", ["identity", "feed_id"], unique=True)
    op.create_index("ix_entries_feed", "entries", ["feed_id", "id", "exclusion"])


def _make_unannounced() -> None:
    op.rename_table("unannounced", "former_unannounced")
    op.create_table(
        "unannounced",
        sa.Column("list_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("feed_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("latest_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("list_id", "feed_id"),
        sqlite_with_rowid=False,
    )
    for statement in _TAKE_OVER_ANNOUNCEMENTS:
        op.execute(statement)


# Counters: `feeds`, `unread` and `failing` of `state`; `feeds`, `entries` and `stories` of `lists`;
# the tables `activity` and `hidden_entries`.

_NUMBER = "CASE WHEN {} THEN 1 ELSE 0 END"
_COUNTED = {
    "feeds": _NUMBER.format("{row}.subscribed"),
    "unread": _NUMBER.format(
        "{row}.subscribed AND {row}.last_polled_at IS NULL AND NOT {row}.paused"
    ),
    "failing": _NUMBER.format(
        "{row}.subscribed AND {row}.failures > 0 AND NOT {row}.gone AND NOT {row}.paused "
        "AND {row}.not_before IS NULL"
    ),
}
_WATCHED = "UPDATE OF subscribed, paused, last_polled_at, failures, gone, not_before"
_DAY = f"({{row}}.id >> 20) / {_MS_A_DAY}"  # the time is in an entry's id
_IS_HIDDEN = "coalesce({row}.exclusion, '') IN ('hide', 'keep', 'per_day')"
_HIDES = (
    "INSERT INTO hidden_entries (feed_id, entries) VALUES (new.feed_id, 1) "
    "ON CONFLICT (feed_id) DO UPDATE SET entries = hidden_entries.entries + 1"
)


def _make_triggers(*, is_sqlite: bool) -> None:
    _trigger("entries", "INSERT", "", [_arrived()])
    _trigger("entries", "DELETE", "", _deleted())
    is_hidden, was_hidden = _IS_HIDDEN.format(row="new"), _IS_HIDDEN.format(row="old")
    shows = "UPDATE hidden_entries SET entries = entries - 1 WHERE feed_id = old.feed_id"
    _trigger("entries", "INSERT", is_hidden, [_HIDES], "hidden")
    _trigger("entries", "DELETE", was_hidden, [shows], "hidden")
    _trigger(
        "entries", "UPDATE OF exclusion", f"{is_hidden} AND NOT {was_hidden}", [_HIDES], "hidden"
    )
    _trigger(
        "entries", "UPDATE OF exclusion", f"{was_hidden} AND NOT {is_hidden}", [shows], "shown"
    )
    _trigger("feeds", "INSERT", "new.subscribed", [_count_feeds(added="new")])
    _trigger("feeds", "DELETE", "old.subscribed", [_count_feeds(removed="old")])
    any_differs = " OR ".join(
        f"{rule.format(row='old')} <> {rule.format(row='new')}" for rule in _COUNTED.values()
    )
    _trigger("feeds", _WATCHED, any_differs, [_count_feeds(added="new", removed="old")])
    change = f"+ {_COUNTED['feeds'].format(row='new')} - {_COUNTED['feeds'].format(row='old')}"
    of_feed = "id IN (SELECT list_id FROM feed_categories WHERE feed_id = new.id)"
    in_categories = f"UPDATE lists SET feeds = feeds {change} WHERE {of_feed}"
    differs = "old.subscribed <> new.subscribed"
    _trigger("feeds", "UPDATE OF subscribed", differs, [in_categories], "in_lists")
    for event, row, sign in (("INSERT", "new", "+"), ("DELETE", "old", "-")):
        is_subscribed = f"EXISTS (SELECT 1 FROM feeds WHERE id = {row}.feed_id AND subscribed)"
        counting = (
            f"UPDATE lists SET feeds = feeds {sign} 1 WHERE id = {row}.list_id AND {is_subscribed}"
        )
        _trigger("feed_categories", event, "", [counting])
    if is_sqlite:
        _count_members_by_row()
    else:
        _count_members_by_statement()


def _arrived() -> str:
    return (
        "INSERT INTO activity (feed_id, day, entries) "
        f"VALUES (new.feed_id, {_DAY.format(row='new')}, 1) "
        "ON CONFLICT (feed_id, day) DO UPDATE SET entries = activity.entries + 1"
    )


def _deleted() -> list[str]:
    # An UPDATE: the feed itself may be gone already.
    which = f"feed_id = old.feed_id AND day = {_DAY.format(row='old')}"
    return [
        f"UPDATE activity SET entries = entries - 1 WHERE {which}",
        f"DELETE FROM activity WHERE {which} AND entries <= 0",
    ]


def _count_feeds(*, added: str = "", removed: str = "") -> str:
    """Return the statement that takes a row of `feeds` out of the counters and puts it back."""
    steps = [(removed, "-")] * bool(removed) + [(added, "+")] * bool(added)
    total = ", ".join(
        f"{name} = {name} " + " ".join(f"{sign} {rule.format(row=row)}" for row, sign in steps)
        for name, rule in _COUNTED.items()
    )
    return f"UPDATE state SET {total}"


def _count_members_by_row() -> None:
    for event, row, sign in (("INSERT", "new", "+"), ("DELETE", "old", "-")):
        counting = (
            f"UPDATE lists SET entries = entries {sign} 1, "
            f"stories = stories {sign} {row}.is_representative WHERE id = {row}.list_id"
        )
        _trigger("list_members", event, "", [counting])
    counting = (
        "UPDATE lists SET stories = stories + new.is_representative - old.is_representative "
        "WHERE id = new.list_id"
    )
    differs = "new.is_representative <> old.is_representative"
    _trigger("list_members", "UPDATE OF is_representative", differs, [counting])


def _count_members_by_statement() -> None:
    """Count whole statements: one for each row would write the same row of `lists` again."""
    for event, tables, rows in (
        ("INSERT", "NEW TABLE AS added", "SELECT 1 AS sign, * FROM added"),
        ("DELETE", "OLD TABLE AS removed", "SELECT -1 AS sign, * FROM removed"),
        (
            "UPDATE",
            "OLD TABLE AS removed NEW TABLE AS added",
            "SELECT 1 AS sign, * FROM added UNION ALL SELECT -1, * FROM removed",
        ),
    ):
        name = f"list_members_counted_{event.lower()}"
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "UPDATE lists SET entries = entries + change.members, "
            "stories = stories + change.shown FROM (SELECT list_id, sum(sign) AS members, "
            "sum(CASE WHEN is_representative THEN sign ELSE 0 END) AS shown "
            f"FROM ({rows}) AS rows GROUP BY list_id) AS change "
            "WHERE id = change.list_id AND (change.members <> 0 OR change.shown <> 0); "
            "RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON list_members REFERENCING {tables} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def _drop_trigger(table: str, event: str) -> None:
    name = f"{table}_counted_{event}"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TRIGGER {name}")
    else:
        op.execute(f"DROP TRIGGER {name} ON {table}")
        op.execute(f"DROP FUNCTION {name}()")


def _trigger(
    table: str, event: str, condition: str, statements: list[str], what: str = "counted"
) -> None:
    name = f"{table}_{what}_{event.partition(' ')[0].lower()}"
    body = "; ".join(statements) + ";"
    if op.get_bind().dialect.name == "sqlite":
        when = f"WHEN {condition} " if condition else ""
        op.execute(f"CREATE TRIGGER {name} AFTER {event} ON {table} {when}BEGIN {body} END")
        return
    when = f"WHEN ({condition}) " if condition else ""
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {body} RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {name} AFTER {event} ON {table} "
        f"FOR EACH ROW {when}EXECUTE FUNCTION {name}()"
    )

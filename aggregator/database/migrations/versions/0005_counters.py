"""Counters: what pages show beside their lists is kept up to date instead of counted.

Triggers keep them, so that no write can forget to.  `state` is written before `categories`: two
transactions that change both wait for each other in the same order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_MS_A_DAY = 86_400_000
_DAY = f"({{row}}.id >> 20) / {_MS_A_DAY}"  # the time is in an entry's id
_NUMBER = "CASE WHEN {} THEN 1 ELSE 0 END"
_FEED = _NUMBER.format("{row}.subscribed")
_KEPT = "CASE WHEN {row}.subscribed THEN {row}.entries ELSE 0 END"
_UNREAD = _NUMBER.format("{row}.subscribed AND {row}.last_polled_at IS NULL")
_FAILING = _NUMBER.format(
    "{row}.subscribed AND {row}.failures > 0 AND NOT {row}.gone AND {row}.not_before IS NULL"
)
_COUNTED = {"feeds": _FEED, "entries": _KEPT, "unread": _UNREAD, "failing": _FAILING}
_OF_A_CATEGORY = ("feeds", "entries")
_WATCHED = "subscribed, category_id, entries, last_polled_at, failures, gone, not_before"


def upgrade() -> None:
    """Make the counters, count what is there, and see to it that they stay true."""
    for name in _COUNTED:
        op.add_column("state", _counter(name))
    for name in _OF_A_CATEGORY:
        op.add_column("categories", _counter(name))
    op.create_table(
        "activity",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed_id", "day"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_activity_day", "activity", ["day", "feed_id", "entries"])
    _count()
    _trigger("entries", "INSERT", "", [_listed()])
    _trigger("entries", "DELETE", "", _deleted())
    _trigger("feeds", "INSERT", "new.subscribed", _changes(added="new"))
    _trigger("feeds", "DELETE", "old.subscribed", _changes(removed="old"))
    _trigger("feeds", f"UPDATE OF {_WATCHED}", _differs(), _changes(added="new", removed="old"))


def _counter(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")


def _count() -> None:
    sums = ", ".join(
        f"{name} = (SELECT coalesce(sum({rule.format(row='feeds')}), 0) FROM feeds)"
        for name, rule in _COUNTED.items()
    )
    op.execute(f"UPDATE state SET {sums}")
    sums = ", ".join(
        f"{name} = (SELECT coalesce(sum({_COUNTED[name].format(row='feeds')}), 0) FROM feeds "
        "WHERE feeds.category_id = categories.id)"
        for name in _OF_A_CATEGORY
    )
    op.execute(f"UPDATE categories SET {sums}")
    day = _DAY.format(row="entries")
    op.execute(
        f"INSERT INTO activity (feed_id, day, entries) SELECT feed_id, {day}, count(*) "
        f"FROM entries GROUP BY feed_id, {day}"
    )


def _listed() -> str:
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


def _changes(*, added: str = "", removed: str = "") -> list[str]:
    """Return the statements that take a row of `feeds` out of the counters and put it back in."""
    steps = [(removed, "-")] * bool(removed) + [(added, "+")] * bool(added)
    total = ", ".join(
        f"{name} = {name} " + " ".join(f"{sign} {rule.format(row=row)}" for row, sign in steps)
        for name, rule in _COUNTED.items()
    )
    parts = [
        "UPDATE categories SET "
        + ", ".join(
            f"{name} = {name} {sign} {_COUNTED[name].format(row=row)}" for name in _OF_A_CATEGORY
        )
        + f" WHERE id = {row}.category_id"
        for row, sign in steps
    ]
    return [f"UPDATE state SET {total}", *parts]


def _differs() -> str:
    rules = [f"{rule.format(row='old')} <> {rule.format(row='new')}" for rule in _COUNTED.values()]
    return " OR ".join([*rules, "old.category_id IS DISTINCT FROM new.category_id"])


def _trigger(table: str, event: str, condition: str, statements: list[str]) -> None:
    name = f"{table}_counted_{event.partition(' ')[0].lower()}"
    body = "; ".join(statements) + ";"
    if op.get_bind().dialect.name == "sqlite":
        # SQLite's IS compares like IS DISTINCT FROM; older versions don't know the standard's name.
        when = f"WHEN {condition.replace('IS DISTINCT FROM', 'IS NOT')} " if condition else ""
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

"""Count the feeds of whole statements on PostgreSQL.

A trigger for each row wrote the row of `state` anew for each new feed of a file: in a transaction
with many feeds, each time at the end of a longer chain of former versions.
"""

from alembic import op

revision = "0037"
down_revision = "0036"

_COUNTS = (
    "SELECT count(*) AS feeds, "
    "count(*) FILTER (WHERE last_polled_at IS NULL AND NOT paused) AS unread, "
    "count(*) FILTER (WHERE failures > 0 AND NOT gone AND NOT paused AND not_before IS NULL) "
    "AS failing FROM {rows} WHERE subscribed"
)
_COUNT_FEEDS = (
    "UPDATE state SET feeds = state.feeds {sign} change.feeds, "
    "unread = state.unread {sign} change.unread, failing = state.failing {sign} change.failing "
    f"FROM ({_COUNTS}) AS change WHERE change.feeds > 0"
)
_COUNT_OF_LISTS = (
    "UPDATE lists SET feeds = lists.feeds {sign} change.feeds FROM ("
    "SELECT list_id, count(*) AS feeds FROM {rows} JOIN feeds ON feeds.id = {rows}.feed_id "
    "WHERE subscribed GROUP BY list_id) AS change WHERE lists.id = change.list_id"
)


def upgrade() -> None:
    """Replace the triggers of PostgreSQL; SQLite has triggers for rows alone."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, counting in (("feeds", _COUNT_FEEDS), ("feed_categories", _COUNT_OF_LISTS)):
        for event, rows, sign in (("insert", "NEW TABLE", "+"), ("delete", "OLD TABLE", "-")):
            name = f"{table}_counted_{event}"
            statement = counting.format(rows="counted", sign=sign)
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
                f"BEGIN {statement}; RETURN NULL; END $$"
            )
            op.execute(
                f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {rows} AS counted "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
            )

"""Databases as released versions of the program left them, one of each revision of the schema.

`data/released/rows.json` has the rows of the site of tests/quay.py as the program of revision 0021
wrote them.  A database of an older revision has the same rows, without the tables and columns that
came later, and in the form of that revision (`_in_form_of`).  The rows must never be changed; a
revision with new columns adds these to them (`test_the_rows_name_every_column`).
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import (
    Connection,
    MetaData,
    Table,
    create_engine,
    delete,
    insert,
    inspect,
    select,
    text,
    update,
)

from aggregator.database.migrations import run
from aggregator.database.migrations.frozen.indexed_texts import normal, spaced, words
from aggregator.database.migrations.frozen.word_index_rows import add_to_index

ROWS = Path(__file__).parent / "data" / "released" / "rows.json"
VERSIONS = Path(run.__file__).parent / "versions"
REVISIONS = sorted(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))

Rows = dict[str, list[dict[str, Any]]]

# Parents before children.
TABLES = ("state", "categories", "lists", "feeds", "feed_categories", "former_names", "hosts",
          "polls", "entries", "list_members", "withdrawn_members", "relistings", "resolved_names",
          "contents", "entry_keys", "story_keys", "story_links", "story_candidates", "subscribers",
          "unannounced", "pictures", "entry_pictures", "unchosen_pictures",
          "opml_lists", "hub_requests", "episodes", "notification_targets",
          "notification_queue")  # fmt: skip
FORMER_TABLES = {"categories"}
"""Tables that the program of today does not have."""

BY_TRIGGERS = {
    "state": {"feeds", "entries", "unread", "failing"},
    "categories": {"feeds", "entries"},
    "lists": {"feeds", "entries", "stories"},
}
"""Columns that the database keeps up to date itself, as it does whole tables."""

_TEXTS = text(
    "SELECT id, feed_id, title, summary, coalesce(html, ''), authors, categories FROM entries "
    "LEFT JOIN contents ON entry_id = id ORDER BY id DESC"
)

_ADD_PERIODS = (
    "UPDATE word_index SET lexemes = lexemes || array_to_tsvector(ARRAY['†' || (entry_id >> 51)])"
)


def rows_of(connection: Connection) -> Rows:
    """Return what is in a database's tables, less what triggers make."""
    found: Rows = {}
    for name in TABLES:
        if name in FORMER_TABLES:
            continue
        table = Table(name, MetaData(), autoload_with=connection)
        columns = [column for column in table.c if column.name not in BY_TRIGGERS.get(name, ())]
        rows = connection.execute(select(*columns).order_by(*table.primary_key)).mappings()
        found[name] = [dict(row) for row in rows]
    return found


def as_json(rows: Rows) -> str:
    """Return rows as JSON, a value a line; bytes as `{"hex": ...}`."""
    return json.dumps(
        rows, ensure_ascii=False, indent=1, default=lambda value: {"hex": bytes(value).hex()}
    )


def released_rows() -> Rows:
    """Return the rows of `ROWS`."""

    def value(pairs: dict[str, Any]) -> Any:
        return bytes.fromhex(pairs["hex"]) if pairs.keys() == {"hex"} else pairs

    rows: Rows = json.loads(ROWS.read_text("utf-8"), object_hook=value)
    return rows


def make(url: str, revision: str) -> None:
    """Make a database of a revision at `url`, an empty one, with the rows of the site in it."""
    engine = create_engine(url)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        run.upgrade(connection, to=revision)
        rows = {name: _in_form_of(revision, name, rows) for name, rows in released_rows().items()}
        for name in TABLES:
            if inspect(connection).has_table(name):
                _insert(connection, name, rows[name])
        if revision >= "0023":
            add_to_index(connection, map(tuple, connection.execute(_TEXTS)))
            if revision >= "0025" and engine.dialect.name == "postgresql":
                connection.exec_driver_sql(_ADD_PERIODS)
        elif engine.dialect.name == "sqlite" and revision >= "0002":
            _index(connection, revision)
    engine.dispose()


def _insert(connection: Connection, name: str, rows: list[dict[str, Any]]) -> None:
    table = Table(name, MetaData(), autoload_with=connection)
    values = [{key: row[key] for key in row if key in table.c} for row in rows]
    if name == "state":  # its one row is there
        connection.execute(update(table).values(values[0]))
        return
    if name == "lists":  # the whole list is there
        connection.execute(delete(table))
    if values:
        connection.execute(insert(table), values)


def _in_form_of(revision: str, table: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows as the program of a revision stored them."""
    if table != "feeds":
        return rows
    if revision < "0004":  # until then requests were counted by host
        rows = [row | {"host": urlsplit(row["url"]).hostname} for row in rows]
    if revision < "0006":  # until then in another form
        rows = [row | {"memory": row["memory"] and b"\1older"} for row in rows]
    return rows


def _index(connection: Connection, revision: str) -> None:
    """Index the texts, which the program of a revision did itself on SQLite."""

    def form(plain: str) -> str:
        if revision >= "0016":
            plain = normal(plain)
        return spaced(plain) if revision >= "0012" else plain

    connection.execute(
        text("INSERT INTO entries_text (rowid, title, summary, content) VALUES (:id, :t, :s, :c)"),
        [
            {"id": row[0], "t": form(row[2]), "s": form(row[3]), "c": form(words(row[4]))}
            for row in connection.execute(_TEXTS)
        ],
    )

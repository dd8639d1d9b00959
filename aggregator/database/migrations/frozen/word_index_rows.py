"""The rows of the index of words as revision 0023 writes them.

Frozen: this must never be changed.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection

from aggregator.database.migrations.frozen import indexed_texts
from aggregator.database.migrations.frozen.folded_words import folded, words

_ADD_ON_SQLITE = (
    "INSERT INTO word_index (rowid, title, summary, content, authors, tags, feed) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_ADD_ON_POSTGRESQL = (
    "INSERT INTO word_index (entry_id, words, lexemes) "
    "VALUES (%s, %s, array_to_tsvector(%s::text[]))"
)
_NAME_END = " ¶ "
_MAX_LEXEME = 500  # characters
_MAX_LEXEMES = 900_000  # bytes


def add_to_index(connection: Connection, entries: Iterable[tuple[Any, ...]]) -> None:
    """Write entries to the index.

    Args:
        entries: Id, feed, title, summary, HTML, authors and tags as stored; the highest id first.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    row_of: Callable[..., tuple[Any, ...]] = _columns if is_sqlite else _lexemes
    rows = [row_of(*entry[:2], *_texts(*entry[2:])) for entry in entries]
    connection.exec_driver_sql(_ADD_ON_SQLITE if is_sqlite else _ADD_ON_POSTGRESQL, rows)


def _texts(
    title: str, summary: str, html: str, authors: str | None, tags: str | None
) -> tuple[list[str], list[list[str]], list[list[str]]]:
    """Return the words of title, summary and content, of each author, and of each tag."""
    texts = [folded(text) for text in (title, summary, indexed_texts.words(html))]
    return texts, _names(authors), _names(tags)


def _names(stored: str | None) -> list[list[str]]:
    return [words(name) for name in json.loads(stored)] if stored else []


def _columns(
    entry_id: int,
    feed_id: int,
    texts: list[str],
    authors: list[list[str]],
    tags: list[list[str]],
) -> tuple[Any, ...]:
    names = (_NAME_END.join(map(" ".join, each)) for each in (authors, tags))
    return -entry_id, *texts, *names, f"f{feed_id}"


def _lexemes(
    entry_id: int,
    feed_id: int,
    texts: list[str],
    authors: list[list[str]],
    tags: list[list[str]],
) -> tuple[Any, ...]:
    unmarked = [text.split() for text in texts]
    marked = [
        ("§", unmarked[0]),
        *(("©", author) for author in authors),
        *(("®", tag) for tag in tags),
    ]
    rows = unmarked + [[f"{mark}{word}" for word in row] for mark, row in marked]
    lexemes, size = [], 0
    for lexeme in {f"¤{feed_id}"}.union(*rows):
        cut = lexeme[:_MAX_LEXEME]
        size += len(cut.encode())
        if size <= _MAX_LEXEMES:
            lexemes.append(cut)
    return entry_id, "\n".join(f" {' '.join(row)} " for row in rows), lexemes

"""The index of words on SQLite: a table of FTS5 without a copy of the words.

FTS5's tokenizer only splits at spaces here, as words come folded from `search.word_forms`.  Each
text of an entry is a column, and so is the feed.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    column,
    exists,
    literal,
    literal_column,
    select,
    table,
)

from aggregator.database.id_order import IdOrder
from aggregator.database.word_index.index_language import Expression, WordIndex
from aggregator.search.entry_words import EntryWords
from aggregator.search.syntax_tree import Phrase, TextField

_MAX_ENDINGS = 100
_NAME_END = " ¶ "  # between two authors or tags, so that no phrase has words of both; no word
_COLUMNS = {
    TextField.ANY: "{title summary content}",
    TextField.TITLE: "title",
    TextField.AUTHOR: "authors",
    TextField.TAG: "tags",
}
_ADD = (
    "INSERT INTO word_index (rowid, title, summary, content, authors, tags, feed) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_REMOVE = (
    "INSERT INTO word_index (word_index, rowid, title, summary, content, authors, tags, feed) "
    "VALUES ('delete', ?, ?, ?, ?, ?, ?, ?)"
)
_CLEAR = "INSERT INTO word_index (word_index) VALUES ('delete-all')"
_NEXT_WORD = "SELECT term FROM indexed_words WHERE term >= ? ORDER BY term LIMIT 1"


class Fts5Index(WordIndex):
    """The index of words as a table of FTS5."""

    source = table("word_index", column("rowid", BigInteger), column("word_index"))
    # FTS5 finds rows in the order of its own ids.  Backwards it loses rows where ids leap by more
    # than 2^56, two years here, so the newest entry comes first.
    order = IdOrder(source.c.rowid, is_negated=True)
    is_ordered = True
    _and = " AND "
    _or = " OR "
    _and_not = " NOT "

    def add(self, connection: Connection, entries: Iterable[EntryWords]) -> None:
        _write(connection, _ADD, entries)

    def remove(self, connection: Connection, entries: Iterable[EntryWords]) -> None:
        _write(connection, _REMOVE, entries)

    def clear(self, connection: Connection) -> None:
        connection.exec_driver_sql(_CLEAR)

    def phrase(self, connection: Connection, phrase: Phrase) -> Expression:
        """Return the expression for the entries with a phrase.

        For a prefix, FTS5 reads all entries of all words with the prefix before it returns the
        first entry.  It finds entries with one of several words in order, so a prefix becomes the
        words that the index has, unless these are too many.
        """
        if not phrase.is_prefix:
            return Expression(_side_by_side(phrase.field, phrase.words))
        *first, last = phrase.words
        endings = list(islice(_words_with(connection, last), _MAX_ENDINGS + 1)) or [last]
        if len(endings) > _MAX_ENDINGS:
            return Expression(f"{_side_by_side(phrase.field, phrase.words)} *")
        texts = [_side_by_side(phrase.field, [*first, ending]) for ending in endings]
        return Expression(f"({' OR '.join(texts)})")

    def matches(self, expression: Expression) -> ColumnElement[bool]:
        return _matches(self.source, expression)

    def has_match(
        self, expression: Expression, entry_id: ColumnElement[int]
    ) -> ColumnElement[bool]:
        row = self.source.alias()
        is_match = (_matches(row, expression), row.c.rowid == -entry_id)
        return exists(select(literal_column("1")).select_from(row).where(*is_match))

    def has_phrase(
        self, connection: Connection, phrase: Phrase, entry_id: ColumnElement[int]
    ) -> ColumnElement[bool]:
        return self.has_match(self.phrase(connection, phrase), entry_id)

    def _feed(self, feed_id: int) -> str:
        return f'feed : "{_feed_word(feed_id)}"'


def _side_by_side(field: TextField, words: Sequence[str]) -> str:
    """Return the expression for words in a row; words have letters and digits alone."""
    return f'{_COLUMNS[field]} : "{" ".join(words)}"'


def _matches(row: FromClause, expression: Expression) -> ColumnElement[bool]:
    return row.c.word_index.bool_op("MATCH")(literal(expression.text))


def _words_with(connection: Connection, prefix: str) -> Iterator[str]:
    """Yield the words of the index that begin with `prefix`, in order.

    Each is sought, because the table has a row for each place of each word.
    """
    word: str | None = connection.exec_driver_sql(_NEXT_WORD, (prefix,)).scalar()
    while word is not None and word.startswith(prefix):
        yield word
        word = connection.exec_driver_sql(_NEXT_WORD, (f"{word}\x01",)).scalar()


def _write(connection: Connection, statement: str, entries: Iterable[EntryWords]) -> None:
    # FTS5 flushes its buffer at every id below the last id, so ids of the table ascend.
    rows = [_row(entry) for entry in sorted(entries, key=lambda entry: -entry.place)]
    if rows:
        connection.exec_driver_sql(statement, rows)


def _row(entry: EntryWords) -> tuple[Any, ...]:
    return (
        -entry.place,
        entry.title_words,
        entry.summary_words,
        entry.content_words,
        _NAME_END.join(" ".join(words) for words in entry.author_words),
        _NAME_END.join(" ".join(words) for words in entry.tag_words),
        _feed_word(entry.feed_id),
    )


def _feed_word(feed_id: int) -> str:
    return f"f{feed_id}"

"""The index of words on PostgreSQL: a table with the words of each entry, twice.

The inverted index of a `tsvector` finds the entries with all words of a phrase; the words as a text
tell whether they stand side by side.  Positions in the `tsvector` would end at 16,383, and at 256
of each word.  The words of titles, authors and tags have a mark that tells them from other words.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import accumulate

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    cast,
    column,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from aggregator.database.id_order import IdOrder
from aggregator.database.word_index.index_language import Expression, WordIndex
from aggregator.search.entry_words import EntryWords
from aggregator.search.predicate import comparable, comparable_part
from aggregator.search.syntax_tree import Phrase, TextField

_MAX_LEXEME = 500  # characters, as 2,046 bytes are the most that a lexeme may have
_MAX_LEXEMES = 900_000  # bytes of an entry; a `tsvector` has a megabyte at most
_MARKS = {
    TextField.ANY: "",
    TextField.TITLE: "§",
    TextField.AUTHOR: "©",
    TextField.TAG: "®",
}
_FEED_MARK = "¤"
_ADD = (
    "INSERT INTO word_index (entry_id, words, lexemes) "
    "VALUES (%s, %s, array_to_tsvector(%s::text[]))"
)


class TsvectorIndex(WordIndex):
    """The index of words as a table with a `tsvector`."""

    source = table(
        "word_index",
        column("entry_id", BigInteger),
        column("words", Text),
        column("lexemes", TSVECTOR),
    )
    order = IdOrder(source.c.entry_id)
    walked = 2000
    _and = " & "
    _or = " | "
    _and_not = " & !"

    def add(self, connection: Connection, entries: Iterable[EntryWords]) -> None:
        rows = [_row(entry) for entry in entries]
        if rows:
            connection.exec_driver_sql(_ADD, rows)

    def remove(self, connection: Connection, entries: Iterable[EntryWords]) -> None:
        ids = [entry.place for entry in entries]
        connection.execute(delete(self.source).where(self.order.column.in_(ids)))

    def phrase(self, connection: Connection, phrase: Phrase) -> Expression:
        lexemes = _marked(phrase.field, phrase.words)
        text = " & ".join(map(_quoted, lexemes))
        is_exact = len(lexemes) == 1 and len(lexemes[0]) <= _MAX_LEXEME
        return Expression(f"({text}{':*' if phrase.is_prefix else ''})", is_exact)

    def matches(self, expression: Expression) -> ColumnElement[bool]:
        return _matches(self.source, expression)

    def has_match(
        self, expression: Expression, entry_id: ColumnElement[int]
    ) -> ColumnElement[bool]:
        row = self.source.alias()
        is_match = (row.c.entry_id == entry_id, _matches(row, expression))
        return exists(select(literal_column("1")).select_from(row).where(*is_match))

    def has_phrase(
        self, connection: Connection, phrase: Phrase, entry_id: ColumnElement[int]
    ) -> ColumnElement[bool]:
        row = self.source.alias()
        part = comparable_part(replace(phrase, words=_marked(phrase.field, phrase.words)))
        is_match = (
            row.c.entry_id == entry_id,
            _matches(row, self.phrase(connection, phrase)),
            func.strpos(row.c.words, part) > 0,
        )
        return exists(select(literal_column("1")).select_from(row).where(*is_match))

    def _feed(self, feed_id: int) -> str:
        return _quoted(f"{_FEED_MARK}{feed_id}")


def _marked(field: TextField, words: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{_MARKS[field]}{word}" for word in words)


def _quoted(word: str) -> str:
    """Return a word for a `tsquery`; words have letters and digits alone."""
    return f"'{word[:_MAX_LEXEME]}'"


def _matches(row: FromClause, expression: Expression) -> ColumnElement[bool]:
    return row.c.lexemes.bool_op("@@")(cast(literal(expression.text), TSQUERY))


def _row(entry: EntryWords) -> tuple[int, str, list[str]]:
    title_words = entry.title_words.split()
    texts = [
        title_words,
        entry.summary_words.split(),
        entry.content_words.split(),
        _marked(TextField.TITLE, title_words),
        *(_marked(TextField.AUTHOR, words) for words in entry.author_words),
        *(_marked(TextField.TAG, words) for words in entry.tag_words),
    ]
    words = comparable(texts)
    lexemes = {f"{_FEED_MARK}{entry.feed_id}"}.union(*texts)
    return entry.place, words, _storable(lexemes, len(words))


def _storable(lexemes: Collection[str], size: int) -> list[str]:
    """Return the lexemes that a `tsvector` can take, of those in `size` characters of text."""
    cut = [lexeme[:_MAX_LEXEME] for lexeme in lexemes]
    if size < _MAX_LEXEMES // 4:
        return cut
    sizes = accumulate(len(lexeme.encode()) for lexeme in cut)
    return [lexeme for lexeme, total in zip(cut, sizes, strict=True) if total <= _MAX_LEXEMES]

"""The index of words on PostgreSQL: a table with the words of each entry, twice.

The inverted index of a `tsvector` finds the entries with all words of a phrase; the words as a text
tell whether they stand side by side.  Positions in the `tsvector` would end at 16,383, and at 256
of each word.  The words of titles, authors and tags have a mark that tells them from other words.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import accumulate
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    cast,
    column,
    delete,
    func,
    insert,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from aggregator.database.id_order import IdOrder
from aggregator.database.row_arrays import execute_for_rows, unnested
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
_PERIOD_MARK = "†"
_PERIOD_BITS = 51  # of ids: 25 days
_RECENT_PERIODS = 2  # before the present one
_LONG_SEARCH = 20_000
"""Entries that are found and sorted at most.  In a table of a million entries, a walk meets the 41
entries of a page in the same time; in a smaller table both take less."""

_EXPECTED = text(
    "EXPLAIN (FORMAT JSON) SELECT 1 FROM word_index WHERE lexemes @@ CAST(:expression AS tsquery)"
)
_ADDED = ("entry_id", "words", "lexemes")


class TsvectorIndex(WordIndex):
    """The index of words as a table with a `tsvector`."""

    source = table(
        "word_index",
        column("entry_id", BigInteger),
        column("words", Text),
        column("lexemes", TSVECTOR),
    )
    order = IdOrder(source.c.entry_id)
    is_ordered = False
    _and = " & "
    _or = " | "
    _and_not = " & !"

    def add(self, connection: Connection, entries: Iterable[EntryWords]) -> None:
        rows = [_row(entry) for entry in entries]
        if rows:
            execute_for_rows(connection, _ADD, _ADDED, rows)

    def remove(self, connection: Connection, entries: Iterable[EntryWords]) -> None:
        ids = [entry.place for entry in entries]
        connection.execute(delete(self.source).where(self.order.column.in_(ids)))

    def clear(self, connection: Connection) -> None:
        connection.exec_driver_sql("TRUNCATE word_index")

    def phrase(self, connection: Connection, phrase: Phrase) -> Expression:
        lexemes = _marked(phrase.field, phrase.words)
        text = " & ".join(map(_quoted, lexemes))
        is_exact = len(lexemes) == 1 and len(lexemes[0]) <= _MAX_LEXEME
        return Expression(f"({text}{':*' if phrase.is_prefix else ''})", is_exact)

    def expects_many(self, connection: Connection, expression: Expression) -> bool:
        """Return whether PostgreSQL expects so many matches that a walk soon meets some.

        Its statistics have the frequencies of the commonest words.
        """
        plan: Any = connection.scalar(_EXPECTED, {"expression": expression.text})
        return bool(plan[0]["Plan"]["Plan Rows"] > _LONG_SEARCH)

    def recent(self, highest: int) -> tuple[ColumnElement[bool], int]:
        first = _period(highest) - _RECENT_PERIODS
        words = [_quoted(_period_word(first + number)) for number in range(_RECENT_PERIODS + 1)]
        return self.matches(Expression(self._or.join(words))), first << _PERIOD_BITS

    def matches(self, expression: Expression) -> ColumnElement[bool]:
        return _matches(self.source, expression)

    def has_match(
        self, expression: Expression, entry_id: ColumnElement[int]
    ) -> ColumnElement[bool]:
        row = self.source.alias()
        return _is_true_of(row, entry_id, _matches(row, expression))

    def has_phrase(
        self, connection: Connection, phrase: Phrase, entry_id: ColumnElement[int]
    ) -> ColumnElement[bool]:
        row = self.source.alias()
        part = comparable_part(replace(phrase, words=_marked(phrase.field, phrase.words)))
        return _is_true_of(row, entry_id, func.strpos(row.c.words, part) > 0)

    def _feed(self, feed_id: int) -> str:
        return _quoted(f"{_FEED_MARK}{feed_id}")


def _marked(field: TextField, words: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{_MARKS[field]}{word}" for word in words)


def _quoted(word: str) -> str:
    """Return a word for a `tsquery`; words have letters and digits alone."""
    return f"'{word[:_MAX_LEXEME]}'"


def _matches(row: FromClause, expression: Expression) -> ColumnElement[bool]:
    return row.c.lexemes.bool_op("@@")(cast(literal(expression.text), TSQUERY))


def _is_true_of(
    row: FromClause, entry_id: ColumnElement[int], condition: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Return a condition on the row of an entry as a condition on the entry.

    A subquery of one value is computed for one entry after the other, as far as a page goes.
    """
    value = select(condition).select_from(row).where(row.c.entry_id == entry_id)
    return func.coalesce(value.scalar_subquery(), literal(value=False))


_NEW_ROWS = unnested(dict(zip(_ADDED, (BigInteger(), Text(), Text()), strict=True)))
_LEXEMES = func.array_to_tsvector(func.string_to_array(_NEW_ROWS.c.lexemes, " "))
_ADD = insert(TsvectorIndex.source).from_select(
    list(_ADDED), select(_NEW_ROWS.c.entry_id, _NEW_ROWS.c.words, _LEXEMES)
)


def _row(entry: EntryWords) -> tuple[int, str, str]:
    """Return the id, the words, and the lexemes with spaces between them."""
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
    lexemes = {f"{_FEED_MARK}{entry.feed_id}", _period_word(_period(entry.place))}.union(*texts)
    return entry.place, words, " ".join(_storable(lexemes, len(words)))


def _period(place: int) -> int:
    return place >> _PERIOD_BITS


def _period_word(period: int) -> str:
    return f"{_PERIOD_MARK}{period}"


def _storable(lexemes: Collection[str], size: int) -> list[str]:
    """Return the lexemes that a `tsvector` can take, of those in `size` characters of text."""
    cut = [lexeme[:_MAX_LEXEME] for lexeme in lexemes]
    if size < _MAX_LEXEMES // 4:
        return cut
    sizes = accumulate(len(lexeme.encode()) for lexeme in cut)
    return [lexeme for lexeme, total in zip(cut, sizes, strict=True) if total <= _MAX_LEXEMES]

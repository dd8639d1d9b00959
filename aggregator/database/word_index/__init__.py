"""The index of words, for searches in the texts of entries."""

from sqlalchemy import Connection

from aggregator.database.word_index.fts5_index import Fts5Index
from aggregator.database.word_index.index_language import Expression, WordIndex
from aggregator.database.word_index.tsvector_index import TsvectorIndex

__all__ = ["Expression", "WordIndex", "word_index"]

_INDEXES: dict[str, WordIndex] = {"sqlite": Fts5Index(), "postgresql": TsvectorIndex()}


def word_index(connection: Connection) -> WordIndex:
    """Return the index of words of a database."""
    return _INDEXES[connection.dialect.name]

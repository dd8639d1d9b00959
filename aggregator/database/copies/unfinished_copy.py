"""The tables of an unfinished copy beside the tables of the program; see `write_copy`."""

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

_metadata = MetaData()

unfinished_copies = Table(
    "unfinished_copies",
    _metadata,
    Column("source", Text, nullable=False),  # name of the database, without a password
    Column("source_state", Text, nullable=False),  # as `read_source.state_of` returned it
    Column("revision", Text, nullable=False),  # of the schema
    Column("indexed_from", BigInteger, nullable=False),  # the oldest entry in the index of words
)
"""One row."""

postponed_definitions = Table(
    "postponed_definitions",
    _metadata,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("statement", Text, nullable=False),
)
"""Indexes, foreign keys and triggers that the copy does without until its rows are there."""

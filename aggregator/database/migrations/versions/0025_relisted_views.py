"""Columns for shorter reading: the period of an entry in the index, and the views that changed.

On PostgreSQL, a search looks for recent entries first, by a lexeme that each entry has for the 25
days of its id.  PostgreSQL writes the table and its indexes anew at once; an update of all rows
would change the index of lexemes row by row, and leave the table twice as large.
"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

_POSTGRESQL = (
    # A lexeme that a row has already is not added.
    (
        "ALTER TABLE word_index ALTER COLUMN lexemes TYPE tsvector "
        "USING lexemes || array_to_tsvector(ARRAY['†' || (entry_id >> 51)])"
    ),
    "ANALYZE word_index",  # searches depend on the frequencies of words
)
_VIEWS = {
    "sqlite": "(SELECT json_group_array(id) FROM lists WHERE kind = 'view')",
    "postgresql": "(SELECT CAST(json_agg(id) AS text) FROM lists WHERE kind = 'view')",
}


def upgrade() -> None:
    """Add the periods and the column; entries that were being listed anew meet all views."""
    connection = op.get_bind()
    dialect = connection.dialect.name
    if dialect == "postgresql":
        for statement in _POSTGRESQL:
            connection.exec_driver_sql(statement)
    op.add_column("relistings", sa.Column("changed_views", sa.Text()))
    connection.exec_driver_sql(f"UPDATE relistings SET changed_views = {_VIEWS[dialect]}")

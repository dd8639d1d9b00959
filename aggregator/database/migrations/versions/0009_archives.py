"""When an entry came into the archive, where that is not by its place in the list."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_SOME = sa.text("archived_at IS NOT NULL")


def upgrade() -> None:
    """Add a column, empty for all that is there, and indexes of those that have it."""
    op.add_column("entries", sa.Column("archived_at", sa.BigInteger()))
    for name, columns in (
        ("ix_entries_archived", ["archived_at"]),
        ("ix_entries_category_archived", ["category_id", "archived_at"]),
    ):
        op.create_index(name, "entries", columns, sqlite_where=_SOME, postgresql_where=_SOME)

"""When an entry came into the archive, where that is not by its place in the list."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_SOME = sa.text("archived_at IS NOT NULL")


def upgrade() -> None:
    """Add a column, empty for all that is there, and an index of those that have it."""
    op.add_column("entries", sa.Column("archived_at", sa.BigInteger()))
    op.create_index(
        "ix_entries_archived",
        "entries",
        ["archived_at"],
        sqlite_where=_SOME,
        postgresql_where=_SOME,
    )

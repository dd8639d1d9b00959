"""Pairs of entries that are still to be compared."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make one table."""
    op.create_table(
        "story_candidates",
        sa.Column("entry_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("candidate_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("entry_id", "candidate_id"),
        sqlite_with_rowid=False,
    )

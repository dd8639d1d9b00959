"""Feeds with changes that were not announced yet (WebSub)."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make one table; what was not announced before is not known any more."""
    op.create_table(
        "unannounced",
        sa.Column("feed_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("latest_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feed_id"),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], ondelete="CASCADE"),
    )

"""Feeds that take their name from their own title at their first good poll."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Add a column; the next reading of config.yaml fills it."""
    op.add_column(
        "feeds",
        sa.Column("named_by_title", sa.Boolean(), nullable=False, server_default=sa.false()),
    )

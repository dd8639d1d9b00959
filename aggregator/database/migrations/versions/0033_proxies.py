"""Which feeds are requested by a proxy."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Add a column; there have been no proxies so far."""
    op.add_column(
        "feeds",
        sa.Column("by_proxy", sa.Boolean(), nullable=False, server_default=sa.false()),
    )

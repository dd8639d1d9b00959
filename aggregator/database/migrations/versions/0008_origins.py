"""Pictures of entries, and where a feed has them from."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add three columns; entries that are there have no picture and are their feed's own."""
    op.add_column("entries", sa.Column("image", sa.Text()))
    op.add_column("entries", sa.Column("origin", sa.Text()))
    op.add_column(
        "entries", sa.Column("copied", sa.Boolean(), nullable=False, server_default=sa.false())
    )

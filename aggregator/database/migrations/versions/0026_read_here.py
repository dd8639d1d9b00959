"""Whether the posts of a feed have pages with their texts."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the column; the next reading of config.yaml fills it."""
    op.add_column(
        "feeds", sa.Column("read_here", sa.Boolean(), nullable=False, server_default=sa.true())
    )

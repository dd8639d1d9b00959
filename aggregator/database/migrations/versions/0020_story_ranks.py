"""Where a feed stands in config.yaml, and whether its entries take part in stories."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add two columns."""
    op.add_column(
        "feeds", sa.Column("stories", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("feeds", sa.Column("rank", sa.Integer(), nullable=False, server_default="0"))

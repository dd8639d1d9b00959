"""How exact the dates of posts are that pages have in words, such as "19 minutes ago"."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    """Add a column; the dates of feeds are as exact as they are."""
    op.add_column("entries", sa.Column("precision", sa.BigInteger()))

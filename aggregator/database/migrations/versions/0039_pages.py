"""Pages without a feed: where their posts stand, and how many the first good poll brought."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """Add columns; every subscription so far is one to a feed."""
    op.add_column("feeds", sa.Column("selectors", sa.Text()))
    op.add_column("feeds", sa.Column("first_posts", sa.Integer()))

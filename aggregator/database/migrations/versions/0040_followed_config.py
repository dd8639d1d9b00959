"""Which config.yaml the database follows, so that two different ones are noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    """Add columns; the next process that follows its file fills them."""
    op.add_column("state", sa.Column("followed_file", sa.Text()))
    op.add_column("state", sa.Column("followed_digest", sa.Text()))

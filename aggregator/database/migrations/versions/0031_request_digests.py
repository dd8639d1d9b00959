"""Which request of config.yaml the validators of a feed belong to."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Add a column; no feed has had a request of its own so far."""
    op.add_column("feeds", sa.Column("request_digest", sa.Text()))

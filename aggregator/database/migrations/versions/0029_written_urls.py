"""Addresses of feeds as written in config.yaml, with variables."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Add a column; no address has had a variable so far."""
    op.add_column("feeds", sa.Column("written_url", sa.Text()))

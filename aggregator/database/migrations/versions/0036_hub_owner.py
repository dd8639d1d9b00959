"""Which process announces changes and is the hub."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    """Add two columns; NULL until a process takes the hub."""
    op.add_column("state", sa.Column("hub_owner", sa.Text()))
    op.add_column("state", sa.Column("hub_until", sa.BigInteger()))

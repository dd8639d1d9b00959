"""When a process that polls was last alive, by the database's clock."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Add a column; NULL until a process that polls writes the time."""
    op.add_column("state", sa.Column("alive_at", sa.BigInteger()))

"""How much of a list one feed may take."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add two columns; what is stored already stays listed."""
    op.add_column("state", sa.Column("per_hour", sa.Integer()))
    op.add_column(
        "entries", sa.Column("hour_rank", sa.Integer(), nullable=False, server_default="0")
    )

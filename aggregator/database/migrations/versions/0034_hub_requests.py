"""Requests to subscribe to our own hub wait in a table; they were datagrams before."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Add the table of waiting requests."""
    op.create_table(
        "hub_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("callback", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.Column("is_unsubscribe", sa.Boolean(), nullable=False),
        sa.Column("taken_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_hub_requests_host", "hub_requests", ["host"])

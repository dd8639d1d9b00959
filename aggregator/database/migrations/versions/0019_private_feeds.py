"""Feeds whose address is shown to nobody."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the mark; no feed has it until config.yaml is read."""
    kind, default = sa.Boolean(), sa.false()
    op.add_column("feeds", sa.Column("private", kind, nullable=False, server_default=default))

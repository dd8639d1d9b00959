"""Why the last poll of a feed failed, as a code; the first mistake of a broken config.yaml."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add two columns: a feed that fails gets its code at the next poll."""
    op.add_column("feeds", sa.Column("failure", sa.Text()))
    op.add_column("state", sa.Column("config_problem", sa.Text()))

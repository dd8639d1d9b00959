"""When the first entry was stored: no archive of a week was closed before."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add a column, and find it out for a database that has entries."""
    op.add_column("state", sa.Column("began_at", sa.BigInteger()))
    op.execute("UPDATE state SET began_at = (SELECT min(first_seen_at) FROM entries)")

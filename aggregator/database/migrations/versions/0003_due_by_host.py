"""Due feeds of busy hosts are passed over, and leases found, without reading feeds' rows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the index of due feeds name their hosts; give leases an index of their own."""
    op.drop_index("ix_feeds_due", "feeds")
    op.create_index("ix_feeds_due", "feeds", ["next_poll_at", "host"])
    leased = sa.text("lease_owner IS NOT NULL")
    op.create_index(
        "ix_feeds_leased",
        "feeds",
        ["lease_owner"],
        sqlite_where=leased,
        postgresql_where=leased,
    )

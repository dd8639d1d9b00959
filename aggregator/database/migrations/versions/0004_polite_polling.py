"""What decides when a feed is asked: wishes, redirects seen, all that was weighed, slow hosts."""

import sqlalchemy as sa
from alembic import op

from aggregator.database.migrations.frozen.canonical_links import site_of

revision = "0004"
down_revision = "0003"

_NEW = (
    ("last_full_at", sa.BigInteger()),
    ("freshness", sa.BigInteger()),
    ("moving_to", sa.Text()),
    ("moving_since", sa.BigInteger()),
    ("moving_seen", sa.Integer()),
    ("update_every", sa.BigInteger()),
    ("skip_hours", sa.Text()),
    ("skip_days", sa.Text()),
    ("gap", sa.BigInteger()),
    ("plan", sa.Text()),
)


def upgrade() -> None:
    """Add them, and file feeds under the name whose budget they share."""
    for name in ("interval_given", "distrust_304"):
        kind, default = sa.Boolean(), sa.false()
        op.add_column("feeds", sa.Column(name, kind, nullable=False, server_default=default))
    for name, type_ in _NEW:
        op.add_column("feeds", sa.Column(name, type_))
    op.add_column("state", sa.Column("boot", sa.Text()))
    op.add_column("state", sa.Column("boot_at", sa.BigInteger()))
    op.create_table(
        "hosts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("free_at", sa.BigInteger(), nullable=False),
        sa.Column("pace", sa.BigInteger()),
        sa.Column("learned_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name"),
    )
    # Until now the address of a single redirect stood there, and nobody was polled at it.
    op.execute("UPDATE feeds SET moved_to = NULL")
    _file_under_sites()


def _file_under_sites() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT id, url, host FROM feeds")).all()
    changed = [
        {"feed": row.id, "site": site} for row in rows if (site := site_of(row.url)) != row.host
    ]
    if changed:
        connection.execute(sa.text("UPDATE feeds SET host = :site WHERE id = :feed"), changed)

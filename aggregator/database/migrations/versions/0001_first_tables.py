"""First tables: feeds, their polls, entries, full texts and the full-text index."""

from alembic import op

from aggregator.database import dialects, tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    tables.metadata.create_all(connection)
    connection.execute(tables.state.insert().values(id=1, version=1))
    dialects.create_full_text(connection)

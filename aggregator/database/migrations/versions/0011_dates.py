"""What was published as an entry's date, how it was read, and why it stands where it does.

Of entries that are there, what they were dated with is not known any more; the reason is what
follows from their times.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_MILLISECONDS = "(id >> 20)"
_REASONS = f"""UPDATE entries SET dating = CASE
    WHEN published_at IS NULL AND {_MILLISECONDS} < first_seen_at / 1000
        THEN 'no date: below the dated ones of the first poll'
    WHEN published_at IS NULL THEN 'no date: first seen'
    WHEN published_at / 1000 > {_MILLISECONDS} THEN 'dated in the future: first seen'
    ELSE 'published then' END"""


def upgrade() -> None:
    """Add the columns, and say of each entry what can still be told."""
    op.add_column("entries", sa.Column("dating", sa.Text()))
    op.add_column("feeds", sa.Column("timezone", sa.Text()))
    op.execute(_REASONS)

"""Pages on PostgreSQL read little more than they show, at any depth of a list."""

import pytest
from sqlalchemy import event

from aggregator.database import open_database
from aggregator.database.lists import read_lists
from aggregator.model import Cursor, ListKind, ListScope, Subscription
from tests import postgresql
from tests.worlds import subscribe

pytestmark = pytest.mark.slow

ENTRIES = 24_000
WHOLE_LIST = read_lists.WHOLE_LIST
CATEGORY = ListScope(ListKind.CATEGORY, "sea")
SEARCH = ListScope(ListKind.SEARCH, "harbour")
FILL = f"""
INSERT INTO entries (id, feed_id, identity, content_hash, record_hash, public_id, url, title,
    summary, first_seen_at, changed_at)
SELECT (1700000000000 + n * 30000)::bigint << 20, (SELECT min(id) FROM feeds) + mod(n, 50),
    decode(md5(n::text), 'hex'), '', '', n, 'https://a.example/' || n, 'Post ' || n,
    repeat('The harbour at dawn. ', 8), 0, 0
FROM generate_series(1, {ENTRIES}) AS numbers (n);
INSERT INTO list_members (list_id, entry_id, is_representative)
SELECT lists.id, entries.id, true FROM entries, lists WHERE lists.key IN ('', 'sea')
ORDER BY 1, 2;
INSERT INTO word_index (entry_id, words, lexemes)
SELECT id, 'harbour', array_to_tsvector(ARRAY['harbour', 'w' || mod(id / 31457280000, 1000)])
FROM entries
"""


@pytest.fixture(scope="module")
def database():
    with postgresql.server() as server:
        writer = postgresql.new_database(server)
        names = [f"f{number}" for number in range(50)]
        subscribe(writer, *(feed(name, categories=("Sea",)) for name in names))
        with writer.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            for statement in (*FILL.split(";"), "VACUUM ANALYZE"):
                connection.exec_driver_sql(statement)
        place = writer.url.render_as_string(hide_password=False)
        engine = open_database(place, read_only=True)
        yield engine
        engine.dispose()


def feed(name, **settings):
    return Subscription(name, f"https://{name}.example/feed", name_given=True, **settings)


def rows_read(connection, read):
    """Return how many rows the scans of the statements of a function read."""
    statements = []

    def note(_connection, _cursor, statement, values, *_):
        if statement.startswith("SELECT"):
            statements.append((statement, values))

    event.listen(connection.engine, "before_cursor_execute", note)
    read(connection)
    event.remove(connection.engine, "before_cursor_execute", note)
    explain = "EXPLAIN (ANALYZE, FORMAT JSON) "
    plans = [
        connection.exec_driver_sql(explain + statement, values).scalar_one()[0]["Plan"]
        for statement, values in statements
    ]
    return sum(rows_of_scans(plan) for plan in plans)


def rows_of_scans(plan):
    own = plan["Actual Rows"] * plan["Actual Loops"] if "Relation Name" in plan else 0
    return own + sum(rows_of_scans(part) for part in plan.get("Plans", ()))


@pytest.mark.parametrize("scope", [WHOLE_LIST, CATEGORY, SEARCH], ids=lambda s: s.kind.value)
def test_a_page_below_the_top_of_a_list_reads_no_entries_above(database, scope):
    with database.connect() as connection:
        ids = read_lists.entry_ids(connection, scope)
        place = Cursor(ids[len(ids) // 12])

        def read(connection):
            page = read_lists.entries_page(connection, scope=scope, limit=40, before=place)
            assert len(page.entries) == 40

        read_count = rows_read(connection, read)

    assert read_count < 600


@pytest.mark.parametrize("scope", [WHOLE_LIST, CATEGORY], ids=lambda s: s.kind.value)
def test_the_posts_beside_a_post_are_found_without_reading_the_list(database, scope):
    with database.connect() as connection:
        ids = read_lists.entry_ids(connection, scope)
        middle = len(ids) // 2

        def read(connection):
            around = read_lists.neighbours(connection, scope, ids[middle])
            assert (around.above.id, around.below.id) == (ids[middle - 1], ids[middle + 1])

        read_count = rows_read(connection, read)

    assert read_count < 600

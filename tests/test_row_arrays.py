"""Many rows in one statement: the same rows as one statement for each would leave."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from aggregator.database.dialects import insert_all, insert_keys, stored_keys, upsert
from aggregator.database.feeds import write_subscriptions
from aggregator.database.schema import contents, entry_keys, hosts, state
from aggregator.model import Subscription
from tests.worlds import NOW, entry, only_postgresql, record, subscribe


def feeds_at(*hosts):
    return [Subscription(host, f"https://{host}.example/", name_given=True) for host in hosts]


@pytest.fixture
def statements(database):
    """Return a list that grows by each statement, and how many rows of values it has."""
    executed = []

    def note(_connection, _cursor, statement, values, *_):
        executed.append((statement, len(values) if isinstance(values, list) else 1))

    event.listen(database, "before_cursor_execute", note)
    yield executed
    event.remove(database, "before_cursor_execute", note)


def test_a_poll_takes_as_many_statements_for_many_entries_as_for_few(database, statements):
    subscribe(database, *feeds_at("a", "b"))
    counts = []
    for name, numbers in (("a", range(2)), ("b", range(2, 40))):
        statements.clear()
        assert record(database, name, [entry(n) for n in numbers]).new == len(numbers)
        counts.append(len(statements))

    assert counts[1] <= counts[0]


def test_of_rows_with_the_same_key_the_first_is_inserted_and_the_last_replaces_it(database):
    rows = [
        {"name": "a", "free_at": NOW, "min_delay": timedelta(seconds=1)},
        {"name": "b", "free_at": NOW, "min_delay": None},
        {"name": "a", "free_at": NOW + timedelta(1), "min_delay": timedelta(seconds=2)},
    ]

    with database.begin() as connection:
        upsert(connection, hosts, rows, key=["name"], replaced=["free_at"])
        columns = (hosts.c.name, hosts.c.free_at, hosts.c.min_delay)
        stored = connection.execute(select(*columns).order_by(hosts.c.name)).all()

    assert stored == [("a", NOW + timedelta(1), timedelta(seconds=1)), ("b", NOW, None)]


def test_a_key_of_two_entries_belongs_to_neither_also_if_both_come_at_once(database):
    subscribe(database, *feeds_at("a"))
    record(database, "a", [entry(1), entry(2)])
    with database.begin() as connection:
        feed_id = connection.scalar(select(entry_keys.c.feed_id).limit(1))
        ids = select(contents.c.entry_id).order_by(contents.c.entry_id)
        first, second = connection.scalars(ids)
        keys = [(7, first), (7, second), (8, first), (8, first), (9, second)]
        insert_keys(connection, [(feed_id, key, entry_id, None) for key, entry_id in keys])
        wanted = [(feed_id, key) for key in (7, 8, 9, 10)]
        owners = {key: owner for _, key, owner, _ in stored_keys(connection, wanted)}

    assert owners == {7: None, 8: first, 9: second}


def test_long_texts_are_sent_in_several_statements(database, statements):
    subscribe(database, *feeds_at("a"))
    record(database, "a", [entry(number, content_html="") for number in range(5)])
    with database.begin() as connection:
        ids = connection.exec_driver_sql("SELECT id FROM entries ORDER BY id").scalars().all()
        statements.clear()
        insert_all(connection, contents, ("entry_id", "html"), [(n, "x" * 1_500_000) for n in ids])
        stored = connection.scalars(select(contents.c.entry_id).order_by(contents.c.entry_id)).all()

    inserts = [rows for statement, rows in statements if statement.startswith("INSERT")]
    assert stored == ids
    assert inserts == ([5] if database.dialect.name == "sqlite" else [1, 1, 1])


@only_postgresql
def test_the_feeds_of_a_statement_are_counted_at_once(database):
    names = [f"f{number}" for number in range(300)]
    with database.begin() as connection:
        feeds = [replace(feed, categories=("Sea",)) for feed in feeds_at(*names)]
        write_subscriptions.sync_subscriptions(connection, feeds, now=NOW)
        written = [
            connection.exec_driver_sql(
                f"SELECT pg_stat_get_xact_tuples_updated('{table}'::regclass)"
            ).scalar_one()
            for table in ("state", "lists")
        ]
        counted = connection.execute(select(state.c.feeds, state.c.unpolled)).one()

    assert counted == (300, 300)
    assert max(written) < 10

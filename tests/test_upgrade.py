"""A database of every released revision, with data in it, is brought up and read by the program."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import MetaData, Table, create_engine, inspect, select, text

from aggregator.database import Engine, open_database
from aggregator.database.entries import write_retention
from aggregator.database.feeds import read_health
from aggregator.database.lists import read_lists
from aggregator.database.schema import lists, relistings
from aggregator.database.stories import read_stories
from aggregator.feed_status import feed_status
from tests import postgresql, quay, released
from tests.quay import HOUR, NOW
from tests.selection import OTHER_DATABASE, slow_but
from tests.stored import list_scope
from tests.test_counters import hold
from tests.worlds import entry, only_sqlite, record, sqlite_database
from web import create_app

OLDER = released.REVISIONS[:-1]
Keys = tuple[set[tuple[int, int, int | None]], set[tuple[int, int, int | None]]]
FERRY = "The ferry to the island runs again"
TITLES = ["Storm warning for <Tuesday>", "", "For friends", "東京湾のかもめ", "Wicks & wax", FERRY,
          FERRY, "Café on the pier, Kraft\u00adwerk below", "No date, no guid"]  # fmt: skip
STATES = {"harbour": "fine", "lamp": "fine", "gulls": "fine", "circle": "fine", "fresh": "new",
          "mast": "failing", "slow": "waiting", "gone": "gone"}  # fmt: skip
SEARCHES = {
    "storm": ["Storm warning for <Tuesday>"],
    "cotton": ["Wicks & wax"],  # stands in the full text alone
    "cafe office kraftwerk": ["Café on the pier, Kraft\u00adwerk below"],
    "landing stage": [FERRY],
    "東京": ["東京湾のかもめ"],
    "の音": ["東京湾のかもめ"],
}


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as url:
        yield url


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Keys:
    """Return the keys that the program of today gives to the same entries."""
    folder = tmp_path_factory.mktemp("today")
    with closing_engine(sqlite_database(folder)) as database:
        quay.poll_all(database, quay.configure(folder))
        return keys_of(database)


@pytest.mark.slow
@only_sqlite
@pytest.mark.parametrize("revision", slow_but(OLDER[-1:], OLDER))
def test_the_program_reads_a_database_of_each_older_revision(revision, tmp_path, keys):
    url = f"sqlite:///{tmp_path / 'aggregator.db'}"
    released.make(url, revision)

    with closing_engine(open_database(url)) as database:
        is_read(database, revision, tmp_path, SEARCHES, keys)
        with database.begin() as connection:
            write_retention.delete_old(connection, before=NOW + 24 * HOUR, min_entries=0)
            connection.exec_driver_sql(
                "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, word_index, 'row')"
            )
            left = connection.exec_driver_sql("SELECT term FROM temp.vocabulary").scalars().all()
        assert left == []


@pytest.mark.slow
@pytest.mark.skipif(OTHER_DATABASE in os.environ, reason="starts a server of its own")
@pytest.mark.parametrize("revision", sorted({*OLDER[::4], OLDER[-1]}))
def test_on_postgresql_the_program_reads_databases_of_older_revisions(
    revision, tmp_path, server, keys
):
    url = postgresql.new_url(server)
    released.make(url, revision)

    with closing_engine(open_database(url)) as database:
        is_read(database, revision, tmp_path, SEARCHES, keys)


@pytest.mark.slow
def test_entries_that_were_being_listed_anew_at_an_upgrade_meet_all_views(tmp_path):
    url = f"sqlite:///{tmp_path / 'aggregator.db'}"
    released.make(url, "0024")

    with closing_engine(open_database(url)) as database, database.connect() as connection:
        (relisting,) = connection.execute(select(relistings)).all()
        views = select(lists.c.id).where(lists.c.kind == "view")
        assert list(connection.scalars(views)) == list(relisting.changed_views) != []


@pytest.mark.slow
@pytest.mark.skipif(OTHER_DATABASE in os.environ, reason="starts a server of its own")
def test_a_postgresql_database_of_before_the_index_had_periods_finds_recent_entries(server):
    url = postgresql.new_url(server)
    released.make(url, "0024")

    with closing_engine(open_database(url)) as database:
        found = {search: sorted(set(listed(database, search=search))) for search in SEARCHES}
        with database.connect() as connection:
            columns = "(SELECT count(*) FROM entries), count(*) FILTER (WHERE NOT lexemes @@ "
            period = "CAST('†' || (entry_id >> 51) AS tsquery))"
            counts = connection.exec_driver_sql(f"SELECT {columns}{period} FROM word_index").one()

    assert found == SEARCHES
    assert tuple(counts) == (len(TITLES), 0)


def is_read(
    database: Engine, revision: str, folder: Path, searches: dict[str, list[str]], keys: Keys
) -> None:
    """Check all that the program reads in a database, and what the next polls write to it."""
    config = quay.configure(folder)
    quay.subscribe(database, config)
    # Entries of before there were stories are compared with later ones only.
    shown = TITLES if revision < "0007" else TITLES[:6] + TITLES[7:]

    assert keys_of(database) == keys
    assert listed(database) == shown
    page = create_app(config, database).test_client().get("/").text
    assert "Wicks &amp; <em>wax</em>" in page
    assert "Storm warning for &lt;Tuesday&gt;" in page
    with database.connect() as connection:
        health = read_health.feeds_by_urgency(connection, now=NOW)
    assert {feed.source.name: feed_status(feed) for feed in health} == STATES
    assert {feed.source.name: feed.failures for feed in health if feed.failures} == {
        "mast": 3, "slow": 1, "gone": 1
    }  # fmt: skip
    assert sum(feed.entries for feed in health) == len(TITLES)
    assert hold(database) == (8, len(TITLES), 1, 1)

    adds_nothing(database, config)
    assert listed(database) == shown
    assert hold(database)[:2] == (8, len(TITLES))
    for words, titles in searches.items():
        assert sorted(set(listed(database, search=words))) == titles, words
    joins_story(database)


def keys_of(database: Engine) -> Keys:
    """Return what entries are known by within their feed, and what their copies are found by."""
    with database.connect() as connection:
        known_by = connection.execute(text("SELECT feed_id, key, entry_id FROM entry_keys")).all()
        found_by = connection.execute(text("SELECT feed_id, key, entry_id FROM story_keys")).all()
    return set(map(tuple, known_by)), set(map(tuple, found_by))


def adds_nothing(database: Engine, config: quay.Config) -> None:
    """Poll the documents that the feeds had last: their entries are the ones that are stored."""
    for name, document in quay.DOCUMENTS.items():
        for at in (NOW, NOW + HOUR):  # as it is remembered, and as a whole
            with database.begin() as connection:
                if at != NOW:
                    connection.execute(text("UPDATE feeds SET memory = NULL"))
            report = quay.poll(database, config, name, document, at=at)
            assert (report.new, report.updated) == (0, 0), (name, at)


def joins_story(database: Engine) -> None:
    """Poll a copy of a stored entry in another feed: it is one story with that entry."""
    with database.connect() as connection:
        ((entry_id, html),) = connection.execute(
            text("SELECT id, html FROM entries JOIN contents ON entry_id = id WHERE feed_id = 2 "
                 "AND title LIKE 'The ferry%'")
        ).all()  # fmt: skip
    copy = entry(1, guid="copy", url="https://fresh.example/ferry", title=FERRY, content_html=html)
    record(database, "fresh", [copy], now=NOW + 2 * HOUR)
    with database.connect() as connection:
        found = read_stories.story(connection, entry_id)
    assert found is not None
    assert {"lamp", "fresh"} <= {each.feed for each in found.entries}


def listed(database: Engine, **scope: str) -> list[str]:
    with database.connect() as connection:
        page = read_lists.entries_page(connection, limit=50, scope=list_scope(**scope))
    return [each.title for each in page.entries]


@contextmanager
def closing_engine(database: Engine) -> Iterator[Engine]:
    """Close a database's connections in the end."""
    try:
        yield database
    finally:
        database.dispose()


@pytest.mark.slow
@only_sqlite
def test_the_rows_name_every_column(tmp_path):
    url = f"sqlite:///{tmp_path / 'aggregator.db'}"
    open_database(url).dispose()
    rows = released.released_rows()
    made = {"activity", "alembic_version", "hidden_entries"}

    with closing_engine(create_engine(url)) as database, database.connect() as connection:
        names = {
            name
            for name in inspect(connection).get_table_names()
            if not name.startswith(("word_index", "indexed_words"))
        }
        lacking = {
            f"{name}.{column.name}"
            for name in names - made
            for column in Table(name, MetaData(), autoload_with=connection).c
            if column.name not in rows[name][0].keys() | released.BY_TRIGGERS.get(name, set())
        }

    assert names - made == set(released.TABLES) - released.FORMER_TABLES
    assert lacking == set()

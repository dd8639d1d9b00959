"""A database of before the merged feeds said more is brought up with its data."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from aggregator.database import open_database
from aggregator.database.lists import read_archives, read_lists
from aggregator.database.migrations import run
from aggregator.database.websub import write_unannounced
from aggregator.dates import Week
from aggregator.model import ListKind, ListScope
from tests.worlds import NOW, only_sqlite

ENTRY = """INSERT INTO entries (id, feed_id, listed, identity, content_hash, record_hash, public_id,
    title, summary, first_seen_at, changed_at) VALUES
    (:id, 1, 1, :identity, x'00', x'00', 'urn:x:1', 'Old post', '', 0, 0)"""
FEED = """INSERT INTO feeds (id, name, url, host, interval, subscribed, title, subtitle, format,
    polls, entries, failures, gone) VALUES
    (1, 'lamp', 'https://lamp.example/', 'lamp.example', 0, 1, 'Lamp', '', '', 1, 1, 0, 0)"""


def database_of(revision: str, folder: Path) -> Engine:
    """Make a SQLite database as the program of that revision did."""
    engine = create_engine(f"sqlite:///{folder / 'aggregator.db'}")
    with engine.begin() as connection:
        run.upgrade(connection, to=revision)
        connection.execute(text(FEED))
        connection.execute(text(ENTRY), {"id": 5 << 20, "identity": b"1"})
    return engine


@pytest.mark.slow
@only_sqlite
def test_entries_of_before_have_no_picture_and_are_their_feeds_own(tmp_path):
    database_of("0005", tmp_path).dispose()

    engine = open_database(f"sqlite:///{tmp_path / 'aggregator.db'}")

    with engine.connect() as connection:
        (entry,) = read_lists.entries_page(connection, limit=5).entries
        copied = connection.execute(text("SELECT copied FROM entries")).scalars().all()
    engine.dispose()
    assert (entry.title, entry.image, entry.origin) == ("Old post", None, None)
    assert copied == [0]


@pytest.mark.slow
@only_sqlite
def test_a_database_of_before_began_with_its_first_entry(tmp_path):
    database_of("0014", tmp_path).dispose()

    engine = open_database(f"sqlite:///{tmp_path / 'aggregator.db'}")

    with engine.connect() as connection:
        assert connection.execute(
            text("SELECT began_at FROM lists WHERE id = 1")
        ).scalars().all() == [0]
        assert read_archives.is_closed(connection, ListScope(), Week(2026, 46), now=NOW)
    engine.dispose()


@pytest.mark.slow
@only_sqlite
def test_changes_of_before_wait_for_no_announcement_and_those_after_do(tmp_path):
    database_of("0013", tmp_path).dispose()

    engine = open_database(f"sqlite:///{tmp_path / 'aggregator.db'}")

    with engine.begin() as connection:
        at_once = {"now": NOW, "debounce": timedelta(0)}
        assert write_unannounced.waiting_changes(connection, **at_once) == []
        write_unannounced.note_unannounced(connection, feed_ids=[1], now=NOW)
        (change,) = write_unannounced.waiting_changes(connection, **at_once)
        assert change.scope == ListScope(ListKind.SOURCE, "lamp")
        assert len(read_lists.entries_page(connection, limit=5).entries) == 1
    engine.dispose()

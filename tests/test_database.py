"""The database as a whole: opening it, its schema, and every way that can fail."""

import importlib.util
import os
import re
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from aggregator.database import DBAPIError, engine, open_database
from aggregator.database.entries import write_retention
from aggregator.database.entries.write_entries import stored_words
from aggregator.database.feeds import write_leases
from aggregator.database.lists import read_lists
from aggregator.database.migrations.frozen import indexed_texts
from aggregator.database.schema import entry_keys, metadata
from aggregator.database.websub import write_unannounced
from aggregator.database.word_index import word_index
from aggregator.dates import PlacementReason
from aggregator.dedup import keys_of
from aggregator.errors import DatabaseError
from aggregator.model import ListKind, ListScope
from aggregator.search import entry_words, word_forms
from aggregator.stories.story_keys import story_keys
from tests.selection import slow_after
from tests.worlds import NOW, entry, new_database

WORD_INDEX = ("word_index", "indexed_words")


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_a_new_database_gets_the_schema_that_the_statements_name(tmp_path):
    database = open_database(url(tmp_path / "a.db"))

    def ours(_object, name, kind, _reflected, _compared):
        return not (kind == "table" and name.startswith(WORD_INDEX))

    with database.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_type": False}
        )
        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_the_program_expects():
    folder = Path(engine.__file__).parent / "migrations" / "versions"

    assert max(path.name[:4] for path in folder.glob("[0-9]*.py")) == engine.HEAD


def test_opening_again_writes_nothing(tmp_path):
    new_database(tmp_path).dispose()
    before = (tmp_path / "aggregator.db").read_bytes()

    new_database(tmp_path).dispose()

    assert (tmp_path / "aggregator.db").read_bytes() == before


def test_the_file_is_in_wal_mode_with_foreign_keys_and_a_busy_timeout(tmp_path):
    with new_database(tmp_path).connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout")
        }

    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 5000}


def test_a_read_only_engine_refuses_to_write(tmp_path):
    new_database(tmp_path).dispose()
    reader = open_database(url(tmp_path / "aggregator.db"), read_only=True)

    with reader.connect() as connection, pytest.raises(DBAPIError, match="readonly"):
        connection.exec_driver_sql("UPDATE state SET version = 5")
    reader.dispose()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatabaseError, match=r"missing/a\.db: can't be opened"):
        open_database(url(tmp_path / "missing" / "a.db"))


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "a.db"
    path.write_text("a shopping list, long enough to be read as a header " * 3)

    with pytest.raises(DatabaseError, match="is not a SQLite database or is damaged"):
        open_database(url(path))
    assert path.read_text().startswith("a shopping list")


def test_another_programs_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(DatabaseError, match="of another program"):
        open_database(url(path))
    assert path.read_bytes() == before


def test_a_database_of_a_newer_program_is_refused(tmp_path):
    new_database(tmp_path).dispose()
    connection = sqlite3.connect(tmp_path / "aggregator.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    with pytest.raises(DatabaseError, match=r"newer version .* update the program"):
        open_database(url(tmp_path / "aggregator.db"))


def test_a_locked_database_is_waited_for_and_then_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", 0.2)
    holder = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(DatabaseError, match="kept it locked"):
        open_database(url(tmp_path / "a.db"))
    holder.close()


@pytest.mark.slow
def test_a_migration_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    from aggregator.database.migrations import run

    def fails_at_the_end(connection, *, to):
        upgrade(connection, to=to)
        connection.exec_driver_sql("SELECT * FROM no_such_table")

    upgrade = run.upgrade
    monkeypatch.setattr(run, "upgrade", fails_at_the_end)

    with pytest.raises(DatabaseError, match="no_such_table"):
        open_database(url(tmp_path / "a.db"))
    connection = sqlite3.connect(tmp_path / "a.db")
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()


def old_database(path, revision, *statements):
    """Make a database as an older version of the program left it."""
    from aggregator.database.migrations.run import upgrade

    database = create_engine(url(path))
    with database.begin() as connection:
        connection.exec_driver_sql("BEGIN")
        upgrade(connection, to=revision)
        for statement in statements:
            connection.exec_driver_sql(statement)
    database.dispose()


@pytest.mark.slow
def test_signs_in_an_older_databases_texts_are_found_after_the_upgrade(tmp_path):
    old_database(
        tmp_path / "a.db",
        "0011",
        "INSERT INTO feeds (id, name, url, host, interval, interval_given, distrust_304, "
        "subscribed, title, subtitle, format, polls, entries, failures, gone) VALUES "
        "(1, 'a', 'https://example.org/', 'example.org', 1, 0, 0, 1, '', '', '', 1, 1, 0, 0)",
        *(
            "INSERT INTO entries (id, feed_id, listed, identity, content_hash, record_hash, "
            "public_id, title, summary, first_seen_at, changed_at) VALUES "
            f"({at}, 1, 1, x'0{at}', x'00', x'00', 'a:{at}', '{title}', '', 0, 0)"
            for at, title in ((7, "東京大学"), (8, "Harbour"))
        ),
        "INSERT INTO contents VALUES (7, '<p>海の<b>音</b></p>')",
        "INSERT INTO entries_text (rowid, title, summary, content) VALUES "
        "(7, '東京大学', '', ' 海の音 '), (8, 'Harbour', '', '')",
    )

    upgraded = open_database(url(tmp_path / "a.db"))

    def found(search: str) -> list[int]:
        with upgraded.connect() as connection:
            page = read_lists.entries_page(
                connection, limit=9, scope=ListScope(ListKind.SEARCH, search)
            ).entries
        return [one.id for one in page]

    assert [found(search) for search in ("大学", "の音", "harbour")] == [[7], [7], [8]]
    with upgraded.begin() as connection:
        word_index(connection).remove(connection, stored_words(connection, [7]))
        connection.exec_driver_sql("INSERT INTO word_index(word_index) VALUES('integrity-check')")
    assert found("大学") == found("海") == []
    upgraded.dispose()


@pytest.mark.slow
def test_texts_of_an_older_database_are_found_in_every_form_after_the_upgrade(tmp_path):
    titles = {
        7: "cre\u0300me",
        8: "Kraft\u00adwerk",
        9: "Ｒｕｓｔ",
        10: "o\ufb03ce 東京ｶﾞ",
        11: "Plain… naïve\u00a0text",
        12: "Harbour",
    }
    html = "<p>" + "We\u200bir &amp; <b>o\ufb03</b>ce</p>"
    signs = indexed_texts.spaced(titles[10])
    old_database(
        tmp_path / "a.db",
        "0015",
        "INSERT INTO feeds (id, name, url, host, interval, interval_given, distrust_304, "
        "subscribed, title, subtitle, format, polls, entries, failures, gone) VALUES "
        "(1, 'a', 'https://example.org/', 'example.org', 1, 0, 0, 1, '', '', '', 1, 1, 0, 0)",
        *(
            "INSERT INTO entries (id, feed_id, listed, copied, identity, content_hash, "
            "record_hash, public_id, title, summary, first_seen_at, changed_at) VALUES "
            f"({at}, 1, 1, 0, x'{at:02}', x'00', x'00', 'a:{at}', '{title}', '', 0, 0)"
            for at, title in titles.items()
        ),
        f"INSERT INTO contents VALUES (12, '{html}')",
        *(
            "INSERT INTO entries_text (rowid, title, summary, content) VALUES "
            f"({at}, '{signs if at == 10 else title}', '', "
            f"'{indexed_texts.words(html) if at == 12 else ''}')"
            for at, title in titles.items()
        ),
    )

    upgraded = open_database(url(tmp_path / "a.db"))

    def found(text: str) -> list[int]:
        with upgraded.connect() as connection:
            page = read_lists.entries_page(
                connection, limit=9, scope=ListScope(ListKind.SEARCH, text)
            ).entries
        return [entry.id for entry in page]

    searches = ("crème", "Kraftwerk", "rust", "office 京ガ", "naive text", "weir", "office")
    assert [found(text) for text in searches] == [[7], [8], [9], [10], [11], [12], [12, 10]]
    with upgraded.begin() as connection:
        word_index(connection).remove(connection, stored_words(connection, list(titles)))
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'word_index', 'row')"
        )
        left = connection.exec_driver_sql("SELECT term FROM temp.vocabulary").scalars().all()
    assert left == []
    upgraded.dispose()


@pytest.mark.slow
def test_no_later_change_of_the_index_changes_what_an_old_migration_does(tmp_path, monkeypatch):
    from aggregator.database.migrations.run import upgrade

    monkeypatch.setattr(entry_words, "searched_text", lambda _: "otherwise")
    monkeypatch.setattr(word_forms, "words", lambda _: ["otherwise"])
    old_database(
        tmp_path / "a.db",
        "0001",
        "INSERT INTO feeds (id, name, url, host, interval, subscribed, title, subtitle, format, "
        "polls, entries, failures, gone) "
        "VALUES (1, 'a', 'https://example.org/', 'example.org', 1, 1, '', '', '', 1, 1, 0, 0)",
        "INSERT INTO entries (id, feed_id, listed, identity, content_hash, record_hash, "
        "public_id, title, summary, first_seen_at, changed_at) "
        "VALUES (7, 1, 1, x'00', x'00', x'00', 'a:1', '東京', '', 0, 0)",
        "INSERT INTO contents VALUES (7, '<p>Gulls &amp; <b>tr</b>awlers</p>')",
    )

    database = create_engine(url(tmp_path / "a.db"))
    with database.begin() as connection:
        upgrade(connection, to="0012")
        connection.exec_driver_sql(
            "CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', 'entries_text', 'row')"
        )
        indexed = connection.exec_driver_sql("SELECT term FROM temp.vocabulary").scalars().all()
        connection.exec_driver_sql("DROP TABLE temp.vocabulary")
        upgrade(connection, to="0023")
        words = connection.exec_driver_sql("SELECT DISTINCT term FROM indexed_words").scalars()
        assert sorted(words) == ["f1", "gulls", "trawlers", "京", "東"]
    database.dispose()
    assert sorted(indexed) == ["gulls", "trawlers", "京", "東"]


@pytest.mark.slow
def test_the_texts_of_an_older_database_are_found_after_the_upgrade(tmp_path):
    old_database(
        tmp_path / "a.db",
        "0001",
        "INSERT INTO feeds (id, name, url, host, interval, subscribed, title, subtitle, format, "
        "polls, entries, failures, gone) "
        "VALUES (1, 'a', 'https://example.org/', 'example.org', 1, 1, '', '', '', 1, 1, 0, 0)",
        "INSERT INTO entries (id, feed_id, listed, identity, content_hash, record_hash, "
        "public_id, title, summary, first_seen_at, changed_at) "
        "VALUES (7, 1, 1, x'00', x'00', x'00', 'a:1', 'Harbour', 'At dawn', 0, 0)",
        "INSERT INTO contents VALUES (7, '<p>Gulls &amp; <b>tr</b>awlers</p>')",
    )

    upgraded = open_database(url(tmp_path / "a.db"))

    with upgraded.connect() as connection:
        for search in ("harbour", "dawn", "trawlers", "harbour gulls"):
            found = read_lists.entries_page(
                connection, limit=9, scope=ListScope(ListKind.SEARCH, search)
            ).entries
            assert [one.id for one in found] == [7], search
    upgraded.dispose()


@pytest.mark.slow
def test_the_feeds_of_an_older_database_share_the_budget_of_their_site(tmp_path):
    old_database(
        tmp_path / "a.db",
        "0002",
        *(
            "INSERT INTO feeds (id, name, url, host, interval, subscribed, title, subtitle, "
            "format, moved_to, next_poll_at, etag, polls, entries, failures, gone) VALUES "
            f"({number}, '{host}', 'https://{host}/', '{host}', 3600000000, 1, 'T', '', '', "
            "'https://seen.once/', 5, 'x', 1, 0, 0, 0)"
            for number, host in enumerate(["www.example.org", "me.github.io"], 1)
        ),
    )

    upgraded = open_database(url(tmp_path / "a.db"))

    now = datetime(2026, 11, 23, tzinfo=UTC)
    with upgraded.begin() as connection:
        due = write_leases.lease_due(connection, owner="me", now=now, until=now)
    assert [(feed.name, feed.host.name) for feed in due] == [
        ("www.example.org", "example.org"),
        ("me.github.io", "me.github.io"),
    ]
    assert {
        (feed.relocation.moved_to, feed.relocation.redirect, feed.validation.validators.etag)
        for feed in due
    } == {(None, None, "x")}
    upgraded.dispose()


@pytest.mark.slow
def test_the_entries_of_an_older_database_are_known_by_all_their_keys_after_the_upgrade(tmp_path):
    values = "1, 1, x'00', 'a:1', '', 0, 0"
    old_database(
        tmp_path / "a.db",
        "0003",
        "INSERT INTO feeds (id, name, url, host, interval, subscribed, title, subtitle, format, "
        "polls, entries, failures, gone, memory) VALUES "
        "(1, 'a', 'https://example.org/', 'example.org', 1, 1, '', '', '', 1, 1, 0, 0, x'00')",
        *(
            "INSERT INTO entries (feed_id, listed, record_hash, public_id, summary, first_seen_at, "
            "changed_at, id, identity, content_hash, guid, url, title) "
            f"VALUES ({values}, {number}, x'0{number}', x'{bytes([number] * 16).hex()}', "
            f"{guid}, '{link}', 'Title')"
            for number, guid, link in (
                (7, "'http://old.example/?p=1'", "https://old.example/1?utm_source=x"),
                (8, "NULL", "https://old.example/2"),
            )
        ),
    )

    upgraded = open_database(url(tmp_path / "a.db"))

    with upgraded.connect() as connection:
        rows = connection.execute(entry_keys.select()).all()
        memory = connection.exec_driver_sql("SELECT memory FROM feeds").scalar()
    upgraded.dispose()
    assert memory is None
    owners = {row.key: row.entry_id for row in rows}
    for number, guid, link in (
        (7, "https://new.example/?p=1", "http://www.old.example/1"),
        (8, None, "http://old.example/2/"),
    ):
        *own, title = keys_of(
            entry(1, guid=guid, url=link, title="Title", content_hash=bytes([number] * 16))
        ).short_keys()
        assert [owners[key] for key in own] == [number] * 3
        assert owners[title] is None


@pytest.mark.slow
def test_the_entries_of_an_older_database_say_why_they_stand_where_they_do(tmp_path):
    times = {  # id: published, first seen; in milliseconds
        1_000: (None, 900_000_000),
        2_000: (None, 2_000),
        3_000: (9_000, 3_000),
        4_000: (4_000, 5_000),
    }
    old_database(
        tmp_path / "a.db",
        "0007",
        "INSERT INTO feeds (id, name, url, host, interval, interval_given, distrust_304, "
        "subscribed, title, subtitle, format, polls, entries, failures, gone) VALUES "
        "(1, 'a', 'https://example.org/', 'example.org', 1, 0, 0, 1, '', '', '', 1, 1, 0, 0)",
        *(
            "INSERT INTO entries (feed_id, listed, record_hash, content_hash, public_id, title, "
            "summary, changed_at, id, identity, published_at, first_seen_at) VALUES (1, 1, x'00', "
            f"x'00', 'a:{at}', '', '', 0, {at << 20}, x'{at:08x}', "
            f"{'NULL' if published is None else published * 1000}, {first * 1000})"
            for at, (published, first) in times.items()
        ),
    )

    upgraded = open_database(url(tmp_path / "a.db"))

    with upgraded.connect() as connection:
        reasons = [read_lists.dating(connection, at << 20) for at in times]
        assert read_lists.dating(connection, 5) is None
    upgraded.dispose()
    assert [one.reason for one in reasons if one] == [
        PlacementReason.SPREAD,
        PlacementReason.UNDATED,
        PlacementReason.FUTURE,
        PlacementReason.PUBLISHED,
    ]


def test_postgresql_without_its_driver_says_what_to_install():
    if importlib.util.find_spec("psycopg"):
        pytest.skip("psycopg is installed")

    how = re.escape(f"{sys.executable} -m pip install 'psycopg[binary]'")
    with pytest.raises(DatabaseError, match=how):
        open_database("postgresql+psycopg://127.0.0.1:1/none")


@pytest.mark.slow
def test_an_older_databases_feeds_are_found_by_the_new_indexes(tmp_path):
    old_database(
        tmp_path / "a.db",
        "0002",
        "INSERT INTO feeds (id, name, url, host, interval, subscribed, title, subtitle, format, "
        "polls, entries, failures, gone, next_poll_at, lease_owner) VALUES "
        "(1, 'a', 'https://a.example/', 'a.example', 1, 1, '', '', '', 1, 1, 0, 0, 5, NULL), "
        "(2, 'b', 'https://b.example/', 'b.example', 1, 1, '', '', '', 1, 1, 0, 0, 6, 'x/1/1')",
    )

    database = open_database(url(tmp_path / "a.db"))

    with database.connect() as connection:
        due = connection.exec_driver_sql(
            "SELECT host FROM feeds INDEXED BY ix_feeds_due WHERE next_poll_at < 6"
        ).all()
        leased = connection.exec_driver_sql(
            "SELECT name FROM feeds INDEXED BY ix_feeds_leased WHERE lease_owner IS NOT NULL"
        ).all()
    database.dispose()
    assert (due, leased) == ([("a.example",)], [("b",)])


@pytest.mark.parametrize("query", ["x=y", "check_same_thread=maybe"])
def test_an_option_that_the_driver_does_not_know_is_one_line(tmp_path, query):
    with pytest.raises(DatabaseError, match=f"these options: {query.partition('=')[0]}; leave"):
        open_database(f"sqlite:///{tmp_path}/a.db?{query}")


@pytest.mark.parametrize("url", ["postgresql://me:s3cret@h:abc/x", "postgresql://me:s3cret@[::1/x"])
def test_a_password_in_a_url_that_is_none_is_not_repeated(url):
    with pytest.raises(DatabaseError) as caught:
        open_database(url)

    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_entries_of_an_older_database_are_compared_with_new_ones(tmp_path):
    text = "<p>The pier is open again, two years after the storm, and the first boat was full.</p>"
    old_database(
        tmp_path / "a.db",
        "0001",
        "INSERT INTO feeds (id, name, url, host, interval, subscribed, title, subtitle, format, "
        "polls, entries, failures, gone) "
        "VALUES (1, 'a', 'https://example.org/', 'example.org', 1, 1, '', '', '', 1, 1, 0, 0)",
        "INSERT INTO entries (id, feed_id, listed, identity, content_hash, record_hash, "
        "public_id, url, title, summary, first_seen_at, changed_at) VALUES "
        "(7, 1, 1, x'00', x'00', x'00', 'a:1', 'https://example.org/a-b-c', 'A title', '', 0, 0), "
        "(8, 1, 1, x'01', x'00', x'00', 'a:2', NULL, '', '', 0, 0)",
        f"INSERT INTO contents VALUES (7, '{text}')",
    )
    keys = story_keys("https://example.org/a-b-c", "A title", text)

    with open_database(url(tmp_path / "a.db")).begin() as connection:
        held = connection.exec_driver_sql("SELECT key FROM story_keys WHERE entry_id = 7").all()
        shown = [one.id for one in read_lists.entries_page(connection, limit=9).entries]
        left = write_retention.delete_old(connection, before=NOW, min_entries=0)
        assert connection.exec_driver_sql("SELECT count(*) FROM story_keys").scalar() == 0

    assert len(keys) == 4
    assert {key for (key,) in held} == set(keys)
    assert (shown, left) == ([8, 7], 2)


@pytest.mark.parametrize("umask", slow_after(1, [0o000, 0o022, 0o077]))
def test_a_new_database_and_the_files_beside_it_are_for_their_owner_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        engine = open_database(f"sqlite:///{tmp_path}/new.db")
        with engine.begin() as connection:
            write_unannounced.note_unannounced(connection, feed_ids=[], now=NOW)
            connection.exec_driver_sql("UPDATE state SET version = version + 1")
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        engine.dispose()
    finally:
        os.umask(before)

    assert {"new.db", "new.db-wal", "new.db-shm"} <= set(modes)
    assert {mode & 0o077 for mode in modes.values()} == {0}
    assert modes["new.db"] == 0o600


@pytest.mark.slow
def test_a_database_that_is_there_keeps_its_mode(tmp_path):
    path = tmp_path / "old.db"
    path.touch()
    path.chmod(0o640)

    open_database(f"sqlite:///{path}").dispose()
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o664)
    open_database(f"sqlite:///{path}").dispose()
    assert path.stat().st_mode & 0o777 == 0o664


@pytest.mark.slow
def test_the_file_that_a_link_to_nowhere_names_is_made_as_private(tmp_path):
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")

    open_database(f"sqlite:///{tmp_path}/link.db").dispose()

    assert (tmp_path / "real.db").stat().st_mode & 0o777 == 0o600

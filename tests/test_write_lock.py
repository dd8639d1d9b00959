"""No document keeps the database locked: what is read and decided comes first, the rest in parts.

A transaction is measured in CPU time of its thread from its first write on, as SQLite lets others
write until then.
"""

import asyncio
import gzip
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import thread_time
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from aggregator.database import DatabaseWriter, Engine
from aggregator.database.feeds import write_polls
from aggregator.poll import recording
from tests.cpu_time import allowed
from tests.faults import NOW, World, channel, item
from tests.feedserver import FeedServer
from tests.running import freeze_objects
from tests.worlds import new_database, only_sqlite

MAX_LOCKED = 0.5
"""CPU seconds that a transaction may keep others from writing, but for its longest statement."""


class Locks:
    longest = 0.0


@contextmanager
def measured_locks(database: Engine) -> Iterator[Locks]:
    """Record for how long a transaction of this engine kept the database locked."""
    freeze_objects()
    locks = Locks()
    now: dict[str, float] = {}

    def begins(_connection: Connection) -> None:
        now.clear()

    def before(_c: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE", "BEGIN IMMEDIATE")):
            now.setdefault("locked", thread_time())
        now["statement"] = thread_time()

    def after(_c: Connection, _cursor: Any, _s: str, _p: Any, _x: Any, is_many: bool) -> None:
        if not is_many and "statement" in now:
            seconds = thread_time() - now["statement"]
            now["longest"] = max(seconds, now.get("longest", 0.0))

    def commits(_connection: Connection) -> None:
        if "locked" in now:
            seconds = thread_time() - now["locked"] - now.get("longest", 0.0)
            locks.longest = max(locks.longest, seconds)

    listeners = [
        ("begin", begins), ("commit", commits),
        ("before_cursor_execute", before), ("after_cursor_execute", after),
    ]  # fmt: skip
    for name, listener in listeners:
        event.listen(database, name, listener)
    try:
        yield locks
    finally:
        for name, listener in listeners:
            event.remove(database, name, listener)


def posts(count: int, inside: str, *, version: int = 0) -> str:
    return channel(
        *(
            item(f"{n}", f"Title {n} v{version}", at=NOW - n * timedelta(minutes=1), inside=inside)
            for n in range(count)
        )
    )


def long_text(words: int, word: str = "word") -> str:
    text = " ".join(f"{word}{n}" for n in range(words))
    return f"<content:encoded xmlns:content='http://purl.org/rss/1.0/modules/content/'>{text}</content:encoded>"


def large_documents() -> list[list[str]]:
    """Return three versions of documents near the limits, each document of another kind."""
    return [
        [
            posts(4_999, ""),
            posts(4_999, "").replace("guid", "nothing"),
            posts(4_999, long_text(150)),
            posts(4_900, "".join(f"<category>c{n}</category>" for n in range(30))),
            posts(18, long_text(45_000)),
            posts(18, long_text(45_000)),  # to be compared with the same texts
        ],
        [
            posts(4_999, "", version=1),
            posts(4_999, "", version=1).replace("guid", "nothing"),
            posts(4_999, long_text(150), version=1),
            posts(4_900, "<category>c</category>", version=1),
            posts(18, long_text(45_000, "other"), version=1),
        ],
        [posts(4_999, long_text(2, "other"), version=2)],
    ]


def longest_locks(folder: Path) -> list[float]:
    """Poll each version of the large documents; return the longest lock of each poll."""
    folder.mkdir()
    longest = []
    versions = large_documents()
    names = [f"f{n}" for n in range(len(versions[0]))]
    with FeedServer() as server:
        world = World(folder, server, timeout=60)
        world.subscribe(*names)
        for documents in versions:
            for name, document in zip(names, documents, strict=False):
                packed = gzip.compress(document.encode(), 1)
                server.put(f"/{name}", packed, headers={"Content-Encoding": "gzip"})
            with measured_locks(world.database) as locks:
                results = world.poll(*names[: len(documents)])
            longest.append(locks.longest)
            assert {result.error for result in results.values()} == {None}

    assert len(world.entries("f2")) == 4_999
    return longest


@only_sqlite
@pytest.mark.slow
def test_no_version_of_a_document_keeps_the_database_locked(tmp_path):
    # What a document costs, it costs in each run; what other processes cost, in some.
    runs = (longest_locks(tmp_path / str(run)) for run in range(3))

    assert any(max(locks) < allowed(MAX_LOCKED) for locks in runs)


def version_of(world: World) -> int:
    with world.database.connect() as connection:
        version: int = connection.execute(text("SELECT version FROM state")).scalar_one()
    return version


@pytest.mark.slow
def test_a_long_document_is_stored_in_parts_and_each_entry_once(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "PART_SIZE", 20)
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/f", posts(70, ""))
        server.put("/g", posts(5, ""))
        world.subscribe("f", "g")
        before = version_of(world)
        results = world.poll()
        parts = version_of(world) - before
        server.put("/f", posts(75, "", version=1))
        second = world.poll("f")["f"]

    assert (results["f"].new, results["g"].new) == (70, 5)
    assert (second.new, second.updated) == (5, 70)
    assert world.titles("f") == [f"Title {n} v1" for n in range(75)]
    assert parts == 4  # readers see each


def test_posts_of_one_moment_keep_their_order_over_all_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "PART_SIZE", 7)
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/f", channel(*(item(f"{n}", at=NOW) for n in range(30))))
        world.subscribe("f")
        world.poll()

    assert world.titles("f") == [f"Post {n}" for n in range(30)]


@only_sqlite
def test_a_post_that_the_database_refuses_costs_the_document_its_part_and_those_after(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(recording, "PART_SIZE", 20)
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/f", posts(70, ""))
        world.subscribe("f")
        with world.database.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER refusal BEFORE INSERT ON entries WHEN new.title = 'Title 25 v0' "
                "BEGIN SELECT raise(ABORT, 'refused'); END"
            )
        refused = world.poll("f")["f"]
        titles = world.titles("f")
        with world.database.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER refusal")
        result = world.poll("f")["f"]

    assert refused.error == "its entries could not be stored; see the log"
    assert titles == [f"Title {n} v0" for n in range(30, 70)]
    assert (result.new, result.error) == (30, None)
    assert world.titles("f") == [f"Title {n} v0" for n in range(70)]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(posts(70, ""), id="guids"),
        pytest.param(posts(70, "").replace("guid", "nothing"), id="links"),
        pytest.param(posts(70, "").replace("guid", "nothing").replace("link", "none"), id="texts"),
    ],
)
def test_what_is_stored_of_a_document_when_the_program_is_killed_is_known_at_the_next_poll(
    tmp_path, monkeypatch, document
):
    monkeypatch.setattr(recording, "PART_SIZE", 20)
    record_part = recording.record_part

    def killed(connection: Connection, **arguments: Any) -> recording.Recording:
        if arguments["recording"].partly_stored is not None:
            raise SystemExit
        return record_part(connection, **arguments)

    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/f", document)
        world.subscribe("f")
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(recording, "record_part", killed)
            world.poll("f")
        stored = len(world.entries("f"))
        with world.database.begin() as connection:  # as the next start does
            connection.execute(text("UPDATE feeds SET lease_owner = NULL"))
        result = world.poll("f")["f"]

    assert stored == 20
    assert result.new == 50
    assert world.titles("f") == [f"Title {n} v0" for n in range(70)]


def test_a_feed_that_is_taken_over_between_two_parts_is_not_recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "PART_SIZE", 20)
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/f", posts(70, ""))
        server.put("/g", posts(5, ""))
        world.subscribe("f", "g")

        def takes_over(connection: Connection, **arguments: Any) -> recording.Recording:
            if arguments["recording"].partly_stored is not None:
                connection.execute(
                    text("UPDATE feeds SET lease_owner = 'another' WHERE name = 'f'")
                )
            return record_part(connection, **arguments)

        record_part = recording.record_part
        monkeypatch.setattr(recording, "record_part", takes_over)
        results = world.poll()

    assert "f" not in results
    assert world.row("f").polls == 0
    assert world.row("f").lease_owner == "another"
    assert results["g"].new == 5


def test_work_that_has_read_runs_again_at_once_if_another_process_wrote_meanwhile(tmp_path, caplog):
    database = new_database(tmp_path)
    versions: list[int] = []

    def read_then_write(connection: Connection) -> int:
        versions.append(connection.execute(text("SELECT version FROM state")).scalar_one())
        if len(versions) == 1:
            with database.begin() as other_connection:
                write_polls.note_change(other_connection)
        write_polls.note_change(connection)
        return versions[-1]

    async def run() -> int:
        writer = DatabaseWriter(database)
        try:
            return await writer.transact_after_reading(read_then_write)
        finally:
            writer.stop()

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(run()) == versions[0] + 1
    assert len(versions) == 2
    assert not caplog.records


@only_sqlite
def test_work_that_has_read_waits_without_a_word_for_another_process_that_is_writing(
    tmp_path, caplog
):
    database = new_database(tmp_path)
    other_connection = database.connect()
    attempts: list[int] = []

    def commit_theirs(*_: object) -> None:
        if attempts == [1]:  # before the second attempt
            other_connection.commit()

    def read_then_write(connection: Connection) -> None:
        attempts.append(len(attempts) + 1)
        connection.execute(text("SELECT version FROM state")).scalar_one()
        if attempts == [1]:
            write_polls.note_change(other_connection)
        write_polls.note_change(connection)

    async def run() -> None:
        writer = DatabaseWriter(database)
        try:
            await writer.transact_after_reading(read_then_write)
        finally:
            writer.stop()

    event.listen(database, "checkout", commit_theirs)
    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    other_connection.close()

    assert attempts == [1, 2]
    assert not caplog.records


@only_sqlite
def test_others_write_while_what_a_poll_brought_is_compared(tmp_path, monkeypatch):
    reconcile = recording.reconcile
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/f", posts(3, ""))
        world.subscribe("f")

        def reconciles(*arguments: Any) -> Any:
            with world.database.begin() as other_connection:  # waits for nobody
                other_connection.execute(
                    text("INSERT OR IGNORE INTO hosts (name, free_at) VALUES ('theirs', 0)")
                )
            return reconcile(*arguments)

        monkeypatch.setattr(recording, "reconcile", reconciles)
        with measured_locks(world.database):
            result = world.poll("f")["f"]

    assert result.new == 3

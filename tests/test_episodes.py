"""Episodes: one rule opens, ends and reopens them, and the database has each once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from aggregator import episode_rules
from aggregator.database.clock import clock_option
from aggregator.database.episode_table import episodes as table
from aggregator.database.episodes import read_episodes, write_episodes
from aggregator.database.feeds.write_subscriptions import note_config_problem
from aggregator.database.schema import feeds, state
from aggregator.database.writer import run_after_reading
from aggregator.episode_rules import config_changes, feed_changes, outage_changes
from aggregator.model import Failure, FailureKind, Outcome
from aggregator.model.health_episodes import (
    Episode,
    EpisodeChanges,
    EpisodeEnd,
    EpisodeKind,
    FeedState,
    Trouble,
)
from aggregator.scheduler.episode_job import EpisodeJob, OutageWatch, forget_old_episodes
from tests.stored import feed
from tests.worlds import NOW, entry, new_database, record, subscribe

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEW = "https://new.example/feed"
WALL = Failure(FailureKind.BOT_CHECK, 403)
GONE = Failure(FailureKind.REMOVED, 410)


def failing(hours: float, failures: int, failure: Failure | None = None) -> FeedState:
    since = NOW - hours * HOUR
    return FeedState(7, failures=failures, failing_since=since, failure=failure, error="x")


def open_episode(kind: EpisodeKind, ago: timedelta = DAY, **values) -> Episode:
    trouble = Trouble(kind, NOW - ago, 7, **values)
    return Episode(1, 1, trouble, opened_at=NOW - ago, changed_at=NOW - ago)


def ended(episode: Episode, ago: timedelta) -> Episode:
    return replace(episode, ended_at=NOW - ago, end=EpisodeEnd.MENDED)


NEVER = FeedState(7)
SILENT = FeedState(7, gap=2 * DAY, last_change_at=NOW - 15 * DAY)
PASSING = Failure(FailureKind.TIMEOUT)


@pytest.mark.parametrize(
    ("state", "kinds"),
    [
        (NEVER, []),
        (failing(25, 3), ["failing"]),
        (failing(25, 3, PASSING), ["failing"]),
        (failing(23, 9, PASSING), []),
        (failing(25, 2, PASSING), []),
        (failing(7, 3, WALL), ["failing"]),
        (failing(3, 2, WALL), []),
        (replace(failing(1, 1, GONE), is_gone=True), ["gone"]),
        (replace(NEVER, moved_to=NEW), ["moved"]),
        (replace(NEVER, moved_to=NEW, is_listed=True), []),  # its list has the address
        (replace(failing(25, 3), moved_to=NEW), ["failing", "moved"]),
        (SILENT, ["silent"]),
        (replace(SILENT, gap=6 * DAY), []),
        (replace(SILENT, last_change_at=NOW - 13 * DAY), []),
        (replace(SILENT, gap=None), []),
        (replace(SILENT, failures=1), []),
        (replace(failing(99, 9, WALL), is_paused=True), []),
        (replace(failing(99, 9, WALL), is_subscribed=False), []),
    ],
)
def test_a_trouble_that_lasts_opens_an_episode(state, kinds):
    changes = feed_changes(state, [], NOW)

    assert [trouble.kind.value for trouble in changes.opened] == kinds
    assert not changes.ended and not changes.reopened


def test_every_kind_of_failure_is_told_sooner_or_later():
    for kind in FailureKind:
        assert feed_changes(failing(25, 3, Failure(kind)), [], NOW).opened, kind
        is_told_soon = bool(feed_changes(failing(6, 3, Failure(kind)), [], NOW).opened)
        assert is_told_soon != (kind in episode_rules.PASSING_FAILURES), kind


FAILED = open_episode(EpisodeKind.FAILING)
MENDED = FeedState(7, last_success_at=NOW - HOUR)


@pytest.mark.parametrize(
    ("state", "episode", "end"),
    [
        (failing(99, 9), FAILED, None),
        (failing(1, 1), FAILED, None),
        (NEVER, FAILED, None),  # another address, not polled yet
        (replace(MENDED, error="offline"), FAILED, "mended"),
        (MENDED, FAILED, "mended"),
        (replace(MENDED, last_success_at=NOW - 2 * DAY), FAILED, None),
        (replace(failing(99, 9), is_paused=True), FAILED, "paused"),
        (replace(failing(99, 9), is_subscribed=False), FAILED, "unsubscribed"),
        (replace(failing(99, 9), is_gone=True), FAILED, "superseded"),
        (replace(failing(99, 9), is_gone=True), open_episode(EpisodeKind.REMOVED), None),
        (failing(1, 1), open_episode(EpisodeKind.REMOVED), None),  # another address fails
        (MENDED, open_episode(EpisodeKind.REMOVED), "mended"),
        (replace(NEVER, moved_to=NEW), open_episode(EpisodeKind.MOVED, detail=NEW), None),
        (replace(NEVER, moved_to=f"{NEW}2"), open_episode(EpisodeKind.MOVED, detail=NEW),
         "superseded"),
        (NEVER, open_episode(EpisodeKind.MOVED, detail=NEW), "mended"),
        (SILENT, open_episode(EpisodeKind.SILENT, 15 * DAY), None),
        (replace(SILENT, last_change_at=NOW), open_episode(EpisodeKind.SILENT), "mended"),
        (replace(SILENT, failures=3), open_episode(EpisodeKind.SILENT, 15 * DAY), None),
    ],
)  # fmt: skip
def test_an_episode_ends_with_its_trouble(state, episode, end):
    changes = feed_changes(state, [episode], NOW)

    assert [ending.end.value for ending in changes.ended] == ([] if end is None else [end])
    assert episode.trouble.kind not in {each.kind for each in changes.opened} or end == "superseded"


@pytest.mark.parametrize(
    ("state", "episode", "is_same"),
    [
        (failing(25, 4), ended(FAILED, 30 * HOUR), True),
        (failing(25, 4), ended(FAILED, 50 * HOUR), False),
        (failing(4, 3, WALL), ended(FAILED, 5 * HOUR), True),
        (replace(NEVER, moved_to=NEW), ended(open_episode(EpisodeKind.MOVED, detail=NEW), HOUR),
         True),
        (replace(NEVER, moved_to=NEW), ended(open_episode(EpisodeKind.MOVED, detail="x"), HOUR),
         False),
        (SILENT, ended(open_episode(EpisodeKind.SILENT, 15 * DAY), HOUR), True),
        (SILENT, ended(open_episode(EpisodeKind.SILENT, 40 * DAY), HOUR), False),
        (replace(NEVER, is_gone=True), ended(open_episode(EpisodeKind.REMOVED), 2 * DAY), False),
    ],
)  # fmt: skip
def test_a_trouble_that_returns_within_a_day_is_the_same_episode(state, episode, is_same):
    changes = feed_changes(state, [episode], NOW)

    assert changes.reopened == ((episode.id,) if is_same else ())
    assert len(changes.opened) == (0 if is_same else 1)


def test_a_mistake_in_the_configuration_is_an_episode_until_the_file_is_in_use():
    broken = open_episode(EpisodeKind.CONFIG)

    (trouble,) = config_changes("line 3", [], NOW).opened
    assert (trouble.detail, trouble.feed_id, trouble.began_at) == ("line 3", 0, NOW)
    assert not config_changes("another line", [broken], NOW)
    assert config_changes(None, [broken], NOW).ended[0].end is EpisodeEnd.MENDED
    assert config_changes("line 3", [ended(broken, HOUR)], NOW).reopened == (1,)
    assert config_changes("line 3", [ended(broken, 2 * DAY)], NOW).opened
    assert not config_changes(None, [], NOW)


def test_an_outage_is_written_once_when_writing_is_possible_again():
    until = NOW - HOUR
    under_way = open_episode(EpisodeKind.NOT_STORED, HOUR)

    assert not outage_changes(None, [], NOW, is_over=True)
    assert not outage_changes(None, [under_way], NOW, is_over=False)  # seen by a new process
    assert [t.began_at for t in outage_changes(until, [], NOW, is_over=False).opened] == [until]
    assert not outage_changes(until, [under_way], NOW, is_over=False)
    (passed,) = outage_changes(until, [], NOW, is_over=True).passed
    assert (passed[0].began_at, passed[1]) == (until, NOW)
    assert outage_changes(until, [under_way], NOW, is_over=True).ended
    assert not outage_changes(until, [ended(under_way, timedelta(0))], NOW, is_over=True)


def test_only_time_that_the_process_was_awake_makes_an_outage():
    seconds = 0.0
    watch = OutageWatch(lambda: seconds)
    asleep_since = NOW - DAY

    assert watch.look(asleep_since) == (None, False)  # the machine was off
    assert watch.look(None) == (None, True)
    assert watch.look(NOW) == (None, False)
    seconds = 300.0
    assert watch.look(NOW) == (NOW, False)
    assert watch.look(NOW + HOUR) == (NOW, False)
    assert watch.look(None) == (NOW, True)
    assert watch.look(None) == (NOW, True)  # until the episode is stored
    watch.forget()
    assert watch.look(None) == (None, True)


class Clock:
    """The clock of a database, as a test sets it."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


class Diary:
    """A database with feeds, and the job that writes episodes."""

    def __init__(self, folder) -> None:
        self.clock = Clock()
        self.database = new_database(folder).execution_options(**clock_option(self.clock))
        self.seconds = 0.0
        self.job = EpisodeJob(self.transact, OutageWatch(lambda: self.seconds))
        subscribe(self.database, feed("lamp"), feed("tide"))

    async def transact(self, work):
        return run_after_reading(self.database, work)

    def note(self, after: timedelta = timedelta(0)) -> list[tuple[str, str | None]]:
        """Run the job, and return kind and end of each episode, the last change first."""
        self.clock.time += after
        asyncio.run(self.job.work())
        return [
            (each.episode.trouble.kind.value, each.episode.end and each.episode.end.value)
            for each in self.newest()
        ]

    def newest(self):
        with self.database.connect() as connection:
            return read_episodes.newest(connection, limit=50)

    def since(self, position: int):
        with self.database.connect() as connection:
            return read_episodes.since(connection, position, limit=50)

    def fail(self, name: str, failures: int, failure: Failure = WALL, **values) -> None:
        record(self.database, name, error="403", failures=failures, failure=failure,
               status=403, now=self.clock.time, **values)  # fmt: skip

    def succeed(self, name: str, *entries) -> None:
        self.clock.time += timedelta(minutes=1)
        record(self.database, name, entries, now=self.clock.time)


@pytest.fixture
def diary(tmp_path):
    return Diary(tmp_path)


def test_a_feed_that_fails_and_is_mended_is_one_episode_with_one_end(diary):
    for failures in (1, 2, 3):
        assert diary.note() == []
        diary.fail("lamp", failures)
        diary.clock.time += HOUR
    assert diary.note() == [("failing", None)]
    (opened,) = diary.newest()
    diary.fail("lamp", 4)
    assert diary.note(DAY) == [("failing", None)]
    assert diary.newest() == [opened]

    diary.succeed("lamp")
    assert diary.note(HOUR) == [("failing", "mended")]
    (mended,) = diary.newest()
    assert mended.episode.id == opened.episode.id
    assert mended.episode.position > opened.episode.position
    assert mended.episode.trouble == opened.episode.trouble
    assert mended.episode.trouble.failure == WALL
    assert mended.episode.ended_at == diary.clock.time - HOUR
    assert mended.source.name == "lamp"
    assert diary.note(DAY) == [("failing", "mended")]
    assert diary.newest() == [mended]


def test_a_flapping_feed_has_one_episode(diary):
    for _ in range(3):
        for failures in (1, 2, 3):
            diary.fail("lamp", failures)
            diary.clock.time += HOUR
        assert diary.note() == [("failing", None)]
        diary.succeed("lamp")
        assert diary.note(HOUR) == [("failing", "mended")]


def test_whoever_asks_by_position_is_told_each_change_once(diary):
    with diary.database.connect() as connection:
        assert read_episodes.last_position(connection) == 0
    diary.fail("lamp", 3)
    diary.fail("tide", 3)
    diary.note()
    first = diary.since(0)
    assert sorted(each.source.name for each in first) == ["lamp", "tide"]
    position = first[-1].episode.position
    assert diary.since(position) == []

    diary.succeed("tide")
    diary.note(HOUR)
    (change,) = diary.since(position)
    assert (change.source.name, change.episode.end) == ("tide", EpisodeEnd.MENDED)
    with diary.database.connect() as connection:
        assert read_episodes.last_position(connection) == change.episode.position
        assert read_episodes.open_episodes(connection, change.source.id) == []


def test_a_feed_that_is_removed_or_paused_ends_its_episodes(diary):
    diary.fail("lamp", 3)
    diary.fail("tide", 3, moved_to=NEW)
    assert sorted(diary.note()) == [("failing", None), ("failing", None), ("moved", None)]

    subscribe(diary.database, feed("tide", paused=True))
    kinds = [("failing", "paused"), ("failing", "unsubscribed"), ("moved", "paused")]
    assert sorted(diary.note(HOUR)) == kinds

    subscribe(diary.database, feed("tide"))
    assert ("moved", None) in diary.note(HOUR)
    assert len(diary.newest()) == 3


def test_a_removed_and_a_silent_feed_have_episodes(diary):
    diary.fail("tide", 1, GONE, outcome=Outcome.GONE)
    diary.succeed("lamp", *(entry(n * 1440) for n in range(4)))
    assert diary.note() == [("gone", None)]
    assert diary.note(15 * DAY) == [("silent", None), ("gone", None)]
    silent = diary.newest()[0].episode
    assert (silent.trouble.began_at, silent.trouble.gap) == (diary.clock.time - 15 * DAY, DAY)

    diary.succeed("lamp", entry(9, guid="new", published_at=diary.clock.time))
    assert diary.note(HOUR)[0] == ("silent", "mended")


def test_a_broken_configuration_and_an_outage_have_episodes(diary):
    with diary.database.begin() as connection:
        note_config_problem(connection, "config.yaml:3: what is this?")
        connection.execute(update(state).values(checked_at=NOW))
        connection.execute(update(feeds).values(next_poll_at=NOW))
    assert diary.note() == [("config", None)]
    with diary.database.begin() as connection:
        note_config_problem(connection, None)

    assert diary.note(HOUR) == [("config", "mended")]  # nothing is stored since an hour
    diary.seconds += 300
    assert diary.note(timedelta(minutes=5))[0] == ("not-stored", None)
    diary.succeed("lamp")
    assert diary.note(timedelta(minutes=4))[0] == ("not-stored", "mended")
    assert diary.newest()[0].source is None
    assert diary.newest()[0].episode.trouble.began_at == NOW


def test_an_outage_in_which_nothing_can_be_written_is_told_after_it(diary):
    until = NOW - DAY
    diary.job._watch.look(until)
    diary.seconds += 300
    diary.job._watch.look(until)

    assert diary.note() == [("not-stored", "mended")]
    assert diary.note(HOUR) == [("not-stored", "mended")]
    assert diary.newest()[0].episode.trouble.began_at == until


def test_two_processes_open_an_episode_once(diary):
    trouble = Trouble(EpisodeKind.FAILING, NOW, 1)
    for _ in range(2):
        with diary.database.begin() as connection:
            write_episodes.write_changes(connection, EpisodeChanges(opened=(trouble,)), now=NOW)
    (opened,) = diary.newest()
    ending = episode_rules.EndedEpisode(opened.episode.id, NOW, EpisodeEnd.MENDED)
    for hours in (1, 2):
        with diary.database.begin() as connection:
            changes = EpisodeChanges(ended=(ending,))
            write_episodes.write_changes(connection, changes, now=NOW + hours * HOUR)

    assert [each.episode.changed_at for each in diary.newest()] == [NOW + HOUR]


def test_processes_at_the_same_time_open_and_end_each_episode_once(diary):
    diary.fail("lamp", 3)
    diary.fail("tide", 3, moved_to=NEW)
    jobs = [EpisodeJob(diary.transact) for _ in range(4)]

    def work_at_once() -> list[int]:
        with ThreadPoolExecutor(len(jobs)) as processes:
            for done in [processes.submit(asyncio.run, job.work()) for job in jobs]:
                done.result(60)
        return [each.episode.position for each in diary.newest()]

    opened = work_at_once()
    diary.succeed("lamp")
    diary.succeed("tide")
    diary.clock.time += HOUR
    ended = work_at_once()

    assert opened == [3, 2, 1]
    assert sorted(ended) == [3, 4, 5]  # the feed that moved still has its episode


def test_old_episodes_are_deleted_and_their_positions_are_not_used_again(diary):
    for name in ("lamp", "tide"):
        diary.fail(name, 3)
        diary.note()
        diary.succeed(name)
        diary.note(HOUR)
    before = diary.newest()[0].episode
    diary.clock.time += 100 * DAY

    asyncio.run(forget_old_episodes(diary.transact))

    assert [each.episode.id for each in diary.newest()] == [before.id]
    diary.fail("lamp", 3)
    diary.note()
    assert diary.newest()[0].episode.position == before.position + 1
    assert diary.newest()[0].episode.id not in {1, 2, 3, before.id}


def test_an_episode_of_a_feed_without_a_row_is_left_out(diary):
    diary.fail("lamp", 3)
    diary.note()
    with diary.database.begin() as connection:
        connection.execute(update(table).values(feed_id=999))
        assert read_episodes.newest(connection, limit=5) == []
        connection.execute(delete(table))
        assert connection.scalars(select(table.c.id)).all() == []

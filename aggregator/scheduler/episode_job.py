"""Episodes for the health feed: noticed by a job, never by a poll."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from time import monotonic

from aggregator import episode_rules
from aggregator.database import Connection, Transact, database_time
from aggregator.database.episodes import read_episodes, write_episodes
from aggregator.database.state import read_overview
from aggregator.model.health_episodes import (
    WHOLE_PROGRAM,
    Episode,
    EpisodeChanges,
    EpisodeKind,
)

INTERVAL = timedelta(minutes=5)
"""Time between two runs of the job."""

KEPT_AFTER_END = timedelta(days=90)
"""How long episodes are kept after their end."""

_OUTAGE = timedelta(minutes=4)  # less than the interval, as runs are not exactly so far apart


class OutageWatch:
    """Notices when no polls are stored for minutes while the process runs.

    A machine off or asleep stores nothing either, without an outage: the minutes count from the
    first look at the halted database, by a clock without the sleep of the machine.

    Args:
        seconds: Returns the time of the clock.
    """

    def __init__(self, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._stored_until: datetime | None = None
        self._first_seen = 0.0
        self._is_outage = False

    def look(self, halted_since: datetime | None) -> tuple[datetime | None, bool]:
        """Return when the last poll before an outage was stored, and whether the outage is over.

        Args:
            halted_since: Of `read_episodes.halted_since`.

        Returns:
            None as the time without an outage; a past outage stays until `forget`.
        """
        if halted_since is not None and halted_since != self._stored_until:
            if not self._is_outage:
                self._stored_until, self._first_seen = halted_since, self._seconds()
        elif halted_since is not None:
            waited = self._seconds() - self._first_seen
            self._is_outage |= waited >= _OUTAGE.total_seconds()
        elif not self._is_outage:
            self._stored_until = None
        is_over = halted_since is None
        return (self._stored_until if self._is_outage else None), is_over

    def forget(self) -> None:
        """Forget a past outage, which is stored as an episode."""
        self._stored_until, self._is_outage = None, False


class EpisodeJob:
    """Opens and ends episodes by the present state of all feeds and of the program.

    Args:
        transact: Runs a function in a transaction without locks before the first write.
        watch: None: episodes about polls not stored stay as they are.
    """

    def __init__(self, transact: Transact, watch: OutageWatch | None = None) -> None:
        self._transact = transact
        self._watch = watch

    async def work(self) -> None:
        """Write the changes since the last run."""
        is_over = await self._transact(self._note)
        if is_over and self._watch is not None:
            self._watch.forget()

    def _note(self, connection: Connection) -> bool:
        """Return whether an outage is over."""
        now = database_time(connection)
        stored_episodes = _by_feed(
            read_episodes.remembered(connection, ended_after=now - episode_rules.REMEMBERED)
        )
        of_program = stored_episodes[WHOLE_PROGRAM]
        of_config = _of_kind(of_program, EpisodeKind.CONFIG)
        problem = read_overview.config_problem(connection)
        changes = [
            *_changes_of_feeds(connection, stored_episodes, now),
            episode_rules.config_changes(problem, of_config, now),
        ]
        is_over = False
        if self._watch is not None:
            halted_since = read_episodes.halted_since(connection, now=now)
            stored_until, is_over = self._watch.look(halted_since)
            outages = _of_kind(of_program, EpisodeKind.NOT_STORED)
            changes.append(
                episode_rules.outage_changes(stored_until, outages, now, is_over=is_over)
            )
        write_episodes.write_changes(connection, EpisodeChanges.combined(changes), now=now)
        return is_over


async def forget_old_episodes(transact: Transact) -> None:
    """Delete episodes with an end long ago."""

    def forget(connection: Connection) -> None:
        ended_before = database_time(connection) - KEPT_AFTER_END
        write_episodes.forget_old(connection, ended_before=ended_before)

    await transact(forget)


def _changes_of_feeds(
    connection: Connection, stored_episodes: Mapping[int, Sequence[Episode]], now: datetime
) -> Iterator[EpisodeChanges]:
    states = read_episodes.feed_states(
        connection,
        silent_since=now - episode_rules.MIN_SILENT,
        min_failures=episode_rules.MIN_FAILURES,
    )
    for state in states:
        yield episode_rules.feed_changes(state, stored_episodes.get(state.feed_id, ()), now)


def _by_feed(episodes: Iterable[Episode]) -> dict[int, list[Episode]]:
    by_feed: dict[int, list[Episode]] = defaultdict(list)
    for episode in episodes:
        by_feed[episode.trouble.feed_id].append(episode)
    return by_feed


def _of_kind(episodes: Iterable[Episode], kind: EpisodeKind) -> list[Episode]:
    return [episode for episode in episodes if episode.trouble.kind is kind]

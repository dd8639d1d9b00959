"""Faults of several machines that poll for one PostgreSQL server.

Whatever happens to one of them: no post is lost or stored twice, and no feed is requested within
its interval, by the publishers' record of requests.
"""

import contextlib
import signal
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests import postgresql
from tests.growing_feeds import growing_feeds
from tests.machines import Machine
from tests.running import HANGS_AFTER, eventually

pytestmark = pytest.mark.slow

POLLING = ("run",)
RECLAIMED = "a process ended or stopped renewing its leases"
LOST = "leases of this process ended"


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as url:
        yield url


class Poller:
    """The program on a machine, and its log."""

    def __init__(self, machine, folder, database):
        self._machine, self._folder, self._database = machine, folder, database
        self._log = folder / f"{machine.name}.log"
        self.process = None

    def start(self):
        with self._log.open("ab") as log:
            self.process = self._machine.start(*POLLING, cwd=self._folder, stderr=log)

    def stop(self):
        self.process.terminate()
        self.end()

    def end(self):
        assert self.process.wait(HANGS_AFTER) == 0, self.log
        assert "Traceback" not in self.log, self.log

    def kill(self):
        self.process.kill()
        self.process.wait(HANGS_AFTER)

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def log(self):
        return self._log.read_text() if self._log.exists() else ""

    def lease_count(self):
        """Return how many feeds the process has leased."""
        statement = text("SELECT count(*) FROM feeds WHERE lease_owner LIKE :owner")
        owner = f"%{self._machine.name}/{self.process.pid}/%"
        with self._database.connect() as connection:
            return connection.scalar(statement, {"owner": owner})

    def poll_count(self):
        """Return how many polls brought a post."""
        return self.log.count(": 1 new")


@contextlib.contextmanager
def polling(folder, database, *machines) -> Iterator[list[Poller]]:
    """Yield a poller for each machine, to be started; the running ones have to end well."""
    pollers = [Poller(machine, folder, database) for machine in machines]
    try:
        yield pollers
        running = [poller for poller in pollers if poller.is_running]
        for poller in running:
            poller.process.terminate()
        for poller in running:
            poller.end()
    finally:
        for poller in pollers:
            if poller.is_running:
                poller.kill()


def busy_poller(pollers):
    """Return a running poller that has leased feeds, as soon as there is one."""
    running = [poller for poller in pollers if poller.is_running]
    return eventually(
        lambda: next((poller for poller in running if poller.lease_count()), None), every=0.02
    )


def hand_over(database, feeds, present, following):
    """Stop a poller after another has started, and wait until that one has polled all feeds."""
    polls, sessions = following.poll_count(), session_count(database)
    following.start()
    eventually(lambda: session_count(database) > sessions)
    present.stop()
    feeds.wait_until(lambda: following.poll_count() > polls + len(feeds))


def session_count(database):
    """Return how many sessions there are on the database."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with database.connect() as connection:
        return connection.scalar(text(statement))


def count(pollers, line):
    return sum(poller.log.count(line) for poller in pollers)


def test_ten_pollers_that_are_killed_in_mid_poll_lose_and_double_nothing(server, tmp_path):
    database = postgresql.new_database(server)
    machines = [Machine(f"machine{number}", lease=3) for number in range(13)]
    with growing_feeds(database, count=24, interval=4, delay=0.2) as feeds:
        feeds.write_config(tmp_path, concurrency="1")
        with polling(tmp_path, database, *machines) as pollers:
            for poller in pollers[:3]:
                poller.start()
            feeds.go_on()
            for successor in pollers[3:]:
                busy_poller(pollers).kill()
                successor.start()
                feeds.note_polls()
            feeds.go_on()
            feeds.end()
            assert feeds.early() == []
    assert count(pollers, RECLAIMED) >= 1


def test_machines_whose_clocks_differ_poll_no_feed_early(server, tmp_path):
    database = postgresql.new_database(server)
    machines = Machine("slow", ahead=-300), Machine("fast", ahead=300)
    began_at = time.time()
    with growing_feeds(database, count=6, interval=2, delay=0.1) as feeds:
        feeds.write_config(tmp_path)
        with polling(tmp_path, database, *machines) as (slow, fast):
            slow.start()
            feeds.go_on()
            hand_over(database, feeds, slow, fast)
            hand_over(database, feeds, fast, slow)
            feeds.end()
        assert feeds.early(delay=feeds.interval / 2) == []
    assert count([slow, fast], RECLAIMED) == 0
    assert count([slow, fast], "the clock was set") == 0
    with database.connect() as connection:
        first_seen = connection.scalars(text("SELECT first_seen_at / 1e6 FROM entries")).all()
    assert (
        began_at - 1 < min(map(float, first_seen)) <= max(map(float, first_seen)) < time.time() + 1
    )


def test_a_poller_that_wakes_up_after_its_lease_polls_nothing_and_stores_nothing(server, tmp_path):
    database = postgresql.new_database(server)
    machines = Machine("first", lease=3), Machine("second", lease=3)
    with growing_feeds(database, count=4, interval=4, delay=0.1) as feeds:
        feeds.write_config(tmp_path, concurrency="1")
        with polling(tmp_path, database, *machines) as (first, second):
            with feeds.held() as held:
                first.start()
                eventually(lambda: any(feeds.request_counts()) and first.lease_count() == 4)
                first.process.send_signal(signal.SIGSTOP)
            second.start()
            # A transaction in which the first one is suspended holds up the second for a minute.
            feeds.wait_until(lambda: second.poll_count() >= len(feeds), within=HANGS_AFTER * 3)
            reclaims = second.log.count(RECLAIMED)
            held.set()
            first.process.send_signal(signal.SIGCONT)
            feeds.wait_until(lambda: LOST in first.log)
            losses = first.log.count(LOST)
            feeds.end()
            assert feeds.early() == []
    assert reclaims in {1, 2}  # a lease was perhaps renewed by itself
    assert losses == 1

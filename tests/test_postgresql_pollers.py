"""Faults of several machines that poll for one PostgreSQL server.

Whatever happens to one of them: no post is lost or stored twice, and no feed is requested within
its interval, by the publishers' record of requests.
"""

import contextlib
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tests import postgresql
from tests.growing_feeds import growing_feeds
from tests.machines import Machine
from tests.running import HANGS_AFTER, eventually

pytestmark = pytest.mark.slow

POLLING = ("schedule",)


@pytest.fixture(scope="module")
def server():
    with postgresql.server() as url:
        yield url


class Poller:
    """The program on a machine, and its log; started again after a kill."""

    def __init__(self, machine, folder):
        self.machine, self._folder = machine, folder
        self._log = folder / f"{machine.name}.log"
        self.process = None

    def start(self):
        with self._log.open("ab") as log:
            self.process = self.machine.start(*POLLING, cwd=self._folder, stderr=log)

    @property
    def log(self):
        return self._log.read_text()

    def holds_feeds(self, database):
        """Whether the process has leases."""
        statement = text("SELECT count(*) FROM feeds WHERE lease_owner LIKE :owner")
        owner = f"{self.machine.name}/{self.process.pid}/%"
        with database.connect() as connection:
            return connection.scalar(statement, {"owner": owner}) > 0

    def kill(self):
        self.process.kill()
        self.process.wait(HANGS_AFTER)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(HANGS_AFTER) == 0, self.log
        assert "Traceback" not in self.log, self.log

    def polls(self):
        """Return how many polls brought a post."""
        return self.log.count(": 1 new") if self._log.exists() else 0


@contextlib.contextmanager
def polling(folder, *machines) -> Iterator[list[Poller]]:
    """Yield a poller for each machine, to be started; each has to end well."""
    pollers = [Poller(machine, folder) for machine in machines]
    try:
        yield pollers
        for poller in pollers:
            if poller.process.poll() is None:
                poller.stop()
    finally:
        for poller in pollers:
            if poller.process is not None:
                poller.kill()


def hand_over(database, feeds, present, following):
    """Stop a poller after another has started, and wait until that one has polled all feeds."""
    polls, sessions = following.polls(), session_count(database)
    following.start()
    eventually(lambda: session_count(database) > sessions)
    present.stop()
    eventually(lambda: following.polls() > polls + len(feeds))


def session_count(database):
    """Return how many sessions there are on the database."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with database.connect() as connection:
        return connection.scalar(text(statement))


def count(pollers, line):
    return sum(poller.log.count(line) for poller in pollers)


def test_machines_whose_clocks_differ_poll_no_feed_early(server, tmp_path):
    database = postgresql.new_database(server)
    machines = Machine("slow", ahead=-300), Machine("fast", ahead=300)
    with growing_feeds(database, count=6, interval=3, delay=0.1) as feeds:
        feeds.write_config(tmp_path)
        with polling(tmp_path, *machines) as pollers:
            slow, fast = pollers
            slow.start()
            eventually(lambda: feeds.have_been_polled(1))
            hand_over(database, feeds, slow, fast)
            hand_over(database, feeds, fast, slow)
            feeds.stop_growing()
            eventually(feeds.are_stored)

        assert feeds.early() == []
    assert count(pollers, "stopped renewing its leases") == 0
    assert count(pollers, "the clock was set") == 0
    with database.connect() as connection:
        first_seen = connection.scalars(text("SELECT first_seen_at / 1e6 FROM entries")).all()
    assert all(abs(float(at) - time.time()) < 120 for at in first_seen)

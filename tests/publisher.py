"""A publisher who judges every request, and a world in which days pass in no time.

The judging follows the feed reader behaviour test at rachelbythebay.com: conditional requests
carry exactly what was last served, unconditional ones are rare, none is early, and none says more
than it has to.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aggregator.database.feeds import read_health, write_hosts, write_leases, write_subscriptions
from aggregator.fetch import FetchSettings
from aggregator.model import FeedHealth, Subscription
from aggregator.poll import PollResult, PollSettings
from aggregator.poll.poll_clock import PollClock
from tests.feedserver import FeedServer, Request
from tests.pollers import polling
from tests.worlds import sqlite_database

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_TIMES = {
    "feeds": ("next_poll_at", "not_before", "last_polled_at", "last_success_at", "last_full_at",
              "moving_since", "failing_since"),
    "hosts": ("free_at", "learned_at"),
    "polls": ("started_at",),
}  # fmt: skip


@dataclass
class World:
    """A database, and polls of what is due in it; every one by a program that just started."""

    folder: Path
    host_delay: float = 0.0
    clock: PollClock | None = None
    passed: timedelta = timedelta(0)

    def subscribe(self, *subscriptions: Subscription) -> None:
        with self._database() as connection:
            write_subscriptions.sync_subscriptions(connection, subscriptions, now=datetime.now(UTC))

    def now(self) -> datetime:
        """The time of this world."""
        return datetime.now(UTC) + self.passed

    def wait(self, span: timedelta) -> None:
        """Let time pass: everything that the database dates is so much longer ago."""
        self.passed += span
        with self._database() as connection:
            for table, columns in _TIMES.items():
                moved = ", ".join(f"{name} = {name} - {_micro(span)}" for name in columns)
                connection.exec_driver_sql(f"UPDATE {table} SET {moved}")

    def poll(self, *, owner: str = "me", limit: int | None = None) -> list[PollResult]:
        """Poll what is due, `limit` feeds at most."""

        async def run() -> list[PollResult | None]:
            settings = PollSettings(
                FetchSettings("aggregator/1", allow=("127.0.0.0/8",)),
                authority="example.org",
                host_delay=timedelta(seconds=self.host_delay),
            )
            async with polling(self.engine, settings, clock=self.clock) as poller:
                return await asyncio.gather(*map(poller.poll, due))

        with self._database() as connection:
            now = datetime.now(UTC)
            shared_hosts = write_hosts.shared_hosts(connection)
            due = write_leases.lease_due(
                connection, owner=owner, now=now, until=now + HOUR, limit=limit,
                shared_hosts=shared_hosts,
            )  # fmt: skip
        return [result for result in asyncio.run(run()) if result] if due else []

    def next_poll(self, *, within: timedelta = timedelta(days=60)) -> list[PollResult]:
        """Wait for the next poll, and look whether one happens half a minute before its time."""
        end = self.now() + within
        while self.now() < end:
            with self._database() as connection:
                due_at = read_health.next_due_at(connection)
            assert due_at is not None, "never again"
            self.wait(max(due_at - datetime.now(UTC) - timedelta(seconds=30), timedelta(0)))
            if early := self.poll():
                return early
            self.wait(timedelta(seconds=31))
            if results := self.poll():
                return results
        raise AssertionError("nothing was polled")

    def health(self, name: str) -> FeedHealth:
        with self._database() as connection:
            found = read_health.feed(connection, name, now=datetime.now(UTC))
        assert found is not None
        return found

    def _database(self) -> Any:
        return self.engine.begin()

    def __post_init__(self) -> None:
        self.engine = sqlite_database(self.folder)

    def restart(self) -> None:
        """Begin anew on the same file."""
        self.engine.dispose()
        self.__post_init__()

    def close(self) -> None:
        self.engine.dispose()


@dataclass
class Answer:
    """What a publisher says to one request.

    Attributes:
        wait: So long no other request must come, whatever the program's own pace is.
        location: Where the feed is instead.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: timedelta = HOUR

    @property
    def validators(self) -> dict[str, str]:
        names = {"etag": "if-none-match", "last-modified": "if-modified-since"}
        given = {name.lower(): value for name, value in self.headers.items()}
        return {names[key]: given[key] for key in names if key in given}


class Publisher:
    """Answers requests for one path in a fixed order, and notes what is wrong with each."""

    def __init__(self, server: FeedServer, path: str, now: Callable[[], datetime]) -> None:
        self.server, self.path, self._now = server, path, now
        self.answers: list[Answer] = []
        self.faults: list[str] = []
        self.judged = 0
        self.expected: dict[str, str] = {}
        self._not_before: datetime | None = None
        self._unconditional_at: datetime | None = None
        server.raw(path, self._serve)

    def will_say(self, *answers: Answer) -> None:
        self.answers += answers

    @property
    def score(self) -> float:
        """Per cent of the requests that nothing is wrong with."""
        bad = {fault.partition(":")[0] for fault in self.faults}
        return 100 * (1 - len(bad) / self.judged) if self.judged else 0.0

    def _serve(self, sock: Any) -> None:
        request = self.server.requests_to(self.path)[-1]
        self.judged += 1
        self._judge(request)
        answer = self.answers.pop(0) if self.answers else Answer(304)
        self._remember(answer)
        headers = {"Content-Length": str(len(answer.body)), "Set-Cookie": "id=7", **answer.headers}
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body)

    def _remember(self, answer: Answer) -> None:
        if answer.status == 200:  # both are replaced: what is not there is forgotten
            self.expected = answer.validators
        elif answer.status == 304:
            self.expected |= answer.validators
        self._not_before = self._now() + answer.wait

    def _judge(self, request: Request) -> None:
        sent = {
            name: request.headers[name]
            for name in ("if-none-match", "if-modified-since")
            if name in request.headers
        }
        now = self._now()
        if sent != self.expected:
            self._fault(f"sent {sent} instead of {self.expected}")
        if self._not_before is not None and now < self._not_before:
            self._fault(f"{self._not_before - now} too early")
        if not sent:
            if self._unconditional_at is not None and now - self._unconditional_at < DAY:
                self._fault("unconditional twice a day")
            self._unconditional_at = now
        if request.method != "GET" or request.path != self.path:
            self._fault(f"{request.method} {request.path}")
        for name in ("cookie", "referer", "cache-control", "pragma", "authorization"):
            if name in request.headers:
                self._fault(f"sent {name}")
        if "gzip" not in request.headers.get("accept-encoding", ""):
            self._fault("does not take gzip")
        if "Mozilla" in request.headers.get("user-agent", "Mozilla"):
            self._fault("says that it is a browser, or nothing")

    def _fault(self, what: str) -> None:
        self.faults.append(f"request {self.judged}: {what}")


def _micro(span: timedelta) -> int:
    return span // timedelta(microseconds=1)

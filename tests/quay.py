"""A site of invented feeds whose documents, answers and clock never differ.

Its files are in tests/data/quay; `NOW` is the moment in which everything is asked.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from sqlalchemy import Connection, Engine

import aggregator
import web
from aggregator.config import Config, load
from aggregator.database.feeds import write_hosts, write_leases, write_polls, write_subscriptions
from aggregator.database.lists import write_relisting
from aggregator.database.stories import write_candidates
from aggregator.database.websub import write_subscribers, write_unannounced
from aggregator.errors import FetchError
from aggregator.model import DueFeed, Fetched, HostPause, Validators
from aggregator.poll import recording
from aggregator.poll.reports import CompletedPoll, failure_of, success_of
from aggregator.reading.worker_task import read_document
from aggregator.scheduler import poll_settings

DATA = Path(__file__).parent / "data" / "quay"
NOW = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
FIRST = NOW - timedelta(hours=5)
LAST = NOW - timedelta(minutes=20)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

DOCUMENTS = {
    "harbour": "harbour-2.rss",
    "lamp": "lamp.atom",
    "gulls": "gulls.json",
    "circle": "circle.rss",
}
"""The file of the last document of each feed that could be read, by the feed's name."""


@contextmanager
def clock_at(now: datetime) -> Iterator[None]:
    """Make it `now` for every module of the program that takes the time from `datetime`."""
    _import_all()

    class Kind(type(datetime)):  # type: ignore[misc]
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime)

    class StoppedClock(datetime, metaclass=Kind):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return now.astimezone(tz)

    modules = [
        module
        for name, module in sys.modules.items()
        if name.partition(".")[0] in {"aggregator", "web"}
        and vars(module).get("datetime") is datetime
    ]
    try:
        for module in modules:
            vars(module)["datetime"] = StoppedClock
        yield
    finally:
        for module in modules:
            vars(module)["datetime"] = datetime


@cache
def _import_all() -> None:
    """Import what the program imports when it is needed, so that its clock stops, too."""
    for package in (aggregator, web):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if ".versions." not in module.name and not module.name.endswith("__main__"):
                import_module(module.name)


def configure(folder: Path) -> Config:
    """Write the site's config.yaml into `folder` and read it."""
    path = folder / "config.yaml"
    path.write_bytes((DATA / "config.yaml").read_bytes())
    path.chmod(0o600)
    return load(path)


def subscribe(engine: Engine, config: Config) -> None:
    """Make the feeds of config.yaml the subscriptions, as each start of the program does."""
    with engine.begin() as connection:
        write_subscriptions.follow_config(
            connection, config.feeds, config.listing_rules, stories=config.stories.on, now=FIRST
        )
    write_relisting.relist_all(engine, now=FIRST)


def poll_all(engine: Engine, config: Config) -> None:
    """Subscribe, and poll all feeds but `fresh` as their servers answered until `LAST`."""
    with engine.begin() as connection:
        names = [replace(feed, name=f"old-{feed.name}", name_given=False) for feed in config.feeds]
        write_subscriptions.sync_subscriptions(connection, names[:1], now=FIRST)
    subscribe(engine, config)
    poll(engine, config, "harbour", "harbour-1.rss", at=FIRST)
    for name in ("lamp", "gulls", "circle"):
        poll(engine, config, name, DOCUMENTS[name], at=FIRST + MINUTE)
    for hours in (1, 2, 4):
        _fail(
            engine, config, "mast", "name not found", at=FIRST + hours * HOUR, kind="unknown-host"
        )
    _fail(
        engine, config, "slow", "429 Too Many Requests", at=LAST, kind="throttled", status=429,
        retry_after=HOUR,
    )  # fmt: skip
    _fail(engine, config, "gone", "410 Gone", at=LAST, kind="gone", status=410)
    poll(engine, config, "lamp", None, at=LAST)
    poll(engine, config, "harbour", "harbour-2.rss", at=LAST + MINUTE)
    with engine.begin() as connection:
        write_hosts.note_pauses(connection, [HostPause("slow.example", NOW, 5 * SECOND, LAST)])
        write_unannounced.note_unannounced(connection, feed_ids=[1], list_ids=[1, 2], now=LAST)
        write_candidates.postpone(connection, [(2, 1)])
        write_subscribers.add_subscriber(
            connection,
            topic="https://quay.example/feed.atom",
            callback="https://reader.example/hook",
            host="reader.example",
            secret="tide",
            lease_until=NOW + 24 * HOUR,
            max_per_host=9,
            max_total=9,
        )


def poll(
    engine: Engine, config: Config, name: str, document: str | None, *, at: datetime
) -> write_polls.PollReport:
    """Store a poll whose answer was a document of `DATA`, or 304 where that is None."""
    with clock_at(at), engine.begin() as connection:
        due = _leased(connection, name, at)
        body = (DATA / document).read_bytes() if document else b""
        etag = due.validation.validators.etag
        headers = {"content-type": "application/xml", "cache-control": "max-age=600"}
        answer = Fetched(
            status=200 if document else 304,
            url=due.url,
            headers=headers,
            body=body,
            validators=Validators(due.url, f'"{len(body)}"' if document else etag),
            size=len(body),
        )
        seen_hashes = due.validation.seen_hashes
        read = read_document(body, headers, due.url, seen_hashes) if document else None
        body_hash = sha256(body).digest()[:16] if document else None
        success = success_of(due, at, answer, read, body_hash)
        done = CompletedPoll(due, at, at, due.relocation, success, answer.status, answer.size)
        return _stored(connection, config, done)


def _fail(
    engine: Engine, config: Config, name: str, reason: str, *, at: datetime, **answer: Any
) -> None:
    with clock_at(at), engine.begin() as connection:
        due = _leased(connection, name, at)
        failure = failure_of(due, at, FetchError(due.url, reason, **answer))
        done = CompletedPoll(due, at, at, due.relocation, failure, answer.get("status"))
        _stored(connection, config, done)


def _leased(connection: Connection, name: str, at: datetime) -> DueFeed:
    (due,) = write_leases.lease_named(
        connection, owner="quay", now=at, until=at + MINUTE, names=[name]
    )
    return due


def _stored(connection: Connection, config: Config, done: CompletedPoll) -> write_polls.PollReport:
    (report,) = recording.record(connection, [done], poll_settings(config))
    assert report is not None
    return report

"""What the merged feeds cost: rendering, a 304, and what is served from memory.

CPU time of this process, the best of several rounds: others' load makes it longer, never shorter.
"""

import gc
import io
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask

from aggregator.config import load
from aggregator.database import open_database
from aggregator.database.feeds import write_leases, write_subscriptions
from aggregator.database.feeds.write_polls import note_change
from aggregator.merged import ListRequest, Publication, document
from aggregator.model import DueFeed, ListScope, Validators
from aggregator.poll import recording
from aggregator.poll.reports import CompletedPoll, PollSuccess
from aggregator.publish import Format, render
from aggregator.reading.worker_task import read_document
from aggregator.schedule import PollResponse
from aggregator.scheduler import poll_settings
from bench import feeds
from web import create_app

ENTRIES = 100
ROUNDS = 30


@dataclass(frozen=True)
class Publishing:
    """Milliseconds of CPU each.

    Attributes:
        rendered: `ENTRIES` entries, by format: from values to bytes.
        not_modified: A conditional request that is answered 304.
        cached: A request for a document that was rendered before.
        made: The same, when the database has changed since: queries, rendering, hashing.
    """

    rendered: dict[str, float]
    not_modified: float
    cached: float
    made: float


def measure() -> Publishing:
    """Measure on a database of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = _app(folder)
        site = app.extensions["aggregator"]
        request, publication = ListRequest(ListScope(), limit=ENTRIES), Publication.of(site.config)
        with site.engine.connect() as connection:
            whole = document(connection, request, publication, now=datetime.now(UTC))
        assert whole is not None and len(whole.entries) == ENTRIES

        def rendering(form: Format) -> Callable[[], object]:
            return lambda: render(whole, form)

        rendered = {form.value: _milliseconds(rendering(form)) for form in Format}
        path = f"limit={ENTRIES}"
        etag = _ask(app, path)[1]["ETag"]
        known = {"HTTP_IF_NONE_MATCH": etag}
        assert _ask(app, path, **known)[0].startswith("304")

        def make() -> None:
            with site.engine.begin() as connection:
                note_change(connection)
            _ask(app, path)

        found = Publishing(
            rendered=rendered,
            not_modified=_milliseconds(lambda: _ask(app, path, **known), times=50),
            cached=_milliseconds(lambda: _ask(app, path), times=50),
            made=_milliseconds(make),
        )
        site.engine.dispose()
        return found


def lines(found: Publishing) -> list[str]:
    """Return the figures as a part of results.md."""
    rows = [
        *((f"{ENTRIES} entries as {form}", ms, "< 5") for form, ms in found.rendered.items()),
        ("a 304", found.not_modified, "< 0.2"),
        ("a document from memory", found.cached, ""),
        ("the same, made anew", found.made, f">= 5 x: {found.made / found.cached:.0f} x"),
    ]
    return [
        "## Merged feeds",
        "",
        "Entries of about 5 kB, requests through the whole application.",
        "",
        "| | CPU ms | target |",
        "| --- | --- | --- |",
        *(f"| {what} | {ms:.2f} | {target} |" for what, ms, target in rows),
        "",
    ]


def _milliseconds(work: Callable[[], object], *, times: int = 1) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        gc.disable()
        start = time.process_time()
        for _ in range(times):
            work()
        best = min(best, (time.process_time() - start) / times)
        gc.enable()
    return best * 1000


def _ask(app: Flask, query: str, **headers: str) -> tuple[str, dict[str, str]]:
    """Answer one request as a WSGI server asks for it."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/feed.atom",
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8080",
        "HTTP_ACCEPT_ENCODING": "gzip",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **headers,
    }
    answered: list[Any] = []
    body = app(environ, lambda status, sent, *_: answered.extend((status, sent)))
    for _ in body:
        pass
    getattr(body, "close", lambda: None)()
    return answered[0], dict(answered[1])


def _app(folder: Path) -> Flask:
    """Return the application on a database with twice as many entries as are published."""
    count = 2 * ENTRIES // feeds.ENTRIES
    urls = [f"https://f{number}.example/feed" for number in range(count)]
    (folder / "config.yaml").write_text(f"feeds: {json.dumps(urls)}\n")
    config = load(folder / "config.yaml")
    engine, now = open_database(config.database), datetime.now(UTC)
    with engine.begin() as connection:
        write_subscriptions.sync_subscriptions(connection, config.feeds, now=now)
        due = write_leases.lease_named(
            connection, owner="bench", now=now, until=now + timedelta(minutes=1), names=None
        )
        polls = [completed_poll(feed, number, now) for number, feed in enumerate(due)]
        recording.record(connection, polls, poll_settings(config), now=now)
    return create_app(config, engine)


def completed_poll(feed: DueFeed, number: int, now: datetime) -> CompletedPoll:
    """Return a poll that brought the feed's document, as the pipeline hands it to the writer."""
    read = read_document(feeds.document(number), {}, feed.url)
    assert read.feed is not None
    success = PollSuccess(Validators(), feed.pacing, PollResponse(), read.feed)
    return CompletedPoll(feed, now, now, feed.relocation, success)


if __name__ == "__main__":
    print("\n".join(lines(measure())))

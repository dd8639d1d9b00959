"""The web application on a real SQLite database, and a strict reading of its pages."""

import contextlib
import functools
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import waitress
import yaml
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import make_server

from aggregator.config import load
from aggregator.database import Engine
from aggregator.database.schema import entries
from aggregator.model import CleanEntry, Enclosure, FeedHead, ListingRules, Outcome, Subscription
from tests import subscribed, worlds
from web import create_app

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
FEEDS = (
    {"name": "lamp", "url": "https://lamp.example/feed.xml", "category": "Trade", "title": "Lamp"},
    {"name": "tide", "url": "https://user:secret@tide.example/rss", "category": "The Sea"},
    {"name": "local", "url": "samples/local.xml", "title": "Local File"},
)


def midday_zone() -> str:
    """Return a zone where it is about noon: what came in the last hours came today."""
    east = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-east:+d}" if east else "UTC"


class Site:
    """One application, its database and a client of it."""

    def __init__(
        self, folder: Path, feeds: Sequence[dict[str, str]] = FEEDS, **values: Any
    ) -> None:
        path = folder / "config.yaml"
        # The database's place does not matter: the engine is handed over.
        whole = {"title": "Daybook", "base_url": "https://posts.example", **values}
        whole["feeds"] = [dict(each) for each in feeds]
        path.write_text(yaml.dump(whole, Dumper=yaml.CSafeDumper), "utf-8")
        (folder / "samples").mkdir(exist_ok=True)
        (folder / "samples" / "local.xml").write_text("<rss/>", "utf-8")
        self.config = load(path)
        self.engine: Engine = worlds.new_database(folder)
        self.app: Flask = create_app(self.config, self.engine)
        self.client: FlaskClient = self.app.test_client()

    def subscribe(self, *subscriptions: Subscription, listing: ListingRules | None = None) -> None:
        """Make the configured feeds, or these, the subscriptions; likewise rules and views."""
        subscribed.follow(
            self.engine,
            subscriptions or self.config.feeds,
            listing or self.config.listing_rules,
            stories=self.config.stories.on,
        )

    def record(self, name: str, *entries: CleanEntry, **report: Any) -> None:
        """Store one poll of a feed that ended just now."""
        worlds.record(self.engine, name, entries, **{"now": datetime.now(UTC), **report})

    def page(
        self,
        path: str,
        status: int = 200,
        *,
        language: str = "en",
        headers: dict[str, str] | None = None,
    ) -> "HtmlPage":
        """Return a page after checking its status and that it is well-formed HTML."""
        asked = {"Accept-Language": language} | (headers or {})
        answer = self.client.get(path, headers=asked)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:300]}"
        assert answer.content_type == "text/html; charset=utf-8"
        return HtmlPage(answer.text)


def post_path(site: Site, title: str | None = None) -> str:
    """Return the path of the page of the post with a title, else of the newest post."""
    statement = select(entries.c.id).order_by(entries.c.id.desc())
    if title is not None:
        statement = statement.where(entries.c.title == title)
    with site.engine.connect() as connection:
        return f"/post/{connection.scalar(statement.limit(1))}"


def full_site(folder: Path) -> Site:
    """Return a site with three feeds: one of 95 entries, a hostile one, and one that fails."""
    site = Site(folder)
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 96)))
    evil = entry(
        200,
        title=EVIL,
        summary=EVIL,
        authors=(EVIL,),
        language='de"onclick="x',
        url="https://tide.example/?a=1&b=%22",
        guid="evil",
    )
    head = FeedHead(
        title=f"Tide {EVIL}", subtitle=EVIL, site_url="https://tide.example/", note=EVIL
    )
    site.record("tide", evil, head=head, moved_to="https://user:secret@new.example/")
    site.record(
        "local",
        outcome=Outcome.FAILED,
        status=None,
        error=EVIL,
        failures=1,
        next_reason="asked less often after 1 failure",
        head=FeedHead(),
    )
    return site


def lively_site(folder: Path) -> Site:
    """Return a site that shows everything a list can show, and every state of a feed."""
    feeds = [
        {"name": name, "url": f"https://{name}.example/feed.xml", "title": title, **more}
        for name, title, more in [
            ("lamp", "Lamp & Ledger", {"category": "Trade"}),
            (
                "tide",
                "Harbour & Tide",
                {"category": ["The Sea", "Trade"], "hide": "selectedoption"},
            ),
            ("watch", "Preprint Watch", {"category": "Science"}),
            ("licht", "Nordlicht", {"category": "Science"}),
            ("orbit", "Orbit Weekly", {}),
            ("bee", "Busy Bee", {}),
            ("gate", "Garden Gate", {}),
        ]
    ]
    view = {"title": "Odd & even", "search": "post OR preprint", "description": "But no weather"}
    site = Site(folder, feeds=feeds, views=[{"name": "odd", **view}, {"name": "b", "search": "x"}])
    site.subscribe()
    now = datetime.now(UTC)
    old = now - timedelta(hours=3)
    first = entry(170, guid="changed", title="A weather page that has not changed since 1998")
    loud = [
        entry(n, guid=f"w{n}", title=f"Preprint {n}", authors=("Ines Okafor",)) for n in range(9)
    ]
    site.record("lamp", *(entry(n * 97, guid=f"l{n}") for n in range(2, 60)), first, now=old)
    site.record("watch", *loud)
    site.record("lamp", replace(first, summary="New.", content_hash=b"x" * 16))
    audio = (Enclosure("https://tide.example/a.mp3", "audio/mpeg"),)
    later = now + timedelta(days=7)
    site.record(
        "tide",
        entry(12, title="How should <selectedoption> work?", enclosures=audio),
        entry(30, title="<b>", title_html="<b>“Big whales sold.”</b> The <em>biggest</em> one"),
        entry(40, published_at=None, summary="Long words: " + "Donaudampfschifffahrt" * 9),
        entry(50, published_at=later),
    )
    site.record(
        "licht",
        entry(15, guid="de", language="de", title="Wie laut ist das Polarlicht?"),
        entry(16, guid="ar", language="ar", title="كيف يعمل البحر؟", summary="نص قصير عن البحر."),
        entry(17, guid="ja", language="ja", title="海の音はどこから来るのか", url=None),
    )
    failed = {"outcome": Outcome.FAILED, "status": None, "error": "DNS name not found"}
    site.record("orbit", **failed, failures=9, next_reason="asked less often after 9 failures")
    site.record(
        "bee",
        **failed | {"outcome": Outcome.POSTPONED, "error": "429 Too Many Requests, wait 60 min"},
        failures=1,
        next_reason="the server asked for a pause",
        not_before=later,
    )
    site.record("gate", **failed | {"outcome": Outcome.GONE, "error": "410 Gone"})
    return site


@contextlib.contextmanager
def served(site: Site) -> Iterator[str]:
    """Serve a site on a free port; its address."""
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(30)
        server.server_close()


@functools.lru_cache(maxsize=50)  # of pages that nothing has changed since the last look at them
def _strictly_parsed(text: str) -> Element:
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root: Element = parser.parse(text)
    return root


class HtmlPage:
    """A page as a strict HTML parser sees it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = _strictly_parsed(text)

    def all(self, tag: str, name: str = "") -> list[Element]:
        """Return the elements with this tag, and this class if one is given."""
        found = [each for each in self.root.iter() if str(each.tag).rpartition("}")[2] == tag]
        return [each for each in found if not name or name in each.get("class", "").split()]

    def one(self, tag: str, name: str = "") -> Element:
        """Return the only such element."""
        (found,) = self.all(tag, name)
        return found

    def titles(self) -> list[str]:
        """Return the titles of the posts, in order."""
        return [words(each.find("h3")) for each in self.all("article")]

    def rows(self) -> list[list[str]]:
        """Return the words of each cell of the page's table, without its head."""
        return [[words(cell) for cell in row] for row in self.one("tbody")]

    def link(self, said: str) -> str:
        """Return where the first link with this text leads."""
        return next(each.get("href", "") for each in self.all("a") if words(each) == said)


def words(element: Element | None) -> str:
    """Return the text of an element with white space folded."""
    assert element is not None
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def entry(number: int, **changes: Any) -> CleanEntry:
    """Return entry `number`, published `number` minutes ago."""
    at = datetime.now(UTC) - timedelta(minutes=number, seconds=1)
    return worlds.entry(number, **{"published_at": at, **changes})


@contextlib.contextmanager
def by_waitress(app: Flask, listener: socket.socket) -> Iterator[None]:
    """Serve `app` on a listening socket."""
    with answering(waitress.create_server(app, sockets=[listener], threads=2)):
        yield


@contextlib.contextmanager
def answering(server: Any) -> Iterator[None]:
    """Run a server of waitress in a thread."""

    def end() -> None:
        for channel in [*server.active_channels.values()]:
            channel.handle_close()
        server.close()

    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield
    finally:
        server.trigger.pull_trigger(end)  # in the server's thread, which would look up in a second
        thread.join(30)
        server.task_dispatcher.shutdown()

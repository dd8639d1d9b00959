"""`make demo`: a small local world of feeds that publish by themselves, and the program on it.

Eight publishers on one loopback port write a new post every few seconds; one of them is broken,
one asks for a pause, one sends markup in its titles and two send pictures, so that every page has
something to show.
Everything lies in ./demo-world and may be deleted.
"""

import argparse
import contextlib
import itertools
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WORLD = Path("demo-world")
SAMPLE = Path(__file__).parents[1] / "samples" / "recent-posts.xml"  # with pictures
SEED = 7
KEPT = 12
BACKLOG = timedelta(days=4)

_OPENINGS = (
    "A short history of",
    "What nobody says about",
    "Notes on",
    "Against",
    "In praise of",
    "Ten years of",
    "The trouble with",
    "A field guide to",
    "Measuring",
    "How to repair",
)
_THINGS = (
    "lighthouses, page faults, tram timetables, sourdough, garbage collection, night trains, "
    "small archives, harbour cranes, type systems, city trees, radio plays, paper maps, queueing, "
    "old compilers, ferry menus"
).split(", ")
_SENTENCES = [
    "We went to look for ourselves, and stayed a week.",
    "The numbers surprised everybody but the people who do the work.",
    "It is cheaper than it looks, and slower.",
    "Nothing here is new, which is rather the point.",
    "Three readers wrote in with better answers than ours.",
    "The last chapter was written before the first.",
    "A map from 1911 turned out to be more exact than the satellite.",
    "Everybody agrees that it works and nobody agrees why.",
    "The harbour master let us read forty years of log books.",
    "Two cranes, one spreadsheet and a very patient dog.",
    "Half of the savings came from deleting the cache.",
    "It rains on the second page and never stops.",
    "We asked twelve people, and got thirteen answers.",
    "The old way took a morning; the new one takes a morning and a password.",
]


@dataclass
class Publisher:
    """One feed: newest posts first, a new one every `seconds` on average."""

    name: str
    title: str
    category: str
    authors: list[str]
    seconds: float
    markup: bool = False
    pictures: list[str] = field(default_factory=list)
    posts: list[tuple[int, str, str, str, datetime]] = field(default_factory=list)
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))
    next_at: float = 0.0

    def write(self, chance: random.Random, at: datetime) -> None:
        """Publish a post dated `at`."""
        thing = chance.choice(_THINGS)
        title = f"{chance.choice(_OPENINGS)} {f'<b>{thing}</b>' if self.markup else thing}"
        text = _text(chance, self.pictures)
        self.posts.insert(0, (next(self.numbers), title, text, chance.choice(self.authors), at))
        del self.posts[KEPT:]

    def document(self) -> bytes:
        """Return the feed as RSS 2.0."""
        items = "".join(self._item(*post) for post in self.posts)
        return (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
            'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
            f"<title>{escape(self.title)}</title><link>https://{self.name}.example/</link>"
            f"<description>From the demo.</description>{items}</channel></rss>"
        ).encode()

    def _item(self, number: int, title: str, text: str, author: str, at: datetime) -> str:
        return (
            f"<item><title><![CDATA[{title}]]></title><dc:creator>{escape(author)}</dc:creator>"
            f"<link>https://{self.name}.example/{number}</link>"
            f'<guid isPermaLink="false">{self.name}-{number}</guid>'
            f"<pubDate>{format_datetime(at)}</pubDate>"
            f"<content:encoded>{escape(text)}</content:encoded></item>"
        )


def _text(chance: random.Random, pictures: list[str]) -> str:
    """Return some paragraphs as HTML, with one of the pictures if there are any."""
    lead, first, second, quotation, last = (
        " ".join(chance.sample(_SENTENCES, number)) for number in (3, 4, 3, 1, 4)
    )
    items = "".join(f"<li>{sentence}</li>" for sentence in chance.sample(_SENTENCES, 3))
    picture = f'<p><img src="{chance.choice(pictures)}" alt="A view"></p>' if pictures else ""
    return (
        f"{picture}<p>{lead}</p><p>{first}</p><h2>What we learned</h2><ul>{items}</ul>"
        f"<p>{second}</p><blockquote><p>{quotation}</p></blockquote><p>{last}</p>"
    )


def _sample_pictures() -> list[str]:
    """Return the pictures of the sample as `data:` addresses, which need no server."""
    return re.findall(r'"(data:image/[^"]+)"', SAMPLE.read_text(encoding="utf-8"))


PUBLISHERS = [
    Publisher("kernel-notes", "Kernel Notes", "Engineering", ["Ines Okafor"], 40),
    Publisher("postgres-diary", "Postgres Diary", "Engineering", ["A. Mbeki"], 60),
    Publisher(
        "slow-lane",
        "The Slow Lane",
        "Cities",
        ["Theo Brandt", "Lu Wen"],
        35,
        pictures=_sample_pictures(),
    ),
    Publisher(
        "harbour-tide",
        "Harbour & Tide",
        "World",
        ["Marit Solheim"],
        25,
        pictures=_sample_pictures(),
    ),
    Publisher("preprint-watch", "Preprint Watch", "Science", ["the editors"], 12),
    Publisher("markup-matters", "Markup Matters", "Web", ["Jo Lindqvist"], 50, markup=True),
]


class World:
    """The publishers, and the answers that their server gives."""

    def __init__(self) -> None:
        self._chance = random.Random(SEED)
        self._lock = threading.Lock()
        now = datetime.now(UTC).replace(microsecond=0)
        for publisher in PUBLISHERS:
            ages = sorted((self._chance.random() ** 2 * BACKLOG for _ in range(KEPT)), reverse=True)
            for age in ages:
                publisher.write(self._chance, now - age)

    def live(self) -> None:
        """Publish for ever."""
        while True:
            time.sleep(1)
            with self._lock:
                for publisher in PUBLISHERS:
                    if self._chance.random() < 1 / publisher.seconds:
                        publisher.write(self._chance, datetime.now(UTC).replace(microsecond=0))

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body for a path."""
        name = path.strip("/")
        if name == "orbit-weekly":
            return 500, {}, b"out of order"
        if name == "busy-bee":
            return 429, {"Retry-After": "3600"}, b""
        for publisher in PUBLISHERS:
            if publisher.name == name:
                with self._lock:
                    body = publisher.document()
                    newest = publisher.posts[0][0]
                return 200, {"ETag": f'"{newest}"', "Content-Type": "application/rss+xml"}, body
        return 404, {}, b""


def handler(world: World) -> type[BaseHTTPRequestHandler]:
    """Return the request handler on a world."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = world.answer(self.path)
            if headers.get("ETag") and self.headers["If-None-Match"] == headers["ETag"]:
                status, body = 304, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 304:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        log_message: Callable[..., None] = lambda *_: None

    return Handler


def write_config(folder: Path, feeds: int, *, web_port: int) -> Path:
    """Write the demo's config.yaml for a server of feeds on port `feeds`."""
    lines = [
        "title: Daybook",
        f"base_url: http://127.0.0.1:{web_port}",
        f"web: {{port: {web_port}}}",
        "poll: {interval: 5s, host_delay: 0s, workers: 1}",
        "network: {allow: [127.0.0.1, localhost]}",
        "page: {pictures: lead, description: A small local world of feeds}",
        "views: [{name: repairs, title: Repairs, search: 'title:repair'}]",
        "feeds:",
    ]
    for publisher in PUBLISHERS:
        lines += [
            f"  - url: http://127.0.0.1:{feeds}/{publisher.name}",
            f"    name: {publisher.name}",
            f"    category: {publisher.category}",
        ]
    for name, title in (("orbit-weekly", "Orbit Weekly"), ("busy-bee", "Busy Bee")):
        # Under another name: a 429 holds for all feeds of a host.
        lines += [f"  - url: http://localhost:{feeds}/{name}", f"    title: {title}"]
    path = folder / "config.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def main() -> int:
    """Run the world and the program until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8080, help="of the page; default 8080")
    parser.add_argument("--folder", type=Path, default=WORLD)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    world = World()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(world)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        threading.Thread(target=world.live, daemon=True).start()
        config = write_config(arguments.folder, server.server_port, web_port=arguments.port)
        program = subprocess.Popen([sys.executable, "-m", "aggregator", "run", "-c", str(config)])
        signal.signal(signal.SIGTERM, lambda *_: program.terminate())
        while program.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C reaches the program, too
                program.wait()
        server.shutdown()
        return program.returncode


if __name__ == "__main__":
    raise SystemExit(main())

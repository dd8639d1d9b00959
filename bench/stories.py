"""Stories: how right the grouping is, and what it costs for each new entry."""

import json
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.database import Engine, open_database
from aggregator.database.entries import write_entries
from aggregator.dedup import NewEntry
from aggregator.model import CleanEntry
from aggregator.poll import story_matching
from aggregator.stories import similarity
from aggregator.stories.articles import Article
from aggregator.stories.story_keys import story_keys

SET = Path(__file__).parents[1] / "tests" / "data" / "stories"
HALVES = ("tune", "report")


@dataclass(frozen=True)
class Pair:
    """Two entries, and whether they are the same story."""

    id: str
    kind: str
    half: str
    same: bool
    a: Article
    b: Article


@dataclass(frozen=True)
class Quality:
    """How many pairs were grouped or not, rightly or wrongly."""

    right: int
    wrong: int
    missed: int
    apart: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed)


def pairs() -> Iterator[Pair]:
    """Read the labelled set."""
    for path in sorted(SET.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            values = json.loads(line)
            known = next(values[n]["published"] for n in "ab" if values[n]["published"])
            a, b = (_article(number, values[n], known) for number, n in enumerate("ab"))
            yield Pair(values["id"], values["kind"], values["half"], values["same"], a, b)


def _article(number: int, values: dict[str, str], known: str) -> Article:
    return Article(
        number,
        values["feed"],
        (values["feed"],),
        values["url"],
        values["title"],
        values["html"],
        # An undated entry stands where it was found: about when the other one came out.
        datetime.fromisoformat(values["published"] or known),
    )


def grouped(pair: Pair) -> similarity.StoryLink | None:
    """Decide as the pipeline does: compare only what shares a key."""
    keys = [set(story_keys(one.url, one.title, one.html)) for one in (pair.a, pair.b)]
    return similarity.compare(pair.a, pair.b) if keys[0] & keys[1] else None


def quality(some: Sequence[Pair]) -> Quality:
    """Return how right the grouping of these pairs is."""
    found = [(pair.same, grouped(pair) is not None) for pair in some]
    return Quality(
        right=found.count((True, True)),
        wrong=found.count((False, True)),
        missed=found.count((True, False)),
        apart=found.count((False, False)),
    )


# ------------------------------------------------------------------------------- cost

FEEDS = 10_000
ENTRIES = 1_000_000
BATCHES = 10
_ENTRIES_OF_POLL = 20
_POLLS = 25
_COPIES = 5  # one in so many of every second poll is the entry of the poll before
_MINUTE = 60_000


@dataclass(frozen=True)
class StoryCost:
    """CPU milliseconds for each new entry, and bytes on disk for each stored one.

    Attributes:
        keys: Making them from link, title and text.
        joining: Filing, finding candidates, comparing, grouping.
        found: Stories that were found, of `copies` that there are.
    """

    entries: int
    keys: float
    joining: float
    bytes_per_entry: float
    found: int
    copies: int


def cost(entries: int = ENTRIES) -> StoryCost:
    """Measure what stories cost for new entries where there are `entries` with their keys."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        path = folder / "bench.db"
        open_database(f"sqlite:///{path}").dispose()
        size = _seed(path, entries)
        engine = open_database(f"sqlite:///{path}")
        for batch in range(2):  # what is used by and by comes into memory
            _batch(engine, -1 - batch)
        measured = [_batch(engine, batch) for batch in range(BATCHES)]
        with engine.connect() as connection:
            links = connection.exec_driver_sql("SELECT count(*) FROM story_links").scalar()
        engine.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    new = _POLLS * _ENTRIES_OF_POLL
    return StoryCost(
        entries=entries,
        keys=1000 * min(keys for keys, _ in measured) / new,
        joining=1000 * min(joining for _, joining in measured) / new,
        bytes_per_entry=size,
        found=links or 0,
        copies=(BATCHES + 2) * (_POLLS // 2) * (_ENTRIES_OF_POLL // _COPIES),
    )


def _seed(path: Path, count: int) -> float:
    """Fill a database with entries that have keys; return what these take on disk for each.

    A tenth of the keys comes last and in no order, as in real life; that splits full pages.
    """
    source = random.Random(1)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    with connection:
        connection.executemany(
            "INSERT INTO feeds (id, name, url, host, interval, subscribed, title, subtitle, format,"
            " polls, entries, failures, gone) VALUES (?, ?, ?, ?, 1, 1, ?, '', '', 1, 100, 0, 0)",
            (
                (n, f"f{n}", f"https://f{n}.example/feed", f"f{n}.example", f"Feed {n}")
                for n in range(1, FEEDS + 1)
            ),
        )
        connection.executemany(
            "INSERT INTO entries (id, feed_id, identity, content_hash, record_hash,"
            " public_id, url, title, summary, first_seen_at, changed_at)"
            " VALUES (?, ?, ?, x'00', x'00', ?, ?, ?, '', 0, 0)",
            (
                (
                    _place(n),
                    1 + n % FEEDS,
                    n.to_bytes(8),
                    f"a:{n}",
                    f"https://x.example/{n}",
                    f"No {n}",
                )
                for n in range(count)
            ),
        )
    before = _size(connection)
    rows = [
        (source.randrange(-(2**31), 2**31), _place(n), 1 + n % FEEDS)
        for n in range(count)
        for _ in range(4)
    ]
    last = len(rows) // 10
    with connection:
        insert = "INSERT OR IGNORE INTO story_keys VALUES (?, ?, ?)"
        connection.executemany(insert, sorted(rows[last:]))
        connection.executemany(insert, rows[:last])
    size = _size(connection) - before
    connection.close()
    return size / count + 17  # the column `entries.story_keys`


def _place(number: int) -> int:
    return (1_700_000_000_000 + number * _MINUTE // 2) << 20


def _size(connection: sqlite3.Connection) -> int:
    return (
        connection.execute("PRAGMA page_count").fetchone()[0]
        * connection.execute("PRAGMA page_size").fetchone()[0]
    )


def _batch(engine: Engine, batch: int) -> tuple[float, float]:
    """Store a transaction of new entries; return CPU seconds for keys, and for joining them."""
    made = [_entry(batch, poll, n) for poll in range(_POLLS) for n in range(_ENTRIES_OF_POLL)]
    started = time.process_time()
    keys = [story_keys(one.url, one.title, one.content_html) for one in made]
    keyed = time.process_time()
    now = datetime.now(UTC)
    placed = [
        write_entries.PlacedEntry(
            feed_id=1 + (batch * _POLLS + n // _ENTRIES_OF_POLL) % FEEDS,
            new_entry=NewEntry(f"{batch}/{n}".encode(), b"", one, by_guid=True),
            listed_at=now - timedelta(minutes=n),
            public_id=f"b:{batch}/{n}",
            first_seen_at=now,
            story_keys=keys[n],
        )
        for n, one in enumerate(made)
    ]
    with engine.begin() as connection:
        ids = write_entries.add_entries(connection, placed)
        stored = time.process_time()
        story_matching.match_stories(connection, placed, ids)
        joined = time.process_time()
    return keyed - started, joined - stored


def _entry(batch: int, poll: int, number: int) -> CleanEntry:
    """Return an entry of about 5 kB; one in `_COPIES` is another feed's of the same batch."""
    own = number % _COPIES or poll % 2 == 0
    words = random.Random(f"{batch}/{poll if own else poll - 1}/{number}")
    text = " ".join(words.choice(_WORDS) for _ in range(700))
    title = " ".join(words.choice(_WORDS) for _ in range(8))
    url = f"https://f{poll}.example/{batch}/{number}-{title.replace(' ', '-')}"
    html = f"<p>{text[:600]}</p><p>{text[600:]} <a href='{url}'>{title}</a></p>"
    return CleanEntry(f"{batch}/{poll}/{number}", url, title, title, "", html, b"")


_SYLLABLES = "ka lo mi ren sta vo per une dra lis to fen gra wi sol ber ane cho dul ist".split()
_WORDS = [a + b + c for a in _SYLLABLES for b in _SYLLABLES for c in ("", "s", "er", "ing")]

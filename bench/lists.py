"""What lists cost: for a new entry, after a change of config.yaml, for a page, at an upgrade.

CPU time of this process, because the other work of a machine makes wall time longer.
"""

import gc
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, create_engine, event

from aggregator.config import load
from aggregator.database import Engine, open_database
from aggregator.database.engine import reading_first
from aggregator.database.entries import write_entries
from aggregator.database.feeds import write_subscriptions
from aggregator.database.lists import read_lists, write_relisting
from aggregator.database.migrations import run
from aggregator.dedup import NewEntry
from aggregator.model import (
    CleanEntry,
    CommonRules,
    FeedRules,
    ListingRules,
    ListKind,
    ListScope,
    Subscription,
    View,
)
from bench import pages

FEEDS = 1000
MIGRATED = 20_000
"""Entries of the database that is upgraded."""

PAGES = 300
"""Pages of each kind that are read."""

REVISIONS = ("0023", "0024", "0025")
_BATCH = 250  # entries that are stored in a transaction
_ROUNDS = 12
_PAGE = 40
_SYLLABLES = "ka lo mi ren sta vo per une dra lis to fen gra wi sol ber ane cho dul ist".split()
_WORDS = [a + b + c for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES]
_WEIGHTS = [1 / (number + 1) for number in range(len(_WORDS))]  # as frequent as in a language
_COMMON, _RARE = "harbour", "quixotic"  # words of `pages`


# ------------------------------------------------------------------------ new entries


@dataclass(frozen=True)
class EntryCost:
    """What storing a new entry of about 5 kB costs.

    Attributes:
        lists: What config.yaml has.
        milliseconds: Of the quickest batch: the other work of the machine makes the others longer.
        disk_bytes: Of the whole database, for each entry.
        members: Rows of views for each entry.
    """

    lists: str
    milliseconds: float
    disk_bytes: float
    members: float


def entry_costs() -> list[EntryCost]:
    """Measure with more and more views, and rules of all feeds and of some."""
    listings = {
        "no rules, no views": None,
        "rules, no views": (),
        "rules, 10 views": _views(10),
        "rules, 50 views": _views(50),
        "rules, 50 views of a prefix": _views(50, "{0}*"),
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        databases = {
            name: _subscribed(Path(folder) / f"{number}.db", views)
            for number, (name, views) in enumerate(listings.items())
        }
        sizes = {name: _size(database) for name, database in databases.items()}
        spent: dict[str, list[float]] = {name: [] for name in listings}
        for batch in range(-2, _ROUNDS):  # the first batches fill caches
            for name, database in databases.items():
                seconds = _store_batch(database, batch)
                spent[name] += [seconds] if batch >= 0 else []
        costs = [
            EntryCost(
                name,
                1000 * min(spent[name]) / _BATCH,
                (_size(database) - sizes[name]) / ((_ROUNDS + 2) * _BATCH),
                _view_rows(database) / ((_ROUNDS + 2) * _BATCH),
            )
            for name, database in databases.items()
        ]
        for database in databases.values():
            database.dispose()
    return costs


def _views(count: int, *forms: str) -> tuple[View, ...]:
    """Return views of rare words, with three terms each."""
    chance = random.Random(count)
    forms = forms or (
        "{0} {1} -{2}",
        '{0} OR {1} OR "{2} {3}"',
        "title:{0} OR tag:{1} OR {2}",
        "{0}* {1} -{2}",
        "source:f{number} {0} -{1}",
    )
    views = []
    for number in range(count):
        words = chance.sample(_WORDS[200:], 4)
        search = forms[number % len(forms)].format(*words, number=number)
        views.append(View(f"v{number}", f"View {number}", search))
    return tuple(views)


def _subscribed(path: Path, views: tuple[View, ...] | None) -> Engine:
    """Make a database with feeds; None for views: without any rule, too."""
    engine = open_database(f"sqlite:///{path}")
    own_rules = (FeedRules(per_day=20), FeedRules(keep=f"-{_WORDS[300]}"), FeedRules(hide="advert"))
    feeds = [
        Subscription(
            f"f{number}",
            f"https://f{number}.example/feed",
            categories=(f"Category {number % 6}",),
            rules=own_rules[number // 10 % 3]
            if views is not None and number % 10 == 0
            else FeedRules(),
        )
        for number in range(FEEDS)
    ]
    common = CommonRules() if views is None else CommonRules(hide='title:"(ad)" OR tag:sponsored')
    _follow(engine, feeds, ListingRules(common, views=views or ()))
    return engine


def _follow(engine: Engine, feeds: Sequence[Subscription], listing: ListingRules) -> None:
    with engine.begin() as connection:
        write_subscriptions.follow_config(
            connection, feeds, listing, stories=True, now=datetime.now(UTC)
        )


def _store_batch(engine: Engine, batch: int) -> float:
    """Store a transaction of new entries of 25 feeds; return CPU seconds."""
    chance = random.Random(batch)
    now = datetime.now(UTC)
    placed = []
    for number in range(_BATCH):
        words = " ".join(chance.choices(_WORDS, _WEIGHTS, k=700))
        title = " ".join(chance.choices(_WORDS, _WEIGHTS, k=8))
        url = f"https://f.example/{batch}/{number}"
        tags = tuple(chance.sample(_WORDS[:400], 2))
        made = CleanEntry(
            url, url, title, title, words[:280], f"<p>{words}</p>", b"", categories=tags
        )
        placed.append(
            write_entries.PlacedEntry(
                feed_id=1 + (batch * 25 + number // 10) % FEEDS,
                new_entry=NewEntry(url.encode(), b"", made, by_guid=True),
                listed_at=now - timedelta(minutes=number),
                public_id=url,
                first_seen_at=now,
            )
        )
    started = time.process_time()
    with engine.begin() as connection:
        write_entries.add_entries(connection, placed)
    return time.process_time() - started


def _size(engine: Engine) -> int:
    with engine.connect() as connection:
        pragmas = ("page_count", "page_size")
        count, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas)
    return (count or 0) * (size or 0)


def _view_rows(engine: Engine) -> int:
    with engine.connect() as connection:
        statement = "SELECT coalesce(sum(entries), 0) FROM lists WHERE kind = 'view'"
        return connection.exec_driver_sql(statement).scalar() or 0


# ------------------------------------------------------------------------ relisting


@dataclass(frozen=True)
class RelistingCost:
    """What working a changed config.yaml over all stored entries takes.

    Attributes:
        change: What changed.
        seconds: CPU time in all.
        first_page: Seconds of CPU time until the first page is as in the end.
        longest_lock: Milliseconds of CPU time from the first write of a transaction to its end.
        wall, wall_lock: The same as `seconds` and `longest_lock` by the clock.
        rows: Members that came or went.
    """

    change: str
    seconds: float
    first_page: float
    longest_lock: float
    wall: float
    wall_lock: float
    rows: int


def relisting_costs(config_path: Path) -> list[RelistingCost]:
    """Measure changes of the file over the entries of `pages.seed`; the last ones add views."""
    config = load(config_path)
    engine = open_database(config.database)
    _checkpoint_by_hand(engine)
    gc.collect()
    gc.freeze()  # a collection takes as long with all the modules of the bench
    common_view, rare_view = (View(word, word.title(), word) for word in (_COMMON, _RARE))
    changes = {
        f"hide: {_COMMON} (half of the posts)": ListingRules(CommonRules(hide=_COMMON)),
        "the rule is deleted": ListingRules(),
        f"a view of {_COMMON}": ListingRules(views=(common_view,)),
        f"a view of {_RARE} (one of 20,000), too": ListingRules(views=(common_view, rare_view)),
    }
    costs = []
    for change, listing in changes.items():
        _follow(engine, config.feeds, listing)
        newest_view = listing.views[-1:]
        scope = ListScope(ListKind.VIEW, newest_view[0].name) if newest_view else ListScope()
        costs.append(_relist(engine, change, scope))
    engine.dispose()
    return costs


def _relist(engine: Engine, change: str, scope: ListScope) -> RelistingCost:
    members = _members(engine)
    locks = _Locks()
    size = write_relisting.BatchSize()
    shown: list[tuple[float, list[int]]] = []
    cpu_seconds = wall_seconds = 0.0
    share: float | None = 0.0
    with locks.watched(engine):
        while share is not None:
            cpu, wall = time.process_time(), time.perf_counter()
            with locks.measured(), reading_first(engine).begin() as connection:
                share = write_relisting.relist_batch(
                    connection, size.entries, now=datetime.now(UTC)
                )
            spent = time.process_time() - cpu
            size.learn(spent, share or 1)
            cpu_seconds += spent
            wall_seconds += time.perf_counter() - wall
            shown.append((cpu_seconds, _page(engine, scope)))
            wall_seconds += _checkpoint(engine)
    first_page = next(seconds for seconds, ids in shown if ids == shown[-1][1])
    return RelistingCost(
        change,
        cpu_seconds,
        first_page,
        1000 * locks.longest_cpu,
        wall_seconds,
        1000 * locks.longest_wall,
        abs(_members(engine) - members),
    )


def _checkpoint_by_hand(engine: Engine) -> None:
    """Let commits leave the write-ahead log as it is.

    SQLite checkpoints behind a commit, when others can write again: that is not time of the lock.
    """

    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA wal_autocheckpoint = 0")

    engine.dispose()
    event.listen(engine, "connect", set_up)


def _checkpoint(engine: Engine) -> float:
    """Checkpoint the write-ahead log; return the seconds by the clock."""
    started = time.perf_counter()
    with closing(sqlite3.connect(engine.url.database or "")) as connection:
        connection.execute("PRAGMA wal_checkpoint")
    return time.perf_counter() - started


class _Locks:
    """How long transactions of SQLite that read first have kept others from writing."""

    def __init__(self) -> None:
        self.longest_cpu = self.longest_wall = 0.0
        self._begun: tuple[float, float] | None = None

    @contextmanager
    def watched(self, engine: Engine) -> Iterator[None]:
        """Notice the first write of each transaction."""

        def look(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
            if self._begun is None and statement.startswith(("INSERT", "UPDATE", "DELETE")):
                self._begun = time.process_time(), time.perf_counter()

        event.listen(engine, "before_cursor_execute", look)
        yield
        event.remove(engine, "before_cursor_execute", look)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure the transaction within."""
        self._begun = None
        yield
        if self._begun is not None:
            cpu, wall = self._begun
            self.longest_cpu = max(self.longest_cpu, time.process_time() - cpu)
            self.longest_wall = max(self.longest_wall, time.perf_counter() - wall)


def _page(engine: Engine, scope: ListScope) -> list[int]:
    with engine.connect() as connection:
        page = read_lists.entries_page(connection, limit=_PAGE, scope=scope)
    return [entry.id for entry in page.entries]


def _members(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT sum(entries) FROM lists").scalar() or 0


# ------------------------------------------------------------------------ pages


def page_timings(config_path: Path) -> list[pages.Timing]:
    """Measure pages of the view of half of the posts that `relisting_costs` leaves."""
    with config_path.open("a") as file:
        file.write(f"views:\n  - {{name: {_COMMON}, search: {_COMMON}}}\n")
    app = pages.application(config_path)
    makers = {
        "first page": lambda: "/?",
        "view, first page": lambda: f"/view/{_COMMON}?",
        "view, deep page": lambda: f"/view/{_COMMON}?before={pages.any_place()}",
    }
    return [pages.timing(app, name, make, PAGES) for name, make in makers.items()]


# ------------------------------------------------------------------------ upgrade


def migration_times(count: int) -> Mapping[str, float]:
    """Return CPU seconds of each revision for a database with entries of 2 kB."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        engine = create_engine(f"sqlite:///{folder}/bench.db")
        with engine.begin() as connection:
            connection.exec_driver_sql("BEGIN")
            run.upgrade(connection, to="0022")
            _fill_former(connection, count)
        seconds = {}
        for revision in REVISIONS:
            started = time.process_time()
            with engine.begin() as connection:
                connection.exec_driver_sql("BEGIN")
                run.upgrade(connection, to=revision)
            seconds[revision] = time.process_time() - started
        engine.dispose()
    return seconds


def _fill_former(connection: Connection, count: int) -> None:
    """Write entries as the program of revision 0022 had them."""
    chance = random.Random(1)
    connection.exec_driver_sql("INSERT INTO categories (id, slug, name) VALUES (1, 'sea', 'Sea')")
    connection.exec_driver_sql(
        "INSERT INTO feeds (id, name, url, host, category_id, interval, subscribed, title,"
        " subtitle, format, polls, entries, failures, gone)"
        " VALUES (?, ?, '', '', 1, 1, 1, '', '', '', 1, 1, 0, 0)",
        [(number, f"f{number}") for number in range(1, FEEDS + 1)],
    )
    texts = [" ".join(chance.choices(_WORDS, _WEIGHTS, k=300)) for _ in range(500)]
    places = [((1_700_000_000_000 + 30_000 * number) << 20, number) for number in range(count)]
    connection.exec_driver_sql(
        "INSERT INTO entries (id, feed_id, category_id, listed, identity, content_hash,"
        " record_hash, public_id, title, summary, first_seen_at, changed_at)"
        " VALUES (?, ?, 1, 1, ?, x'00', x'00', ?, ?, ?, 0, 0)",
        [
            (place, 1 + n % FEEDS, n.to_bytes(8), str(n), texts[n % 500][:60], texts[n % 500][:250])
            for place, n in places
        ],
    )
    connection.exec_driver_sql(
        "INSERT INTO contents (entry_id, html) VALUES (?, ?)",
        [(place, f"<p>{texts[n % 500]}</p>") for place, n in places],
    )


# ------------------------------------------------------------------------ report


def entry_lines(costs: Sequence[EntryCost]) -> list[str]:
    """Return what new entries cost, for bench/results.md."""
    lines = [
        "## Lists",
        "",
        (
            f"Storing a new entry of 5 kB among {FEEDS:,} feeds; 0.2 ms more are allowed for 50 "
            "views."
        ),
        "",
        "| config.yaml has | CPU ms | bytes on disk | members of views |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {cost.lists} | {cost.milliseconds:.2f} | {cost.disk_bytes:,.0f} | {cost.members:.2f} |"
        for cost in costs
    ]
    return [*lines, ""]


def stored_lines(
    count: int, costs: Sequence[RelistingCost], timings: Sequence[pages.Timing]
) -> list[str]:
    """Return what lists cost with so many stored entries."""
    lines = [
        (
            f"A change of config.yaml over {count:,} entries: CPU seconds in all and until the "
            "first page is right (2 are allowed at 100,000), and the longest time for which others "
            "can't write (50 ms are allowed); in brackets by the clock."
        ),
        "",
        "| change | members | s | first page s | locked ms |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {cost.change} | {cost.rows:,} | {cost.seconds:.1f} ({cost.wall:.1f}) | "
        f"{cost.first_page:.2f} | {cost.longest_lock:.0f} ({cost.wall_lock:.0f}) |"
        for cost in costs
    ]
    lines += ["", f"| page, {count:,} entries | p50 ms | p95 ms | CPU p95 ms |"]
    lines += ["| --- | --- | --- | --- |"]
    lines += [
        f"| {timing.name} | {timing.median:.1f} | {timing.p95:.1f} | {timing.cpu_p95:.1f} |"
        for timing in timings
    ]
    return [*lines, ""]


def migration_lines(seconds: Mapping[str, float], count: int) -> list[str]:
    """Return what the revisions of lists cost at an upgrade."""
    each = ", ".join(
        f"{spent * 100_000 / count:.1f} for {revision}" for revision, spent in seconds.items()
    )
    return [f"CPU seconds of an upgrade for each 100,000 entries of 2 kB: {each}.", ""]


def table(counts: Sequence[int]) -> list[str]:
    """Measure, and return the lines for bench/results.md.

    Args:
        counts: Of stored entries.
    """
    lines = entry_lines(entry_costs())
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="bench-lists-") as folder:
            config_path = pages.seed(Path(folder), count, FEEDS)
            costs = relisting_costs(config_path)
            lines += stored_lines(count, costs, page_timings(config_path))
    return lines + migration_lines(migration_times(MIGRATED), MIGRATED)

"""`make bench`: measure on loopback only, and rewrite bench/results.md.

Absolute figures are this machine's; what counts are ratios within one run.
"""

import argparse
import platform
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import (
    lists,
    page_proposals,
    pages,
    pictures,
    polling,
    postgresql,
    publishing,
    stories,
    ticks,
    walls,
)

RESULTS = Path(__file__).with_name("results.md")
TARGETS = {"first": 0.35, "304": 0.012, "same 200": 0.02, "touched": 0.04, "one new": 0.08}
WHAT = {
    "first": "nothing is known yet",
    "304": "not modified",
    "same 200": "no validators, the same body",
    "touched": "only lastBuildDate changed",
    "one new": "one new entry a feed",
}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--feeds", type=int, default=1000, help="of the phases, 1,000 at most")
    parser.add_argument("--growth", type=int, nargs="*", default=[1000, 10_000, 100_000])
    parser.add_argument("--entries", type=int, nargs="*", default=[100_000], help="of the lists")
    stored = "of the pages on both databases"
    parser.add_argument("--stored", type=int, default=postgresql.STORED, help=stored)
    parser.add_argument("--only", nargs="*", choices=SECTIONS, help="print these, write nothing")
    arguments = parser.parse_args()
    lines = head()
    for name in arguments.only or [name for name in SECTIONS if name not in _PARTS]:
        print(f"measuring: {name} ...", file=sys.stderr)
        lines += SECTIONS[name](arguments)
    text = "\n".join(lines) + "\n"
    if not arguments.only:
        RESULTS.write_text(text)
    print(text)


def head() -> list[str]:
    """Return what was measured on."""
    libraries = ("feedparser", "nh3", "aiohttp", "SQLAlchemy")
    return [
        "# Measured",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, `make bench`, {platform.machine()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        + ", ".join(f"{name} {version(name)}" for name in libraries)
        + ".",
        "",
    ]


def phase_table(arguments: argparse.Namespace) -> list[str]:
    """Return the phases: CPU of all processes, as a share of the yardstick."""
    feeds = min(arguments.feeds, 1000)
    yardstick = polling.yardstick(feeds)
    phases = polling.phases(feeds)
    lines = [
        f"## {feeds} feeds x {polling.ENTRIES} entries of about 5 kB",
        "",
        (
            f"feedparser's default parse of the same bodies: {yardstick:.1f} CPU-seconds. "
            "Everything counts: fetching, parsing, sanitising, storing, full text, all processes; "
            f"not starting (a poll of one feed, {phases.start.cpu:.1f} s) and not the server of "
            "the feeds."
        ),
        "",
        "| phase | | CPU s | share | target | feeds per CPU-second | wall s | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, cost in phases.costs.items():
        lines.append(
            f"| {name} | {WHAT[name]} | {cost.cpu:.2f} | {cost.cpu / yardstick:.3f} | "
            f"{TARGETS[name]} | {feeds / cost.cpu:,.0f} | {cost.wall:.1f} | {cost.memory:.0f} |"
        )
    return [*lines, "", f"{phases.bytes_per_entry:,.0f} bytes on disk per entry.", ""]


def growth_table(arguments: argparse.Namespace) -> list[str]:
    """Return how starting, a poll and the scheduler's clockwork grow with the feeds."""
    lines = [
        "## More feeds, all answering 304",
        "",
        (
            "Start: until one feed is polled. Then milliseconds of one look for due feeds: with 30 "
            "due, all overdue, all overdue and half of them at busy hosts; of renewing leases."
        ),
        "",
        "| feeds | start s | CPU ms a feed | peak MB | 30 due | overdue | busy | renewal |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for count in arguments.growth:
        grown, tick = polling.growth(count), ticks.ticks(count)
        lines.append(
            f"| {count:,} | {grown.start.wall:.1f} | {1000 * grown.poll.cpu / count:.2f} | "
            f"{grown.poll.memory:.0f} | {tick.steady:.1f} | {tick.overdue:.1f} | "
            f"{tick.crowded:.1f} | {tick.renewal:.1f} |"
        )
    return [*lines, ""]


def page_table(_arguments: argparse.Namespace) -> list[str]:
    """Return what pages over many entries cost."""
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as folder:
        path = pages.seed(Path(folder))
        return pages.table(pages.timings(path), pages.throughput(path), pages.weight(path))


def feed_table(_arguments: argparse.Namespace) -> list[str]:
    """Return what the merged feeds cost."""
    return publishing.lines(publishing.measure())


def story_table(_arguments: argparse.Namespace) -> list[str]:
    """Return how rightly entries are grouped into stories, and what that costs."""
    lines = [
        "## Stories",
        "",
        "| labelled pairs | precision (>= 0.99) | recall (>= 0.90) |",
        "| --- | --- | --- |",
    ]
    pairs = list(stories.pairs())
    for half in stories.HALVES:
        found = stories.quality([pair for pair in pairs if pair.half == half])
        lines.append(f"| {half} | {found.precision:.3f} | {found.recall:.3f} |")
    cost = stories.cost()
    return [
        *lines,
        "",
        (
            f"With {cost.entries:,} entries a new one costs {cost.keys:.3f} ms of CPU for its keys "
            f"and {cost.joining:.3f} for the rest (0.3 are allowed), {cost.bytes_per_entry:.0f} "
            "bytes on disk."
        ),
        "",
    ]


def list_table(arguments: argparse.Namespace) -> list[str]:
    """Return what lists cost for new entries, after a change of the file, and for pages."""
    return lists.table(arguments.entries)


def picture_table(_arguments: argparse.Namespace) -> list[str]:
    """Return what pictures cost."""
    return pictures.table()


def wall_table(_arguments: argparse.Namespace) -> list[str]:
    """Return how rightly pages in place of feeds are named."""
    return walls.table()


def postgresql_table(arguments: argparse.Namespace) -> list[str]:
    """Return what PostgreSQL costs beside SQLite."""
    return postgresql.table(min(arguments.feeds, 1000), stored=arguments.stored)


def proposal_table(_arguments: argparse.Namespace) -> list[str]:
    """Return how rightly the posts of pages without feeds are found."""
    return page_proposals.table()


def postgresql_page_table(arguments: argparse.Namespace) -> list[str]:
    """Return what pages cost on both databases."""
    return postgresql.page_table(arguments.stored)


SECTIONS = {
    "polling": phase_table,
    "growth": growth_table,
    "pages": page_table,
    "feeds": feed_table,
    "stories": story_table,
    "walls": wall_table,
    "proposals": proposal_table,
    "lists": list_table,
    "pictures": picture_table,
    "postgresql": postgresql_table,
    "postgresql-pages": postgresql_page_table,
}
_PARTS = {"postgresql-pages"}  # of other sections


if __name__ == "__main__":
    main()

"""`make bench`: measure on loopback only, and rewrite bench/results.md.

Absolute figures are this machine's; what counts are ratios within one run.
"""

import argparse
import platform
import sqlite3
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import polling

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
    parser.add_argument("--feeds", type=int, default=1000)
    parser.add_argument("--growth", type=int, nargs="*", default=[1000, 10_000])
    arguments = parser.parse_args()
    feeds = min(arguments.feeds, 1000)
    say(f"feedparser's default parse of {feeds} documents")
    yardstick = polling.yardstick(feeds)
    say(f"the phases of {feeds} feeds")
    phases = polling.phases(feeds)
    grown = []
    for count in arguments.growth:
        say(f"{count} feeds")
        grown.append(polling.growth(count))
    text = "\n".join([*head(), *phase_table(phases, yardstick, feeds), *growth_table(grown)])
    RESULTS.write_text(text + "\n")
    print(text)


def say(what: str) -> None:
    """Tell a person what takes so long."""
    print(f"measuring: {what} ...", file=sys.stderr)


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


def phase_table(phases: polling.Phases, yardstick: float, feeds: int) -> list[str]:
    """Return the phases: CPU of all processes, as a share of the yardstick."""
    lines = [
        f"## {feeds} feeds x {polling.ENTRIES} entries of about 5 kB",
        "",
        (
            f"feedparser's default parse of the same bodies: {yardstick:.1f} CPU-seconds. "
            "Everything counts: fetching, parsing, sanitising, storing, full text, all processes; "
            f"not starting ({phases.start.cpu:.1f} s) and not the server of the feeds."
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


def growth_table(grown: list[polling.Growth]) -> list[str]:
    """Return how the cost of a poll grows with the feeds."""
    lines = [
        "## More feeds, all answering 304",
        "",
        "| feeds | start s | CPU ms a feed | peak MB |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {one.feeds:,} | {one.start.wall:.1f} | {1000 * one.poll.cpu / one.feeds:.2f} | "
        f"{one.poll.memory:.0f} |"
        for one in grown
    ]
    return lines


if __name__ == "__main__":
    main()

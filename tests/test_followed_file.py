"""Two files of different contents on one database: the log says so."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from aggregator.config import parse
from aggregator.scheduler import config_sync
from aggregator.scheduler.followed_file import OtherFileWatch, followed_file_of

FEEDS = "feeds: [{url: https://a.example/feed, name: a}]"


def digest(text, path="config.yaml"):
    return followed_file_of(parse(text, path=Path(path))).digest


@pytest.mark.parametrize(
    "other",
    [
        f"{FEEDS}\ntitle: Quay\nweb: {{port: 9000}}\nbase_url: https://quay.example",
        f"# a comment\n{FEEDS}\npoll: {{concurrency: 3}}",
    ],
)
def test_files_with_the_same_feeds_and_rules_are_alike(other):
    assert digest(FEEDS) == digest(other, "elsewhere/config.yaml")


@pytest.mark.parametrize(
    "other",
    [
        "feeds: [{url: https://b.example/feed, name: a}]",
        "feeds: [{url: https://a.example/feed, name: b}]",
        "feeds: [{url: https://a.example/feed, name: a, hide: gulls}]",
        f"{FEEDS}\nhide: gulls",
        f"{FEEDS}\nviews: [{{name: gulls, search: gulls}}]",
    ],
)
def test_files_with_other_feeds_or_rules_differ(other):
    assert digest(FEEDS) != digest(other)


def test_a_process_whose_file_is_not_followed_says_so_once_until_the_files_agree(database, caplog):
    async def transact(work):
        with database.begin() as connection:
            return work(connection)

    own, other = (
        parse(text, path=Path(path))
        for text, path in ((FEEDS, "own.yaml"), (f"{FEEDS}\nhide: gulls", "/etc/other.yaml"))
    )
    watch = OtherFileWatch(SimpleNamespace(transact=transact))

    def lines_after(followed, *, looks):
        caplog.clear()
        asyncio.run(transact(lambda connection: config_sync.follow(connection, followed)))
        for _ in range(looks):
            asyncio.run(watch.look(own))
        return [record.getMessage() for record in caplog.records]

    assert lines_after(own, looks=3) == []
    assert lines_after(other, looks=1) == []  # it may be on its way here
    (line,) = lines_after(other, looks=3)
    assert line.startswith("own.yaml: the database follows another file, ")
    assert ":/etc/other.yaml, whose feeds, rules or views differ; bring the same" in line
    assert lines_after(own, looks=1) == []
    assert len(lines_after(other, looks=2)) == 1

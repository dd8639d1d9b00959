"""Pages without a feed, polled: what is new, what stays, and when a page counts as changed."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from aggregator.database.feeds import read_health, write_leases, write_subscriptions
from aggregator.database.schema import entries, feeds
from aggregator.fetch import FetchSettings
from aggregator.model import (
    Failure,
    FailureKind,
    Outcome,
    PageKind,
    PageSelectors,
    Subscription,
)
from aggregator.poll import PollResult, PollSettings
from tests.feedserver import FeedServer
from tests.pollers import polling
from tests.running import command, one_line, write_config
from tests.web_fixtures import Site
from tests.worlds import entry, new_database

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SEED = Path(__file__).parents[2] / "shared" / "recent-posts" / "page.html"
SELECTORS = PageSelectors(PageKind.HTML, ".recent li", date="time, .ago")


def page(*names: str, minutes: int = 0, about: str = "li") -> str:
    posts = "".join(
        f"<{about}><h3><a href='/{name}'>Post <b>{name}</b></a></h3><p>About {name}</p>"
        f"<i class='ago'>{minutes + place} minutes ago</i></{about}>"
        for place, name in enumerate(names)
    )
    return f"<!doctype html><title>Lamp</title><ul class='recent'>{posts}</ul>"


class World:
    """A page at a server, and polls of the page."""

    def __init__(self, folder: Path, server: FeedServer) -> None:
        self.database = new_database(folder)
        self.server = server
        self.settings = PollSettings(
            fetch=FetchSettings("test", allow=("127.0.0.1",), timeout=timedelta(seconds=30)),
            authority="example.org",
            host_delay=timedelta(0),
        )
        self.subscribe(SELECTORS)

    def put(self, html: str, **options: Any) -> None:
        self.server.put("/", html, **options)

    def subscribe(self, selectors: PageSelectors | None) -> None:
        feed = Subscription("a", self.server.url("/"), name_given=True, selectors=selectors)
        with self.database.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, [feed], now=NOW)

    def poll(self) -> PollResult:
        result = self.poll_or_none()
        assert result is not None
        return result

    def poll_or_none(self) -> PollResult | None:
        async def run() -> PollResult | None:
            async with polling(self.database, self.settings) as poller:
                (due,) = await poller.transact(
                    lambda connection: write_leases.lease_named(
                        connection, owner="t", now=NOW, until=NOW + HOUR, names=["a"]
                    )
                )
                return await poller.poll(due)

        return asyncio.run(run())

    def posts(self) -> list[Any]:
        """Return the stored posts, each with its place, date and text; the newest first."""
        columns = (entries.c.id, entries.c.url, entries.c.published_at, entries.c.title_html)
        with self.database.connect() as connection:
            statement = select(*columns).order_by(entries.c.id.desc())
            return [tuple(row) for row in connection.execute(statement)]

    @property
    def row(self) -> Any:
        with self.database.connect() as connection:
            return connection.execute(select(feeds)).one()


@pytest.fixture
def world(tmp_path):
    with FeedServer() as server:
        made = World(tmp_path, server)
        yield made
        made.database.dispose()


def test_ten_polls_of_a_page_with_relative_dates_bring_and_move_nothing(world):
    world.put(page("oil", "glass", "brass"))
    first = world.poll()
    posts = world.posts()

    for minutes in range(7, 70, 7):
        world.put(page("oil", "glass", "brass", minutes=minutes))
        result = world.poll()
        assert (result.status, result.outcome) == (200, Outcome.UNCHANGED)
        assert (result.new, result.updated) == (0, 0)

    assert (first.new, len(posts)) == (3, 3)
    assert world.posts() == posts
    ages = [datetime.now(UTC) - post[2] for post in posts]
    assert all(
        timedelta(minutes=place) <= age < timedelta(minutes=place + 9)
        for place, age in enumerate(ages)
    )
    assert posts[0][3] == "Post <b>oil</b>"


def test_the_first_sight_dates_a_post_and_a_finer_date_corrects_it_within_what_was_open(world):
    at = NOW - 30 * HOUR
    world.put(page("oil").replace("0 minutes ago", f"{at:%d %B %Y}"))
    world.poll()
    (first,) = world.posts()

    def date_of_second_sight(text: str) -> datetime:
        world.put(page("oil").replace("0 minutes ago", text))
        assert (result := world.poll()).outcome is Outcome.UNCHANGED, result
        (post,) = world.posts()
        assert (post[0], post[1], post[3]) == (first[0], first[1], first[3])
        return post[2]

    assert first[2] == at.replace(hour=0, minute=0, second=0)
    assert date_of_second_sight(f"{at - 24 * HOUR * 9:%d %B %Y}, 11:41 UTC") == first[2]
    assert date_of_second_sight(f"{at:%d %B %Y, %H:%M} UTC") == at.replace(second=0)
    assert date_of_second_sight("yesterday") == at.replace(second=0)
    assert date_of_second_sight(f"{at:%d %B %Y}, 00:00 UTC") == at.replace(second=0)


def test_a_page_is_asked_for_as_a_page_and_again_with_its_validators(world):
    world.put(page("oil"), etag='"1"')

    results = [world.poll(), world.poll()]

    first, second = world.server.requests_to("/")
    assert [result.status for result in results] == [200, 304]
    assert first.headers["accept"].startswith("text/html, ")
    assert second.headers["if-none-match"] == '"1"'
    assert (world.row.title, world.row.format, world.row.first_posts) == ("Lamp", "HTML", 1)


def test_a_new_post_is_added_and_posts_that_left_the_page_stay(world):
    world.put(page("oil", "glass"))
    world.poll()
    world.put(page("wick", "oil"))

    assert world.poll().new == 1
    assert {post[1].rpartition("/")[2] for post in world.posts()} == {"oil", "glass", "wick"}


def test_a_page_that_lost_its_posts_fails_until_they_are_back_and_keeps_what_it_had(world):
    world.put(page(*"abcde"), etag='"1"')
    world.poll()
    posts = world.posts()
    world.put(page(*"abcde", about="div"), etag='"2"')

    gone = world.poll()
    failed_row = world.row
    world.put(page("a", "b"), etag='"3"')
    fewer = world.poll()
    with world.database.connect() as connection:
        health = read_health.feed(connection, "a", now=NOW)
    world.put(page("a", "b", "c"))

    assert gone.error == "page changed: `.recent li` matches nothing (5 expected)"
    assert fewer.error == "page changed: `.recent li` matches 2 (at least 3 expected)"
    assert (gone.outcome, gone.status, failed_row.etag) == (Outcome.FAILED, 200, '"1"')
    assert health is not None
    assert health.failure == Failure(FailureKind.PAGE_CHANGED, 200)
    assert world.poll().outcome is Outcome.UNCHANGED
    assert world.posts() == posts
    assert world.row.first_posts == 5


def test_a_page_that_lost_its_dates_fails_and_one_that_never_had_any_does_not(world):
    undated = page("oil", "glass").replace("minutes ago", "lamps")
    world.put(undated)
    results = [world.poll()]
    world.put(undated.replace("glass", "wick"))
    results.append(world.poll())
    world.put(page("brass"))
    results.append(world.poll())
    world.put(undated)

    assert [result.error for result in results] == [None] * 3
    assert world.poll().error == "page changed: `time, .ago` (date) has no date in 2 posts"


def test_other_selectors_read_the_same_page_anew_and_at_once(world):
    world.put(page("oil", "glass"), etag='"1"')
    world.poll()
    other = PageSelectors(PageKind.HTML, "li:first-child", title="p")

    world.subscribe(other)

    row = world.row
    assert (row.etag, row.body_hash, row.first_posts) == (None, None, None)
    assert (row.next_poll_at, row.next_reason) == (NOW, "`select` changed")
    result = world.poll()
    assert (result.status, result.new, world.row.first_posts) == (200, 0, 1)
    assert {post[3] for post in world.posts()} == {None, "Post <b>glass</b>"}  # None: no markup
    world.subscribe(other)
    assert world.row.etag == '"1"'


def test_a_poll_under_way_with_former_selectors_does_not_count(world):
    def change(sock):
        world.subscribe(PageSelectors(PageKind.HTML, "li"))
        body = page("oil").encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    world.server.raw("/", change)

    assert world.poll_or_none() is None
    assert (world.row.polls, world.posts()) == (0, [])


# ------------------------------------------------------------------------ commands


def subscribed(folder: Path, server: FeedServer, select: str = "{item: .recent li}") -> None:
    server.put("/", page("oil", "glass"))
    write_config(folder, [f"{{url: '{server.url('/')}', name: lamp, select: {select}}}"])


@pytest.mark.slow
def test_commands_know_a_page_and_say_what_became_of_it(tmp_path):
    with FeedServer() as server:
        subscribed(tmp_path, server)
        first = command(tmp_path, "poll")
        server.put("/", page("oil", about="div"))

        second = command(tmp_path, "poll", "--all")
        explained = command(tmp_path, "explain", "lamp").stdout
        previewed = command(tmp_path, "preview", "lamp")
        write_config(
            tmp_path,
            [f"{{url: '{server.url('/')}', name: lamp, select: {{item: .recent div, title: p}}}}"],
        )
        planned = command(tmp_path, "plan").stdout
        third = command(tmp_path, "poll")

    assert first.stdout == "lamp: 2 new, 0 updated\n"
    assert "lamp: page changed: `.recent li` matches nothing (2 expected)" in second.stdout
    assert "a page, read by `select`: item: .recent li\n" in explained
    assert "posts expected: at least 1\n" in explained
    assert "page changed: `.recent li` matches nothing (2 expected)" in explained
    assert "`.recent li` matches nothing" in one_line(previewed, 1)
    assert "select: item: .recent li -> item: .recent div, title: p (lamp)" in planned
    assert third.stdout == "lamp: 0 new, 1 updated\n"


@pytest.mark.slow
def test_a_preview_of_a_page_expects_the_posts_that_its_polls_expect(tmp_path):
    with FeedServer() as server:
        subscribed(tmp_path, server)
        server.put("/", page(*"abcde"))
        command(tmp_path, "poll")
        server.put("/", page("a", "b"))

        done = command(tmp_path, "preview", "lamp")

    assert done.returncode == 1
    assert "page changed: `.recent li` matches 2 (at least 3 expected)" in done.stderr
    assert "item: " in done.stdout


def test_a_preview_shows_the_posts_of_a_page(tmp_path):
    with FeedServer() as server:
        subscribed(tmp_path, server)

        text = command(tmp_path, "preview", "lamp").stdout

    assert text.startswith("Lamp (HTML)\n")
    assert f"Post oil\n  {server.url('/oil')}\n" in text
    assert text.endswith("2 posts in the document: 2 listed\n")


# ------------------------------------------------------------------------ the seed's page


@pytest.mark.skipif(not SEED.is_file(), reason="NOT TESTED: ../shared/recent-posts is not there")
def test_ten_polls_of_the_page_that_this_program_began_with_bring_its_posts_once(world):
    html = SEED.read_text("utf-8")
    world.subscribe(
        PageSelectors(PageKind.HTML, ".recent-posts li", author="aside h4", date=".posted")
    )

    def later(minutes: int) -> str:
        return re.sub(r"(\d+)(?= minutes ago)", lambda age: str(int(age[1]) + minutes), html)

    results, posts = [], []
    for minutes in range(0, 70, 7):
        world.put(later(minutes))
        results.append((world.poll().new, len(world.posts())))
        posts.append(world.posts())

    assert results == [(5, 5), *[(0, 5)] * 9]
    assert posts == [posts[0]] * 10
    now = datetime.now(UTC)
    ages = [(now - published_at) // MINUTE for _, _, published_at, _ in posts[0]]
    assert [age - ages[0] for age in ages] == [0, 0, 1, 1, 2]
    assert 19 <= ages[0] < 60
    assert sum("<b>" in (title_html or "") for *_, title_html in posts[0]) == 1
    with world.database.connect() as connection:
        authors = connection.scalars(select(entries.c.authors)).all()
    assert [len(names) for names in authors] == [1] * 5


# ------------------------------------------------------------------------ published


def test_feed_readers_get_the_merged_feed_of_a_page_and_never_the_page_as_a_feed(tmp_path):
    site = Site(tmp_path)
    lamp = next(feed for feed in site.config.feeds if feed.name == "lamp")
    others = [feed for feed in site.config.feeds if feed.name != "lamp"]
    site.subscribe(replace(lamp, selectors=SELECTORS), *others)
    site.record("lamp", entry(1))

    outlines = site.client.get("/sources.opml").text
    atom = site.client.get("/feed.atom").text

    assert outlines.count("/source/lamp/feed.atom") == 1
    assert f'xmlUrl="{lamp.url}"' not in outlines
    assert outlines.count("xmlUrl=") > 1
    assert f'rel="self" href="{lamp.url}"' not in atom

"""What a publisher sees of this program, over weeks and restarts."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from sqlalchemy import text

from aggregator import config as configuration
from aggregator.database.columns import UtcDateTime
from aggregator.database.feeds import write_clock_shift, write_hosts
from aggregator.model import Outcome, Subscription
from aggregator.runtime import system_clock
from tests.feedserver import FeedServer
from tests.pollers import new_scheduler
from tests.preloaded import Program
from tests.publisher import DAY, HOUR, Answer, Publisher, World
from tests.running import eventually, limited, rss, write_config
from tests.selection import slow_after, slow_but
from tests.skipping_clock import SkippingClock
from tests.test_scheduler import stopped, until

NOW = datetime.now(UTC)
MINUTE = timedelta(minutes=1)
HOURLY = "{host_delay: 0s, workers: 1, interval: 1h}"


@pytest.fixture
def server():
    with FeedServer() as server:
        yield server


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def body(*names: str) -> bytes:
    return rss([(name, f"Post {name}", NOW - HOUR) for name in names])


def served(world: World, server: FeedServer, path: str = "/feed", **more) -> Publisher:
    publisher = Publisher(server, path, world.now)
    values = {"interval": HOUR, "interval_given": True, "name_given": True} | more
    world.subscribe(Subscription("feed", server.url(path), **values))
    return publisher


def say(body_: bytes = b"", status: int = 200, wait: timedelta = HOUR, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body_, named, wait)


def assert_perfect(publisher: Publisher, requests: int) -> None:
    assert publisher.faults == []
    assert publisher.score == 100
    assert publisher.judged == len(publisher.server.requests_to(publisher.path)) == requests


A, B, C = (
    "Mon, 02 Nov 2026 10:00:00 GMT",
    "yesterday, more or less",
    "Tue, 03 Nov 2026 10:00:00 GMT",
)


@pytest.mark.slow
@pytest.mark.parametrize("restarts", slow_but([True], [False, True]))
def test_a_long_sequence_of_polls_scores_100_per_cent(world, server, restarts):
    publisher = served(world, server)
    later = format_datetime(world.now() + 300 * DAY)  # far beyond any cap
    publisher.will_say(
        say(body("1"), ETag='"1"', Last_Modified=A),
        say(status=304),
        say(body("1", "2"), ETag='"2"', Last_Modified=A),  # one of the two has changed
        say(body("1", "2"), ETag='"3"', Last_Modified=B),  # the same body, new validators
        say(status=304, ETag='W/"3,\\ odd"'),  # a 304 brings one
        say(status=304),
        say(body("1", "2", "3"), Last_Modified=C),  # the ETag vanishes
        say(status=304, Cache_Control="max-age=10800", wait=3 * HOUR),
        say(body("3"), ETag='W/"weak"', Cache_Control="max-age=14400", Age="3600", wait=3 * HOUR),
        say(status=304, wait=3 * HOUR, Age="3600"),  # renews the four hours of its document
        say(status=500, wait=HOUR),
        say(status=502, wait=2 * HOUR),
        say(status=304, Cache_Control="no-cache"),
        say(status=429, Retry_After="20000", wait=timedelta(seconds=20000)),
        say(status=304, Cache_Control="no-cache"),
        say(status=429, wait=4 * HOUR),
        say(status=503, wait=2 * HOUR),  # says nothing about requests: a failure like any other
        say(status=503, Retry_After=later, wait=30 * DAY),
        say(b"<html>Sorry</html>", Cache_Control="no-cache", ETag='"html"'),
    )
    # A document that can't be read is not an answer: what was known before stays.
    polls = len(publisher.answers)
    for number in range(polls):
        world.next_poll()
        if restarts or number % 5 == 4:
            world.restart()
    assert_perfect(publisher, polls)

    publisher.expected = {"if-none-match": 'W/"weak"'}
    publisher.will_say(say(body("4"), ETag='"4"'))
    assert [result.status for result in world.next_poll()] == [200]
    assert_perfect(publisher, polls + 1)


def test_nothing_is_asked_twice_at_a_restart(world, server):
    publisher = served(world, server)
    publisher.will_say(say(body("1"), ETag='"1"'))
    world.next_poll()
    for minutes in (1, 10, 20, 20, 8):
        world.wait(minutes * MINUTE)
        world.restart()
        assert world.poll() == []
    world.wait(9 * MINUTE)
    assert [result.status for result in world.poll()] == [304]
    assert_perfect(publisher, 2)


def test_a_feed_without_validators_is_asked_once_a_day_while_nothing_changes(world, server):
    publisher = served(world, server, interval_given=False)
    publisher.will_say(say(body("1"), wait=timedelta(0)))
    publisher.will_say(*(say(body("1"), wait=DAY) for _ in range(4)))
    world.next_poll()
    world.next_poll()
    before = world.now()
    for _ in range(3):
        world.next_poll()

    assert 3 * DAY <= world.now() - before <= 3.3 * DAY
    assert [fault for fault in publisher.faults if "early" in fault] == []
    health = world.health("feed")
    assert health.unconditional
    assert health.next_reason == "the server offers no validators, and nothing was new"


@pytest.mark.slow
def test_stuck_validators_are_dropped_once_in_eight_days_where_the_file_says_so(world, server):
    for name in "ab":
        server.put(f"/{name}", body("1"), etag='"stuck"')
    world.subscribe(
        *(
            Subscription(name, server.url(f"/{name}"), interval=DAY, interval_given=True,
                         name_given=True, distrust_304=distrust)
            for name, distrust in (("a", True), ("b", False))
        )
    )  # fmt: skip
    end = world.now() + 20 * DAY
    while world.now() < end:
        world.next_poll()

    unconditional = {
        name: len([r for r in server.requests_to(f"/{name}") if "if-none-match" not in r.headers])
        for name in "ab"
    }
    assert unconditional == {"a": 3, "b": 1}


def test_a_stop_in_the_middle_of_a_request_is_no_reason_to_ask_again_at_once(
    world, server, tmp_path
):
    server.put("/feed", body("1"), delay=30)
    config = configuration.load(write_config(tmp_path, [server.url("/feed")], poll=HOURLY))
    world.subscribe(*config.feeds)
    for _ in range(2):
        scheduler = new_scheduler(config, world.engine)
        asyncio.run(stopped(scheduler, until(lambda: server.requests)))
        world.restart()

    assert len(server.requests) == 1
    (feed,) = config.feeds
    assert 59 * MINUTE < world.health(feed.name).next_poll_at - datetime.now(UTC) <= HOUR


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_request_is_no_reason_to_ask_again_at_once(server, tmp_path):
    server.put("/feed", body("1"), delay=30)
    write_config(tmp_path, [server.url("/feed")], poll=HOURLY)
    log = tmp_path / "schedule.log"
    with log.open("wb") as file:
        first = Program("schedule", cwd=tmp_path, stderr=file)
        with limited(first):
            eventually(lambda: server.requests)
            first.kill()
            first.wait()
        second = Program("schedule", cwd=tmp_path, stderr=file)
        with limited(second):
            eventually(lambda: "wait for their interval" in log.read_text())
            time.sleep(1)
            second.terminate()
            second.wait()

    assert len(server.requests) == 1


@pytest.mark.parametrize("processes", slow_after(1, [1, 2]))
@pytest.mark.parametrize("step", [DAY, -DAY, 10 * MINUTE, -400 * DAY])
def test_a_clock_that_is_set_moves_the_schedule_along_once(world, server, step, processes):
    booted_at = datetime.now(UTC) - 5 * HOUR
    publisher = served(world, server, interval=2 * HOUR)
    publisher.will_say(say(body("1"), ETag='"1"'))
    engine = world.engine

    def look(started_at, now):
        with engine.begin() as connection:
            return write_clock_shift.follow_clock(
                connection, boot="b", started_at=started_at, now=now
            )

    look(booted_at, datetime.now(UTC))
    world.poll()
    at = world.health("feed").next_poll_at
    steps = [look(booted_at + step, datetime.now(UTC) + step) for _ in range(processes)]

    assert steps == [step, *[timedelta(0)] * (processes - 1)]
    assert world.health("feed").next_poll_at == at + step
    look(booted_at, datetime.now(UTC))
    assert world.health("feed").next_poll_at == at


def test_a_clock_that_is_put_right_after_a_start_leaves_older_dates_alone(world, server):
    publisher = served(world, server)
    publisher.will_say(say(body("1"), ETag='"1"'))
    world.poll()
    at = world.health("feed").next_poll_at
    epoch = datetime(1970, 1, 1, tzinfo=UTC)  # a machine without a battery
    with world.engine.begin() as connection:
        write_clock_shift.follow_clock(connection, boot="c", started_at=epoch, now=epoch + MINUTE)
        now = datetime.now(UTC)
        write_clock_shift.follow_clock(connection, boot="c", started_at=now - 2 * MINUTE, now=now)

    assert world.health("feed").next_poll_at == at


@pytest.mark.slow
def test_the_scheduler_notices_that_the_clock_is_set(world, server, tmp_path, monkeypatch, caplog):
    server.put("/feed", body("1"))
    feed = f"{{url: '{server.url('/feed')}', name: feed}}"
    config = configuration.load(write_config(tmp_path, [feed], poll=HOURLY))
    world.subscribe(*config.feeds)
    shift = [timedelta(0)]
    real = system_clock.read

    def read(now):
        seen = real(now)
        return replace(seen, started_at=seen.started_at + shift[0])

    monkeypatch.setattr(system_clock, "read", read)

    async def meanwhile():
        await until(lambda: world.health("feed").last_success_at)
        shift[0] = -DAY
        await until(lambda: "the clock was set by -86400 s" in caplog.text)

    asyncio.run(stopped(new_scheduler(config, world.engine), meanwhile()))
    assert caplog.text.count("the clock was set") == 1


def test_summer_and_winter_time_change_no_interval(world, server, monkeypatch):
    publisher = served(world, server)
    publisher.will_say(say(body("1"), ETag='"1"'))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        for _ in range(3):
            began = datetime.now(UTC)
            world.next_poll()
            health = world.health("feed")
            assert began <= health.last_polled_at <= datetime.now(UTC)
            assert HOUR <= health.next_poll_at - health.last_polled_at <= 1.1 * HOUR
            world.wait(183 * DAY)  # to the other half of the year
            world.restart()
        assert_perfect(publisher, 3)
    finally:
        monkeypatch.undo()
        time.tzset()


# --------------------------------------------------------------------- redirects


def test_a_permanent_redirect_is_followed_for_good_after_three_sightings_over_a_day(world, server):
    server.put("/new", body("1"), etag='"n"')
    server.redirect("/old", server.url("/new"), 308)
    world.subscribe(Subscription("feed", server.url("/old"), interval=8 * HOUR, name_given=True,
                                 interval_given=True))  # fmt: skip
    asked = []
    for _ in range(6):
        world.next_poll()
        asked.append(len(server.requests_to("/old")))
        world.restart()

    assert asked == [1, 2, 3, 4, 4, 4]  # the first three are sixteen hours apart
    assert [r.headers.get("if-none-match") for r in server.requests_to("/new")][1:] == ['"n"'] * 5
    health = world.health("feed")
    assert health.moved_to == server.url("/new")
    assert health.source.feed_url == server.url("/old")


@pytest.mark.parametrize("status", slow_after(1, [302, 303, 307]))
def test_a_temporary_redirect_is_never_followed_for_good(world, server, status):
    server.put("/new", body("1"), etag='"n"')
    server.redirect("/old", server.url("/new"), status)
    world.subscribe(Subscription("feed", server.url("/old"), interval=12 * HOUR, name_given=True,
                                 interval_given=True))  # fmt: skip
    for _ in range(6):
        world.next_poll()

    assert len(server.requests_to("/old")) == 6
    assert world.health("feed").moved_to is None


def test_sightings_start_over_when_the_target_changes_or_none_is_seen(world, server):
    for path in ("/x", "/y"):
        server.put(path, body("1"), etag='"n"')
    world.subscribe(Subscription("feed", server.url("/old"), interval=13 * HOUR, name_given=True,
                                 interval_given=True))  # fmt: skip
    for target in ("/x", "/x", "/y", "/y", None, "/y", "/y"):
        if target:
            server.redirect("/old", server.url(target))
        else:
            server.put("/old", body("1"))
        world.next_poll()

    assert world.health("feed").moved_to is None
    world.next_poll()
    assert world.health("feed").moved_to == server.url("/y")


def test_a_feed_that_fails_where_it_moved_to_is_asked_at_its_old_address_again(world, server):
    server.put("/new", body("1"), etag='"n"')
    server.redirect("/old", server.url("/new"))
    world.subscribe(Subscription("feed", server.url("/old"), interval=13 * HOUR, name_given=True,
                                 interval_given=True))  # fmt: skip
    for _ in range(3):
        world.next_poll()
    assert world.health("feed").moved_to
    server.put("/new", status=404)
    server.put("/old", body("1", "2"))
    for _ in range(3):
        world.next_poll()

    assert [result.new for result in world.next_poll()] == [1]
    assert world.health("feed").moved_to is None


def test_another_address_in_the_file_ends_a_move(world, server):
    server.put("/new", body("1"), etag='"n"')
    server.redirect("/old", server.url("/new"))
    feed = Subscription("feed", server.url("/old"), interval=13 * HOUR, name_given=True,
                        interval_given=True)  # fmt: skip
    world.subscribe(feed)
    for _ in range(3):
        world.next_poll()
    server.put("/third", body("3"))
    world.subscribe(Subscription("feed", server.url("/third"), interval=HOUR, name_given=True,
                                 interval_given=True))  # fmt: skip
    world.poll()

    assert len(server.requests_to("/third")) == 1
    assert world.health("feed").moved_to is None


def test_a_410_stops_for_good_and_says_so(world, server):
    publisher = served(world, server)
    publisher.will_say(say(status=410))
    world.next_poll()
    world.wait(400 * DAY)
    world.restart()

    assert world.poll() == []
    health = world.health("feed")
    assert (health.is_gone, health.next_poll_at) == (True, None)
    assert "410" in str(health.next_reason)


def test_a_web_page_where_a_feed_was_is_searched_for_one_without_a_second_request(world, server):
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/feed.xml"></head>'
    server.put("/feed", page.encode(), headers={"Content-Type": "text/html"})
    world.subscribe(Subscription("feed", server.url("/feed"), name_given=True))

    (result,) = world.poll()

    said = f"not a feed but a web page (HTML); it names {server.url('/feed.xml')}"
    assert result.error == said
    assert [request.path for request in server.requests] == ["/feed"]


# -------------------------------------------------------------------------- hosts


def test_what_a_429_asks_for_holds_for_all_feeds_of_the_site_over_restarts(world, server):
    for name in "abc":
        server.put(f"/{name}", body(name), etag='"1"')
    server.put("/a", status=429, headers={"Retry-After": "7200"})
    world.subscribe(
        *(Subscription(name, server.url(f"/{name}"), name_given=True) for name in "abc")
    )

    results = world.poll()

    assert [(result.feed, result.outcome) for result in results] == [("a", Outcome.POSTPONED)]
    world.restart()
    assert world.poll() == []
    assert world.health("b").next_poll_at > datetime.now(UTC) + 119 * MINUTE
    world.wait(119 * MINUTE)
    assert world.poll() == []
    world.wait(5 * MINUTE)
    assert {result.feed for result in world.poll()} <= {"a", "b", "c"}
    assert len(server.requests) > 1


def test_a_503_without_a_time_silences_no_other_feed_of_its_site(world, server):
    for name in "ab":
        server.put(f"/{name}", body(name), etag='"1"')
    server.put("/a", status=503)
    world.subscribe(*(Subscription(name, server.url(f"/{name}"), name_given=True) for name in "ab"))

    world.poll()
    world.wait(10 * MINUTE)
    world.restart()
    world.poll()

    health = {name: world.health(name) for name in "ab"}
    assert health["a"].error == "503 Service Unavailable"
    assert health["a"].next_poll_at < datetime.now(UTC) + 61 * MINUTE
    assert health["b"].error is None
    assert len(server.requests_to("/b")) == 1


def serve_one_in(server: FeedServer, feeds: int, seconds: float):
    """Serve feeds of a host that allows one request in so many seconds, and count refusals."""
    state = {"at": None, "refused": 0, "served": []}

    def script(path):
        def answer(sock):
            at = server.requests[-1].at
            if state["at"] is not None and at - state["at"] < seconds:
                state["refused"] += 1
                wait = int(seconds - (at - state["at"])) + 1
                sock.sendall(f"HTTP/1.1 429 x\r\nRetry-After: {wait}\r\n\r\n".encode())
                return
            state["at"] = at
            state["served"].append(path)
            content = body(path)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + content)

        return answer

    for number in range(feeds):
        server.raw(f"/{number}", script(f"/{number}"))
    return state


@pytest.mark.slow
@pytest.mark.parametrize("feeds", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_all_feeds_of_a_host_that_allows_little_are_refreshed_after_one_lesson(
    tmp_path, server, feeds
):
    state = serve_one_in(server, feeds, 0.5)
    path = write_config(
        tmp_path, [server.url(f"/{number}") for number in range(feeds)],
        poll="{host_delay: 0s, workers: 1, interval: 2h}",
    )  # fmt: skip
    world = World(tmp_path)
    config = configuration.load(path)
    world.subscribe(*config.feeds)
    scheduler = new_scheduler(config, world.engine)
    # What was refused is asked again after its back-off; that is two hours here, and time passes.
    all_but_one = until(lambda: len(set(state["served"])) >= feeds - 1, within=60 + 5 * feeds)
    asyncio.run(stopped(scheduler, all_but_one))
    assert state["refused"] == 1
    assert len(state["served"]) == len(set(state["served"])) == feeds - 1
    world.wait(3 * HOUR)
    time.sleep(1)  # the host's own clock does not take part
    asyncio.run(
        stopped(
            new_scheduler(config, world.engine),
            until(lambda: len(set(state["served"])) == feeds, within=60 + 5 * feeds),
        )
    )
    assert state["refused"] == 1
    world.close()


def test_a_redirect_to_a_host_that_told_another_process_to_wait_is_not_followed(world, server):
    with FeedServer("127.0.0.2") as other:
        other.put("/moved", body("m"))
        server.redirect("/feed", other.url("/moved"), 302)
        world.subscribe(Subscription("feed", server.url("/feed"), name_given=True))
        free_at = datetime.now(UTC) + HOUR
        rest(world, "127.0.0.2", HOUR)

        (result,) = world.poll()

        assert result.error == "a redirect leads to 127.0.0.2, which asked for fewer requests"
        assert other.requests == []
        assert result.next_poll_at > free_at - MINUTE


def test_the_pause_between_two_requests_to_a_site_holds_over_processes(world, server):
    world.host_delay, world.clock = 0.4, SkippingClock()
    for name in "abc":
        server.put(f"/{name}", body(name))
    world.subscribe(
        *(Subscription(name, server.url(f"/{name}"), name_given=True) for name in "abc")
    )
    for owner in "xyz":  # each knows nothing of what the one before it did
        world.poll(owner=owner, limit=1)

    times = [world.clock.at(request.at) for request in server.requests]
    assert len(times) == 3
    assert all(later - earlier > 0.399 for earlier, later in pairwise(times))


@pytest.mark.parametrize("status", [200, 429])
def test_a_redirect_to_another_site_lets_the_first_one_rest_as_well(world, server, status):
    world.host_delay = 60
    with FeedServer("127.0.0.2") as other:
        other.put("/moved", body("m"), status=status)
        for name in "ab":
            server.redirect(f"/{name}", other.url("/moved"), 302)
        world.subscribe(
            *(Subscription(name, server.url(f"/{name}"), name_given=True) for name in "ab")
        )
        world.poll(owner="x", limit=1)

        for site in ("127.0.0.1", "127.0.0.2"):
            with world.engine.connect() as connection:
                pause = write_hosts.host_pause(connection, site)
            assert pause is not None, site
            assert pause.free_at > datetime.now(UTC) + MINUTE / 2
        assert world.poll(owner="y") == []
        assert len(server.requests) == len(other.requests) == 1


@pytest.mark.parametrize("end", [200, 429, None])
def test_each_site_of_a_chain_of_redirects_rests(world, server, end):
    world.host_delay = 60
    with FeedServer("127.0.0.2") as middle, FeedServer("127.0.0.3") as last:
        last.put("/moved", body("m"), status=end or 200)
        middle.redirect("/on", last.url("/moved"), 302)
        middle.put("/own", body("o"))
        server.redirect("/feed", middle.url("/on"), 302)
        world.subscribe(Subscription("feed", server.url("/feed"), name_given=True))
        if end is None:  # the last one wants to be left alone: it is not asked
            rest(world, "127.0.0.3", HOUR)
        world.poll(owner="x")

        with world.engine.connect() as connection:
            pause = write_hosts.host_pause(connection, "127.0.0.2")
        assert pause is not None
        assert pause.free_at > datetime.now(UTC) + MINUTE / 2
        world.subscribe(Subscription("own", middle.url("/own"), name_given=True))
        assert world.poll(owner="y") == []
        assert len(middle.requests) == 1
        assert len(last.requests) == (end is not None)


def test_a_site_in_the_middle_of_a_chain_waits_for_its_turn_in_one_process(world, server):
    world.host_delay, world.clock = 3600, SkippingClock()
    with FeedServer("127.0.0.2") as middle, FeedServer("127.0.0.3") as last:
        last.put("/moved", body("m"))
        middle.redirect("/on", last.url("/moved"), 302)
        middle.put("/own", body("o"))
        server.redirect("/feed", middle.url("/on"), 302)
        world.subscribe(
            Subscription("feed", server.url("/feed"), name_given=True),
            Subscription("own", middle.url("/own"), name_given=True),
        )

        world.poll()

        first, second = sorted(world.clock.at(request.at) for request in middle.requests)
        assert second - first >= 3600


def rest(world, site, wait):
    """Let another process have learned that a site wants to be left alone."""
    with world.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO hosts (name, free_at) VALUES (:site, :at)"),
            {"site": site, "at": UtcDateTime.encode(datetime.now(UTC) + wait)},
        )


def test_a_redirect_to_another_host_waits_for_its_turn_there(world, server):
    world.host_delay, world.clock = 3600, SkippingClock()
    with FeedServer("127.0.0.2") as other:
        other.put("/other", body("o"))
        other.put("/moved", body("m"))
        server.redirect("/feed", other.url("/moved"), 302)
        world.subscribe(
            Subscription("feed", server.url("/feed"), name_given=True),
            Subscription("other", other.url("/other"), name_given=True),
        )

        results = world.poll()

        assert sorted(result.new for result in results) == [1, 1]
        first, second = sorted(world.clock.at(request.at) for request in other.requests)
        assert second - first >= 3600

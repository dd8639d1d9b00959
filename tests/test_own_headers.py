"""Headers of `request` in config.yaml: who gets them, who does not, and what follows from them."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from sqlalchemy import select, update

from aggregator.database.feeds import write_leases, write_subscriptions
from aggregator.database.schema import feeds
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.fetch.target import Target
from aggregator.model import FeedRequest, Outcome, Subscription
from aggregator.poll import PollSettings
from tests.certificates import tls_server
from tests.feedserver import FeedServer
from tests.fetching import settings
from tests.pollers import polling
from tests.running import command, rss, write_config
from tests.selection import examples
from tests.worlds import sqlite_database

FEED = b"<rss version='2.0'><channel><title>News</title></channel></rss>"
OWN = FeedRequest((("Authorization", "Bearer canary-7"), ("X-Canary", "canary-8")), "me/1 (+a@b.c)")
NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
NEAR = ("127.0.0.0/8", "localhost")


@pytest.fixture
def server():
    with FeedServer() as running:
        running.put("/feed.xml", FEED)
        yield running


@pytest.fixture
def elsewhere():
    with FeedServer("127.0.0.2") as running:
        running.put("/feed.xml", FEED)
        yield running


def fetch(url, request=OWN, **options):
    async def run():
        async with Fetcher(settings(allow=NEAR)) as fetcher:
            return await fetcher.fetch(url, feed_request=request, **options)

    return asyncio.run(run())


def canaries(server):
    """Return which of the requests to a server had the own headers: both or none."""
    text = [json.dumps(dict(request.headers)) for request in server.requests]
    assert [value.count("canary-7") for value in text] == [
        value.count("canary-8") for value in text
    ]
    return ["canary" in value for value in text]


# ----------------------------------------------------------------- who gets them


def test_a_feed_is_requested_with_its_headers_and_user_agent(server):
    fetch(server.url("/feed.xml"))

    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer canary-7"
    assert request.headers["x-canary"] == "canary-8"
    assert request.headers["user-agent"] == "me/1 (+a@b.c)"
    assert "application/atom+xml" in request.headers["accept"]


def test_an_own_header_replaces_one_of_the_program_and_a_password_of_the_address(server):
    own = FeedRequest((("accept", "text/x-feed"), ("AUTHORIZATION", "mine")))

    fetch(server.url("/feed.xml").replace("//", "//me:secret@"), own)

    (request,) = server.requests
    assert (request.headers["accept"], request.headers["authorization"]) == ("text/x-feed", "mine")
    assert sum(name in {"accept", "authorization"} for name in request.headers) == 2


def test_an_own_cookie_stands_before_those_of_redirects(server):
    server.put("/a", status=302, headers={"Location": "/feed.xml", "Set-Cookie": "seen=1; Path=/"})

    fetch(server.url("/a"), FeedRequest((("Cookie", "session=7"),)))

    sent = [request.headers["cookie"] for request in server.requests]
    assert sent == ["session=7", "session=7; seen=1"]


def test_headers_follow_redirects_at_their_scheme_host_and_port(server):
    server.redirect("/a", "/b", 302)
    server.redirect("/b", server.url("/feed.xml"), 308)

    fetch(server.url("/a"))

    assert canaries(server) == [True, True, True]


def test_headers_do_not_follow_a_redirect_to_another_host_nor_come_back(server, elsewhere):
    server.redirect("/a", elsewhere.url("/b"), 302)
    elsewhere.redirect("/b", server.url("/feed.xml"), 302)

    assert fetch(server.url("/a")).body == FEED

    assert canaries(server) == [True, False]
    assert canaries(elsewhere) == [False]
    assert elsewhere.requests[0].headers["user-agent"] == "me/1 (+a@b.c)"


def test_headers_do_not_follow_a_redirect_to_another_port_or_name(server):
    with FeedServer() as other_port:
        other_port.put("/feed.xml", FEED)
        server.redirect("/port", other_port.url("/feed.xml"), 301)
        name = server.url("/feed.xml").replace("127.0.0.1", "localhost")
        server.redirect("/name", name, 307)

        fetch(server.url("/port"))
        fetch(server.url("/name"))

        assert canaries(other_port) == [False]
        assert canaries(server) == [True, True, False]


@pytest.mark.slow
@pytest.mark.usefixtures("trusted")
def test_headers_do_not_follow_a_redirect_to_another_scheme(server, certificates):
    with tls_server(certificates, "good.pem") as secure:
        secure.redirect("/down", server.url("/feed.xml"), 301)
        server.redirect("/up", secure.url("/feed.xml"), 301)

        assert fetch(secure.url("/down")).moved_to is None
        assert fetch(server.url("/up")).moved_to is None

        assert canaries(secure) == [True, False]
        assert canaries(server) == [False, True]


def test_headers_are_not_sent_to_an_address_that_the_feed_moved_to(server, elsewhere):
    fetch(elsewhere.url("/feed.xml"), subscribed=server.url("/feed.xml"))
    fetch(server.url("/feed.xml"), subscribed=server.url("/old.xml"))

    assert canaries(elsewhere) == [False]
    assert canaries(server) == [True]


def test_an_address_behind_own_headers_is_not_the_feeds_new_one(server, elsewhere):
    server.redirect("/a", elsewhere.url("/feed.xml"), 301)

    assert fetch(server.url("/a")).moved_to is None
    assert fetch(server.url("/a"), FeedRequest(user_agent="x")).moved_to == elsewhere.url(
        "/feed.xml"
    )


PLACES = st.sampled_from(
    ["http://a.example/", "http://a.example:80/b", "https://a.example/", "http://a.example:8080/",
     "http://www.a.example/", "http://A.EXAMPLE/c", "http://a.example./", "http://b.example/",
     "http://me:pw@a.example/d", "/e", "//a.example/f", "?g"]
)  # fmt: skip


@settings_of_hypothesis(max_examples=examples(200))
@given(hops=st.lists(PLACES, max_size=5))
def test_headers_are_sent_until_the_first_hop_elsewhere_and_never_again(hops):
    target = Target.parse("http://a.example/")
    target = target.with_headers(OWN.headers, target)
    has_left = False

    for hop in hops:
        target = target.follow(hop)
        origin = target.request.scheme, target.request.raw_host, target.request.port
        has_left = has_left or origin != ("http", "a.example", 80)
        assert bool(target.own_headers) is not has_left
        assert "pw" not in str(dict(target.own_headers))


# --------------------------------------------------------------- what the log says


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_says_that_own_headers_were_sent_or_were_not(server, elsewhere, status):
    for place in (server, elsewhere):
        place.put("/no", b"x", status=status)
    server.redirect("/a", elsewhere.url("/no"), 302)
    phrase = {401: "401 Unauthorized", 403: "403 Forbidden"}[status]
    reasons = []
    for url, request in (("/no", OWN), ("/a", OWN), ("/no", FeedRequest(user_agent="x"))):
        with pytest.raises(Exception, match=str(status)) as caught:
            fetch(server.url(url), request)
        reasons.append(caught.value.reason)

    unsent = "the headers of `request` go to the scheme, host and port of the url alone"
    assert reasons == [
        f"{phrase}: the server refused the headers of `request`; check their values",
        f"after a redirect: {phrase}: {unsent}",
        phrase,
    ]


@pytest.mark.slow
def test_no_command_and_no_page_shows_a_header(tmp_path, server, monkeypatch):
    monkeypatch.setenv("CANARY", "canary-from-outside")
    server.put("/a", rss([("p1", "Post", NOW)]))
    server.put("/no", b"no", status=403)
    request = (
        "{headers: {Authorization: Bearer canary-literal, X-A: '${CANARY}', X-B: canary-plain}}"
    )
    write_config(
        tmp_path,
        [f"{{url: '{server.url(path)}', name: {path[1:]}, request: {request}}}"
         for path in ("/a", "/no")],
    )  # fmt: skip

    done = [
        command(tmp_path, *arguments)
        for arguments in (["check"], ["plan"], ["plan", "--json"], ["poll"], ["feeds"],
                          ["feeds", "--json"], ["explain", "no"], ["explain", "no", "--json"],
                          ["export", "site"])
    ]  # fmt: skip

    said = "".join(output.stdout + output.stderr for output in done)
    assert "the server refused the headers of `request`" in said
    assert "canary" not in said
    for path in (tmp_path / "site").rglob("*"):
        assert path.is_dir() or b"canary" not in path.read_bytes()
    assert [request.headers["x-a"] for request in server.requests] == ["canary-from-outside"] * 2
    assert b"canary" not in (tmp_path / "aggregator.db").read_bytes()


def test_a_plan_says_that_headers_change_but_not_to_what(tmp_path, server):
    server.put("/a", rss([("p1", "Post", NOW)]))
    feed = f"{{url: '{server.url('/a')}', name: a, request: {{headers: {{X: %s}}}}}}"
    write_config(tmp_path, [feed % "canary-1"])
    command(tmp_path, "poll")
    write_config(tmp_path, [feed % "canary-2"])

    plan = command(tmp_path, "plan")

    assert "request: *** -> ***" in plan.stdout
    assert "canary" not in plan.stdout


# ------------------------------------------------------------------ the next poll


class World:
    """A feed at a server, polled with the request that config.yaml has at the time."""

    def __init__(self, folder, server):
        self.database = sqlite_database(folder)
        self.url = server.url("/a")
        self.settings = PollSettings(
            fetch=FetchSettings("test", allow=("127.0.0.1",), timeout=timedelta(seconds=3)),
            authority="example.org",
            host_delay=timedelta(0),
        )

    def read_config(self, request, *, in_force=None):
        """Make the database follow a file with `request`; the poller has `in_force` of it."""
        subscription = Subscription("a", self.url, name_given=True, request_digest=request.digest)
        with self.database.begin() as connection:
            write_subscriptions.sync_subscriptions(connection, [subscription], now=NOW)
        self.settings = replace(self.settings, requests={self.url: in_force or request})

    def leased(self):
        with self.database.begin() as connection:
            return write_leases.lease_named(
                connection, owner="t", now=NOW, until=NOW + HOUR, names=["a"]
            )

    def poll(self, *due):
        async def run():
            async with polling(self.database, self.settings) as poller:
                for feed in due or self.leased():
                    result = await poller.poll(feed)
                return result

        return asyncio.run(run())

    @property
    def row(self):
        with self.database.connect() as connection:
            return connection.execute(select(feeds)).one()


@pytest.fixture
def world(tmp_path, server):
    server.put("/a", rss([("p1", "Post", NOW)]), etag='"1"', last_modified="then")
    made = World(tmp_path, server)
    yield made
    made.database.dispose()


def test_changed_headers_drop_the_validators_and_wait_for_the_next_poll(world, server):
    world.read_config(OWN)
    world.poll()
    planned_at = world.row.next_poll_at
    world.read_config(OWN)
    assert world.poll().status == 304

    world.read_config(replace(OWN, headers=(("X-Canary", "other"),)))

    row = world.row
    assert (row.etag, row.last_modified, row.body_hash, row.seen_hashes) == (None,) * 4
    assert row.next_poll_at >= planned_at > NOW
    result = world.poll()
    assert (result.status, result.outcome, result.new) == (200, Outcome.UNCHANGED, 0)
    assert "if-none-match" not in server.requests_to("/a")[-1].headers
    assert world.row.etag == '"1"'


def test_a_poll_at_an_address_that_the_feed_moved_to_has_no_headers(world, server, elsewhere):
    elsewhere.put("/a", rss([("p1", "Post", NOW)]))
    world.settings = replace(
        world.settings, fetch=replace(world.settings.fetch, allow=("127.0.0.0/8",))
    )
    world.read_config(OWN)
    with world.database.begin() as connection:
        connection.execute(update(feeds).values(moved_to=elsewhere.url("/a")))

    assert world.poll().outcome is Outcome.NEW

    assert canaries(elsewhere) == [False]
    assert server.requests == []


def test_a_poller_with_another_request_than_the_database_waits_for_its_file(world, server, caplog):
    world.read_config(OWN, in_force=FeedRequest())
    (due,) = world.leased()

    assert world.poll(due) is None

    row = world.row
    assert server.requests == []
    assert (row.lease_owner, row.polls) == (None, 0)
    assert NOW < row.next_poll_at < datetime.now(UTC) + timedelta(seconds=11)
    assert caplog.text == ""


def test_processes_that_differ_for_longer_are_told_of(world, caplog):
    world.read_config(OWN, in_force=FeedRequest())

    assert world.poll(*[world.leased()[0]] * 4) is None

    assert caplog.text.count("another process has read config.yaml with another `request`") == 1


def test_a_poll_under_way_with_former_headers_does_not_count(world, server):
    world.read_config(OWN)
    other = replace(OWN, user_agent="other")

    def change(sock):
        world.read_config(other)
        body = rss([("p1", "Post", NOW)])
        sock.sendall(b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    server.raw("/a", change)

    world.poll()

    row = world.row
    assert (row.etag, row.polls, row.request_digest) == (None, 0, other.digest)

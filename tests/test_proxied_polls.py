"""Polls, pictures and commands by the proxies of config.yaml, on a real proxy and server."""

import asyncio
import json
import socket
from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator import config
from aggregator.database import open_database
from aggregator.fetch.name_lookups import NameLookups
from aggregator.model import Failure, FailureKind, FeedRequest, Outcome, PictureMode, Subscription
from aggregator.scheduler.poll_options import poll_settings
from aggregator.websub import WebSubService
from tests.drawn import png
from tests.feedserver import FeedServer
from tests.hubs import transact_on
from tests.proxies import HttpProxy, SocksProxy
from tests.running import command, rss, write_config
from tests.web_fixtures import Site, words
from tests.worlds import subscribe


@pytest.fixture
def server():
    with FeedServer() as running:
        running.put("/feed.xml", rss([("p1", "Post", None)]))
        yield running


@pytest.fixture(autouse=True)
def no_names(monkeypatch):
    """Let this machine resolve no name; a look-up fails the test."""
    looked_up = []

    async def addresses(self, host, port):
        looked_up.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "looked up past the proxy")

    monkeypatch.setattr(NameLookups, "addresses", addresses)
    yield
    assert looked_up == []


@pytest.mark.slow
def test_a_network_polls_by_its_proxy_but_for_feeds_with_another_one_or_none(tmp_path, server):
    places = {"a.example": server.port, "b.example": server.port}
    with SocksProxy(places, login=("me", "hunter2-1")) as wide, HttpProxy(places) as near:
        feeds = [
            "{name: a, url: 'http://a.example/feed.xml'}",
            "{name: b, url: 'http://b.example/feed.xml', request: {headers: {X-Key: canary-9}}}",
            f"{{name: none, url: '{server.url('/feed.xml')}', request: {{proxy: off}}}}",
        ]
        write_config(
            tmp_path, feeds,
            network=f"{{allow: [127.0.0.1], proxy: '{wide.url('me:hunter2-1@')}'}}",
            hosts=f"{{b.example: {{request: {{proxy: '{near.url()}'}}}}}}",
        )  # fmt: skip

        done = [command(tmp_path, *arguments.split()) for arguments in (
            "check", "poll", "feeds --json", "explain a", "explain a --json", "explain none",
            "plan --json")]  # fmt: skip

    assert wide.asked == [("name", "a.example:80")]
    assert near.asked == [("GET", "b.example:80")]
    assert ["x-key" in request.headers for request in server.requests].count(True) == 1
    _, polled, listed, explained, as_json, direct, _ = (output.stdout for output in done)
    assert polled.count("new") == 3
    assert [feed["by_proxy"] for feed in sorted(json.loads(listed), key=lambda f: f["feed"])] == [
        True, True, False,
    ]  # fmt: skip
    assert "requested by proxy" in explained
    assert "requested by proxy" not in direct
    assert json.loads(as_json)["by_proxy"] is True
    said = "".join(output.stdout + output.stderr for output in done)
    assert "hunter2" not in said
    assert "canary" not in said


@pytest.mark.slow
def test_a_feed_whose_proxy_fails_says_so_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    proxy = f"socks5://me:hunter2-2@127.0.0.1:{port}"
    write_config(
        tmp_path, [f"{{name: a, url: 'http://a.example/', request: {{proxy: '{proxy}'}}}}"]
    )

    polled, explained = command(tmp_path, "poll"), command(tmp_path, "explain", "a")
    (listed,) = json.loads(command(tmp_path, "feeds", "--json").stdout)

    reason = f"the proxy socks5://127.0.0.1:{port} can't be reached: connection refused"
    assert reason in polled.stdout + polled.stderr
    assert reason in explained.stdout
    assert (listed["failure"], listed["failures"]) == ("proxy", 0)
    assert "this machine seems to be offline" in explained.stdout
    assert "hunter2" not in polled.stdout + polled.stderr + explained.stdout


def test_add_looks_for_feeds_by_the_proxy_of_the_network(tmp_path, server):
    with SocksProxy({"a.example": server.port}) as proxy:
        network = f"{{allow: [127.0.0.1], proxy: '{proxy.url()}'}}"
        hosts = "{a.example: {request: {headers: {Authorization: canary-of-host}}}}"
        write_config(tmp_path, ["http://b.example/"], network=network, hosts=hosts)

        added = command(tmp_path, "add", "http://a.example/feed.xml")

    assert added.returncode == 0, added.stderr
    assert proxy.asked == [("name", "a.example:80")]
    assert server.requests[0].headers["authorization"] == "canary-of-host"


def test_status_says_by_proxy(tmp_path):
    site = Site(tmp_path)
    lamp = next(feed for feed in site.config.feeds if feed.name == "lamp")
    others = [feed for feed in site.config.feeds if feed.name != "lamp"]
    site.subscribe(replace(lamp, by_proxy=True), *others)
    for feed in site.config.feeds:
        site.record(feed.name)

    rows = [words(row) for row in site.page("/status").all("tr")]

    assert [("by proxy" in row) for row in rows if "Lamp" in row] == [True]
    assert not [row for row in rows if "by proxy" in row and "Lamp" not in row]


def test_the_status_of_a_feed_whose_proxy_fails_is_a_sentence(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    site.record("lamp", error="the proxy http://p.example:1 can't be reached",
                failure=Failure(FailureKind.PROXY), failures=1, outcome=Outcome.FAILED)  # fmt: skip

    rows = [words(row) for row in site.page("/status").all("tr")]

    sentence = "The proxy in config.yaml does not lead to the server."
    assert [row.startswith(sentence) for row in rows if sentence in row] == [True]


def test_a_hub_is_told_of_changes_by_the_proxy_of_the_network(tmp_path, server):
    server.put("/hub", status=204)
    with SocksProxy({"hub.example": server.port, "a.example": server.port}) as proxy:
        network = f"{{allow: ['127.0.0.1:{proxy.port}'], proxy: '{proxy.url()}'}}"
        path = write_config(
            tmp_path, ["http://a.example/feed.xml"],
            network=network, websub="{hub: 'http://hub.example/hub'}",
        )  # fmt: skip
        assert "new" in command(tmp_path, "poll").stdout
        read = config.load(path)
        engine = open_database(read.database)
        fetching = poll_settings(read).fetch
        service = WebSubService(read, "here", transact_on(engine), fetching, debounce=timedelta(0))

        async def announce():
            async with service:
                _, job = service.jobs()["announce"]
                await job()

        asyncio.run(announce())
        engine.dispose()

    assert {request.method for request in server.requests_to("/hub")} == {"POST"}
    assert set(proxy.asked) == {("name", "a.example:80"), ("name", "hub.example:80")}


def test_pictures_go_by_the_proxy_of_their_feed_without_its_headers(blog):
    blog.server.put("/a.png", png(640, 480), headers={"Content-Type": "image/png"})
    with HttpProxy({"pics.example": blog.server.port}) as proxy:
        request = FeedRequest((("X-Key", "canary"),), "me/1 (+a@b.c)", proxy.proxy())
        use_request(blog, request)
        blog.store(blog.entry(1, content_html='<img src="http://pics.example/a.png">'))
        blog.fetch()

    assert proxy.asked == [("GET", "pics.example:80")]
    (picture,) = blog.server.requests
    assert picture.headers["user-agent"] == "me/1 (+a@b.c)"
    assert b"canary" not in b"".join(proxy.heads)
    assert [lead is not None for lead in blog.leads()] == [True]


def test_no_picture_is_requested_while_the_database_has_another_request(blog):
    blog.server.put("/a.png", png(640, 480))
    use_request(blog, FeedRequest(user_agent="new"))
    blog.settings = replace(blog.settings, requests={})
    blog.store(blog.entry(1, "/a.png"))

    blog.fetch()

    assert blog.server.requests == []


def use_request(blog, request):
    url = blog.server.url("/feed")
    feed = Subscription(
        "blog", url, name_given=True, pictures=PictureMode.LEAD, request_digest=request.digest
    )
    subscribe(blog.database, feed)
    blog.settings = replace(blog.settings, requests={url: request})

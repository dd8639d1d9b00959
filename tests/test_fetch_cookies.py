"""Cookies that a redirect sets: for the rest of that poll, and for that site only."""

import asyncio
from datetime import UTC, datetime

import pytest
from yarl import URL

from aggregator.fetch import Fetcher
from aggregator.fetch.cookies import Cookies
from tests.feedserver import FeedServer
from tests.fetching import fetch, reason, settings

FEED = b"<rss version='2.0'/>"
NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running


def guarded(server, path, cookie, *, lead, sets=()):
    """Serve the feed at `path` to who brings `cookie`, and lead the others to `lead`."""

    def script(sock):
        if cookie in server.requests[-1].headers.get("cookie", ""):
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(FEED), FEED))
            return
        fields = "".join(f"Set-Cookie: {value}\r\n" for value in sets)
        sock.sendall(f"HTTP/1.1 302 x\r\nLocation: {lead}\r\n{fields}\r\n".encode("latin-1"))

    server.raw(path, script)


def sent(server):
    return [(request.path, request.headers.get("cookie")) for request in server.requests]


def test_a_redirect_to_itself_that_sets_a_cookie_leads_to_the_feed(server):
    guarded(server, "/feed", "seen=1", lead="/feed", sets=["seen=1; Path=/; HttpOnly"])

    assert fetch(server.url("/feed")).body == FEED
    assert sent(server) == [("/feed", None), ("/feed", "seen=1")]


def test_a_page_between_may_set_the_cookie(server):
    guarded(server, "/feed", "ok=1", lead="/check?to=/feed")
    server.put("/check", status=302, headers=[
        ("Location", "/feed"), ("Set-Cookie", "ok=1; Path=/"), ("Set-Cookie", "way=a"),
    ])  # fmt: skip

    assert fetch(server.url("/feed")).body == FEED
    assert sent(server)[-1] == ("/feed", "ok=1; way=a")


def test_the_next_poll_begins_without_a_cookie(server):
    guarded(server, "/feed", "seen=1", lead="/feed", sets=["seen=1"])

    async def twice():
        async with Fetcher(settings()) as fetcher:
            for _ in range(2):
                await fetcher.fetch(server.url("/feed"))

    asyncio.run(twice())

    assert [cookie for _, cookie in sent(server)] == [None, "seen=1", None, "seen=1"]


def test_a_cookie_that_a_feed_itself_sets_is_not_taken(server):
    server.put("/feed", FEED, headers={"Set-Cookie": "a=1"})

    async def twice():
        async with Fetcher(settings()) as fetcher:
            for _ in range(2):
                await fetcher.fetch(server.url("/feed"))

    asyncio.run(twice())

    assert [cookie for _, cookie in sent(server)] == [None, None]


def test_a_cookie_is_not_sent_to_another_host(server):
    with FeedServer("127.0.0.2") as elsewhere:
        elsewhere.put("/feed", FEED)
        server.put("/feed", status=302, headers={
            "Location": elsewhere.url("/feed"), "Set-Cookie": "a=1; Domain=127.0.0.2; Path=/",
        })  # fmt: skip

        assert fetch(server.url("/feed"), allow=("127.0.0.0/8",)).body == FEED
        assert sent(elsewhere) == [("/feed", None)]


def test_redirects_that_set_ever_new_cookies_end(server):
    def script(sock):
        number = len(server.requests)
        sock.sendall(b"HTTP/1.1 302 x\r\nLocation: /feed\r\nSet-Cookie: n=%d\r\n\r\n" % number)

    server.raw("/feed", script)

    assert reason(server.url("/feed")) == "too many redirects"
    assert len(server.requests) == 6


def test_the_same_cookie_again_is_a_loop(server):
    server.put("/feed", status=302, headers={"Location": "/feed", "Set-Cookie": "a=1"})

    assert reason(server.url("/feed")) == "too many redirects"
    assert sent(server) == [("/feed", None), ("/feed", "a=1")]


def test_a_feed_that_needs_a_cookie_has_not_moved(server):
    guarded(server, "/new", "a=1", lead="/elsewhere")
    server.put("/old", status=301, headers={"Location": "/new", "Set-Cookie": "a=1; Path=/"})

    assert fetch(server.url("/old")).moved_to is None


# -------------------------------------------------------------------------- the rules


def brought(at, fields, to):
    """Return the `Cookie` of a request to `to` after an answer from `at` with these fields."""

    cookies = Cookies()
    cookies.take([fields] if isinstance(fields, str) else fields, URL(at), now=NOW)
    return cookies.header(URL(to))


WWW, APEX, OTHER = (
    "https://www.harbour.example/a/b",
    "https://harbour.example/",
    "https://x.example/",
)
SHOP = "https://shop.harbour.example/"


@pytest.mark.parametrize(
    ("at", "field", "to", "is_sent"),
    [
        (WWW, "k=v", WWW, True),
        (WWW, "k=v", "https://www.harbour.example/a/", True),
        (WWW, "k=v", "https://www.harbour.example/c", False),  # the path where it was set
        (WWW, "k=v; Path=/", "https://www.harbour.example/c", True),
        (WWW, "k=v; Path=/a", "https://www.harbour.example/ab", False),
        (WWW, "k=v; Path=nonsense", "https://www.harbour.example/a/x", True),
        (WWW, "k=v; Path=/", APEX, False),  # of this host only
        (WWW, "k=v; Path=/", SHOP, False),
        (WWW, "k=v; Path=/; Domain=harbour.example", APEX, True),
        (WWW, "k=v; Path=/; Domain=harbour.example", SHOP, True),
        (WWW, "k=v; Path=/; domain=.Harbour.EXAMPLE", SHOP, True),
        (WWW, "k=v; Path=/; Domain=harbour.example", OTHER, False),
        (WWW, "k=v; Path=/; Domain=shop.harbour.example", SHOP, False),  # another host's
        (WWW, "k=v; Path=/; Domain=x.example", OTHER, False),
        (WWW, "k=v; Path=/; Domain=our.example", "https://our.example/", False),
        ("https://notharbour.example/", "k=v; Domain=harbour.example", APEX, False),
        (APEX, "k=v; Domain=example", OTHER, False),  # a public suffix
        (APEX, "k=v; Domain=example", APEX, False),
        ("https://a.co.uk/", "k=v; Domain=co.uk", "https://b.co.uk/", False),
        ("https://a.co.uk/", "k=v; Domain=CO.UK", "https://a.co.uk/", False),
        ("https://a.github.io/", "k=v; Domain=github.io", "https://b.github.io/", False),
        ("https://github.io/", "k=v; Domain=github.io", "https://a.github.io/", False),
        ("https://github.io/", "k=v; Domain=github.io", "https://github.io/", True),
        ("http://localhost/", "k=v; Domain=localhost", "http://localhost/", True),
        ("http://localhost/", "k=v; Domain=localhost", "http://a.localhost/", False),
        ("http://10.0.0.1/", "k=v; Path=/", "http://10.0.0.1:8000/", True),
        ("http://10.0.0.1/", "k=v; Domain=0.0.1", "http://11.0.0.1/", False),
        (WWW, "k=v; Path=/; Secure", "https://www.harbour.example/", True),
        (WWW, "k=v; Path=/; Secure", "http://www.harbour.example/", False),
        (WWW, "k=v; Path=/", "http://www.harbour.example/", True),
        (WWW, "k=v; Path=/; Max-Age=0", WWW, False),
        (WWW, "k=v; Path=/; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", WWW, True),
        (WWW, "k=v; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", WWW, False),
        (WWW, "k=v; Path=/; SameSite=Strict; Partitioned; Priority=High", WWW, True),
    ],
)  # fmt: skip
def test_a_cookie_goes_where_rfc_6265_says(at, field, to, is_sent):
    assert brought(at, field, to) == ("k=v" if is_sent else "")


@pytest.mark.parametrize(
    "pair",
    ["k=a/b+c==", "k=a,b", 'k={"a":[1]}', 'k="a b"', 'k="v"', "k=a b", "k=größe", "k=a%20b", "k=",
     "a[b](c)=1", "a:b/c@d=1", "path=1", "expires=1", "$k=1", 'k="a\\"b', "k=a'b<c>"],
)  # fmt: skip
def test_a_cookie_is_sent_back_as_it_came(pair):
    assert brought(WWW, f" {pair} ; Path=/; HttpOnly", WWW) == pair


@pytest.mark.parametrize(
    ("attributes", "is_sent"),
    [
        ("Expires=Thu, 01-Jan-70 00:00:01 GMT", False),
        ("expires=Thursday, 30-Apr-26 23:59:59 GMT", False),
        ("Expires=Thu Apr 30 23:59:59 2026", False),
        ("Expires=Fri, 01 May 2026 00:00:01 GMT", True),
        ("Expires=Wed, 31-Dec-2098 23:59:59 GMT", True),
        ("Expires=tomorrow", True),
        ("Expires=", True),
        ("Max-Age=soon; Expires=Thu, 30 Apr 2026 23:59:59 GMT", False),
        ("Max-Age=000", False),
        ("MAX-AGE=1", True),
        ("Max-Age=0; Max-Age=60", True),  # the last one counts
    ],
)
def test_a_cookie_that_has_expired_is_not_sent(attributes, is_sent):
    assert brought(WWW, f"k=v; Path=/; {attributes}", WWW) == ("k=v" if is_sent else "")


def test_cookies_of_the_longer_path_come_first():
    fields = ["k=1; Path=/", "j=2; Path=/", "k=3; Path=/a"]

    assert brought(WWW, fields, WWW) == "k=3; k=1; j=2"


def test_a_later_cookie_replaces_and_deletes_an_earlier_one():
    assert brought(WWW, ["k=1; Path=/", "k=2; Path=/"], WWW) == "k=2"
    assert brought(WWW, ["k=1; Path=/", "k=x; Path=/; Max-Age=-1"], WWW) == ""


@pytest.mark.parametrize(
    "field",
    ["", ";", "=", "novalue", "=v", ";;;" * 9000, "k=" + "v" * 30_000, "k=v\udcff", "k=\x01",
     "k=v; Domain=" + "a." * 9000, "k=v; Domain=[::1]:x/", "k=v; Expires=" + "9" * 9000,
     "k=v; Max-Age=" + "9" * 4000, "k=v" + "; Path=/" * 4000, 'k="' + '\\"' * 9000],
)  # fmt: skip
def test_an_odd_cookie_does_no_harm(field):
    header = brought(WWW, [field, "good=1"], WWW)

    assert "good=1" in header.split("; ")
    assert len(header) < 9000
    assert header.isprintable()


def test_only_so_many_cookies_are_sent_as_servers_take():
    assert len(brought(WWW, [f"k{number}={'v' * 900}" for number in range(90)], WWW)) < 8192

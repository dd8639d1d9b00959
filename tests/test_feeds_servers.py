"""The merged feeds as servers really send them: bytes on a socket, from waitress and granian."""

import gzip
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import brotli
import pytest

from tests.running import eventually, get, running
from tests.web_fixtures import Site, by_waitress, entry

ATOM = "application/atom+xml; charset=utf-8"
KEPT = r"public, max-age=\d+, stale-if-error=86400"
OF_A_FEED = {
    "Content-Type": re.escape(ATOM),
    "Last-Modified": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
    "Cache-Control": KEPT,
    "Access-Control-Allow-Origin": r"\*",
    "X-Robots-Tag": "noindex",
    "Vary": "Accept-Encoding",
    "Link": r'<https://posts\.example/feed\.atom>; rel="self"; type="application/atom\+xml"',
}
UNCHANGED = {**OF_A_FEED, "Content-Type": None, "Content-Encoding": None}
ONE_LINE = {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", "ETag": None}


@dataclass(frozen=True)
class Answer:
    """One answer; `headers` as they were sent, `body` all that came before the connection ended."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Server:
    """A server of a site, asked by raw sockets."""

    def __init__(self, site: Site, port: int) -> None:
        self.site, self.port = site, port

    @property
    def tag(self) -> str:
        return self.ask("GET /feed.atom").all("ETag")[0]

    def ask(self, line: str, *headers: str) -> Answer:
        head = "\r\n".join(
            [f"{line} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(head.encode("latin-1"))
            data = b"".join(iter(lambda: connection.recv(65536), b""))
        start, _, body = data.partition(b"\r\n\r\n")
        status, *lines = start.decode("latin-1").split("\r\n")
        pairs = [line.partition(": ") for line in lines]
        return Answer(int(status.split()[1]), [(name, value) for name, _, value in pairs], body)


@pytest.fixture(
    scope="module", params=["waitress", pytest.param("granian", marks=pytest.mark.slow)]
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        site = Site(folder, web={"port": port})
        site.subscribe()
        site.record("lamp", *(entry(number) for number in range(1, 121)))
        if request.param == "waitress":
            with by_waitress(site.app, listener):
                yield Server(site, port)
            return
    with running(folder, "serve", "--server", "granian") as (_, address):
        eventually(lambda: get(f"{address}/healthz")[0] == 200)  # it says where before it listens
        yield Server(site, port)


# What is asked, what is sent with it ({tag}: the ETag of /feed.atom), status, and headers: a
# pattern for the first one of the name, None where there is none.
REQUESTS: dict[str, tuple[str, list[str], int, dict[str, str | None]]] = {
    "a feed": ("GET /feed.atom", [], 200, {**OF_A_FEED, "ETag": '"[0-9a-f]{32}"'}),
    "RSS": ("GET /feed.rss", [], 200, {"Content-Type": r"application/rss\+xml; charset=utf-8"}),
    "JSON Feed": (
        "GET /feed.json",
        [],
        200,
        {"Content-Type": r"application/feed\+json; charset=utf-8"},
    ),
    "OPML": ("GET /sources.opml", [], 200, {"Content-Type": "text/x-opml; charset=utf-8"}),
    "a category": ("GET /category/the-sea/feed.atom", [], 200, {"Cache-Control": KEPT}),
    "gzip": (
        "GET /feed.atom",
        ["Accept-Encoding: gzip"],
        200,
        {**OF_A_FEED, "Content-Encoding": "gzip", "ETag": '"[0-9a-f]{32}-gzip"'},
    ),
    "brotli": (
        "GET /feed.atom",
        ["Accept-Encoding: gzip, br"],
        200,
        {**OF_A_FEED, "Content-Encoding": "br", "ETag": '"[0-9a-f]{32}-br"'},
    ),
    "what it has": (
        "GET /feed.atom",
        ["If-None-Match: {tag}"],
        304,
        {**UNCHANGED, "ETag": "{tag}"},
    ),
    "what it has, on a second line": (
        "GET /feed.atom",
        ['If-None-Match: "x"', "If-None-Match: {tag}"],
        304,
        UNCHANGED,
    ),
    "what it has by date": (
        "GET /feed.atom",
        ["If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"],
        304,
        UNCHANGED,
    ),
    "the tag goes before the date": (
        "GET /feed.atom",
        ['If-None-Match: "x"', "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"],
        200,
        OF_A_FEED,
    ),
    "bytes that are no tag": ("GET /feed.atom", ['If-None-Match: "\xff\xfe"'], 200, OF_A_FEED),
    "the head": ("HEAD /feed.atom", [], 200, OF_A_FEED),
    "the head of what it has": ("HEAD /feed.atom", ["If-None-Match: {tag}"], 304, UNCHANGED),
    "a person": (
        "GET /feed.atom",
        ["Sec-Fetch-Dest: document", "If-None-Match: {tag}"],
        200,
        {
            "Content-Type": "text/html; charset=utf-8",
            "Cache-Control": "private, no-store",
            "Vary": ".*Sec-Fetch-Dest.*",
            "ETag": None,
        },
    ),
    "a person who wants the bytes": (
        "GET /feed.atom?raw",
        ["Sec-Fetch-Dest: document"],
        200,
        OF_A_FEED,
    ),
    "a limit out of range": ("GET /feed.atom?limit=201", [], 400, ONE_LINE),
    "no such source": ("GET /source/none/feed.atom", [], 404, ONE_LINE),
    "no such archive": ("GET /archive/1999-W01.atom", [], 404, ONE_LINE),
    "a POST": ("POST /feed.atom", ["Content-Length: 0"], 405, {**ONE_LINE, "Allow": ".*GET.*"}),
    "a preflight": (
        "OPTIONS /feed.atom",
        ["Origin: https://a.example", "Access-Control-Request-Headers: a-im"],
        200,
        {"Access-Control-Allow-Origin": r"\*", "Access-Control-Allow-Headers": ".*A-IM.*"},
    ),
}


@pytest.mark.parametrize("what", REQUESTS)
def test_a_request_is_answered_as_http_wants_it(server, what):
    line, sent, status, headers = REQUESTS[what]

    answer = server.ask(line, *(each.replace("{tag}", server.tag) for each in sent))

    assert answer.status == status
    for name, wanted in headers.items():
        found = answer.all(name)
        if wanted is None:
            assert found == [], name
        else:
            pattern = wanted.replace("{tag}", re.escape(server.tag))
            assert found and re.fullmatch(pattern, found[0]), (name, found)
            assert name == "Link" or len(found) == 1, found
    if status == 304 or line.startswith("HEAD"):
        assert answer.body == b""
    else:
        assert answer.all("Content-Length") == [str(len(answer.body))]


def test_the_bytes_are_the_same_in_every_coding_and_from_every_server(server):
    plain = server.ask("GET /feed.atom")
    head = server.ask("HEAD /feed.atom")
    gzipped = server.ask("GET /feed.atom", "Accept-Encoding: gzip")
    packed = server.ask("GET /feed.atom", "Accept-Encoding: br")

    assert plain.body == server.site.client.get("/feed.atom").data
    assert (
        plain.all("ETag")
        == head.all("ETag")
        == [server.site.client.get("/feed.atom").headers["ETag"]]
    )
    assert head.all("Content-Length") == plain.all("Content-Length")
    assert gzip.decompress(gzipped.body) == brotli.decompress(packed.body) == plain.body
    for coded in (gzipped, packed):
        kept = server.ask(
            "GET /feed.atom",
            f"If-None-Match: {coded.all('ETag')[0]}",
            f"Accept-Encoding: {coded.all('Content-Encoding')[0]}",
        )
        assert (kept.status, kept.all("ETag")) == (304, coded.all("ETag"))


def test_the_links_of_the_document_are_in_the_head_also_of_a_304(server):
    whole = server.ask("GET /feed.atom").all("Link")
    kept = server.ask("GET /feed.atom", f"If-None-Match: {server.tag}").all("Link")

    relations = [re.search('rel="([a-z-]+)"', link)[1] for link in whole]
    assert relations == ["self", "alternate", "next", "prev-archive"]
    assert kept == whole


def test_news_alone_are_sent_to_who_asks_for_them_where_the_file_turns_that_on(tmp_path):
    site = Site(tmp_path, publish={"deltas": "on"})
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 6)))
    with socket.create_server(("127.0.0.1", 0)) as listener, by_waitress(site.app, listener):
        server = Server(site, listener.getsockname()[1])
        had = server.ask("GET /source/lamp/feed.rss").all("ETag")[0]
        site.record("lamp", entry(0, title="Fresh"), now=datetime.now(UTC) + timedelta(seconds=2))

        delta = server.ask("GET /source/lamp/feed.rss", "A-IM: feed", f"If-None-Match: {had}")
        whole = server.ask("GET /source/lamp/feed.rss")

    assert (delta.status, delta.all("IM")) == (226, ["feed"])
    assert (delta.body.count(b"<item>"), delta.body.count(b"Fresh")) == (1, 1)
    assert delta.all("ETag") == whole.all("ETag")


def test_who_asks_for_the_same_again_is_told_when_to_come_back(tmp_path):
    site = Site(tmp_path, publish={"limit_clients": "on"})
    site.subscribe()
    site.record("lamp", entry(1))
    with socket.create_server(("127.0.0.1", 0)) as listener, by_waitress(site.app, listener):
        server = Server(site, listener.getsockname()[1])  # which asks for the feed once

        answers = [
            server.ask("GET /feed.atom", f"If-None-Match: {server.tag}"),
            server.ask("GET /feed.atom", "User-Agent: another"),
            server.ask("GET /feed.json"),
        ]

    assert [answer.status for answer in answers] == [429, 200, 200]
    assert 0 < int(answers[0].all("Retry-After")[0]) <= 60
    assert answers[0].all("Content-Type") == ["text/plain; charset=utf-8"]
    assert answers[0].all("Cache-Control") == ["no-store"]

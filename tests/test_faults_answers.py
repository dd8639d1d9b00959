"""Answers that are odd but no fault, cut short, or wrong in a way that outlasts one poll."""

import errno
import gzip
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.answers import BEFORE, FRESH, HEAD, VALIDATORS, of_length, packed, raw_deflate, slug
from tests.faults import World, channel, hosts_of_their_own, item
from tests.feedserver import Canary, FeedServer, Script


def slow(server: FeedServer) -> Script:
    def script(sock: socket.socket) -> None:
        sock.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(FRESH))
        for start in range(0, len(FRESH), 100):
            server.pause(0.05)
            sock.sendall(FRESH[start : start + 100])

    return script


TRUNCATED = channel(item("one"), item("two"), item("half")).encode()
MIDWAY = TRUNCATED.index(b"Text of half") + 7
ODD: dict[str, bytes | Callable[[FeedServer], Script]] = {
    "slow but alive": slow,
    "a feed under a wrong type": of_length(FRESH, b"Content-Type: text/html\r\n"),
    "a feed as an image": of_length(FRESH, b"Content-Type: image/png\r\n"),
    "a feed as a download": of_length(FRESH, b"Content-Type: application/octet-stream\r\n"),
    "a feed without a type": of_length(FRESH),
    "a type that is none": of_length(FRESH, b"Content-Type: \xff\xfe;;;=\r\n"),
    "blank lines first": of_length(b"\r\n\r\n \t" + FRESH),
    "a PHP warning first": of_length(b"<br />\n<b>Warning</b>:  x in <b>y.php</b><br />\n" + FRESH),
    "junk after": of_length(FRESH + b"<!-- 0.2 s --><script>x()</script> & \x00 <"),
    "plain under a gzip label": packed(FRESH, "gzip"),
    "plain under a brotli label": packed(FRESH, "br"),
    "gzip without a label": of_length(gzip.compress(FRESH)),
    "gzip with zeros behind": packed(gzip.compress(FRESH) + bytes(512), "gzip"),
    "raw deflate": packed(raw_deflate(FRESH), "deflate"),
    "8-bit header values": of_length(FRESH, b"X-By: \xff\xfe\r\nServer: caf\xc3\xa9\r\n"),
    "a folded header": of_length(FRESH, b"X: a\r\n b\r\n"),
    "interim answers first": b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" * 3 + of_length(FRESH),
    "HTTP/1.0 without a length": b"HTTP/1.0 200 OK\r\n\r\n" + FRESH,
    "chunks of one byte": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in FRESH)
    + b"0\r\nX: trailer\r\n\r\n",
    "bytes after the body": of_length(FRESH) + b"HTTP/1.1 200 OK\r\n\r\n<rss>",
}  # fmt: skip


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    names = {slug(name): name for name in ODD}
    with FeedServer() as server:
        world = World(tmp_path_factory.mktemp("odd"), server)
        for name, row in names.items():
            play = ODD[row]
            if isinstance(play, bytes):
                server.send(f"/{name}", play)
            else:
                server.raw(f"/{name}", play(server))
        world.subscribe(*names)
        results = world.poll()
        yield {row: (results[name], world.titles(name)) for name, row in names.items()}
        world.database.dispose()


@pytest.mark.parametrize("name", ODD)
def test_what_is_only_odd_is_read(odd, name):
    result, titles = odd[name]

    assert result.error is None
    assert sorted(titles) == ["Post new", "Post one", "Post two"]


# ----------------------------------------------------------------- never half an entry


def in_two(server: FeedServer, whole: bytes, place: int) -> Script:
    """Return a script that pauses at `place`."""

    def script(sock: socket.socket) -> None:
        sock.sendall(whole[:place])
        server.pause(0.2)
        sock.sendall(whole[place:])

    return script


@pytest.mark.parametrize(
    "answer",
    [
        of_length(TRUNCATED[:MIDWAY]),
        lambda s: in_two(s, of_length(TRUNCATED, length=MIDWAY), MIDWAY - len(TRUNCATED)),
        b"HTTP/1.0 200 OK\r\n" + VALIDATORS + b"\r\n" + TRUNCATED[:MIDWAY],
        packed(gzip.compress(TRUNCATED[:MIDWAY]), "gzip"),
    ],
    ids=["the program behind it died", "a length that is too short", "no length", "compressed"],
)
def test_of_a_document_that_is_cut_short_only_whole_entries_are_taken_and_no_validators(
    tmp_path, answer
):
    with FeedServer() as server:
        world = World(tmp_path, server)
        if isinstance(answer, bytes):
            server.send("/a", answer)
        else:
            server.raw("/a", answer(server))
        world.subscribe("a")

        cut = world.poll()["a"]

        assert (cut.error, sorted(world.titles("a"))) == (None, ["Post one", "Post two"])
        assert world.health("a").note == "the document is cut short; its last entry is left out"
        assert (world.row("a").etag, world.row("a").last_modified) == (None, None)
        server.put("/a", TRUNCATED, etag='"whole"')
        whole = world.poll()["a"]
        assert (whole.new, whole.updated) == (1, 0)
        assert "Text of half, all of it." in [entry.summary for entry in world.entries("a")]
        assert "if-none-match" not in server.requests[1].headers
        assert world.row("a").etag == '"whole"'
        world.database.dispose()


# ----------------------------------------------------------- what outlasts one answer


@pytest.mark.slow
def test_304_for_ever_is_no_fault_and_304_unasked_is_one(tmp_path):
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/a", BEFORE, etag='"1"')
        server.put("/unasked", status=304)
        world.subscribe("a", "unasked")

        results = world.poll(times=15)

        assert (results["a"].status, results["a"].error) == (304, None)
        assert results["unasked"].error == "unexpected answer 304"
        assert sorted(world.titles("a")) == ["Post one", "Post two"]
        world.database.dispose()


def test_flaky_errors_clear_at_the_next_success(tmp_path):
    with FeedServer() as server:
        world = World(tmp_path, server)
        world.subscribe("a")
        for _ in range(3):
            server.put("/a", status=502)
            assert world.poll()["a"].error == "502 Bad Gateway"
            server.put("/a", BEFORE)
            assert world.poll()["a"].error is None
            assert (world.health("a").failures, world.health("a").error) == (0, None)
        world.database.dispose()


@pytest.mark.slow
def test_etags_that_flap_are_huge_8_bit_or_unquoted_never_break_the_next_poll(tmp_path):
    etags = ['"a"', "unquoted", '"\xff\xe9"', "x" * 30_000, '"b\tc"', "W/", "", '"a"']
    with FeedServer() as server:
        world = World(tmp_path, server)
        world.subscribe("a")
        for number, etag in enumerate(etags):
            server.put("/a", channel(item(str(number))), etag=etag, conditional=False)

            assert world.poll()["a"].error is None
        sent = [request.headers.get("if-none-match") for request in server.requests]
        assert all(value in {None, etags[place]} for place, value in enumerate(sent[1:]))
        assert sent[1] == '"a"'
        world.database.dispose()


def test_tls_that_is_spoken_wrongly_is_told_in_plain_words(tmp_path):
    with FeedServer() as server, Canary() as _:
        world = World(tmp_path, server)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate: no handshake
        with FeedServer(tls=context) as broken:
            world.subscribe(
                plain=server.url("/x").replace("http", "https"), broken=broken.url("/x")
            )
            results = world.poll()
        words = "no secure connection: the server's TLS can't be used"
        assert {result.error for result in results.values()} == {words}
        world.database.dispose()


@pytest.mark.parametrize(
    "fault",
    [
        socket.gaierror(socket.EAI_AGAIN, "x"),
        socket.gaierror(socket.EAI_FAIL, "x"),
        OSError(errno.ENETUNREACH, "x"),
        OSError(errno.EHOSTUNREACH, "x"),
        OSError(errno.EADDRNOTAVAIL, "x"),
    ],
    ids=["no name server", "a name server that refuses", "no network", "no host", "no address"],
)
def test_a_machine_that_is_offline_blames_no_feed(tmp_path, monkeypatch, fault):
    def nothing(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("aggregator.poll.network_health.MAX_WAIT", 0.1)
    with hosts_of_their_own(), FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/b", BEFORE)
        world.subscribe("a", "b", apart=True)
        with monkeypatch.context() as patch:
            if isinstance(fault, socket.gaierror):
                patch.setattr(socket, "getaddrinfo", nothing)
            else:
                patch.setattr("asyncio.SelectorEventLoop.sock_connect", nothing)
            offline = world.poll()
        assert {result.error for result in offline.values()} <= {
            "name not found: the name server does not answer",
            "network unreachable", "host unreachable",
        }  # fmt: skip
        for name, result in offline.items():
            assert result.next_poll_at is not None
            assert result.next_poll_at - datetime.now(UTC) < timedelta(minutes=6)
            assert world.health(name).failures == 0
            assert world.health(name).next_reason == "this machine seems to be offline"
        assert world.poll()["b"].error is None
        world.database.dispose()


def test_a_name_server_that_fails_for_one_feed_only_is_that_feeds_fault(tmp_path, monkeypatch):
    with hosts_of_their_own(), FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/b", BEFORE)
        world.subscribe("a", "b", apart=True)
        original = socket.getaddrinfo

        def fails(host: str, *args: object, **kwargs: object) -> object:
            if host.startswith("a."):
                raise socket.gaierror(socket.EAI_AGAIN, "SERVFAIL")
            return original(host, *args, **kwargs)

        with monkeypatch.context() as patch:  # undone before the names' own way is
            patch.setattr(socket, "getaddrinfo", fails)
            results = world.poll(times=3)  # from the second time on `b` has answered

        assert results["b"].error is None
        assert world.health("a").failures >= 2
        world.database.dispose()

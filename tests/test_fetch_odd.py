"""Answers that are not quite HTTP: what curl and browsers read is read, within limits."""

import asyncio
import gzip

import pytest

from aggregator.fetch import Fetcher
from aggregator.fetch.failure import FetchFailure
from aggregator.fetch.response_rewriter import MAX_HEAD, MAX_LINE, MAX_LINES, ResponseRewriter
from tests.feedserver import FeedServer
from tests.fetching import fetch, reason, settings

FEED = b"<rss version='2.0'><channel><title>Harbour</title></channel></rss>"
OK = b"HTTP/1.1 200 OK\r\n"
SIZE = b"Content-Length: %d\r\n" % len(FEED)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"5\r\n" + FEED[:5] + b"\r\n%x\r\n" % len(FEED[5:]) + FEED[5:] + b"\r\n0\r\n\r\n"


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running


ODD_FIELDS = {
    "no colon": b"Warning something happened\r\n",
    "a second status line": b"HTTP/1.1 200 OK\r\n",
    "in quotes": b'"X-Frame-Options: DENY"\r\n',
    "a space before the colon": b"X-Cache : HIT\r\n",
    "a tab before the colon": b"X-Cache\t: HIT\r\n",
    "a space in the name": b"X Cache: HIT\r\n",
    "no name": b": HIT\r\n",
    "only a colon": b":\r\n",
    "letters in the name": "X-Größe: 3\r\n".encode(),
    "brackets in the name": b"X(1): a\r\n",
    "UTF-8 in the value": "X-Title: Größe 漁\r\n".encode(),
    "latin-1 in the value": b"X-Title: Gr\xf6\xdfe\r\n",
    "controls in the value": b"X-Title: a\x01\x7fb\r\n",
    "a bare CR in the value": b"X-Title: a\rb\r\n",
    "CR CR LF": b"X-Cache: HIT\r\r\n",
    "bare LF": b"X-Cache: HIT\n",
    "folded": b"X-Long: one\r\n two\r\n\tthree\r\n",
    "folded at once": b"X-Long:\r\n  one\r\n",
    "folded behind what is none": b"nothing\r\n one: two\r\n",
    "white space alone": b"   \r\n",
    "empty value": b"X-Empty:\r\n",
    "old handshake": b"Sec-WebSocket-Key1: x\r\n",
    "an upgrade nobody asked for": b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "kept alive": b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n",
}


@pytest.mark.parametrize("odd", ODD_FIELDS.values(), ids=ODD_FIELDS)
@pytest.mark.parametrize("place", ["first", "last"])
def test_an_odd_line_between_the_headers_costs_that_line_only(server, odd, place):
    own = b'ETag: "1"\r\n'
    lines = odd + own + SIZE if place == "first" else own + SIZE + odd
    server.send("/feed.xml", OK + lines + b"\r\n" + FEED)

    fetched = fetch(server.url("/feed.xml"))

    assert (fetched.body, fetched.validators.etag) == (FEED, '"1"')


ODD_STARTS = {
    "no reason": b"HTTP/1.1 200\r\n",
    "no reason, a space": b"HTTP/1.1 200 \r\n",
    "reason without a space": b"HTTP/1.1 200OK\r\n",
    "long reason": b"HTTP/1.1 200 All is well: here it comes\r\n",
    "letters in the reason": "HTTP/1.1 200 Schön\r\n".encode("latin-1"),
    "two spaces": b"HTTP/1.1  200  OK\r\n",
    "a tab": b"HTTP/1.1\t200\tOK\r\n",
    "version 1.0": b"HTTP/1.0 200 OK\r\n",
    "version 2": b"HTTP/2 200\r\n",
    "version 2.0": b"HTTP/2.0 200 OK\r\n",
    "small letters": b"http/1.1 200 ok\r\n",
    "bare LF": b"HTTP/1.1 200 OK\n",
    "an empty line before": b"\r\nHTTP/1.1 200 OK\r\n",
    "interim answers before": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
    ),
}


@pytest.mark.parametrize("start", ODD_STARTS.values(), ids=ODD_STARTS)
def test_an_odd_status_line_is_read(server, start):
    server.send("/feed.xml", start + SIZE + b"\r\n" + FEED)

    assert fetch(server.url("/feed.xml")).body == FEED


ODD_BODIES = {
    "the same length twice": SIZE * 2 + b"\r\n" + FEED,
    "the same length as a list": SIZE[:-2] + b", %d\r\n\r\n" % len(FEED) + FEED,
    "the same length with zeros": SIZE + b"Content-Length: 000%d\r\n\r\n" % len(FEED) + FEED,
    "a space before the colon of the length": SIZE.replace(b":", b" :") + b"\r\n" + FEED,
    "bytes behind the length": SIZE + b"\r\n" + FEED + b"\r\n<!-- cached -->",
    "an answer behind the length": SIZE + b"\r\n" + FEED + OK + b"Content-Length: 1\r\n\r\nx",
    "no length": b"\r\n" + FEED,
    "length and identity": SIZE + b"Transfer-Encoding: identity\r\n\r\n" + FEED,
    "chunked": CHUNKED + b"\r\n" + CHUNKS,
    "chunked beside a length": SIZE + CHUNKED + b"\r\n" + CHUNKS,
    "chunked beside another length": b"Content-Length: 3\r\n" + CHUNKED + b"\r\n" + CHUNKS,
    "chunked beside a length that is none": b"Content-Length: x\r\n" + CHUNKED + b"\r\n" + CHUNKS,
    "chunked twice": CHUNKED * 2 + b"\r\n" + CHUNKS,
    "chunked in capitals": CHUNKED.upper() + b"\r\n" + CHUNKS,
    "chunked by HTTP/1.0": CHUNKED + b"Connection: close\r\n\r\n" + CHUNKS,
    "bare LF between chunks": CHUNKED + b"\r\n" + CHUNKS.replace(b"\r\n", b"\n"),
    "spaces at the size": CHUNKED + b"\r\n" + CHUNKS.replace(b"5\r\n", b" 0005 \r\n", 1),
    "extensions": CHUNKED + b"\r\n" + CHUNKS.replace(b"5\r\n", b'5 ;a="b";c\r\n', 1),
    "trailers": CHUNKED + b"\r\n" + CHUNKS[:-2] + b"X: y\r\nodd\r\n\r\n",
    "no line behind the last chunk": CHUNKED + b"\r\n" + CHUNKS[:-2],
    "bytes behind the last chunk": CHUNKED + b"\r\n" + CHUNKS + b"HTTP/1.1 500 No\r\n\r\n",
    "gzip named as a transfer coding": b"Transfer-Encoding: gzip\r\n\r\n" + gzip.compress(FEED),
}


@pytest.mark.parametrize("rest", ODD_BODIES.values(), ids=ODD_BODIES)
def test_the_end_of_a_body_is_found(server, rest):
    server.send("/feed.xml", OK + rest)

    assert fetch(server.url("/feed.xml")).body == FEED


@pytest.mark.parametrize(
    "lengths",
    [b"3\r\nContent-Length: 66", b"3, 66", b"", b"+66", b"0x42", b"6 6", b"66;", "６６".encode()],
)
def test_a_length_that_could_be_read_in_two_ways_is_refused(server, lengths):
    server.send("/feed.xml", OK + b"Content-Length: " + lengths + b"\r\n\r\n" + FEED)

    assert reason(server.url("/feed.xml")) == "not an HTTP answer"


@pytest.mark.parametrize(
    "start",
    [
        b"ICY 200 OK\r\n",
        b"HTTP/1.1\r\n",
        b"HTTP/1.1 20 OK\r\n",
        b"HTTP/1.1 2000\r\n",
        b"HTTP 200\r\n",
    ],
)
def test_what_has_no_status_is_not_an_answer(server, start):
    server.send("/feed.xml", start + SIZE + b"\r\n" + FEED)

    assert reason(server.url("/feed.xml")) == "not an HTTP answer"


def test_an_answer_that_comes_before_the_request_is_read(server):
    """Some balancers answer as soon as somebody connects."""

    async def run():
        async def at_once(reader, writer):
            writer.write(OK + b"X-Odd : y\r\n" + SIZE + b"\r\n" + FEED)
            await reader.read()  # until the client leaves
            writer.close()
            gone.set()

        gone = asyncio.Event()
        eager = await asyncio.start_server(at_once, "127.0.0.1")
        port = eager.sockets[0].getsockname()[1]
        async with eager, Fetcher(settings()) as fetcher:
            fetched = await fetcher.fetch(f"http://127.0.0.1:{port}/")
            await gone.wait()
            return fetched

    assert asyncio.run(run()).body == FEED


def test_each_answer_has_a_connection_of_its_own(server):
    """Bytes behind an answer are nobody's: not the next request's either."""
    behind = OK + b"Content-Length: 4\r\n\r\nEvil"
    server.send("/a", OK + b"Connection: keep-alive\r\n" + SIZE + b"\r\n" + FEED + behind)
    server.put("/b", FEED)

    async def run():
        async with Fetcher(settings()) as fetcher:
            return [await fetcher.fetch(server.url(path)) for path in ("/a", "/b", "/a")]

    assert [fetched.body for fetched in asyncio.run(run())] == [FEED] * 3
    assert {request.headers.get("connection") for request in server.requests} == {"close"}


# ------------------------------------------------------------------- piece by piece

MAX_SIZE = 10_000_000
WHOLE = {
    "sized": b"\r\n" + OK + b"odd\r\nA : b\r\n c\r\n" + SIZE * 2 + b"\r\n" + FEED + b"more",
    "chunked": b"HTTP/1.1 102 x\r\n\r\n" + OK + SIZE + CHUNKED + b"\r\n" + CHUNKS + b"more",
    "until the end": b"HTTP/1.0 200\nA: b\n\n" + FEED,
}


def joined(data: bytes, step: int) -> tuple[bytes, bytes]:
    """Return head and content of the rewritten answer, however it was cut into pieces."""
    answer = ResponseRewriter(MAX_SIZE)
    plain = b"".join(answer.feed(data[at : at + step]) for at in range(0, len(data), step))
    head, _, body = plain.partition(b"\r\n\r\n")
    if b"chunked" not in head:
        return head, body
    content = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        content, body = content + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return head, content


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_it_does_not_matter_in_what_pieces_an_answer_comes(data):
    head, content = joined(data, len(data))

    assert content == FEED
    for step in range(1, 40):
        assert joined(data, step) == (head, content)


# --------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    "head",
    [
        OK + b"A: b\r\n" * (MAX_LINES + 1),
        OK + b"no colon\r\n" * (MAX_LINES + 1),
        OK + b"A: b\r\n" + b" folded\r\n" * MAX_LINES,
        OK + b"A: " + b"b" * MAX_LINE + b"\r\n",
        OK + b"A: " + b"b" * MAX_HEAD,
        OK + b"A: b\r\n" + b" %s\r\n" % (b"c" * (MAX_LINE // 2)) * 3,
        OK + b"A: %s\r\n" % (b"b" * 30_000) * (MAX_HEAD // 30_000 + 1),
        b"HTTP/1.1 200 " + b"O" * MAX_LINE * 2,
        b"\r\n" * MAX_HEAD,
    ],
    ids=[
        "lines", "odd lines", "folds", "line", "open line", "folded value", "all", "reason",
        "empty lines",
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", [1009, 1 << 20])
def test_a_head_has_a_limit_however_odd_it_is(head, step):
    answer = ResponseRewriter(MAX_SIZE)

    with pytest.raises(FetchFailure, match="headers are too large"):
        for at in range(0, len(head + b"\r\n"), step):
            answer.feed((head + b"\r\n")[at : at + step])


def test_as_many_headers_as_are_allowed_are_read(server):
    fields = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 200) for number in range(MAX_LINES - 1))
    server.send("/feed.xml", OK + fields + SIZE + b"\r\n" + FEED)

    assert fetch(server.url("/feed.xml")).body == FEED


def test_interim_answers_count_for_the_limit_of_the_head():
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: <%s>\r\n\r\n" % (b"a" * 900)
    final = OK + SIZE + b"\r\n" + FEED
    fewer, more = MAX_HEAD // len(interim) - 1, MAX_HEAD // len(interim) + 2

    assert ResponseRewriter(MAX_SIZE).feed(interim * fewer + final).endswith(FEED)
    with pytest.raises(FetchFailure, match="headers are too large"):
        ResponseRewriter(MAX_SIZE).feed(interim * more + final)


@pytest.mark.parametrize("line", [b"1\r\nx\r\n", b"1;%s\r\nx\r\n" % (b"e" * 4000)])
def test_what_stands_between_chunks_counts_for_a_limit_of_its_own(line):
    """Each chunk of one byte may have an extension of 4 kB: 4 GB for a body of 1 MB."""
    answer = ResponseRewriter(200_000)
    answer.feed(OK + CHUNKED + b"\r\n")
    sent = 0

    with pytest.raises(FetchFailure, match=r"too large \(limit 200 kB\)"):
        while sent < 2_000_000:
            answer.feed(line * 20)
            sent += len(line) * 20

    assert sent < 500_000


@pytest.mark.parametrize(
    "body",
    [b"1" * 5000, b"1;" + b"x" * 5000, b"1\r\nxy\r\n", b"g\r\n", b"\r\n", b"1\r\nx" + b"\r" * 9],
)
def test_chunks_that_are_none_are_refused_without_waiting_for_more(body):
    answer = ResponseRewriter(MAX_SIZE)

    with pytest.raises(FetchFailure, match="cut short"):
        answer.feed(OK + CHUNKED + b"\r\n" + body)


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        (b"1;" + b"x" * 4000 + b"\r\n<\r\n", "too large (limit 50 kB)"),
        (b"nonsense\r\n", "the answer was cut short"),
    ],
)
def test_a_body_that_is_refused_half_way_fails_for_the_reason_of_the_refusal(server, tail, words):
    head = OK + CHUNKED + b"\r\n5\r\n" + FEED[:5] + b"\r\n"
    server.send("/feed.xml", head + tail * 20)

    assert reason(server.url("/feed.xml"), max_size=50_000) == words

"""Servers that fail, hang, lie or are not there: one plain line each, in limited time."""

import asyncio
import random
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher
from aggregator.fetch.response_headers import parse_retry_after, status_message
from aggregator.fetch.response_protocol import RewritingHandler
from aggregator.model import Validators
from tests.feedserver import FeedServer
from tests.fetching import failure, fetch, reason, settings
from tests.running import HANGS_AFTER
from tests.selection import slow_after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running


# ------------------------------------------------------------------- status codes


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (204, "empty answer"),
        (300, "unexpected answer 300"),
        (305, "unexpected answer 305"),
        (400, "400 Bad Request"),
        (401, "401 Unauthorized"),
        (403, "403 Forbidden"),
        (404, "404 Not Found"),
        (410, "410 Gone"),
        (429, "429 Too Many Requests"),
        (499, "499 refused"),
        (500, "500 Internal Server Error"),
        (503, "503 Service Unavailable"),
        (520, "520 server error"),
        (600, "unexpected answer 600"),
        (999, "unexpected answer 999"),
    ],
)
def test_an_answer_without_a_feed_is_an_error_with_its_status(server, status, words):
    server.put("/feed.xml", "<rss/>", status=status)

    error = failure(server.url("/feed.xml"))

    assert (error.reason, error.status, error.retry_after) == (words, status, None)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 205, 206, 207, 208, 218, 226, 250, 299])
def test_a_feed_in_any_success_is_read(server, status):
    server.put("/feed.xml", "<rss/>", status=status, etag='"1"')

    fetched = fetch(server.url("/feed.xml"))

    assert (fetched.status, fetched.body, fetched.validators.etag) == (status, b"<rss/>", '"1"')


@pytest.mark.parametrize(
    ("content_range", "is_whole"),
    [
        ("bytes 0-5/6", True),
        ("Bytes 0-5/6 ", True),
        ("bytes 0-5/7", False),
        ("bytes 1-5/6", False),
        ("bytes 0-5/*", False),
        ("bytes */6", False),
        ("lines 0-5/6", False),
        ("", False),
    ],
)
def test_a_part_of_a_feed_is_no_feed(server, content_range, is_whole):
    headers = {"Content-Range": content_range}
    server.put("/feed.xml", "<rss/>", status=206, headers=headers)

    if is_whole:
        assert fetch(server.url("/feed.xml")).body == b"<rss/>"
    else:
        assert reason(server.url("/feed.xml")) == "unexpected answer 206"


@pytest.mark.parametrize("status", [200, 201, 202, 203, 205, 206])
def test_a_success_without_a_body_is_an_empty_answer_that_may_ask_for_a_pause(server, status):
    server.put("/feed.xml", "", status=status, headers={"Retry-After": "600"})

    error = failure(server.url("/feed.xml"))

    assert (error.reason, error.status) == ("empty answer", status)
    assert error.retry_after == timedelta(minutes=10)


def test_the_words_of_the_server_are_not_repeated(server):
    server.send("/feed.xml", b"HTTP/1.1 404 <script>\r\nContent-Length: 4\r\n\r\nEvil")

    assert reason(server.url("/feed.xml")) == "404 Not Found"


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_a_server_can_ask_for_a_pause(server, status):
    server.put("/feed.xml", status=status, headers={"Retry-After": "7200"})

    error = failure(server.url("/feed.xml"))

    assert error.retry_after == timedelta(hours=2)
    assert error.reason.endswith(", wait 2h")


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta(0)),
        ("120", timedelta(minutes=2)),
        (" 120 ", timedelta(minutes=2)),
        ("99999999", timedelta(days=30)),
        ("9" * 5000, timedelta(days=30)),
        (format_datetime(NOW + timedelta(hours=3), usegmt=True), timedelta(hours=3)),
        (format_datetime(NOW - timedelta(hours=3), usegmt=True), timedelta(0)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=30)),
        ("Sunday, 01-Mar-26 13:00:00 GMT", timedelta(hours=1)),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("٣", None),
        ("Sun, 99 Mar 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 99999999999 12:00:00 GMT", None),
        ("Sun, 01 Mar 2026 12:00:00 +9999999", None),
    ],
)
def test_a_pause_is_a_number_of_seconds_or_a_date(value, wait):
    assert parse_retry_after({"retry-after": value}, now=NOW) == wait


def test_a_date_to_wait_for_is_read_by_the_clock_of_the_server():
    headers = {
        "date": "Thu, 01 Jan 2015 00:00:00 GMT",
        "retry-after": "Thu, 01 Jan 2015 00:10:00 GMT",
    }

    assert parse_retry_after(headers, now=NOW) == timedelta(minutes=10)
    assert parse_retry_after({**headers, "date": "nonsense"}, now=NOW) == timedelta(0)


@pytest.mark.parametrize(
    ("wait", "words"),
    [(1, "1s"), (90, "1m30s"), (600, "10m"), (7200, "2h"), (172_800, "2d"), (0, "")],
)
def test_a_pause_is_told_in_the_unit_that_fits(wait, words):
    expected = "429 Too Many Requests" + (f", wait {words}" if words else "")

    assert status_message(429, timedelta(seconds=wait)) == expected


# ------------------------------------------------------------------- time


def trickle(server, first, then=b"x", pause=0.02):
    """Return a script that sends `first`, then a little for ever."""

    def script(sock):
        sock.sendall(first)
        while not server.pause(pause):
            sock.sendall(then)

    return script


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.slow
def test_an_answer_that_never_ends_is_given_up(server):
    unanswered, unfinished = "no answer within 1s", "no complete answer within 1s"
    endless = {
        "/silence": (b"", b"", unanswered),
        "/headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", unanswered),
        "/header": (b"HTTP/1.1 200 OK\r\nX: ", b"y", unanswered),
        "/continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", unanswered),
        "/hints": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n", unanswered),
        "/body": (b"HTTP/1.1 200 OK\r\n\r\n", b"x", unfinished),
        "/midway": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b"", unfinished),
        "/chunks": (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"1\r\nx\r\n",
            unfinished,
        ),
    }
    for path, (first, then, _) in endless.items():
        server.raw(path, trickle(server, first, then))

    async def all_at_once():
        # Without a limit for the whole they would go on for ever.
        async with asyncio.timeout(30), Fetcher(settings(timeout=1)) as fetcher:
            return await asyncio.gather(
                *(fetcher.fetch(server.url(path)) for path in endless), return_exceptions=True
            )

    errors = asyncio.run(all_at_once())

    assert {path: error.reason for path, error in zip(endless, errors, strict=True)} == {
        path: words for path, (_, _, words) in endless.items()
    }


@pytest.mark.parametrize(
    ("first", "then", "words"),
    slow_after(
        1,
        [
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, "the answer's headers are too large"),
            (b"", b"HTTP/1.1 103 x\r\nA: b\r\n\r\n" * 1000, "the answer's headers are too large"),
            (CHUNKED, b"1;%s\r\nx\r\n" % (b"e" * 4000) * 50, "too large (limit 1 MB)"),
            (CHUNKED, b"1\r\nx\r\n" * 10_000, "too large (limit 1 MB)"),
        ],
    ),
)
def test_a_flood_of_what_is_not_the_body_is_given_up_at_its_limit(server, first, then, words):
    server.raw("/feed.xml", trickle(server, first, then, pause=0))

    assert reason(server.url("/feed.xml"), timeout=60, max_size=1_000_000) == words


def test_the_time_limit_is_for_all_redirects_together(server):
    server.put("/a", status=302, headers={"Location": "/b"}, delay=0.15)
    server.put("/b", "<rss/>", delay=0.15)

    assert reason(server.url("/a"), timeout=0.25) == "no answer within 0.25s"
    assert fetch(server.url("/a"), timeout=60).status == 200


@pytest.mark.slow
def test_silence_is_given_up_before_the_whole_time_is_over(server):
    server.raw("/head", trickle(server, b"", b""))
    server.raw("/body", trickle(server, b"HTTP/1.1 200 OK\r\n\r\n<rss>", b""))

    assert reason(server.url("/head"), read_timeout=0.2) == "no answer within 0.2s"
    assert reason(server.url("/body"), read_timeout=1) == "nothing came for 1s"


def test_slow_but_alive_is_fine(server, monkeypatch):
    elapsed, come = [0.0], threading.Semaphore(0)

    class SteppedLoop(asyncio.SelectorEventLoop):
        """A loop whose time passes between the bytes of the answer alone."""

        def time(self):
            return elapsed[0]

    receive = RewritingHandler.data_received

    def note(handler, data):
        receive(handler, data)
        if data and handler._rewriter is not None:  # else it comes once more
            come.release()

    def slow(sock):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        for byte in b"<rss/>":
            assert come.acquire(timeout=HANGS_AFTER)
            elapsed[0] += 0.7
            sock.sendall(bytes([byte]))

    monkeypatch.setattr(RewritingHandler, "data_received", note)
    server.raw("/feed.xml", slow)

    fetched = fetch(server.url("/feed.xml"), read_timeout=1, loop=SteppedLoop)

    assert fetched.body == b"<rss/>"
    assert elapsed[0] > 4


def test_a_host_that_does_not_take_connections_is_given_up():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:  # a full backlog: further connections hang
            filler.setblocking(False)
            filler.connect_ex(address)

        words = reason(f"http://127.0.0.1:{address[1]}/", connect_timeout=0.3)

        for filler in fillers:
            filler.close()
    assert words == "no connection within 0.3s"


# ------------------------------------------------------------- no HTTP, no connection


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"<rss>HTTP/0.9</rss>",
        b"\x15\x03\x01\x00\x02\x02\x28",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n<rss/>",
        b"HTTP/1.1 200 OK\r\nContent-Length: -6\r\n\r\n<rss/>",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n<rss/>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 6\r\n\r\n<rss/>",
        b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n<rss/>",
        bytes(range(256)) * 10,
    ],
)
def test_what_is_no_http_is_told_without_repeating_it(server, answer):
    server.send("/feed.xml", answer)

    assert reason(server.url("/feed.xml")) == "not an HTTP answer"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X" * 100_000 + b": y\r\n\r\n",
        b"HTTP/1.1 200 " + b"O" * 100_000 + b"\r\n\r\n",
    ],
    ids=["many", "value", "name", "status line"],
)
def test_headers_have_a_limit(server, answer):
    server.send("/feed.xml", answer)

    assert reason(server.url("/feed.xml")) == "the answer's headers are too large"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_a_connection_that_ends_before_an_answer_is_told(server, answer):
    server.send("/feed.xml", answer)

    assert reason(server.url("/feed.xml")) == "connection closed before an answer"


def test_a_port_where_nobody_listens_refuses_the_connection():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        assert reason(f"http://127.0.0.1:{port}/") == "connection refused"


def test_header_values_are_clean_and_the_first_of_two_counts(server):
    server.send(
        "/feed.xml",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; x=\xff\xe9\r\nContent-Type: text/html\r\n"
        b"Cache-Control: max-age=1\r\ncache-control: private\r\nX: a\x01\x1b[31mb\r\n\r\n<rss/>",
    )

    headers = fetch(server.url("/feed.xml")).headers

    assert headers["content-type"] == "text/xml; x=ÿé"
    assert headers["cache-control"] == "max-age=1, private"
    assert headers["x"] == "a  [31mb"


@pytest.mark.slow
def test_no_answer_whatever_raises_anything_but_a_fetch_error(server):
    rng = random.Random(7)
    seed = (
        b'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nETag: "1"\r\nContent-Encoding: gzip\r\n'
        b"Transfer-Encoding: chunked\r\nLocation: http://127.0.0.1/\r\nRetry-After: 5\r\n\r\n"
        b"5\r\n<rss>\r\n0\r\n\r\n"
    )
    answers = []
    for number in range(1500):
        answer = bytearray(seed)
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(answer))
            match rng.randrange(4):
                case 0:
                    answer[place] = rng.randrange(256)
                case 1:
                    del answer[place : place + rng.randint(1, 20)]
                case 2:
                    answer[place:place] = rng.randbytes(3)
                case _:
                    answer[9:12] = b"%d" % rng.choice([101, 204, 301, 302, 304, 404, 503])
        answers.append(bytes(answer))
        server.send(f"/{number}", answers[-1])

    async def run():
        async with Fetcher(settings(timeout=2)) as fetcher:
            for number in range(len(answers)):
                url = server.url(f"/{number}")
                try:
                    fetched = await fetcher.fetch(url)
                    await fetcher.fetch(url, fetched.validators)
                except FetchError as error:
                    assert error.reason.isprintable()
                    assert error.reason.isascii()

    asyncio.run(run())


def test_an_error_of_one_fetch_leaves_no_trace_in_the_next(server):
    server.send("/broken", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n<rss>")
    server.put("/feed.xml", "<rss/>", etag='"1"')

    async def run():
        async with Fetcher(settings()) as fetcher:
            for _ in range(3):
                with pytest.raises(FetchError):
                    await fetcher.fetch(server.url("/broken"), Validators())
                fetched = await fetcher.fetch(server.url("/feed.xml"))
                assert fetched.body == b"<rss/>"

    asyncio.run(run())

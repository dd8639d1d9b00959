"""Every fault that a server can play, each a feed that was fine before and is fine afterwards.

All are polled together: once while all is well, once while each plays its fault, once more when
all is well again.  What was stored before a fault stays, its reason is told in our own words, and
no validator of a failed answer is kept.
"""

import gzip
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import brotli
import pytest
from sqlalchemy import text

from aggregator.model import FeedHealth, Outcome
from aggregator.poll import PollResult
from tests.answers import (
    AFTER,
    BEFORE,
    FRESH,
    HEAD,
    VALIDATORS,
    of_length,
    packed,
    raw_deflate,
    slug,
)
from tests.faults import World, hosts_of_their_own
from tests.feedserver import Canary, FeedServer, Script

LIMIT = 2_000_000
TOTAL = 3  # seconds for a whole fetch
SILENCE = 1.0

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TOO_LARGE = "too large \\(limit 2 MB\\)"
NOT_HTTP = "not an HTTP answer"
LATE = "no (complete )?answer within 3s"
WAITED = re.compile("within|nothing came")  # the others end by themselves, however slow we are
NOT_A_FEED = "not a feed"
REFUSED = "after a redirect: .* is a private address; .*"
OTHER_SCHEME = "a redirect to something that is not an http or https address"


def to(location: str, status: int = 302) -> bytes:
    return (
        f"HTTP/1.1 {status} Over There\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    ).encode("latin-1")


def answer(status: int, body: bytes = b"", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d Whatever\r\n%sContent-Length: %d\r\n\r\n%s" % (
        status, headers, len(body), body,
    )  # fmt: skip


ZEROS = bytes(10_000_000)  # five times the limit
GZIP_BOMB = gzip.compress(ZEROS, 9)


def endless(server: FeedServer, first: bytes, then: bytes, pause: float = 0.05) -> Script:
    """Return a script that sends `first`, then a little again and again."""

    def script(sock: socket.socket) -> None:
        sock.sendall(first)
        while not server.pause(pause):
            sock.sendall(then)

    return script


def silent(server: FeedServer, first: bytes) -> Script:
    """Return a script that sends `first`, and then nothing more."""

    def script(sock: socket.socket) -> None:
        sock.sendall(first)
        server.pause(30)

    return script


def reset(server: FeedServer) -> Script:
    def script(sock: socket.socket) -> None:
        sock.sendall(of_length(FRESH)[:-100])
        server.pause(0.05)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        sock.close()

    return script


# Row of RELIABILITY.md, section 4, with what is special about this one; the bytes or the script;
# a pattern for the whole reason that is shown.
FAULTS: dict[str, tuple[bytes | Callable[[FeedServer], Script], str]] = {
    "slow-loris body (CVE-2023-36461)": (
        lambda s: endless(s, HEAD + VALIDATORS + b"\r\n", b"<"), LATE,
    ),
    "slow-loris headers": (lambda s: endless(s, HEAD, b"X: y\r\n"), LATE),
    "slow-loris within one header": (lambda s: endless(s, HEAD + b"X: ", b"y"), LATE),
    "slow-loris status line": (lambda s: endless(s, b"HTTP/1.1 200 ", b"O"), LATE),
    "slow-loris chunks": (
        lambda s: endless(s, CHUNKED, b"1\r\n<\r\n"), LATE,
    ),
    "slow-loris compressed body": (
        lambda s: endless(s, HEAD + b"Content-Encoding: gzip\r\n\r\n", b"\x1f"), LATE,
    ),
    "hangs before headers": (lambda s: silent(s, b""), "no answer within 1s"),
    "hangs after headers": (lambda s: silent(s, HEAD + VALIDATORS + b"\r\n"), "nothing came.*"),
    "hangs midway": (lambda s: silent(s, of_length(FRESH)[:-40]), "nothing came for 1s"),
    "hangs midway, gzip": (
        lambda s: silent(s, packed(gzip.compress(FRESH), "gzip")[:-9]), "nothing came for 1s",
    ),
    "endless 100 Continue (CVE-2021-3737)": (
        lambda s: endless(s, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000, 0.01),
        "the answer's headers are too large",
    ),
    "endless 103 Early Hints": (
        lambda s: endless(s, b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), LATE,
    ),
    "never-ending body": (lambda s: endless(s, HEAD + b"\r\n", b"<a/>" * 16_000, 0.002), TOO_LARGE),
    "never-ending chunks": (
        lambda s: endless(
            s, CHUNKED, b"10000\r\n%s\r\n" % bytes(65536), 0.002
        ), TOO_LARGE,
    ),
    "never-ending chunk extension": (
        lambda s: endless(s, CHUNKED + b"1;", b"x" * 9000, 0.01),
        ".+",
    ),
    "never-ending trailers": (
        lambda s: endless(
            s, CHUNKED + b"0\r\n", b"X: y\r\n" * 1000, 0.01
        ), ".+",
    ),
    "200 MB": (lambda s: silent(s, HEAD + b"Content-Length: 200000000\r\n\r\n"), TOO_LARGE),
    "huge claim": (HEAD + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n", TOO_LARGE),
    "absurd claim": (HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", NOT_HTTP),
    "huge chunk claim": (
        CHUNKED + b"ffffffffffffffff\r\n<rss>", ".*(short|HTTP).*",
    ),
    "gzip bomb (CVE-2025-66471)": (packed(GZIP_BOMB, "gzip"), TOO_LARGE),
    "gzip bomb without label": (of_length(GZIP_BOMB), TOO_LARGE),
    "gzip bomb of many members": (packed(gzip.compress(bytes(100_000)) * 900, "gzip"), TOO_LARGE),
    "deflate bomb": (packed(zlib.compress(ZEROS, 9), "deflate"), TOO_LARGE),
    "raw deflate bomb": (packed(raw_deflate(ZEROS), "deflate"), TOO_LARGE),
    "brotli bomb": (packed(brotli.compress(ZEROS, quality=5), "br"), TOO_LARGE),
    "chained bomb": (packed(gzip.compress(GZIP_BOMB, 9), "gzip, gzip"), TOO_LARGE),
    "chained bomb of two codecs": (packed(brotli.compress(GZIP_BOMB), "gzip, br"), TOO_LARGE),
    "endless decoder chain (CVE-2025-66418)": (
        packed(gzip.compress(FRESH), ", ".join(["gzip"] * 400)),
        "the answer is compressed too many times",
    ),
    "redirect bomb (CVE-2026-21441)": (
        HEAD.replace(b"200", b"302") + b"Location: /404\r\nContent-Encoding: gzip\r\n"
        b"Content-Length: %d\r\n\r\n" % len(GZIP_BOMB) + GZIP_BOMB,
        "after a redirect: 404 Not Found",
    ),
    "bomb in the body of an error": (
        answer(500, GZIP_BOMB, b"Content-Encoding: gzip\r\n"), "500 Internal Server Error",
    ),
    "header flood": (HEAD + b"X: y\r\n" * 5000 + b"\r\n", "the answer's headers are too large"),
    "huge header": (HEAD + b"X: " + b"y" * 200_000 + b"\r\n\r\n", "the answer's headers are.*"),
    "endless header": (lambda s: endless(s, HEAD + b"X: ", b"y" * 9000, 0.01), "the answer's h.*"),
    "huge header name": (HEAD + b"X" * 200_000 + b": y\r\n\r\n", "the answer's headers are.*"),
    "huge status line": (b"HTTP/1.1 200 " + b"O" * 200_000 + b"\r\n\r\n", "the answer's headers.*"),
    "wrong Content-Length, too long": (of_length(FRESH, length=len(FRESH) + 10), ".*cut short"),
    "wrong Content-Length, two of them": (
        of_length(FRESH, b"Content-Length: 5\r\n"), NOT_HTTP,
    ),
    "wrong Content-Length, negative": (of_length(FRESH, length=-1), NOT_HTTP),
    "Content-Length and chunks at once, and no chunks": (
        of_length(FRESH, b"Transfer-Encoding: chunked\r\n"), "the answer was cut short",
    ),
    "cut body": (of_length(FRESH)[:-30], "the answer was cut short"),
    "cut chunks": (
        HEAD + VALIDATORS + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(FRESH), FRESH),
        "the answer was cut short",
    ),
    "bad chunking": (
        CHUNKED + b"zz\r\n" + FRESH, "the answer was cut short",
    ),
    "truncated gzip": (packed(gzip.compress(FRESH)[:-9], "gzip"), "the compressed answer is cut.*"),
    "truncated gzip, without its checksum": (
        packed(gzip.compress(FRESH)[:-8], "gzip"), "the compressed answer is cut short",
    ),
    "truncated deflate": (packed(zlib.compress(FRESH)[:-5], "deflate"), ".*cut short"),
    "truncated brotli": (packed(brotli.compress(FRESH)[:-5], "br"), ".*cut short"),
    "mislabelled: garbage as gzip": (packed(bytes(range(256)) * 9, "gzip"), ".*damaged"),
    "mislabelled: brotli as gzip": (packed(brotli.compress(FRESH), "gzip"), ".*damaged"),
    "mislabelled: an unknown coding": (
        packed(b"\x28\xb5\x2f\xfd" + FRESH, "zstd"), ".*in a way that is not known",
    ),
    "damaged gzip": (
        packed(gzip.compress(FRESH)[:-8] + b"\xff" * 4 + gzip.compress(FRESH)[-4:], "gzip"),
        "the compressed answer is damaged",
    ),
    "garbage": (bytes(range(256)) * 20, NOT_HTTP),
    "SSH banner": (b"SSH-2.0-OpenSSH_9.6 \x1b[31mevil\r\n", NOT_HTTP),
    "HTTP/0.9": (FRESH, NOT_HTTP),
    "TLS where none is spoken": (b"\x15\x03\x01\x00\x02\x02\x28", NOT_HTTP),
    "reset": (reset, "the answer was cut short"),
    "closed at once": (b"", "connection closed before an answer"),
    "closed within the headers": (HEAD + b"Content-Le", "connection closed before an answer"),
    "NUL in a header": (HEAD + b"X: a\x00b\r\n\r\n" + FRESH, NOT_HTTP),
    "switching protocols": (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" + FRESH, ".+"),
    "redirect loop": (to("?"), "too many redirects"),
    "redirect loop with a counter": (
        lambda s: lambda sock: sock.sendall(to(f"?{time.monotonic_ns()}")), "too many redirects",
    ),
    "redirect chain that is too long": (to("/chain/0"), "too many redirects"),
    "redirect without Location": (answer(301), "a redirect that does not say where to"),
    "redirect with a blank Location": (to(""), "a redirect that does not say where to"),
    "redirect with a bad Location": (to("http://[::1"), OTHER_SCHEME),
    "redirect with a Location of 30 kB": (to("/" + "a" * 30_000), OTHER_SCHEME),
    "redirect with many @ (CVE-2021-33503)": (
        to("http://" + "@" * 4000 + ":"), f"{OTHER_SCHEME}|.*not a valid address",
    ),
    "301 to login": (to("/login", 301), "not a feed but a login page"),
    "301 to HTML": (to("/page", 301), "not a feed but a web page.*"),
    "301 to 410": (to("/410", 301), "after a redirect: 410 Gone"),
    "301 to 404": (to("/404", 301), "after a redirect: 404 Not Found"),
    "redirect to file:": (to("file:///etc/passwd"), OTHER_SCHEME),
    "redirect to gopher:": (to("gopher://127.0.0.2:70/_x"), OTHER_SCHEME),
    "redirect to data:": (to("data:text/xml,<rss/>"), OTHER_SCHEME),
    "redirect to metadata": (to("http://169.254.169.254/latest/meta-data/"), REFUSED),
    "redirect to metadata by name": (to("http://[fd00:ec2::254]/latest/"), REFUSED),
    "HTML": (of_length(b"<!doctype html><html><title>Hello</title>"), "not a feed but a web.*"),
    "captcha": (
        of_length(b"<html><head><title>Just a moment...</title></head></html>"), "not a feed but.*",
    ),
    "JSON error": (of_length(b'{"error": "quota"}'), "not a feed but JSON of another kind"),
    "image": (of_length(b"\x89PNG\r\n\x1a\n" + bytes(1000)), NOT_A_FEED),
    "executable": (of_length(b"\x7fELF" + bytes(range(256)) * 100), NOT_A_FEED),
    "200 empty": (of_length(b""), "empty answer"),
    "200 blank": (of_length(b" \r\n\t \xef\xbb\xbf"), "empty answer|the answer is empty"),
    "200 empty, gzip": (packed(gzip.compress(b""), "gzip"), "empty answer"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "empty answer"),
    "206": (answer(206, FRESH[:200], b"Content-Range: bytes 0-199/900\r\n"), "unexpected.* 206"),
    "401": (answer(401, b"", b'WWW-Authenticate: Basic realm="\x1b"\r\n'), "401 Unauthorized"),
    "403": (answer(403, b"<h1>No robots</h1>"), "403 Forbidden"),
    "404": (answer(404), "404 Not Found"),
    "500 with a feed in it": (answer(500, FRESH), "500 Internal Server Error"),
    "no such status": (answer(799, FRESH), "unexpected answer 799"),
    "429 with Retry-After": (answer(429, b"", b"Retry-After: 7200\r\n"), "429 Too Many.*wait 2h"),
    "503 with Retry-After": (answer(503, b"", b"Retry-After: 60\r\n"), "503 Service.*wait 1m"),
}  # fmt: skip

# Every spelling of an address that must not be reached; `{port}` is the canary's.
SPELLINGS = {
    "dotted": "127.0.0.2",
    "short": "127.2",
    "decimal": "2130706434",
    "hexadecimal": "0x7f000002",
    "octal": "0177.0.0.2",
    "brackets (CVE-2022-29188)": "[127.0.0.2]",
    "octal in one number": "017700000002",
    "trailing dot (CVE-2022-24825)": "127.0.0.2.",
    "IPv4-mapped": "[::ffff:127.0.0.2]",
    "IPv4-mapped in hexadecimal": "[::ffff:7f00:2]",
    "IPv4-compatible": "[::127.0.0.2]",
    "NAT64": "[64:ff9b::127.0.0.2]",
    "6to4": "[2002:7f00:2::]",
    "Teredo": "[2001:0:7f00:2::80ff:fffd]",
    "user info": "example.org@127.0.0.2",
    "user info with a backslash": "example.org\\@127.0.0.2",
    "full-width digits": "１２７.0.0.2".encode().decode("latin-1"),
    "ideographic dots": "127。0。0。2".encode().decode("latin-1"),
    "percent-encoded": "%31%32%37.0.0.2",
    "the unspecified address": "0.0.0.0",
    "the unspecified address of IPv6": "[::]",
    "IPv6 loopback": "[::1]",
    "link-local with a zone": "[fe80::1%25lo]",
}
FAULTS |= {
    f"redirect to an internal address: {name}": (
        lambda s, host=host: lambda sock: sock.sendall(to(f"http://{host}:{CANARY_PORT[0]}/x")),
        f"{REFUSED}|.*not a valid address|{OTHER_SCHEME}",
    )
    for name, host in SPELLINGS.items()
}
CANARY_PORT = [0]


@dataclass(frozen=True)
class Row:
    """What became of one feed: its polls, its state after the fault, and its titles at the end."""

    before: PollResult
    during: PollResult
    after: PollResult
    titles: list[str]
    etag: str | None
    health: FeedHealth
    later_titles: list[str]


@dataclass(frozen=True)
class Played:
    rows: dict[str, Row]
    canary: int


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """Play all faults, at the same time."""
    names = {slug(name): name for name in FAULTS}
    with hosts_of_their_own(), FeedServer() as server, Canary("127.0.0.2") as canary:
        CANARY_PORT[0] = canary.port
        world = World(
            tmp_path_factory.mktemp("faults"), server, max_size=LIMIT, timeout=120, read_timeout=120
        )
        unhurried = world.settings
        for number in range(9):
            server.redirect(f"/chain/{number}", f"/chain/{number + 1}")
        server.put("/login", "<html><form><input type=password></form></html>")
        server.put("/page", "<!doctype html><title>We have moved</title>")
        server.put("/410", status=410)
        for name in names:
            server.put(f"/{name}", BEFORE, etag='"good"')
        world.subscribe(*names, apart=True)
        before = world.poll()
        for name, (play, _) in ((name, FAULTS[row]) for name, row in names.items()):
            if isinstance(play, bytes):
                server.send(f"/{name}", play)
            else:
                server.raw(f"/{name}", play(server))
        hanging = [name for name, row in names.items() if WAITED.search(FAULTS[row][1])]
        during = world.poll(*(names.keys() - {*hanging}))
        limits = {"timeout": TOTAL, "read_timeout": SILENCE}
        short = {name: timedelta(seconds=value) for name, value in limits.items()}
        world.settings = replace(world.settings, fetch=replace(world.settings.fetch, **short))
        during |= world.poll(*hanging)
        world.settings = unhurried
        titles, healths = world.all_titles(), world.all_healths()
        with world.database.connect() as connection:
            etags = dict(connection.execute(text("SELECT name, etag FROM feeds")).all())
        for name in names:
            server.put(f"/{name}", AFTER, etag='"better"')
        after = world.poll(*names)
        later_titles = world.all_titles()
        rows = {
            row: Row(
                before[name], during[name], after[name], titles[name], etags[name], healths[name],
                later_titles[name],
            )
            for name, row in names.items()
        }  # fmt: skip
        yield Played(rows, canary.connections)
        world.database.dispose()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_and_what_was_stored_stays(played, name):
    row = played.rows[name]

    assert (row.before.error, row.before.new) == (None, 2)
    assert row.during.error is not None
    assert re.fullmatch(FAULTS[name][1], row.during.error)
    assert row.during.error.isascii()
    assert row.during.error.isprintable()
    assert sorted(row.titles) == ["Post one", "Post two"]
    assert row.etag == '"good"'
    assert row.health.error == row.during.error
    assert row.health.failures == 1
    assert row.health.polls[-1].outcome in {Outcome.FAILED, Outcome.POSTPONED}
    assert row.during.next_poll_at is not None
    assert row.during.next_poll_at > datetime.now(UTC)
    assert row.health.moved_to is None


@pytest.mark.parametrize("name", FAULTS)
def test_after_a_fault_the_feed_goes_on_as_if_it_had_not_been(played, name):
    row = played.rows[name]

    assert (row.after.error, row.after.outcome, row.after.new) == (None, Outcome.NEW, 1)
    assert sorted(row.later_titles) == ["Post one", "Post three", "Post two"]


def test_faults_that_are_waited_for_are_waited_for_at_the_same_time(played):
    waits = [row.health.polls[-1] for name, row in played.rows.items()
             if WAITED.search(FAULTS[name][1])]  # fmt: skip
    began_at = min(wait.started_at for wait in waits)
    ended_at = max(wait.started_at + wait.duration for wait in waits)

    assert len(waits) > 9
    assert sum((wait.duration for wait in waits), timedelta(0)) > 2 * (ended_at - began_at)


def test_an_address_that_is_not_allowed_receives_no_connection_at_all(played):
    assert played.canary == 0


def test_a_feed_at_an_address_that_is_not_allowed_is_refused_and_never_connected_to(tmp_path):
    with FeedServer() as server, Canary("127.0.0.2") as canary:
        world = World(tmp_path, server)
        elsewhere = {
            slug(name): f"http://{host}:{canary.port}/" for name, host in SPELLINGS.items()
            if host.isascii()
        }  # fmt: skip
        world.subscribe(**elsewhere)

        results = world.poll()

        assert len(results) == len(elsewhere)
        for result in results.values():
            assert re.search("is a private address|not a valid address", result.error or "")
        assert canary.connections == 0
        world.database.dispose()

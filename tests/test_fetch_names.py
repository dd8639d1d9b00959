"""Names that are not found, and certificates that are not to be trusted."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
import warnings

import pytest

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher
from tests.certificates import make_rsa_certificate, tls_server
from tests.feedserver import FeedServer
from tests.fetching import fetch, reason, settings

# ------------------------------------------------------------------------ names


@pytest.mark.parametrize(
    ("host", "error", "words"),
    [
        ("a.example", socket.EAI_NONAME, "name not found"),
        ("b.example", socket.EAI_NODATA, "name not found"),
        ("c.example", socket.EAI_AGAIN, "name not found: the name server does not answer"),
    ],
)
def test_a_name_that_is_not_found_is_told(monkeypatch, host, error, words):
    def nothing(*_, **__):
        raise socket.gaierror(error, "whatever the system says")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)

    assert reason(f"http://{host}/") == words


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "xn--", "-"])
def test_a_name_that_can_be_none_is_not_found(host):
    assert reason(f"http://{host}/", connect_timeout=20).startswith(
        ("name not found", "not a valid address")
    )


def test_a_name_server_that_hangs_is_given_up_and_waited_for_by_nobody(monkeypatch):
    release = threading.Event()
    ended = []

    def hang(*_, **__):
        release.wait(30)
        ended.append(threading.current_thread())
        raise socket.gaierror(socket.EAI_AGAIN, "late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        words = reason("http://feeds.example/", connect_timeout=0.2)
        assert words == "name not found: the name server does not answer"
        assert reason("http://feeds.example/", timeout=0.2) == "no answer within 0.2s"
        assert ended == []
        assert all(thread.daemon for thread in threading.enumerate()[1:])
    finally:
        release.set()


def test_lookups_are_at_most_thirty_two_at_once(monkeypatch):
    running, most, lock = [0], [0], threading.Lock()

    def slow(*_, **__):
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1
        raise socket.gaierror(socket.EAI_NONAME, "no")

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    async def many():
        async with Fetcher(settings()) as fetcher:
            return await asyncio.gather(
                *(fetcher.fetch(f"http://h{number}.example/") for number in range(100)),
                return_exceptions=True,
            )

    assert {str(error.reason) for error in asyncio.run(many())} == {"name not found"}
    assert most[0] <= 32


def test_a_look_up_that_finds_no_thread_takes_no_place_from_the_others(monkeypatch):
    def no_thread(_):
        raise RuntimeError("can't start new thread")

    async def many():
        async with Fetcher(settings(allow=("localhost",))) as fetcher:
            with monkeypatch.context() as patched:
                patched.setattr(threading.Thread, "start", no_thread)
                failures = await asyncio.gather(
                    *(fetcher.fetch(f"http://h{number}.example/") for number in range(40)),
                    return_exceptions=True,
                )
            return failures, await fetcher.fetch(server.url("/").replace("127.0.0.1", "localhost"))

    with FeedServer() as server:
        server.put("/", "<rss/>")
        failures, fetched = asyncio.run(many())

    words = "too many threads for another look-up; lower poll.concurrency"
    assert {failure.reason for failure in failures} == {words}
    assert fetched.body == b"<rss/>"


# ------------------------------------------------------------------------- TLS


def bodies_or_reasons(urls):
    """Return what is read from each address, or why nothing is."""

    async def read(fetcher, url):
        try:
            return (await fetcher.fetch(url)).body.decode()
        except FetchError as error:
            return error.reason

    async def run():
        async with Fetcher(settings(allow=("127.0.0.1", "localhost"), timeout=60)) as fetcher:
            return [await read(fetcher, url) for url in urls]

    return asyncio.run(run())


@pytest.mark.slow
def test_certificates_are_checked_and_what_is_wrong_is_told(trusted):
    with (
        tls_server(trusted, "good.pem") as good,
        tls_server(trusted, "expired.pem") as expired,
        tls_server(trusted, "self.pem") as itself,
        FeedServer() as plain,
    ):
        plain.put("/feed.xml", "<rss/>")
        other_name = good.url("/feed.xml").replace("127.0.0.1", "localhost")
        wanted = {
            good.url("/feed.xml"): "<rss/>",
            expired.url("/feed.xml"): "certificate: expired",
            itself.url("/feed.xml"): "certificate: self-signed",
            other_name: "certificate is for another name",
            plain.url("/feed.xml").replace("http", "https"): (
                "no secure connection: the server's TLS can't be used"
            ),
            good.url("/feed.xml").replace("https", "http"): "connection closed before an answer",
        }

        assert bodies_or_reasons(wanted) == list(wanted.values())


SUITES = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-SHA384",
    "AES256-GCM-SHA384",
    "AES128-SHA256",
    "AES256-SHA",
]
TOO_OLD = [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]


def tls_server_of(folder, suites, version=ssl.TLSVersion.TLSv1_2):
    """Return a server that speaks one version of TLS with these suites only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    for name in ("good.pem", "rsa.pem"):
        key = "rsa.key" if name == "rsa.pem" else "key.pem"
        context.load_cert_chain(folder / name, folder / key)
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = version
    server = FeedServer(tls=context)
    server.put("/feed.xml", "<rss/>")
    return server


@pytest.mark.slow
def test_the_suites_of_openssls_default_are_spoken_and_no_older_versions(trusted):
    make_rsa_certificate(trusted)
    with contextlib.ExitStack() as stack:
        servers = [tls_server_of(trusted, suite) for suite in SUITES]
        servers += [tls_server_of(trusted, "ALL", version) for version in TOO_OLD]
        servers.append(tls_server_of(trusted, "eNULL"))
        urls = [stack.enter_context(server).url("/feed.xml") for server in servers]
        results = bodies_or_reasons(urls)

    refused = "no secure connection: the server's TLS can't be used"
    assert results == ["<rss/>"] * len(SUITES) + [refused] * 3


def test_an_unknown_authority_is_not_trusted(certificates):
    with tls_server(certificates, "good.pem") as server:
        assert reason(server.url("/feed.xml")) == "certificate: its issuer is unknown"
        assert server.requests == []


def test_a_redirect_from_https_to_http_is_followed_but_the_feed_has_not_moved(trusted):
    with tls_server(trusted, "good.pem") as secure, FeedServer() as plain:
        plain.put("/feed.xml", "<rss/>")
        secure.redirect("/old", plain.url("/feed.xml"))
        plain.redirect("/old", secure.url("/feed.xml"))

        assert fetch(secure.url("/old")).moved_to is None
        assert fetch(plain.url("/old")).moved_to == secure.url("/feed.xml")

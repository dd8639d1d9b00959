"""Requests by proxies: what the proxy is asked for, and that nothing goes past it."""

import asyncio
import socket
import threading

import pytest

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher, WebSubClient
from aggregator.fetch.name_lookups import NameLookups
from aggregator.model import FailureKind, FeedRequest, Proxy
from tests.certificates import tls_context, tls_server
from tests.feedserver import Canary, FeedServer
from tests.fetching import settings
from tests.proxies import HttpProxy, SocksProxy

FEED = b"<rss version='2.0'/>"
KINDS = pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])


@pytest.fixture
def server():
    with FeedServer() as running:
        running.put("/feed.xml", FEED)
        yield running


@pytest.fixture(autouse=True)
def no_names(monkeypatch):
    """Let this machine resolve no name; a look-up fails the test."""
    looked_up = []

    async def addresses(self, host, port):
        looked_up.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "looked up past the proxy")

    monkeypatch.setattr(NameLookups, "addresses", addresses)
    yield looked_up
    assert looked_up == []


def fetch(url, proxy, *, headers=(), **options):
    allow = options.pop("allow", (f"127.0.0.1:{proxy.port}",))

    async def run():
        async with Fetcher(settings(allow=allow, **options.pop("settings", {}))) as fetcher:
            request = FeedRequest(headers, proxy=proxy)
            return await fetcher.fetch(url, feed_request=request, **options)

    return asyncio.run(run())


def failure(url, proxy, **options):
    with pytest.raises(FetchError) as caught:
        fetch(url, proxy, **options)
    return caught.value


# -------------------------------------------------------------------- the way of a request


@KINDS
def test_a_name_that_only_the_proxy_knows_is_reached_by_it(server, kind):
    with kind({"blog.onion": server.port}) as proxy:
        fetched = fetch("http://blog.onion/feed.xml", proxy.proxy())

    assert fetched.body == FEED
    assert fetched.url == "http://blog.onion/feed.xml"
    method = "GET" if kind is HttpProxy else "name"
    assert proxy.asked == [(method, "blog.onion:80")]
    assert server.requests[0].headers["host"] == "blog.onion"


@pytest.mark.slow
@KINDS
@pytest.mark.usefixtures("trusted")
def test_https_is_a_tunnel_in_which_certificates_are_checked(certificates, kind):
    with (
        tls_server(certificates, "good.pem") as good,
        tls_server(certificates, "expired.pem") as expired,
        kind({"secure.example": good.port, "other.example": good.port,
              "secure.example:8443": expired.port}) as proxy,
    ):  # fmt: skip
        fetched = fetch("https://secure.example/feed.xml", proxy.proxy())
        name = failure("https://other.example/feed.xml", proxy.proxy())
        date = failure("https://secure.example:8443/feed.xml", proxy.proxy())

    assert fetched.body == b"<rss/>"
    assert name.reason == "certificate is for another name"
    assert date.reason == "certificate: expired"
    method = "CONNECT" if kind is HttpProxy else "name"
    assert proxy.asked[0] == (method, "secure.example:443")
    assert len(good.requests) == 1


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("url", ["http://blog.example/feed.xml", "https://secure.example/feed.xml"])
def test_a_proxy_may_speak_tls_itself(server, certificates, url):
    with (
        tls_server(certificates, "good.pem") as secure,
        HttpProxy({"blog.example": server.port, "secure.example": secure.port},
                  tls=tls_context(certificates), login=("me", "secret-1")) as proxy,
    ):  # fmt: skip
        assert fetch(url, proxy.proxy("me", "secret-1")).body
        assert len(proxy.asked) == 1
        assert not any("proxy" in name for request in secure.requests for name in request.headers)


@KINDS
def test_a_proxy_gets_user_and_password_and_the_server_does_not(server, kind):
    with kind({"blog.example": server.port}, login=("m e", "s3:crét")) as proxy:
        assert fetch("http://blog.example/feed.xml", proxy.proxy("m e", "s3:crét")).body == FEED

    assert not {name for name in server.requests[0].headers if name.startswith("proxy-")}


@KINDS
def test_redirects_go_by_the_proxy_and_own_headers_stay_with_their_origin(server, kind):
    server.redirect("/a", "http://else.example/b", 302)
    server.redirect("/b", "http://blog.example/feed.xml", 302)
    with kind({"blog.example": server.port, "else.example": server.port}) as proxy:
        fetch("http://blog.example/a", proxy.proxy(), headers=(("X-Canary", "canary"),))

    assert [host for _, host in proxy.asked] == [
        "blog.example:80", "else.example:80", "blog.example:80",
    ]  # fmt: skip
    assert ["x-canary" in request.headers for request in server.requests] == [True, False, False]


def test_own_headers_are_not_in_the_request_for_a_tunnel(certificates, trusted):
    with (
        tls_server(trusted, "good.pem") as secure,
        HttpProxy({"secure.example": secure.port}) as proxy,
    ):
        fetch("https://secure.example/feed.xml", proxy.proxy(),
              headers=(("Authorization", "canary"), ("Cookie", "canary")))  # fmt: skip

    assert secure.requests[0].headers["authorization"] == "canary"
    assert b"canary" not in b"".join(proxy.heads)


@KINDS
def test_a_conditional_request_by_proxy_is_answered_with_304(server, kind):
    server.put("/feed.xml", FEED, etag='"1"')
    with kind({"blog.example": server.port}) as proxy:
        first = fetch("http://blog.example/feed.xml", proxy.proxy())
        assert fetch("http://blog.example/feed.xml", proxy.proxy(),
                     validators=first.validators).status == 304  # fmt: skip


@KINDS
@pytest.mark.parametrize("path", ["/a%2fb%7E/?q=a+b%20c&d=%c3%a9", "/a//b/./c", "/?x=1;y=2"])
def test_a_url_is_sent_as_it_is_written(server, kind, path):
    server.put(path, FEED)
    with kind({"blog.example": server.port}) as proxy:
        assert fetch(f"http://blog.example{path}", proxy.proxy()).body == FEED

    assert [request.path for request in server.requests] == [path]


def test_requests_to_a_hub_go_by_the_proxy(server):
    server.put("/hub", b"", status=202)

    async def publish(proxy):
        fetching = settings(allow=(f"127.0.0.1:{proxy.port}",), proxy=proxy)
        async with WebSubClient(fetching) as client:
            return await client.post("http://hub.example/hub", b"hub.mode=publish", {})

    with SocksProxy({"hub.example": server.port}) as proxy:
        assert asyncio.run(publish(proxy.proxy())).status == 202

    assert proxy.asked == [("name", "hub.example:80")]


# ------------------------------------------------------------------------------- the guard


@KINDS
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://[::1]/",
        "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest", "https://10.0.0.1/",
        "http://localhost/", "http://LOCALHOST./", "http://nas.local/", "http://router/",
        "http://metadata.google.internal/",
    ],
)  # fmt: skip
def test_no_proxy_is_asked_for_a_private_address_or_name(server, kind, url):
    server.redirect("/a", url, 302)
    with kind({"blog.example": server.port}) as proxy:
        own = failure(url, proxy.proxy())
        redirected = failure("http://blog.example/a", proxy.proxy())

    assert [own.kind, redirected.kind] == [FailureKind.NOT_PUBLIC] * 2
    assert redirected.reason.startswith("after a redirect: ")
    assert [host for _, host in proxy.asked] == ["blog.example:80"]


@KINDS
def test_a_private_name_or_address_that_config_yaml_allows_is_asked_for(server, kind):
    allow = ("nas.local", "10.0.0.7", "127.0.0.1")
    with kind({"nas.local": server.port, "10.0.0.7": server.port}) as proxy:
        for host in ("nas.local", "10.0.0.7:1234"):
            assert fetch(f"http://{host}/feed.xml", proxy.proxy(), allow=allow).body == FEED

    refusal = failure("http://10.0.0.8/", proxy.proxy(), allow=allow).reason
    assert refusal == "10.0.0.8 is a private address; to poll it add it to network.allow"


@KINDS
def test_an_unusual_port_is_refused_by_proxy_as_without(kind):
    with kind({"blog.example": 1}) as proxy:
        for port in (22, proxy.port):
            reason = failure(f"http://blog.example:{port}/", proxy.proxy()).reason
            assert reason.startswith(f"port {port} is not one of 80, 443, 8000, 8080, 8443; ")

    assert proxy.asked == []


@KINDS
def test_a_proxy_at_a_private_address_must_be_allowed_itself(kind):
    with Canary("127.0.0.1") as canary:
        proxy = Proxy(kind.scheme, "127.0.0.1", canary.port)
        refused = failure("http://blog.example/", proxy, allow=())

        assert refused.reason == (
            f"the proxy {proxy.name} is refused: 127.0.0.1 is a private address; "
            f"to use it add 127.0.0.1:{canary.port} to network.allow"
        )
        assert failure("http://blog.example/", proxy, allow=("127.0.0.1:1",)).reason.endswith(
            f"to use it add 127.0.0.1:{canary.port} to network.allow"
        )
        assert canary.connections == 0


@KINDS
def test_the_guard_sees_the_addresses_of_a_proxys_name(server, kind, monkeypatch, no_names):
    async def addresses(self, host, port):
        assert host == "tor.lan"
        return ["127.0.0.1"]

    monkeypatch.setattr(NameLookups, "addresses", addresses)
    with kind({"blog.example": server.port}) as proxy:
        named = proxy.proxy(host="tor.lan")
        assert fetch("http://blog.example/feed.xml", named, allow=("tor.lan",)).body == FEED
        assert "is refused: 127.0.0.1 is a private address; to use it add tor.lan:" in failure(
            "http://blog.example/feed.xml", named, allow=()
        ).reason  # fmt: skip
        assert len(proxy.asked) == 1


def test_the_environment_names_no_proxy(server, monkeypatch):
    with HttpProxy({}) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url())

        async def run():
            async with Fetcher(settings()) as fetcher:
                return await fetcher.fetch(server.url("/feed.xml"))

        assert asyncio.run(run()).body == FEED
        assert proxy.asked == []


# ------------------------------------------------------------------------- what can go wrong


@KINDS
def test_a_proxy_that_is_down_is_told_in_one_line_without_a_password(kind):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    proxy = Proxy(kind.scheme, "127.0.0.1", port, "me", "hunter2-x")

    failed = failure("http://blog.example/", proxy)

    name = f"{proxy.scheme}://127.0.0.1:{port}"
    assert failed.reason == f"the proxy {name} can't be reached: connection refused"
    assert (failed.kind, failed.unreachable) == (FailureKind.PROXY, True)
    assert "hunter2" not in repr(failed) + repr(proxy)


@KINDS
@pytest.mark.parametrize(
    ("login", "words"),
    [
        (("", ""), "asks for a user and password"),
        (("me", "wrong-1"), "refuses the user and password"),
    ],
)
def test_a_refused_login_at_a_proxy_is_told(server, kind, login, words):
    with kind({"blog.example": server.port}, login=("me", "right-1")) as proxy:
        failed = failure("http://blog.example/feed.xml", proxy.proxy(*login))

    assert failed.reason == f"the proxy {proxy.url()} {words}"
    assert "wrong-1" not in str(failed)
    assert server.requests == []


@pytest.mark.parametrize(
    ("refusal", "words"),
    [(1, "could not reach the server"), (2, "does not allow connections to the server"),
     (4, "could not reach the server"), (5, "was refused a connection by the server"),
     (240, "failed (SOCKS error 240)")],
)  # fmt: skip
def test_what_a_socks_proxy_answers_is_told(refusal, words):
    with SocksProxy({}) as proxy:
        proxy.refusal = refusal
        failed = failure("http://blog.example/", proxy.proxy())

    assert failed.reason == f"the proxy {proxy.url()} {words}"
    assert (failed.kind, failed.unreachable) == (FailureKind.PROXY, False)


def test_a_refused_tunnel_is_told():
    with HttpProxy({}) as proxy:
        failed = failure("https://blog.example/", proxy.proxy())

    assert failed.reason == f"the proxy {proxy.url()} can't reach the server: 502 Bad Gateway"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 x\r\n\r\n", b"\x05", b"\4\0", b"\5\7"])
def test_a_server_that_speaks_no_socks_is_told(answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = Proxy(SocksProxy.scheme, "127.0.0.1", listener.getsockname()[1])

        def serve():
            sock, _ = listener.accept()
            with sock:
                sock.recv(100)
                sock.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        failed = failure("http://blog.example/", proxy)
        thread.join()

    assert failed.kind is FailureKind.PROXY
    assert failed.reason.startswith(f"the proxy {proxy.name} ")


@KINDS
def test_a_proxy_that_is_silent_ends_with_the_time_limit(kind):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = Proxy(kind.scheme, "127.0.0.1", silent.getsockname()[1])
        failed = failure("http://blog.example/", proxy, settings={"timeout": 0.3})

    assert failed.reason == "no answer within 0.3s"
    assert failed.kind is FailureKind.TIMEOUT


def test_a_fetch_by_socks_that_is_given_up_leaves_no_socket_open():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = Proxy(SocksProxy.scheme, "127.0.0.1", silent.getsockname()[1])

        async def give_up():
            async with Fetcher(settings(allow=("127.0.0.1",))) as fetcher:
                task = asyncio.create_task(
                    fetcher.fetch("http://b.example/", feed_request=FeedRequest(proxy=proxy))
                )
                accepted, _ = await asyncio.to_thread(silent.accept)
                with accepted:
                    accepted.settimeout(30)
                    greeting = await asyncio.to_thread(accepted.recv, 100)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    return greeting, await asyncio.to_thread(accepted.recv, 100)

        assert asyncio.run(give_up()) == (b"\x05\x01\x00", b"")

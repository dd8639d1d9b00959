"""The address guard: what it refuses, and that nothing is connected to before it was asked."""

import asyncio
import contextlib
import socket
from typing import Any

import pytest

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher
from aggregator.fetch.failure import AddressRefusedError
from aggregator.fetch.guard import AddressPolicy, Guard
from tests.feedserver import Canary, FeedServer
from tests.fetching import fetch, reason, settings

PRIVATE_V4 = """
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1
    127.255.255.255 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.1 192.0.0.255 192.0.2.1
    192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.255.255 192.175.48.1 198.18.0.0
    198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.0 255.255.255.255
""".split()
PRIVATE_V6 = """
    :: ::1 fe80::1 fec0::1 fc00::1 fd12:3456::1 ff02::1 100::1 64:ff9b:1::1 5f00::1 4000::1
    2001::1 2001:1ff:ffff::1 2001:10::1 2001:20::1 2001:db8::1 2620:4f:8000::1 3fff::1
""".split()
WRAPPED_PRIVATE = """
    ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:a9fe:a9fe ::127.0.0.1 ::10.0.0.1 64:ff9b::7f00:1
    64:ff9b::c0a8:1 2002:7f00:1::1 2002:a00:1::1 2001:0:4136:e378:8000:63bf:80ff:fffe
""".split()
PUBLIC = """
    1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
    172.15.255.255 172.32.0.0 192.0.1.0 192.88.98.1 192.167.255.255 198.17.255.255 198.20.0.0
    223.255.255.255 2606:4700::1111 2001:200::1 2a00::1 ::ffff:8.8.8.8 64:ff9b::808:808
""".split()
FORMS_OF_127_0_0_2 = """
    127.0.0.2 127.2 2130706434 0x7f000002 0x7f.0.0.2 0177.0.0.2 017700000002 127.0.0.2.
    [::ffff:127.0.0.2] [::ffff:7f00:2] １２７.0.0.2 127。0。0。2
""".split()


# ------------------------------------------------------------------ the judgement

ELSEWHERE = "network.allow has it at another port; to poll it"
OF_ITS_OWN = "to poll it write its address as a feed's url, and its host into network.allow"


def policy(
    host: str = "feeds.example", allow: tuple[str, ...] = (), **options: Any
) -> AddressPolicy:
    return Guard(allow, **options).policy(host)


@pytest.mark.parametrize("address", PRIVATE_V4 + PRIVATE_V6 + WRAPPED_PRIVATE)
def test_an_address_that_is_not_public_is_refused(address):
    """Some were forgotten: GHSA-hgrr-mjfp-gmr6, GHSA-q5qw-345w-55xg, CVE-2024-4032."""
    refusal = policy(address).refusal(address, 443)

    assert refusal is not None
    assert refusal.endswith(" is a private address; to poll it add it to network.allow")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not_refused(address):
    assert policy().refusal(address, 443) is None


@pytest.mark.parametrize(
    ("host", "allow", "name", "advice"),
    [
        ("127.0.0.2", (), "", "to poll it add it to network.allow"),
        ("nas.local", (), "nas.local", "to poll it add nas.local to network.allow"),
        ("127.0.0.2", ("127.0.0.2:8080",), "", f"{ELSEWHERE} add 127.0.0.2:80"),
        ("nas.local", ("nas.local:8080",), "nas.local", f"{ELSEWHERE} add nas.local:80"),
        ("feeds.example", ("127.0.0.2",), "", OF_ITS_OWN),
    ],
)
def test_the_refusal_says_what_to_do(host, allow, name, advice):
    refusal = policy(host, allow).refusal("127.0.0.2", 80, name=name)

    assert refusal == f"127.0.0.2 is a private address; {advice}"


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("127.0.0.1", "::ffff:127.0.0.1", "::ffff:127.0.0.2"),
        ("10.0.0.0/8", "10.20.30.40", "172.16.0.1"),
        ("10.0.0.7/8", "10.20.30.40", "192.168.0.1"),
        ("::1", "::1", "::2"),
        ("[::1]", "::1", "127.0.0.1"),
        ("fd00::/8", "fd12::1", "fc00::1"),
    ],
)
def test_an_exception_is_as_narrow_as_it_is_written(entry, inside, outside):
    rules = policy(inside, (entry,))

    assert rules.refusal(inside, 80) is None
    assert rules.refusal(inside, 6379) is None
    assert rules.refusal(outside, 80) is not None
    assert policy(outside, (entry,)).refusal(outside, 80) is not None


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("10.0.0.5:9000", "10.0.0.5"),
        ("10.0.0.0/8:9000", "10.1.2.3"),
        ("[::1]:9000", "::1"),
        ("fd00::/8:9000", "fd12::1"),
        ("[fd00::/8]:9000", "fd12::1"),
    ],
)
def test_an_exception_with_a_port_opens_that_port_alone(entry, address):
    rules = policy(address, (entry,))

    assert rules.refusal(address, 9000) is None
    assert rules.refusal(address, 80) is not None
    assert rules.refusal(address, 6379) is not None


def test_the_exception_for_a_name_may_be_of_one_port():
    rules = policy("nas.local", ("nas.local:9000",))

    assert rules.exempts("nas.local", 9000)
    assert not rules.exempts("nas.local", 80)


@pytest.mark.parametrize("own", ["feeds.example", "192.168.0.1", "10.0.0.6", "1.1.1.1", ""])
def test_an_exception_holds_for_nobody_but_the_feeds_whose_own_address_it_is(own):
    rules = policy(own, ("10.0.0.5", "nas.local"))

    assert rules.refusal("10.0.0.5", 80) is not None
    assert not rules.exempts("nas.local", 80)


@pytest.mark.parametrize(
    ("name", "is_in_it"),
    [("nas.local", True), ("nas", True), ("rss.lan", True), ("nas.home.arpa", True),
     ("feeds.example.org", False), ("nas.local.example.org", False)],
)  # fmt: skip
def test_a_name_is_in_a_network_only_if_nobody_outside_can_own_it(name, is_in_it):
    """Whoever owns a public name may have it lead to any of our addresses, for a moment."""
    rules = policy(name, ("10.0.0.0/8", "192.168.0.0/16"))
    with contextlib.suppress(AddressRefusedError):
        assert rules.allowed_addresses(name, 80, ["10.0.0.5"]) == ["10.0.0.5"]

    assert (rules.refusal("10.0.0.5", 80, name=name) is None) == is_in_it
    assert (rules.refusal("10.0.0.6", 80) is None) == is_in_it  # its redirects
    assert rules.refusal("192.168.0.1", 80) is not None


def test_what_a_redirects_name_leads_to_opens_nothing():
    rules = policy("feeds.example", ("10.0.0.0/8",))
    with pytest.raises(AddressRefusedError):
        rules.allowed_addresses("nas.local", 80, ["10.0.0.5"])

    assert rules.refusal("10.0.0.5", 80, name="nas.local") is not None


def test_the_exception_for_a_v4_address_does_not_open_tunnels_to_it():
    rules = policy("127.0.0.1", ("127.0.0.1",))

    assert rules.refusal("64:ff9b::7f00:1", 80) is not None
    assert rules.refusal("2002:7f00:1::1", 80) is not None


def test_only_the_usual_ports_and_those_of_the_configuration_are_open():
    rules = policy(ports=[9000])

    assert [
        port for port in (80, 443, 8000, 8080, 8443, 9000) if rules.refusal("1.1.1.1", port)
    ] == []
    assert all(rules.refusal("1.1.1.1", port) for port in (0, 22, 25, 6379, 9001, 11211))


def test_a_name_is_an_exception_whatever_its_capitals_and_trailing_dot():
    for entry in ("NAS.local.", "nas.local"):
        assert policy("nas.local", (entry,)).exempts("Nas.Local.", 80)
        assert policy("NAS.local.", (entry,)).exempts("nas.local", 80)
    assert not policy("evil.nas.local", ("nas.local",)).exempts("evil.nas.local", 80)
    assert not policy("nas.local.a.example", ("nas.local",)).exempts("nas.local.a.example", 80)
    assert policy("xn--bro-hoa.example", ("büro.example",)).exempts("xn--bro-hoa.example", 80)


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "[::1]", "::g", "1.2.3.4.5"])
def test_what_is_not_an_address_is_refused(text):
    assert policy().refusal(text, 80) is not None


# ------------------------------------------------------------- nothing is connected to


@pytest.mark.parametrize("host", FORMS_OF_127_0_0_2)
def test_no_spelling_of_a_private_address_is_connected_to(host):
    with Canary("127.0.0.2") as canary:
        words = reason(f"http://{host}:{canary.port}/feed.xml")

        assert words == "127.0.0.2 is a private address; to poll it add it to network.allow"
        assert canary.connections == 0


@pytest.mark.parametrize("host", FORMS_OF_127_0_0_2[:9])
@pytest.mark.parametrize("status", [301, 307])
def test_no_redirect_leads_to_a_private_address(host, status):
    """Nextcloud News 28.5.0: a guard that redirects went around."""
    with FeedServer() as server, Canary("127.0.0.2") as canary:
        server.redirect("/feed.xml", f"http://{host}:{canary.port}/", status)

        words = reason(server.url("/feed.xml"))

        assert "127.0.0.2 is a private address" in words
        assert words.startswith("after a redirect: ")
        assert canary.connections == 0


def test_https_is_guarded_as_well():
    with Canary("127.0.0.2") as canary:
        assert "private address" in reason(f"https://127.0.0.2:{canary.port}/")
        assert canary.connections == 0


def test_a_user_name_that_looks_like_a_host_does_not_hide_the_host():
    with Canary("127.0.0.2") as canary:
        assert "private address" in reason(f"http://example.org@127.0.0.2:{canary.port}/")
        assert canary.connections == 0


def test_the_ipv6_loopback_is_refused_and_can_be_allowed():
    try:
        server = FeedServer("::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        server.put("/feed.xml", "<rss/>")

        assert "::1 is a private address" in reason(server.url("/feed.xml"))
        assert server.requests == []
        assert fetch(server.url("/feed.xml"), allow=("::1",)).body == b"<rss/>"


def test_the_environment_leads_nowhere_else(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    with FeedServer() as server, Canary("127.0.0.2") as canary:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.2:{canary.port}")
        monkeypatch.setenv("NETRC", str(netrc))
        server.put("/feed.xml", "<rss/>")

        fetch(server.url("/feed.xml"))

        assert canary.connections == 0
        assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("allow", ["127.0.0.2", "127.0.0.0/30", "127.0.0.2:{port}"])
def test_no_feed_of_others_is_led_to_an_address_that_is_an_exception(monkeypatch, allow):
    """The exception would let any feed ask, and any answer be read, by way of a redirect."""
    Names(monkeypatch, feeds_example=[["127.0.0.1"]])
    with FeedServer() as server, Canary("127.0.0.2") as canary:
        server.redirect("/feed.xml", f"http://127.0.0.2:{canary.port}/")
        opened = ("feeds.example", allow.format(port=canary.port))

        words = reason(f"http://feeds.example:{server.port}/feed.xml", allow=opened)

        assert words.startswith(
            "after a redirect: 127.0.0.2 is a private address; to poll it write"
        )
        assert len(server.requests) == 1
        assert canary.connections == 0


def test_a_feed_that_moved_keeps_the_exceptions_of_the_address_in_the_file(monkeypatch):
    Names(monkeypatch, feeds_example=[["127.0.0.1"]])

    async def moved(url: str, subscribed: str) -> bytes:
        async with Fetcher(settings(allow=("127.0.0.1", "feeds.example"))) as fetcher:
            return (await fetcher.fetch(url, subscribed=subscribed)).body

    with FeedServer() as server:
        server.put("/feed.xml", "<rss/>")
        new = server.url("/feed.xml")

        assert asyncio.run(moved(new, server.url("/old.xml"))) == b"<rss/>"
        with pytest.raises(FetchError, match="private address"):
            asyncio.run(moved(new, f"http://feeds.example:{server.port}/old.xml"))
        assert len(server.requests) == 1


def test_redirects_of_a_feed_within_its_own_network_are_followed():
    with FeedServer() as server, FeedServer("127.0.0.2") as second:
        server.redirect("/feed.xml", second.url("/feed.xml"))
        second.put("/feed.xml", "<rss/>")

        assert fetch(server.url("/feed.xml"), allow=("127.0.0.0/30",)).body == b"<rss/>"


def test_feeds_that_are_fetched_at_once_have_each_their_own_exceptions():
    async def both(urls: list[str], allow: tuple[str, ...]) -> list[Any]:
        async with Fetcher(settings(allow=allow)) as fetcher:
            return await asyncio.gather(*map(fetcher.fetch, urls), return_exceptions=True)

    with FeedServer() as one, FeedServer("127.0.0.2") as two:
        for server, other in ((one, two), (two, one)):
            server.put("/feed.xml", "<rss/>", delay=0.02)
            server.put(
                "/led.xml", status=302, headers={"Location": other.url("/feed.xml")}, delay=0.02
            )
        paths = ("/feed.xml", "/led.xml")
        urls = [server.url(path) for server in (one, two) for path in paths] * 5

        results = asyncio.run(both(urls, ("127.0.0.1", "127.0.0.2")))

    assert [isinstance(result, FetchError) for result in results] == [False, True] * 10


# ------------------------------------------------------------------------ names


class Names:
    """The system's resolver, with answers of our own; each name's last answer repeats."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[list[str]]) -> None:
        self.asked: list[str] = []
        self._answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: str, port: int, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        answers = self._answers.get(host.lower().rstrip("."))
        if not answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, port),
            )
            for address in addresses
        ]


def test_a_name_that_leads_to_a_private_address_is_refused(monkeypatch):
    Names(monkeypatch, feeds_example=[["127.0.0.2"]])
    with Canary("127.0.0.2") as canary:
        words = reason(f"http://feeds.example:{canary.port}/")

        assert words == (
            "127.0.0.2 is a private address; to poll it add feeds.example to network.allow"
        )
        assert canary.connections == 0


def test_of_several_addresses_only_the_allowed_ones_are_tried(monkeypatch):
    Names(monkeypatch, feeds_local=[["127.0.0.2", "::ffff:127.0.0.2", "127.0.0.1"]])
    with FeedServer() as server, Canary("127.0.0.2", server.port) as canary:
        server.put("/feed.xml", "<rss/>")

        assert fetch(f"http://feeds.local:{server.port}/feed.xml").status == 200
        assert canary.connections == 0


def test_a_name_is_resolved_once_and_what_was_judged_is_connected_to(monkeypatch):
    names = Names(monkeypatch, feeds_local=[["127.0.0.1"], ["127.0.0.2"]])
    with FeedServer() as server, Canary("127.0.0.2", server.port) as canary:
        server.put("/feed.xml", "<rss/>")
        url = f"http://feeds.local:{server.port}/feed.xml"

        assert fetch(url).status == 200
        assert names.asked == ["feeds.local"]
        assert "127.0.0.2 is a private address" in reason(url)
        assert names.asked == ["feeds.local", "feeds.local"]
        assert canary.connections == 0


def test_rebinding_between_redirects_is_seen(monkeypatch):
    Names(monkeypatch, feeds_local=[["127.0.0.1"], ["127.0.0.2"]])
    with FeedServer() as server, Canary("127.0.0.2", server.port) as canary:
        server.redirect("/feed.xml", "/moved.xml")

        assert "private address" in reason(f"http://feeds.local:{server.port}/feed.xml")
        assert canary.connections == 0


def test_a_name_can_be_an_exception_and_no_other_name_with_it(monkeypatch):
    Names(monkeypatch, nas_local=[["127.0.0.1"]], evil_example=[["127.0.0.1"]])
    with FeedServer() as server:
        server.put("/feed.xml", "<rss/>")
        path = f":{server.port}/feed.xml"

        assert fetch(f"http://nas.local{path}", allow=("nas.local",)).status == 200
        assert fetch(f"http://NAS.local.{path}", allow=("nas.local",)).status == 200
        assert "private address" in reason(f"http://evil.example{path}", allow=("nas.local",))
        assert "private address" in reason(f"http://127.0.0.1{path}", allow=("nas.local",))
        assert len(server.requests) == 2


def test_a_redirect_from_an_exempted_name_gets_nothing_from_the_exception(monkeypatch):
    Names(monkeypatch, nas_local=[["127.0.0.1"]])
    with FeedServer() as server, Canary("127.0.0.1") as canary:
        server.redirect("/feed.xml", f"http://127.0.0.1:{canary.port}/")

        words = reason(f"http://nas.local:{server.port}/feed.xml", allow=("nas.local",))

        assert "127.0.0.1 is a private address" in words
        assert canary.connections == 0


def test_an_exempted_name_does_not_help_a_fetch_that_runs_at_the_same_time(monkeypatch):
    Names(monkeypatch, nas_local=[["127.0.0.1"]], evil_example=[["127.0.0.1"]])

    async def both(port: int) -> list[str]:
        async with Fetcher(settings(allow=("nas.local",))) as fetcher:
            hosts = ["nas.local", "evil.example", "127.0.0.1"] * 5
            results = await asyncio.gather(
                *(fetcher.fetch(f"http://{host}:{port}/feed.xml") for host in hosts),
                return_exceptions=True,
            )
        return [
            host
            for host, result in zip(hosts, results, strict=True)
            if not isinstance(result, FetchError)
        ]

    with FeedServer() as server:
        server.put("/feed.xml", "<rss/>", delay=0.05)

        assert asyncio.run(both(server.port)) == ["nas.local"] * 5


def test_a_public_name_at_an_unusual_port_is_refused(monkeypatch):
    Names(monkeypatch, feeds_example=[["93.184.216.34"]])

    words = reason("http://feeds.example:6379/")

    assert words.startswith("port 6379 is not one of 80, 443, 8000, 8080, 8443;")


@pytest.mark.parametrize(
    ("url", "is_named"),
    [
        ("http://10.0.0.7/feed", True),
        ("http://NAS.local:8080/feed", True),
        ("http://nas.local/feed", False),
        ("https://[fd00::7]/feed", True),
        ("https://10.1.0.7/feed", False),
        ("samples/feed.xml", False),
    ],
)
def test_an_exception_for_the_host_of_an_address_is_seen_without_a_look_up(url, is_named):
    guard = Guard(["10.0.0.0/24", "nas.local:8080", "[fd00::7]:443"])

    assert guard.has_exception(url) == is_named

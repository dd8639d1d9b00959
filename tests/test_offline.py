"""Nobody is blamed while this machine has no network, and everybody else is."""

import asyncio
import errno
import socket
import threading

import pytest

from aggregator.poll import network_health
from aggregator.poll.network_health import Network
from tests.faults import World, hosts_of_their_own
from tests.feedserver import FeedServer
from tests.fetching import failure

SOMEWHERE = ("10.0.0.1", "fd00::1")


def names_lead_to(monkeypatch, *addresses):
    def looked_up(host, port, *_, **__):
        families = (socket.AF_INET6 if ":" in one else socket.AF_INET for one in addresses)
        return [
            (family, socket.SOCK_STREAM, 6, "", (address, port))
            for family, address in zip(families, addresses, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


def connecting_ends_with(monkeypatch, *numbers):
    """Let attempts to connect end with these errors, one for each address."""
    ends = dict(zip(SOMEWHERE, numbers, strict=False))

    async def refuse(_loop, _sock, address):
        raise OSError(ends[address[0]], f"Connect call failed {address}")

    names_lead_to(monkeypatch, *ends)
    monkeypatch.setattr("asyncio.SelectorEventLoop.sock_connect", refuse)


def fails(**options):
    return failure("http://harbour.test/", allow=SOMEWHERE, **options)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((errno.ENETUNREACH,), "network unreachable"),
        ((errno.ENETDOWN,), "network unreachable"),
        ((errno.EADDRNOTAVAIL,), "network unreachable"),
        ((errno.EHOSTUNREACH,), "host unreachable"),
        ((errno.EACCES,), "no connection"),  # a route that is prohibited
        ((errno.EINVAL,), "no connection"),  # a black hole
        ((errno.ENETUNREACH, errno.ENETUNREACH), "network unreachable"),
        ((errno.ENETUNREACH, errno.EADDRNOTAVAIL), "network unreachable"),
        ((errno.EHOSTUNREACH, errno.ENETUNREACH), "network unreachable"),
    ],
)
def test_where_no_address_has_a_route_it_may_be_this_machine(monkeypatch, numbers, words):
    connecting_ends_with(monkeypatch, *numbers)

    error = fails()

    assert (error.reason, error.unreachable) == (words, True)


@pytest.mark.parametrize(
    "numbers",
    [
        (errno.ECONNREFUSED,),
        (errno.ETIMEDOUT,),
        (errno.ECONNRESET,),
        (errno.EMFILE,),
        (errno.ECONNREFUSED, errno.ENETUNREACH),
        (errno.ENETUNREACH, errno.ETIMEDOUT),
    ],
)
def test_where_a_server_was_asked_it_is_not_this_machine(monkeypatch, numbers):
    connecting_ends_with(monkeypatch, *numbers)

    assert not fails().unreachable


@pytest.mark.parametrize(
    ("number", "is_unreachable"),
    [
        (socket.EAI_AGAIN, True),
        (socket.EAI_FAIL, True),
        (socket.EAI_SYSTEM, True),
        (socket.EAI_NONAME, False),
        (socket.EAI_NODATA, False),
    ],
)
def test_where_no_resolver_answers_it_may_be_this_machine(monkeypatch, number, is_unreachable):
    def nothing(*_, **__):
        raise socket.gaierror(number, "whatever the system says")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)

    assert fails().unreachable == is_unreachable


@pytest.mark.parametrize("limits", [{"connect_timeout": 0.1}, {"timeout": 0.1}])
def test_a_resolver_that_is_silent_may_be_this_machine_whichever_limit_ends_it(monkeypatch, limits):
    late = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: late.wait(10) and [])
    try:
        assert fails(**limits).unreachable
    finally:
        late.set()


def test_a_server_that_is_silent_is_not_this_machine():
    with FeedServer() as server:
        server.put("/", delay=10)

        assert not failure(server.url("/"), timeout=0.1).unreachable


def test_wrong_tls_is_not_this_machine():
    with FeedServer() as server:
        server.put("/", "<rss/>")

        assert not failure(server.url("/").replace("http:", "https:")).unreachable


# --------------------------------------------------------------------------- the rule


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(network_health, "SOON", 0.1)


def judged(steps, *, recent=60.0, others=False):
    """Return what is said of each feed that fails; a number answers, a negative one fails."""

    async def run():
        seen, verdicts = Network(), []
        for step in steps:
            if step > 0:
                seen.reached(step)
                await asyncio.sleep(recent * 2 if recent < 1 else 0)
            else:
                verdicts.append(await seen.works(-step, others=others))
        return verdicts

    return asyncio.run(run())


def test_without_any_answer_the_network_may_be_down():
    assert judged([-1, -2, -3, -1, -2]) == [False] * 5


def test_a_server_that_answered_a_moment_ago_shows_that_the_network_works():
    assert judged([2, -1, -3]) == [True, True]


def test_an_answer_of_long_ago_shows_nothing(monkeypatch):
    monkeypatch.setattr(network_health, "RECENT", 0.005)

    assert judged([2, -1, -3], recent=0.005) == [False, False]


def test_an_answer_since_a_feed_failed_last_shows_that_it_is_the_feed(monkeypatch):
    monkeypatch.setattr(network_health, "RECENT", 0.005)

    assert judged([-1, 2, -1, -3, -1], recent=0.005) == [False, True, False, False]
    assert judged([-1, 1, -1], recent=0.005) == [False, False]  # it was well in between


@pytest.mark.usefixtures("soon")
def test_an_answer_in_the_next_moment_shows_it_too(monkeypatch):
    async def run():
        seen = Network()
        alone = await seen.works(1, others=True)
        monkeypatch.setattr(network_health, "SOON", 60)
        failing = asyncio.create_task(seen.works(2, others=True))
        await asyncio.sleep(0.01)
        seen.reached(3)
        return alone, await failing

    assert asyncio.run(run()) == (False, True)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL])
def test_a_dead_route_of_one_feed_is_its_own_from_the_first_poll_on(tmp_path, monkeypatch, number):
    connect = asyncio.SelectorEventLoop.sock_connect

    async def slow_but_for_one(loop, sock, address):
        if address[1] == 1:
            raise OSError(number, "x")
        await asyncio.sleep(0.03)
        return await connect(loop, sock, address)

    with hosts_of_their_own(), FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/b", "<rss version='2.0'><channel/></rss>")
        world.subscribe("b", apart=True, a="http://127.0.0.1:1/a")
        with monkeypatch.context() as patch:
            patch.setattr("asyncio.SelectorEventLoop.sock_connect", slow_but_for_one)
            world.poll()

        assert world.health("b").error is None
        assert world.health("a").error in {"host unreachable", "network unreachable"}
        assert world.health("a").failures == 1
        world.database.dispose()

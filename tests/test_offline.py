"""Nobody is blamed while this machine has no network, and everybody else is."""

import asyncio
import errno
import socket
import threading
from dataclasses import replace

import pytest

from aggregator.model import FailureKind
from aggregator.poll.network_health import MAX_WAIT, MIN_REFUSING, RECENT, NetworkHealth
from tests.faults import World, hosts_of_their_own
from tests.feedserver import FeedServer
from tests.fetching import failure
from tests.stepped_clock import SteppedClock

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

    error = fails()

    assert not error.unreachable
    assert (error.kind == FailureKind.REFUSED) is (errno.ECONNREFUSED in numbers)


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


def judged(steps, *, seconds=0.0):
    """Return what is said of each feed that fails; a number answers, a negative one fails.

    Args:
        steps: A name is a feed that fails because the site of this name refuses connections.
        seconds: That pass after each answer.
    """

    async def run():
        clock = SteppedClock()
        network, verdicts = NetworkHealth(clock), []
        for step in steps:
            if isinstance(step, str):
                feed_id = 100 + ord(step[0])
                verdicts.append(
                    await network.is_working(feed_id, others_under_way=False, refusing_site=step)
                )
                await clock.advance(1)
            elif step > 0:
                network.note_response(step)
                await clock.advance(seconds)
            else:
                verdicts.append(await network.is_working(-step, others_under_way=False))
                await clock.advance(1)
        return verdicts

    return asyncio.run(run())


def test_without_any_answer_the_network_may_be_down():
    assert judged([-1, -2, -3, -1, -2]) == [False] * 5


def test_a_server_that_answered_a_moment_ago_shows_that_the_network_works():
    assert judged([2, -1, 2, -3, -3], seconds=RECENT / 3) == [True, True, True]


def test_after_a_first_failure_an_answer_of_a_moment_ago_shows_nothing():
    assert judged([2, -1, -3, -4, -1]) == [True, False, False, False]


def test_several_that_fail_at_once_do_so_as_the_network_has_gone():
    async def run():
        clock = SteppedClock()
        network = NetworkHealth(clock)
        network.note_response(9)
        failing = [
            asyncio.create_task(network.is_working(feed_id, others_under_way=True))
            for feed_id in (1, 2, 3)
        ]
        await clock.advance(MAX_WAIT)
        return await asyncio.gather(*failing)

    assert asyncio.run(run()) == [False, False, False]


def test_an_answer_of_long_ago_shows_nothing():
    assert judged([2, -1, -3], seconds=RECENT + 1) == [False, False]
    assert judged([2, -1], seconds=RECENT - 1) == [True]


def test_an_answer_since_a_feed_failed_last_shows_that_it_is_the_feed():
    long_ago = RECENT + 1
    assert judged([-1, 2, -1, -3, -1], seconds=long_ago) == [False, True, False, False]
    assert judged([-1, 1, -1], seconds=long_ago) == [False, False]  # it was well in between


def test_a_server_that_refuses_connections_is_at_fault_itself():
    assert judged(["a", "b", "a", "b"]) == [True] * 4
    assert judged(["a", "b", 1, "c", "d", 1, "e"]) == [True] * 5


def test_where_one_site_after_the_other_refuses_connections_the_network_does_so():
    assert judged(["a", "b", "c", "d", "a"]) == [True, True, False, False, False]
    assert judged([1, "a", "b", "c", 1, "d"]) == [True, True, False, True]
    assert judged(["a", -1, -2, "b"]) == [True, False, False, True]


def test_a_server_that_refuses_again_after_another_answered_is_at_fault_itself():
    assert judged(["a", "b", "c", 1, "a", "b", "c"]) == [True, True, False, True, True, True]


def test_several_sites_that_refuse_at_once_do_so_as_the_network_does():
    async def run(answers):
        clock = SteppedClock()
        network = NetworkHealth(clock)
        refused = [
            asyncio.create_task(
                network.is_working(number, others_under_way=True, refusing_site=f"{number}.test")
            )
            for number in range(MIN_REFUSING)
        ]
        await clock.advance(MAX_WAIT / 2)
        if answers:
            network.note_response(9)
        await clock.advance(MAX_WAIT / 2)
        return await asyncio.gather(*refused)

    assert asyncio.run(run(answers=False)) == [False] * MIN_REFUSING
    assert asyncio.run(run(answers=True)) == [True] * MIN_REFUSING


@pytest.mark.parametrize("live", [(), ("live",)])
def test_feeds_are_not_blamed_for_a_network_that_refuses_all_connections(
    tmp_path, monkeypatch, live
):
    with hosts_of_their_own(), FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/live", "<rss version='2.0'><channel/></rss>", delay=0.1)
        closed = {name: f"http://{name}.test:1/" for name in "abc"}
        world.subscribe(*live, apart=True, **closed)
        world.poll()

        for name in closed:
            assert world.health(name).error == "connection refused"
            assert world.health(name).failures == len(live)
        world.database.dispose()


@pytest.mark.parametrize("live", [(), ("live",)])
def test_feeds_are_not_blamed_where_no_name_is_found_and_the_log_says_so_once(
    tmp_path, monkeypatch, caplog, live
):
    """A machine without a network may say of each name that there is no such name."""
    caplog.set_level("INFO")
    looked_up = socket.getaddrinfo

    def no_names(host, *others, **options):
        if str(host).endswith(".test"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return looked_up(host, *others, **options)

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    with FeedServer() as server:
        world = World(tmp_path, server)
        server.put("/live", "<rss version='2.0'><channel/></rss>", delay=0.1)
        names = {name: f"http://{name}.test/" for name in "abcd"}
        world.subscribe(*live, **names)
        results = world.poll(times=2)

        for name in names:
            assert world.health(name).error == "name not found"
            assert world.health(name).failures == (2 if live else 0)
            assert results[name].is_offline is not bool(live)
        assert caplog.text.count("this machine seems to be offline") == (0 if live else 1)
        world.database.dispose()


def test_the_log_says_when_the_network_is_back(caplog):
    caplog.set_level("INFO")

    judged([-1, -2, 3, -1, 3, -4, -5])

    assert [record.message for record in caplog.records] == [
        "this machine seems to be offline: no server is reached; trying again every 5m",
        "the network works again",
        "this machine seems to be offline: no server is reached; trying again every 5m",
    ]


def test_services_of_this_machine_that_are_not_running_are_at_fault(tmp_path):
    with FeedServer() as server:
        world = World(tmp_path, server)
        fetch = replace(world.settings.fetch, allow=("127.0.0.0/8",))
        world.settings = replace(world.settings, fetch=fetch)
        world.subscribe(**{name: f"http://127.0.0.{n}:1/" for n, name in enumerate("abc", 1)})
        world.poll()

        assert [world.health(name).failures for name in "abc"] == [1, 1, 1]
        world.database.dispose()


@pytest.mark.parametrize(("answers", "verdict"), [(False, False), (True, True)])
def test_an_answer_in_the_next_moment_shows_it_too(answers, verdict):
    async def run():
        clock = SteppedClock()
        network = NetworkHealth(clock)
        failing = asyncio.create_task(network.is_working(2, others_under_way=True))
        await clock.advance(MAX_WAIT / 2)
        assert not failing.done()
        if answers:
            network.note_response(3)
        await clock.advance(MAX_WAIT / 2)
        return failing.done() and failing.result()

    assert asyncio.run(run()) is verdict


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

"""WebSub: what one subscriber, or somebody who sends requests, can do to our own hub."""

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from aggregator.database.schema import WHOLE_LIST_ID, subscribers
from aggregator.database.websub import write_subscribers, write_unannounced
from aggregator.database.websub.write_requests import (
    MAX_WAITING,
    MAX_WAITING_PER_HOST,
    add_request,
)
from aggregator.fetch import WebSubClient
from aggregator.merged import Publication
from aggregator.runtime import process_identity
from aggregator.websub import WebSubService
from aggregator.websub.hub_limits import HubLimits
from aggregator.websub.own_hub import OwnHub
from aggregator.websub.rate_limits import RateLimit, address_keys
from tests.hubs import AN_HOUR, LOOPBACK, TOPIC, Peer, ask, request_of, transact_on, waiting
from tests.web_fixtures import Site, entry
from web import create_app
from web.hub_requests import HubRequests

NEAR = replace(LOOPBACK, allow=("127.0.0.0/8",))


@contextlib.asynccontextmanager
async def hanging(host: str = "127.0.0.2") -> AsyncIterator[tuple[str, list[Any]]]:
    """A server that takes connections, reads what comes, and never answers."""
    taken: list[Any] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)
        with contextlib.suppress(ConnectionError):
            while await reader.read(1 << 16):
                pass
        writer.close()

    server = await asyncio.start_server(hang, host, 0)
    try:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}", taken
    finally:
        for writer in taken:
            writer.close()
        server.close()
        await server.wait_closed()


def new_site(folder: Path) -> Site:
    site = Site(folder, websub={"hub": "self", "allow": ["127.0.0.0/8"]})
    site.subscribe()
    site.record("lamp", entry(1))
    return site


@contextlib.asynccontextmanager
async def hub_of(site: Site, **limits: float) -> AsyncIterator[OwnHub]:
    async with WebSubClient(NEAR) as verifying, WebSubClient(NEAR) as delivering:
        publication = Publication.of(site.config, own_hub=True)
        parts = (publication, site.engine, verifying, delivering, transact_on(site))
        hub = OwnHub(*parts, limits=HubLimits(**limits))
        try:
            yield hub
        finally:
            await hub.stop()


def subscribed(site: Site, *callbacks: str) -> None:
    """Write subscriptions as if they had been verified."""
    with site.engine.begin() as connection:
        for callback in callbacks:
            write_subscribers.add_subscriber(
                connection, topic=TOPIC, callback=callback, host=callback.split("/")[2],
                secret=None, lease_until=datetime.now(UTC) + AN_HOUR, max_per_host=10_000,
                max_total=10_000,
            )  # fmt: skip


async def all_asked(site: Site, hub: OwnHub, callbacks: Iterable[str]) -> None:
    """Send requests as the table has room for them; return when none can be verified any more."""
    unsent = list(callbacks)
    async with asyncio.timeout(120):
        while True:
            with site.engine.begin() as connection:
                while unsent and add_request(connection, request_of(unsent[-1])):
                    unsent.pop()
            before = waiting(site.engine)
            await hub.verify()
            await hub.idle()
            if before == waiting(site.engine):
                return


def every_name_leads_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    def looked_up(_host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


@pytest.mark.slow
def test_a_subscriber_that_never_answers_holds_up_nobody_else(tmp_path):
    async def main() -> None:
        site, peer = new_site(tmp_path), Peer()
        async with peer.serving() as url, hanging() as (slow, taken), hub_of(site) as hub:
            subscribed(site, *(f"{slow}/{n}" for n in range(500)), f"{url}/a", f"{url}/b")
            await hub.publish([TOPIC])
            while len(peer.received) < 2:
                await asyncio.wait_for(peer.arrived.wait(), 60)
                peer.arrived.clear()
            await hub.publish([TOPIC])  # the next change comes as soon
            await asyncio.wait_for(peer.arrived.wait(), 60)
            assert len(taken) == 1  # one at a time; of the others three wait in memory

    asyncio.run(main())


@pytest.mark.slow
def test_a_delivery_has_one_deadline_for_all_of_it(tmp_path, caplog):
    caplog.set_level(logging.INFO, "aggregator")

    async def main() -> None:
        site = new_site(tmp_path)
        async with hanging() as (slow, taken), hub_of(site, request_timeout=0.5) as hub:
            subscribed(site, *(f"{slow}/{n}" for n in range(6)))
            await hub.publish([TOPIC])
            await asyncio.wait_for(hub.idle(), 60)
            assert len(taken) == 6
            with site.engine.connect() as connection:
                later = datetime.now(UTC) + timedelta(minutes=2)
                due = write_subscribers.due_subscribers(connection, now=later, limit=20)
            assert [one.failures for one in due] == [1] * 6

    asyncio.run(main())

    assert caplog.text.count("no answer within 0.5s; not delivered") == 1  # a line a minute


@pytest.mark.slow
def test_one_address_gets_few_deliveries_at_a_time_whatever_names_it_has(tmp_path, monkeypatch):
    every_name_leads_to(monkeypatch, "127.0.0.2")

    async def main() -> None:
        site = new_site(tmp_path)
        async with hanging() as (slow, taken), hub_of(site) as hub:
            port = slow.rpartition(":")[2]
            subscribed(site, *(f"http://h{n}.test:{port}/" for n in range(100)))
            await hub.publish([TOPIC])
            while len(taken) < HubLimits().concurrent_per_address:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            assert len(taken) == HubLimits().concurrent_per_address

    asyncio.run(main())


@pytest.mark.slow
def test_one_address_is_asked_so_often_a_minute_whatever_names_it_has(
    tmp_path, monkeypatch, caplog
):
    """Somebody sent 210 requests, each for another name of one victim: it got them all."""
    every_name_leads_to(monkeypatch, "127.0.0.1")

    async def main() -> None:
        site, peer = new_site(tmp_path), Peer()
        peer.confirms = False
        async with peer.serving() as url, hub_of(site) as hub:
            port = url.rpartition(":")[2]
            await all_asked(site, hub, (f"http://h{n}.test:{port}/" for n in range(210)))
            assert len(peer.asked) == HubLimits().verifications_per_minute

    asyncio.run(main())

    assert caplog.text.count("too many requests for 127.0.0.1; one was let go") == 1


@pytest.mark.slow
def test_one_site_is_asked_so_often_a_minute(tmp_path):
    async def main() -> None:
        site, peer = new_site(tmp_path), Peer()
        async with peer.serving() as url, hub_of(site) as hub:
            await all_asked(site, hub, (f"{url}/{number}" for number in range(210)))
            assert len(peer.asked) == HubLimits().verifications_per_minute
            assert len(waiting(site.engine)) == MAX_WAITING_PER_HOST  # for the next minutes

    asyncio.run(main())


def test_callbacks_that_never_answer_hold_up_no_verification(tmp_path):
    async def main() -> None:
        site, peer = new_site(tmp_path), Peer()
        async with peer.serving() as url, hanging() as (slow, taken), hub_of(site) as hub:
            ask(site.engine, *(f"{slow}/{number}" for number in range(40)), f"{url}/honest")
            await hub.verify()
            while not peer.asked:
                await asyncio.sleep(0.01)
            await hub.verify()
            assert len(taken) <= 1

    asyncio.run(main())


@pytest.mark.slow
def test_a_verification_has_one_deadline_for_all_of_it(tmp_path):
    async def main() -> None:
        site = new_site(tmp_path)
        async with hanging() as (slow, taken), hub_of(site, request_timeout=0.5) as hub:
            await all_asked(site, hub, (f"{slow}/{number}" for number in range(3)))
            assert len(taken) == 3
            assert waiting(site.engine) == []

    asyncio.run(main())


@pytest.mark.slow
@pytest.mark.parametrize(
    "limits", [HubLimits(concurrent_requests=20), HubLimits(total_per_minute=20)]
)
def test_who_asks_a_hub_that_is_full_is_told_to_come_again(tmp_path, limits):
    async def main() -> None:
        site = new_site(tmp_path)
        door = HubRequests(lambda: site.engine)
        client = create_app(site.config, site.engine, hub=door).test_client()
        service = WebSubService(site.config, "here", transact_on(site), LOOPBACK, limits=limits)
        _, verify = service.jobs()["hub: verify"]
        async with hanging() as (slow, taken), service:
            host = slow.replace("127.0.0.2", "127.0.0.{}")

            async def answer_to(number: int) -> TestResponse:
                form = {"hub.mode": "subscribe", "hub.topic": TOPIC,
                        "hub.callback": host.format(number % 200 + 2)}  # fmt: skip
                if number % 50 == 0:
                    await verify()
                return client.post("/hub", data=form)

            answers = [await answer_to(number) for number in range(MAX_WAITING + 200)]
            statuses = Counter(answer.status_code for answer in answers)
            assert statuses == {202: MAX_WAITING, 503: 200}
            assert answers[-1].headers["Retry-After"] == "60"
            assert len(taken) <= 20
            assert len(waiting(site.engine)) == MAX_WAITING

    asyncio.run(main())


def test_a_hub_that_was_full_verifies_requests_again(tmp_path):
    limits = HubLimits(concurrent_requests=2, request_timeout=0.2)

    async def main() -> None:
        site, peer = new_site(tmp_path), Peer()
        service = WebSubService(site.config, "here", transact_on(site), LOOPBACK, limits=limits)
        _, verify = service.jobs()["hub: verify"]
        async with peer.serving() as url, hanging() as (slow, _), service:
            other = slow.replace("127.0.0.2", "127.0.0.3")
            ask(site.engine, f"{slow}/1", f"{other}/2", f"{url}/honest")
            async with asyncio.timeout(60):
                while not peer.asked:
                    await verify()
                    await asyncio.sleep(0.05)

    asyncio.run(main())


@pytest.mark.slow
def test_of_several_processes_one_tells_subscribers_until_it_ends(tmp_path, monkeypatch):
    site, peer, ended = new_site(tmp_path), Peer(), set()
    monkeypatch.setattr(process_identity, "has_ended", lambda name: name in ended)

    def service_of(owner: str) -> WebSubService:
        nothing = timedelta(0)
        return WebSubService(site.config, owner, transact_on(site), LOOPBACK, debounce=nothing)

    async def work(*services: WebSubService) -> None:
        for name in ("announce", "hub: deliver", "hub: verify"):
            for service in services:
                await service.jobs()[name][1]()

    def post(number: int) -> None:
        site.record("lamp", entry(0, guid=f"urn:{number}", title=f"Post {number}"))
        with site.engine.begin() as connection:
            write_unannounced.note_unannounced(
                connection, list_ids=[WHOLE_LIST_ID], now=datetime.now(UTC)
            )

    def due() -> int:
        with site.engine.connect() as connection:
            is_due = subscribers.c.next_at.is_not(None)
            return connection.scalar(select(func.count()).where(is_due))

    async def told(count: int) -> None:
        async with asyncio.timeout(60):
            while len(peer.received) < count or due():  # what is told is noted, too
                await asyncio.sleep(0.01)

    async def main() -> None:
        async with peer.serving() as url, contextlib.AsyncExitStack() as exits:
            subscribed(site, f"{url}/a")
            async with service_of("a") as first, service_of("b") as waiting_service:
                post(1)
                await work(first, waiting_service)
                await told(1)
            second, third = service_of("b"), service_of("c")
            await exits.enter_async_context(second)
            await exits.enter_async_context(third)
            post(2)
            await work(second, third)  # the first has let the hub go in the end
            await told(2)
            ended.add("b")  # and the second without a word
            post(3)
            await work(third)
            assert len(peer.received) == 2  # the third looks again a third of a minute later
            restarted = service_of("c")
            await exits.enter_async_context(restarted)
            await work(restarted)
            await told(3)

    asyncio.run(main())

    assert [f"Post {number}".encode() in body
            for number, (_, _, body) in enumerate(peer.received, 1)] == [True] * 3  # fmt: skip


def test_an_ipv6_address_counts_for_its_network():
    mapped = ["::ffff:192.0.2.1", "192.0.2.1"]

    assert address_keys(["2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1", *mapped]) == [
        "192.0.2.1", "2001:db8:0:1::/64", "2001:db8::/64"
    ]  # fmt: skip


def test_a_rate_counts_for_all_keys_or_for_none():
    async def main() -> None:
        rate = RateLimit(2)
        assert rate.take(["a"]) and rate.take(["a", "b"])
        assert not rate.take(["b", "a"])
        assert rate.take(["b"]) and not rate.take(["b"])

    asyncio.run(main())

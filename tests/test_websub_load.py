"""WebSub: what one subscriber, or somebody who sends requests, can do to our own hub."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from aggregator.database.websub import write_subscribers
from aggregator.fetch import WebSubClient
from aggregator.merged import Publication
from aggregator.runtime.hub_socket import SubscriptionRequest
from aggregator.websub import WebSubService
from aggregator.websub.hub_limits import HubLimits
from aggregator.websub.own_hub import OwnHub
from aggregator.websub.rate_limits import RateLimit, address_keys
from tests.hubs import AN_HOUR, LOOPBACK, TOPIC, Peer, transact_on
from tests.selection import slow_after
from tests.web_fixtures import Site, entry
from web import create_app

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


def datagram(callback: str) -> bytes:
    return SubscriptionRequest(
        TOPIC, callback, None, timedelta(days=1), is_unsubscribe=False
    ).encode()


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
            for number in range(210):
                hub.receive(datagram(f"http://h{number}.test:{port}/"))
            await asyncio.wait_for(hub.idle(), 60)
            assert len(peer.asked) == HubLimits().verifications_per_minute

    asyncio.run(main())

    assert caplog.text.count("too many requests for 127.0.0.1; one was let go") == 1


def test_one_site_is_asked_so_often_a_minute(tmp_path):
    async def main() -> None:
        site, peer = new_site(tmp_path), Peer()
        async with peer.serving() as url, hub_of(site) as hub:
            for number in range(210):
                hub.receive(datagram(f"{url}/{number}"))
            await asyncio.wait_for(hub.idle(), 60)
            assert len(peer.asked) == HubLimits().verifications_per_minute

    asyncio.run(main())


def test_callbacks_that_never_answer_hold_up_no_verification(tmp_path):
    async def main() -> None:
        site, peer = new_site(tmp_path), Peer()
        async with peer.serving() as url, hanging() as (slow, taken), hub_of(site) as hub:
            for number in range(40):
                hub.receive(datagram(f"{slow}/{number}"))
            hub.receive(datagram(f"{url}/honest"))
            while not peer.asked:
                await asyncio.sleep(0.01)
            assert len(taken) <= 1

    asyncio.run(main())


@pytest.mark.slow
def test_a_verification_has_one_deadline_for_all_of_it(tmp_path):
    async def main() -> None:
        site = new_site(tmp_path)
        async with hanging() as (slow, taken), hub_of(site, request_timeout=0.5) as hub:
            for number in range(3):
                hub.receive(datagram(f"{slow}/{number}"))
            await asyncio.wait_for(hub.idle(), 60)
            assert len(taken) == 3

    asyncio.run(main())


@pytest.mark.slow
@pytest.mark.parametrize(
    "limits",
    slow_after(1, [HubLimits(pending_verifications=20), HubLimits(total_per_minute=20)]),
)
def test_who_asks_a_hub_that_is_full_is_told_to_come_again(tmp_path, limits):
    async def main() -> None:
        site = new_site(tmp_path)
        web_socket, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        web_socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)  # full after a few
        client = create_app(site.config, site.engine, hub=web_socket).test_client()
        service = WebSubService(
            site.config,
            transact_on(site),
            LOOPBACK,
            requests,
            limits=limits,
        )
        async with hanging() as (slow, taken), service:
            host = slow.replace("127.0.0.2", "127.0.0.{}")

            async def ask(number: int) -> TestResponse:
                form = {"hub.mode": "subscribe", "hub.topic": TOPIC,
                        "hub.callback": host.format(number % 200 + 2)}  # fmt: skip
                await asyncio.sleep(0)
                return client.post("/hub", data=form)

            statuses = [202]
            while statuses[-1] == 202 and len(statuses) < 2000:
                statuses.append((await ask(len(statuses))).status_code)
            full = [await ask(number) for number in range(200)]
            assert statuses.count(202) > 20
            assert full[-1].status_code == 503
            assert full[-1].headers["Retry-After"] == "60"
            assert len(taken) <= 20
        web_socket.close()
        requests.close()

    asyncio.run(main())


def test_a_hub_that_was_full_takes_requests_again(tmp_path):
    limits = HubLimits(pending_verifications=2, request_timeout=0.2)

    async def main() -> None:
        site, peer = new_site(tmp_path), Peer()
        web_socket, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        service = WebSubService(
            site.config,
            transact_on(site),
            LOOPBACK,
            requests,
            limits=limits,
        )
        _, listen = service.jobs()["hub: listen"]
        async with peer.serving() as url, hanging() as (slow, _), service:
            for callback in (f"{slow}/1", f"{slow}/2", f"{url}/honest"):
                web_socket.send(datagram(callback))
            async with asyncio.timeout(60):
                while not peer.asked:
                    await asyncio.sleep(0.05)
                    await listen()
        web_socket.close()
        requests.close()

    asyncio.run(main())


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

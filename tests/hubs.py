"""Other people's hubs and subscribers, on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiohttp import web
from sqlalchemy import select

from aggregator import urls
from aggregator.database import Engine
from aggregator.database.hub_table import hub_requests
from aggregator.database.websub.write_requests import SubscriptionRequest, add_request
from aggregator.fetch import FetchSettings

HOST = "https://posts.example"
TOPIC = f"{HOST}/feed.atom"
LOOPBACK = FetchSettings("aggregator/test", timeout=timedelta(seconds=5), allow=("127.0.0.1",))
AN_HOUR = timedelta(hours=1)


class Peer:
    """A server of somebody else: a hub, or a subscriber that repeats challenges."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.asked: list[dict[str, str]] = []
        self.status = 200
        self.confirms = True
        self.arrived = asyncio.Event()
        self.respond = self.answer

    async def answer(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            self.asked.append(dict(request.query))
            text = request.query["hub.challenge"] if self.confirms else "who?"
            return web.Response(text=text)
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.received.append((request.path_qs, headers, await request.read()))
        self.arrived.set()
        return web.Response(status=self.status)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()

        async def respond(request: web.Request) -> web.Response:
            return await self.respond(request)

        app.router.add_route("*", "/{path:.*}", respond)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def request_of(callback: str, topic: str = TOPIC, **changes: Any) -> SubscriptionRequest:
    """Return a request to subscribe as the web makes it."""
    request = SubscriptionRequest(
        topic=topic,
        callback=callback,
        host=urls.site_of(callback),
        secret=None,
        lease=timedelta(days=1),
        is_unsubscribe=False,
    )
    return replace(request, **changes)


def ask(engine: Engine, *callbacks: str) -> None:
    """Store requests to subscribe as the web does."""
    with engine.begin() as connection:
        for callback in callbacks:
            assert add_request(connection, request_of(callback))


def waiting(engine: Engine) -> list[str]:
    """Return the callbacks of the requests in the database."""
    with engine.connect() as connection:
        return list(connection.scalars(select(hub_requests.c.callback).order_by(hub_requests.c.id)))


def transact_on(place: Any) -> Callable[[Callable[[Any], Any]], Any]:
    """Return what does work in one transaction, on a site or an engine."""

    async def transact(work: Callable[[Any], Any]) -> Any:
        with place.engine.begin() as connection:
            return work(connection)

    return transact

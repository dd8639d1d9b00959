"""Other people's hubs and subscribers, on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

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
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def transact_on(place: Any) -> Callable[[Callable[[Any], Any]], Any]:
    """Return what does work in one transaction, on a site or an engine."""

    async def transact(work: Callable[[Any], Any]) -> Any:
        with place.engine.begin() as connection:
            return work(connection)

    return transact

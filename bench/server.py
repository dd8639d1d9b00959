"""The server of the benchmark's feeds: a process of its own, which is not measured.

It answers on every loopback address, so that feeds have hosts of their own; bodies are made and
compressed ahead, so that it is never what one waits for.
"""

import asyncio
import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection

from bench import feeds

DISTINCT = 1000
"""Different documents; feeds with higher numbers get these again, each at its own address."""

PHASES = ("first", "304", "same 200", "touched", "one new")


def host(feed: int) -> str:
    """Return the loopback address of a feed: 200 feeds a host."""
    number = feed // 200 if feed >= DISTINCT else feed
    return f"127.{1 + number // 65025}.{1 + number // 255 % 255}.{1 + number % 255}"


def body_of(feed: int, phase: str) -> bytes:
    """Return the document that a phase serves."""
    if phase == "touched":
        return feeds.document(feed, built=1)
    if phase == "one new":
        return feeds.document(feed, newest=feeds.ENTRIES + 1, built=2)
    return feeds.document(feed)


class _Protocol(asyncio.Protocol):
    def __init__(self, answer: Callable[[bytes, bool], bytes]) -> None:
        self._answer = answer
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not data.endswith(b"\r\n\r\n") or self._transport is None:
            return  # loopback delivers requests of this size whole
        path = data.split(b" ", 2)[1]
        self._transport.write(self._answer(path, b"\r\nIf-None-Match" in data))


def _serve(control: Connection, count: int) -> None:
    answers: dict[bytes, bytes] = {}
    state = {"phase": ""}

    def prepare(phase: str) -> None:
        state["phase"] = phase
        for feed in range(min(count, DISTINCT)):
            if phase == "304":
                continue
            body = body_of(feed, phase)
            etag = b"" if phase == "same 200" else b'ETag: "%s-%d"\r\n' % (phase.encode(), feed)
            answers[b"%d" % feed] = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n%s"
                b"Content-Length: %d\r\n\r\n%s" % (etag, len(body), body)
            )

    def answer(path: bytes, conditional: bool) -> bytes:
        if state["phase"] == "304" and conditional:
            return b"HTTP/1.1 304 Not Modified\r\n\r\n"
        return answers[b"%d" % (int(path[1:]) % DISTINCT)]

    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Protocol(answer), "0.0.0.0", 0, backlog=4096)
        control.send(server.sockets[0].getsockname()[1])
        while (phase := await loop.run_in_executor(None, control.recv)) is not None:
            prepare(phase)
            control.send(phase)

    asyncio.run(main())


class FeedServer:
    """Runs the server; `phase` switches what it serves."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._control, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, count), daemon=True)
        self._process.start()
        self.port: int = self._control.recv()

    def phase(self, name: str) -> None:
        """Serve what `name` of `PHASES` asks for from now on."""
        self._control.send(name)
        assert self._control.recv() == name

    def close(self) -> None:
        """End it."""
        self._control.send(None)
        self._process.join(5)
        self._process.kill()

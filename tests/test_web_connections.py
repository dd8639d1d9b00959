"""What one client can hold of the server: connections, time, headers.  Real sockets."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.running import (
    HANGS_AFTER,
    MUCH_LONGER,
    eventually,
    get,
    running,
    slowest_usual,
    write_config,
)
from tests.web_fixtures import answering
from web import connections

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
EACH = 600


def ok(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Length", "2"), ("Content-Type", "text/plain")])
    return [b"ok"]


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, int]]:
    """A server that closes idle connections soon."""
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0)) as listener:
        patch.setattr(connections, "IDLE_SECONDS", 1)
        patch.setattr(connections, "CLEANUP_SECONDS", 0)
        listener.setblocking(False)
        with answering(connections.create_server(ok, listener, threads=2, max_body=1000)):
            yield "127.0.0.1", listener.getsockname()[1]


def answer(place: tuple[str, int], *parts: bytes, pause: float = 0) -> bytes:
    """Send these parts, a pause after each; return all that comes until the server closes."""
    received = b""
    with socket.create_connection(place, timeout=60) as client:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                client.sendall(part)
                time.sleep(pause)
        with contextlib.suppress(ConnectionError):
            while more := client.recv(65536):
                received += more
    return received


def test_a_connection_on_which_nothing_moves_is_closed(place):
    with ThreadPoolExecutor() as clients:
        silent = clients.submit(answer, place)
        answered = clients.submit(answer, place, HEALTH + b"\r\n")

    assert silent.result() == b""
    assert answered.result().endswith(b"ok")


def test_a_request_that_drips_in_is_given_up(place, monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.3)
    drops = [bytes([byte]) for byte in HEALTH[:30]]

    assert answer(place, *drops, pause=0.05) == b""


def test_a_body_that_drips_in_is_given_up(place, monkeypatch):
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.3)
    head = b"POST /hub HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n"

    assert answer(place, head, *[b"x"] * 30, pause=0.05) == b""


def test_a_request_with_two_lengths_is_refused_with_all_that_follows(place):
    smuggled = HEALTH + b"\r\n"
    head = b"POST /hub HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"

    received = answer(place, head + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + smuggled)

    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.count(b"HTTP/1.") == 1


def test_a_head_of_more_than_16_kb_is_refused(place):
    field = b"X: " + b"x" * 1000 + b"\r\n"

    assert answer(place, HEALTH + 17 * field + b"\r\n").startswith(b"HTTP/1.0 431 ")
    assert answer(place, HEALTH + 14 * field + b"Connection: close\r\n\r\n").endswith(b"ok")


@pytest.mark.slow
@pytest.mark.parametrize("server", ["waitress", "granian"])
def test_the_page_answers_while_1800_connections_are_held(tmp_path, server):
    write_config(tmp_path, [])
    held: list[socket.socket] = []

    def hold(start: bytes) -> list[socket.socket]:
        opened = []
        for _ in range(EACH):
            client = socket.create_connection(address, timeout=10)
            client.sendall(start)
            client.setblocking(False)
            opened.append(client)
        held.extend(opened)
        return opened

    def look() -> None:
        assert get(f"{url}/")[0] == 200

    def is_open(client: socket.socket) -> bool:
        try:
            return client.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True

    with running(tmp_path, "serve", "--server", server) as (_, url):
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        eventually(lambda: get(f"{url}/healthz")[0] == 200)
        alone = slowest_usual(look)
        try:
            silent = hold(b"")
            look()
            assert any(map(is_open, silent))  # the page has not waited for their end
            idle = slowest_usual(look)
            hold(HEALTH + b"\r\n")
            kept_alive = slowest_usual(look)
            dripping = hold(HEALTH)
            look()
            assert any(map(is_open, dripping))
            stop = threading.Event()

            def drip() -> None:
                while not stop.wait(0.5):
                    for client in dripping:
                        with contextlib.suppress(OSError):
                            client.sendall(b"x")

            dripper = threading.Thread(target=drip)
            dripper.start()
            dripped = slowest_usual(look)
            stop.set()
            dripper.join(HANGS_AFTER)
        finally:
            for client in held:
                client.close()

    assert max(idle, kept_alive, dripped) < MUCH_LONGER * alone

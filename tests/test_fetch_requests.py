"""A request to a server: the only way to a connection, and used once."""

import asyncio
import socket

import pytest
from yarl import URL

from aggregator.fetch.failure import FetchFailure
from aggregator.fetch.http_connections import Connections
from tests.feedserver import FeedServer
from tests.fetching import settings


@pytest.fixture
def server():
    with FeedServer() as running:
        running.put("/feed.xml", "<rss/>")
        yield running


def requesting(url, use):
    """Return the result of `use` with connections and a request for `url`."""

    async def run():
        async with Connections(settings()) as connections:
            target = URL(url)
            policy = connections.policy(target.raw_host)
            return await use(connections, connections.request("GET", target, {}, policy=policy))

    return asyncio.run(run())


def test_a_request_is_sent_once(server):
    async def twice(_connections, request):
        async with request as response:
            status = response.status
        with pytest.raises(RuntimeError, match="sent once"):
            await request.__aenter__()
        return status

    assert requesting(server.url("/feed.xml"), twice) == 200
    assert len(server.requests) == 1


def test_without_a_request_there_is_no_connection(server):
    async def bare(connections, _request):
        with pytest.raises(LookupError):
            # As another module of `fetch` could by mistake; others do not see the session.
            await connections._session.get(server.url("/feed.xml"))

    requesting(server.url("/feed.xml"), bare)

    assert not server.requests


def test_a_request_within_another_leaves_each_its_own_exceptions(server):
    async def nested(connections, request):
        stranger = connections.request(
            "GET", URL(server.url("/feed.xml")), {}, policy=connections.policy("a.example")
        )
        async with request as response:
            with pytest.raises(FetchFailure, match="private address"):
                await stranger.__aenter__()
            return await response.read()

    assert requesting(server.url("/feed.xml"), nested) == b"<rss/>"


def test_an_error_of_the_connection_inside_the_block_leaves_in_plain_words(server):
    async def broken(_connections, request):
        async with request:
            raise ConnectionResetError

    with pytest.raises(FetchFailure, match="cut short"):
        requesting(server.url("/feed.xml"), broken)


def test_a_request_knows_whether_a_name_server_keeps_it_waiting(monkeypatch, server):
    def nothing(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)

    async def look_up(_connections, request):
        with pytest.raises(FetchFailure, match="name server"):
            await request.__aenter__()
        return request.is_resolving

    assert requesting("http://feeds.example/", look_up)

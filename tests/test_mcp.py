"""The tools of `aggregator mcp`, as the client of the SDK sees them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from sqlalchemy import select

from aggregator.cli import mcp_server, mcp_tools
from aggregator.database.schema import entries
from aggregator.model import Outcome
from tests.document_blocks import blocks
from tests.running import command, one_line, write_config
from tests.web_fixtures import FEEDS, Site, entry

Work = Callable[[Client], Awaitable[None]]
EXAMPLES = {
    "search": {"text": "harbour"},
    "latest": {},
    "sources": {},
    "health": {},
    "explain": {"feed": "lamp"},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    private = {"name": "club", "url": "https://club.example/k3y", "title": "Club", "private": True}
    view = {"name": "boats", "search": "harbour"}
    folder = tmp_path_factory.mktemp("mcp")
    site = Site(folder, feeds=(*FEEDS, private), views=[view])
    site.subscribe()
    site.record("lamp", *(entry(n, guid=f"l{n}", title=f"Lamp {n}") for n in range(1, 6)))
    long = entry(9, guid="long", title="Harbour news", content_html="<p>" + "tide " * 30_000)
    site.record("tide", long)
    site.record(
        "local",
        outcome=Outcome.FAILED,
        status=404,
        failures=1,
        error="404 at https://user:pa55w@local.example/",
    )
    yield site
    site.engine.dispose()


def with_client(site: Site, work: Work) -> None:
    """Call a function with a client of the server in this process."""

    async def session() -> None:
        tools = mcp_server.McpTools(site.engine, site.config)
        async with Client(mcp_server.server(tools)) as client:
            await work(client)

    asyncio.run(session())


async def values(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    (content,) = result.content
    return content.text


@pytest.mark.slow
def test_a_client_starts_the_command_of_the_recipe_and_calls_every_tool(site):
    (text,) = [text for text in blocks("docs/recipes.md", "json") if "mcpServers" in text]
    settings = json.loads(text)["mcpServers"]["posts"]
    option, _, name = settings["args"]
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "aggregator", option, str(site.config.path), name]
    )

    async def session() -> None:
        async with Client(stdio_client(parameters)) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            (post,) = (await values(client, "search", text="harbour"))["posts"]
            examples = EXAMPLES | {"post": {"post_id": post["id"]}}

            assert set(tools) == set(examples)
            assert all(tool.annotations.read_only_hint for tool in tools.values())
            assert all(tool.description and tool.output_schema for tool in tools.values())
            for name, arguments in examples.items():
                assert await values(client, name, **arguments)

    asyncio.run(session())


def test_a_search_and_a_list_give_posts_in_parts(site):
    async def work(client: Client) -> None:
        first = await values(client, "latest", limit=4)
        second = await values(client, "latest", limit=4, before=first["next"])
        of_lamp = await values(client, "latest", of="source:Lamp")
        of_view = await values(client, "latest", of="view:boats")
        of_trade = await values(client, "latest", of="category:trade")
        search = await values(client, "search", text="lamp -source:tide")

        titles = [post["title"] for post in first["posts"] + second["posts"]]
        assert titles == [*(f"Lamp {n}" for n in range(1, 6)), "Harbour news"]
        assert second["next"] is None
        assert len(of_lamp["posts"]) == len(of_trade["posts"]) == len(search["posts"]) == 5
        assert [post["title"] for post in of_view["posts"]] == ["Harbour news"]
        assert first["posts"][0]["page"].startswith("https://posts.example/post/")

    with_client(site, work)


def test_a_post_has_its_text_up_to_a_bound(site):
    with site.engine.connect() as connection:
        entry_id = connection.scalar(select(entries.c.id).where(entries.c.title == "Harbour news"))

    async def work(client: Client) -> None:
        post = await values(client, "post", post_id=f"e{entry_id}")

        assert post["post"]["title"] == "Harbour news"
        assert post["html"].startswith("<p>tide tide")
        assert len(post["html"]) == mcp_tools.MAX_TEXT
        assert post["is_cut"]

    with_client(site, work)


def test_health_tells_what_does_not_work_and_no_secret(site):
    async def work(client: Client) -> None:
        health = await values(client, "health")
        sources = await values(client, "sources")
        explained = await values(client, "explain", feed="loc")

        assert health["states"] == {"failing": 1, "fine": 2, "new": 1}
        assert [problem["feed"] for problem in health["problems"]] == ["local"]
        assert explained["feed"] == "local"
        texts = json.dumps([health, sources, explained])
        assert "secret" not in texts
        assert "pa55w" not in texts
        assert "k3y" not in texts

    with_client(site, work)


@pytest.mark.parametrize(
    ("tool", "arguments", "advice"),
    [
        ("search", {"text": "(harbour"}, 'text: column 1: "(" is never closed'),
        ("search", {"text": "x" * 201}, "text: 201 characters"),
        ("latest", {"limit": 51}, "limit: 51; write a number from 1 to 50"),
        ("latest", {"before": "soon"}, "before: write the value `next`"),
        ("latest", {"of": "category:none"}, "write all, category:the-sea, category:trade, view:b"),
        ("latest", {"of": "source:none"}, "none: no such feed"),
        ("post", {"post_id": "x"}, "post_id: there is no post 'x'"),
        ("post", {"post_id": "9" * 30}, "post_id: there is no post"),
        ("explain", {"feed": "l"}, "may be lamp, local"),
    ],
)
def test_a_wrong_argument_is_told_in_a_line_that_says_what_to_write(site, tool, arguments, advice):
    async def work(client: Client) -> None:
        text = await refusal(client, tool, **arguments)

        assert advice in text
        assert "\n" not in text

    with_client(site, work)


def test_nothing_can_be_changed_through_the_connection(site):
    async def work(client: Client) -> None:
        before = await values(client, "latest")
        for name, arguments in EXAMPLES.items():
            await values(client, name, **arguments)
        assert await values(client, "latest") == before

    with_client(site, work)


def test_the_command_says_what_is_missing(tmp_path, monkeypatch):
    write_config(tmp_path, [])
    assert "there is no database yet" in one_line(command(tmp_path, "mcp"), 1)

    command(tmp_path, "feeds")
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    assert "pip install mcp" in one_line(command(tmp_path, "mcp"), 2)


@pytest.mark.slow
def test_the_command_ends_with_its_client(site):
    program = subprocess.run(
        [sys.executable, "-m", "aggregator", "-c", str(site.config.path), "mcp"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
    )  # fmt: skip

    assert (program.returncode, program.stdout, program.stderr) == (0, b"", b"")

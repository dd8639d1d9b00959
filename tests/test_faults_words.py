"""What servers, documents and addresses can put into a log, a page, a feed or an error: nothing.

One line an event, control characters visible, and no secret of a URL anywhere.
"""

import contextlib
import io
import json
import logging
import re
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies

from aggregator.cli import logs
from tests.feedserver import Canary, FeedServer
from tests.running import HANGS_AFTER, command, eventually, get, rss, running, write_config

PASSWORD, TOKEN = "pa55w0rd", "t0ken-t0ken"
SECRETS = (PASSWORD, TOKEN)
EVIL = "a\x1b[31m\x9b\u2028b\r\nforged: line"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@contextlib.contextmanager
def logged():
    """Yield the log as it goes to stderr."""
    stream = io.StringIO()
    logger = logging.getLogger("aggregator.fault")
    handler = logging.StreamHandler(stream)
    handlers = logging.getLogger().handlers[:]
    try:
        logging.getLogger().handlers.clear()
        logs.set_up()
        handler.setFormatter(logging.getLogger().handlers[0].formatter)
        logging.getLogger().handlers[:] = [handler]
        yield logger, stream
    finally:
        logging.getLogger().handlers[:] = handlers


@given(strategies.text())
def test_an_event_is_one_line_whatever_text_is_in_it(text):
    with logged() as (log, stream):
        log.error("%s: %s", text, text)
        try:
            raise ValueError(text)
        except ValueError:
            log.exception("a fault: %s", text)

    assert stream.getvalue().count("\n") == 2
    assert not CONTROL.search(stream.getvalue().replace("\n", ""))
    stream.getvalue().encode()


def test_secrets_of_urls_are_masked_in_every_line_of_the_log_also_in_a_traceback():
    with logged() as (log, stream):
        log.error("can't poll https://me:%s@example.org/?token=%s", PASSWORD, TOKEN)
        try:
            raise ValueError(f"http://me:{PASSWORD}@[::1/?key={TOKEN}")
        except ValueError:
            log.exception("unforeseen")

    assert "***@example.org" in stream.getvalue()
    assert "Traceback" in stream.getvalue()
    assert not any(secret in stream.getvalue() for secret in SECRETS)


def secret_url(server: FeedServer, path: str) -> str:
    return server.url(f"{path}?token={TOKEN}").replace("http://", f"http://me:{PASSWORD}@")


@pytest.mark.slow
def test_no_secret_of_a_url_stands_on_any_page_feed_error_or_output(tmp_path):
    with FeedServer() as server:
        server.put("/good", rss([("one", "Post", datetime.now(UTC))], title=""))
        server.put("/bad", status=500)
        server.put("/none", "<html>")
        server.send("/cut", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<")
        server.redirect("/moved", "/good")
        paths = ["/good", "/bad", "/none", "/cut", "/moved", "/404"]
        addresses = [secret_url(server, path) for path in paths]
        addresses += [f"http://me:{PASSWORD}@127.0.0.2:9/?key={TOKEN}"]
        write_config(tmp_path, addresses)

        lines = ("poll", "poll --all --json", "poll --all", "feeds", "feeds --json", "check")
        out = [command(tmp_path, *line.split()) for line in lines]
        texts = [done.stdout + done.stderr for done in out]
        with running(tmp_path, "run", "-v") as (process, address):
            eventually(lambda: get(f"{address}/healthz")[0] == 200)
            names = [feed["feed"] for feed in json.loads(out[4].stdout)]
            pages = ["/", "/sources", "/status", "/feed.atom", "/feed.rss", "/feed.json",
                     "/sources.opml", "/search?q=post", "/about/robot", "/healthz",
                     *(f"/source/{name}" for name in names)]  # fmt: skip
            texts += [get(address + page)[2].decode() for page in pages]
            texts += [str(get(address + page)[1]) for page in pages]
            process.terminate()
            assert process.wait(HANGS_AFTER) == 0
            assert process.stderr is not None
            texts.append(process.stderr.read())
        command(tmp_path, "export", "out")
        texts += [path.read_text() for path in (tmp_path / "out").iterdir() if path.is_file()]

    assert any("authorization" in request.headers for request in server.requests)
    assert any(TOKEN in request.path for request in server.requests)
    for text in texts:
        assert not any(secret in text for secret in SECRETS), text[:2000]


@pytest.mark.parametrize(
    "url", [f"https://me:{PASSWORD}@[::1/x", f"https://me:{PASSWORD}@a b/x", f"ftp://me:{PASSWORD}@h",
            f"https://me:{PASSWORD}@h:99999/?token={TOKEN}", f"//me:{PASSWORD}@h/x"],
)  # fmt: skip
def test_a_wrong_address_in_the_file_is_told_without_its_secrets(tmp_path, url):
    write_config(tmp_path, [json.dumps(url)])

    done = command(tmp_path, "check")

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not any(secret in done.stderr for secret in SECRETS)


@pytest.mark.parametrize("name", ["add", "import"])
def test_adding_a_feed_repeats_no_secret(tmp_path, name):
    with FeedServer() as server:
        server.put("/good", rss([("one", "Post", datetime.now(UTC))]))
        write_config(tmp_path, [])
        url = secret_url(server, "/good")
        outlines = f"<outline type='rss' text='x' xmlUrl='{url}'/>"
        (tmp_path / "list.opml").write_text(f"<opml><body>{outlines}</body></opml>")

        done = [command(tmp_path, name, {"add": url, "import": "list.opml"}[name]) for _ in "12"]

    assert done[0].returncode == 0
    assert not any(secret in one.stdout + one.stderr for one in done for secret in SECRETS)
    assert PASSWORD in (tmp_path / "config.yaml").read_text()


@pytest.mark.slow
def test_line_breaks_and_control_characters_of_servers_forge_no_line(tmp_path):
    """Also CVE-2017-7848: line breaks in the fields of a feed broke into what was made of them."""
    with FeedServer() as server:
        evil = EVIL.replace("\x1b", "&#x9b;").replace("\r\n", "&#13;&#10;")
        server.put("/a", rss([("one", evil, datetime.now(UTC))], title=evil))
        server.send("/ssh", b"SSH-2.0-\x1b[31mevil\r\nforged: line\r\n")
        server.send("/phrase", b"HTTP/1.1 404 \x1b[31mevil\r\nX: \x9b\r\n\r\n")
        server.send("/type", b"HTTP/1.1 200 OK\r\nContent-Type: \x1bevil\r\n\r\n<x>\x1b")
        server.redirect("/there", "http://127.0.0.2/\x1b[31m\x9bevil")
        write_config(tmp_path, [server.url(path) for path in
                                ("/a", "/ssh", "/phrase", "/type", "/there")])  # fmt: skip

        done = command(tmp_path, "poll")
        table = command(tmp_path, "feeds")
        page = command(tmp_path, "export", "out")

    assert len(done.stdout.splitlines()) == 5
    for text in (done.stdout, done.stderr, table.stdout, page.stdout):
        assert not CONTROL.search(text.replace("\n", ""))
        assert "\nforged" not in text
        assert "SSH" not in text
    assert page.returncode == 0


def test_what_is_not_for_us_is_refused_when_adding_too(tmp_path):
    """CVE-2020-25787: every request goes through the one guard, discovery's as well."""
    write_config(tmp_path, [])
    with Canary("127.0.0.2") as canary, FeedServer() as server:
        server.redirect("/page", f"http://127.0.0.2:{canary.port}/")
        for url in (f"http://127.0.0.2:{canary.port}/", server.url("/page")):
            done = command(tmp_path, "add", url)

            assert done.returncode == 1
            assert "is a private address" in done.stderr
        assert canary.connections == 0


@pytest.mark.slow
def test_our_own_address_is_refused_like_any_other_of_this_machine(tmp_path):
    """CVE-2025-46341: a feed that asks the reader's own server."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    write_config(tmp_path, [f"http://127.0.0.1:{port}/feed.atom"], network="{allow: []}",
                 web=f"{{port: {port}}}")  # fmt: skip
    with running(tmp_path) as (process, address):
        eventually(lambda: b"leads into a private network" in get(f"{address}/status")[2])
        process.terminate()
        assert process.wait(HANGS_AFTER) == 0


def test_no_address_of_the_web_serves_what_others_sent_or_takes_a_url_to_fetch():
    """CVE-2025-31483, CVE-2026-21885 (GHSA-xwh2-742g-w3wp), CVE-2024-27926: there is no proxy."""
    web = Path(__file__).resolve().parents[1] / "web"
    imports = "\n".join(path.read_text() for path in web.rglob("*.py"))

    clients = r"(?:aiohttp|urllib\.request|requests|http\.client|aggregator\.fetch)\b"
    assert "import" in imports
    assert not re.search(rf"^\s*(?:from|import) {clients}", imports, re.MULTILINE)

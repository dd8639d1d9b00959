"""Pages in place of a feed are named, and no others; tests/data/walls has the answers."""

import json
from datetime import timedelta

import pytest

from aggregator import config, walls
from aggregator.database import open_database
from aggregator.database.columns import FailureJson
from aggregator.errors import ParseError
from aggregator.fetch import fetcher
from aggregator.fetch.response_headers import may_be_document
from aggregator.model import Failure, FailureKind, PageKind, PageReading, PageSelectors
from aggregator.reading.worker_task import read_document, read_page
from bench.walls import NONE, PARTS, answers, quality, table
from tests.cpu_time import cpu_limit
from tests.feedserver import FeedServer
from tests.fetching import failure
from tests.running import command, write_config
from tests.worlds import NOW
from web import create_app

LABELLED = list(answers())


@pytest.fixture(scope="module")
def server():
    with FeedServer() as running:
        yield running


@pytest.mark.parametrize("part", PARTS)
def test_walls_are_named_and_other_pages_are_not(part):
    counts = quality([each for each in LABELLED if each.part == part])

    assert counts.walls >= 15
    assert counts.others >= 8
    assert counts.right >= 0.95 * counts.walls
    assert counts.false == 0
    assert any(f"| {part} | {counts.walls} |" in line for line in table())


def test_the_answers_are_enough_to_say_so():
    assert sum(each.label != NONE for each in LABELLED) >= 30
    assert sum(each.label == NONE for each in LABELLED) >= 15


def test_a_wall_is_named_the_same_through_the_fetch_and_the_reading(server):
    wrong = {}
    for each in LABELLED:
        if each.label == NONE or each.is_move:
            continue
        answer = each.answer
        path = f"/{each.name}"
        if may_be_document(answer.status, answer.headers) and answer.body:
            with pytest.raises(ParseError) as caught:
                read_document(answer.body, walls.telling_headers(answer.headers), answer.url)
            error = caught.value
        elif "://lamp.example/" in answer.url:
            server.put(path, answer.body, status=answer.status, headers=answer.headers)
            error = failure(server.url(path))
        else:
            continue
        label = " ".join(filter(None, [error.kind, error.service]))
        if label != each.given_label:
            wrong[each.name] = label
    assert wrong == {}


def test_the_reason_says_what_stands_in_place_of_the_feed(server):
    challenge = next(each for each in LABELLED if each.name == "cloudflare-managed-challenge")
    server.put("/feed", challenge.answer.body, status=403, headers=challenge.answer.headers)

    error = failure(server.url("/feed"))

    assert error.reason == "403 Forbidden: a check for people in browsers (Cloudflare)"
    assert (error.kind, error.service) == (FailureKind.BOT_CHECK, "Cloudflare")
    assert error.status == 403


def test_a_refusal_whose_page_never_ends_is_the_same_refusal(server, monkeypatch):
    monkeypatch.setattr(fetcher, "_REFUSAL_TIMEOUT", 0.1)

    def endless(sock):
        sock.sendall(b"HTTP/1.1 403 Forbidden\r\nRetry-After: 60\r\nContent-Length: 99\r\n\r\n<p>")
        server.pause(20)

    server.raw("/slow", endless)
    server.send("/cut", b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n<html>")
    server.put("/large", b"x" * 3_000_000, status=403)
    server.put(
        "/damaged", b"\x1f\x8b\x08junk" * 20, status=403, headers={"Content-Encoding": "gzip"}
    )

    slow = failure(server.url("/slow"))

    assert (slow.kind, slow.status) == (FailureKind.FORBIDDEN, 403)
    assert slow.retry_after == timedelta(seconds=60)
    for path in ("/cut", "/large", "/damaged"):
        assert failure(server.url(path)).kind == FailureKind.FORBIDDEN


def test_an_answer_that_is_gone_or_missing_is_nothing_else():
    body = next(each.answer.body for each in LABELLED if each.name == "nginx-default")

    assert walls.wall_of(walls.Answer(200, {}, "", body)) is not None
    assert {walls.wall_of(walls.Answer(status, {}, "", body)) for status in (404, 410)} == {None}


@pytest.mark.parametrize(
    "body",
    [
        b"<" * 250_000,
        b"<title>" * 35_000,
        b"<script>" * 30_000,
        b"<!---->" * 35_000,
        b"<p>" * 80_000,
        b"<a b=" + b'"' * 250_000,
        b"&#65;" * 50_000,
        b"<title>" + b" to " * 60_000,
        b"<x " + b"a=1 " * 60_000,
    ],
)
def test_a_hostile_page_takes_little_time(body):
    with cpu_limit(0.15):  # three times what the event loop may stand still
        walls.wall_of(walls.Answer(403, {}, "", body))


def test_a_failure_is_stored_with_the_service_and_read_back():
    failures = [
        Failure(FailureKind.NOT_FOUND, 404),
        Failure(FailureKind.WEB_PAGE, 200, "https://lamp.example/rss"),
        Failure(FailureKind.BOT_CHECK, 403, None, "Anubis"),
        Failure(FailureKind.REFUSED),
    ]

    assert [FailureJson.decode(FailureJson.encode(each)) for each in failures] == failures
    assert FailureJson.encode(failures[1]) == '["web-page",200,"https://lamp.example/rss"]'


def test_a_page_without_a_feed_behind_a_wall_is_not_called_changed():
    selectors = PageSelectors(PageKind.HTML, item=".post", title="h2")
    body = next(each.answer.body for each in LABELLED if each.name == "anubis")

    with pytest.raises(ParseError) as caught:
        read_page(body, {}, "https://lamp.example/", PageReading(selectors, NOW))

    assert (caught.value.kind, caught.value.service) == (FailureKind.BOT_CHECK, "Anubis")
    assert caught.value.reason == "not the page but a check for people in browsers (Anubis)"


def test_a_wall_is_told_by_poll_feeds_explain_and_the_page_of_status(server, tmp_path):
    challenge = next(each for each in LABELLED if each.name == "anubis")
    server.put("/anubis", challenge.answer.body, headers=challenge.answer.headers)
    write_config(tmp_path, [f"{{name: lamp, url: {server.url('/anubis')}}}"])
    reason = "not a feed but a check for people in browsers (Anubis)"

    polled = command(tmp_path, "poll")
    (health,) = json.loads(command(tmp_path, "feeds", "--json").stdout)
    explained = command(tmp_path, "explain", "lamp")
    values = json.loads(command(tmp_path, "explain", "lamp", "--json").stdout)
    engine = open_database(f"sqlite:///{tmp_path}/aggregator.db", read_only=True)
    app = create_app(config.load(tmp_path / "config.yaml"), engine)
    page = app.test_client().get("/status").get_data(as_text=True)
    engine.dispose()

    assert polled.stdout.startswith(f"lamp: {reason}; next poll ")
    assert (health["failure"], health["service"]) == ("bot-check", "Anubis")
    assert f"the last poll failed: {reason}\n" in explained.stdout
    assert (values["failure"], values["service"]) == ("bot-check", "Anubis")
    assert "Anubis answers for the site with a check for browsers" in page
    assert len(server.requests_to("/anubis")) == 1

"""Answers that are given from memory: the same as the application's, and never old ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask, request, request_started
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.selection import slow_after
from tests.web_fixtures import Site, entry
from web import answer_cache, create_app

PATHS = ["/feed.atom", "/feed.rss?limit=2", "/source/lamp/feed.json", "/sources.opml"]
ASKED = [{}, {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "br"}, {"If-None-Match": '"x"'}]


@pytest.fixture
def site(tmp_path) -> Site:
    fresh = Site(tmp_path)
    fresh.subscribe()
    fresh.record("lamp", *(entry(number) for number in range(1, 4)))
    return fresh


@contextmanager
def asked(app: Flask) -> Iterator[list[str]]:
    """Yield the paths for which the application is entered, and not its memory."""
    paths: list[str] = []

    def note(_app: Flask, **_: object) -> None:
        paths.append(request.full_path.rstrip("?"))

    with request_started.connected_to(note, app):
        yield paths


def answer(app: Flask, path: str, method: str, headers: dict[str, str]) -> object:
    given = app.test_client().open(path, method=method, headers=headers)
    return given.status_code, sorted(given.headers.items()), given.data


@pytest.mark.parametrize("path", slow_after(1, PATHS[1:] + PATHS[:1]))
def test_an_answer_from_memory_is_the_applications_own(site, path):
    tag = site.client.get(path).headers["ETag"]

    for headers in (*ASKED, {"If-None-Match": tag}, {"If-None-Match": f"W/{tag}, *"}):
        for method in ("GET", "HEAD"):
            # An application that was never asked before has no memory.
            expected = answer(create_app(site.config, site.engine), path, method, headers)
            for _ in range(3):
                assert answer(site.app, path, method, headers) == expected


def test_the_application_is_not_entered_twice_for_one_question(site):
    with asked(site.app) as paths:
        for _ in range(3):
            assert site.client.get("/feed.atom").status_code == 200

    assert paths == ["/feed.atom"]


def test_a_change_is_seen_at_once(site):
    before = site.client.get("/feed.atom").headers["ETag"]
    known = {"If-None-Match": before}
    assert site.client.get("/feed.atom", headers=known).status_code == 304

    site.record("lamp", entry(0, title="Fresh"), now=datetime.now(UTC) + timedelta(seconds=1))

    assert site.client.get("/feed.atom", headers=known).status_code == 200
    assert b"Fresh" in site.client.get("/feed.atom").data


def test_who_asks_in_another_way_is_answered_in_that_way(site):
    for _ in range(2):
        assert site.client.get("/feed.atom").mimetype == "application/atom+xml"
        asked = {"Sec-Fetch-Dest": "document"}
        assert site.client.get("/feed.atom", headers=asked).mimetype == "text/html"


def test_a_wish_for_deltas_is_a_question_of_its_own_only_where_there_are_any(site, tmp_path):
    known = {"A-IM": "feed", "If-None-Match": site.client.get("/feed.atom").headers["ETag"]}
    with asked(site.app) as paths:
        for _ in range(3):
            assert site.client.get("/feed.atom", headers=known).status_code == 304
    assert len(paths) == 1

    (tmp_path / "deltas").mkdir()
    other = Site(tmp_path / "deltas", publish={"deltas": "on"})
    with asked(other.app) as paths:
        for _ in range(3):
            other.client.get("/feed.atom", headers=known)
    assert len(paths) == 3


def test_errors_and_pages_are_not_kept(site):
    not_kept = ["/source/none/feed.atom", "/feed.atom?limit=0", "/", "/healthz"]
    with asked(site.app) as paths:
        for path in not_kept * 2:
            site.client.get(path)
        for _ in range(2):
            site.client.post("/feed.atom")

    assert paths == [*not_kept * 2, "/feed.atom", "/feed.atom"]


@pytest.mark.parametrize("name", ["lamp.rss", "lamp.atom", "feed.json", "sources.opml"])
def test_a_page_is_each_readers_own_whatever_its_source_is_called(tmp_path, name):
    site = Site(tmp_path, feeds=[{"name": name, "url": "https://lamp.example/rss"}])
    site.subscribe()
    site.record(name, entry(1))

    with asked(site.app) as paths:
        first, second = (site.app.test_client().get(f"/source/{name}") for _ in range(2))
        other = site.app.test_client().get(f"/source/{name}", headers={"Accept-Language": "de"})

    assert len(paths) == 3
    assert first.headers["Set-Cookie"] and second.headers["Set-Cookie"]
    assert first.headers["Content-Language"] == "en"
    assert other.headers["Content-Language"] == "de"


@pytest.mark.parametrize(
    ("headers", "is_kept"),
    [
        ([("Cache-Control", "public, max-age=300"), ("Vary", "Accept-Encoding")], True),
        ([("cache-control", "max-age=300, Public")], True),
        ([("Cache-Control", "private")], False),
        ([("Cache-Control", "no-cache")], False),
        ([], False),
        ([("Cache-Control", "public"), ("Set-Cookie", "a=1")], False),
        ([("Cache-Control", "public"), ("Vary", "Accept-Encoding, Cookie")], False),
        ([("Cache-Control", "public"), ("Vary", "Accept-Encoding"), ("Vary", "Accept")], False),
        ([("Cache-Control", "public"), ("Vary", "*")], False),
    ],
)
def test_what_is_kept_is_public_and_the_same_for_everybody(site, headers, is_kept):
    calls = []

    def application(environ, start_response):
        calls.append(environ)
        start_response("200 OK", headers)
        return [b"x"]

    layer = answer_cache.AnswerCache(application, site.engine, deltas=False)
    for _ in range(2):
        run_wsgi_app(layer, EnvironBuilder("/a.rss").get_environ())

    assert len(calls) == (1 if is_kept else 2)


def test_a_database_that_can_not_be_read_is_not_covered_up(site):
    site.client.get("/feed.atom")
    with site.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE state RENAME TO hidden")

    assert site.client.get("/feed.atom").status_code == 503


@pytest.mark.slow
def test_the_memory_is_bounded(site, monkeypatch):
    monkeypatch.setattr(answer_cache, "_MAX_ANSWERS", 10)  # 1,000 take long to make
    for number in range(35):
        site.client.get(f"/feed.atom?x={number}")
    with asked(site.app) as paths:
        for number in reversed(range(35)):
            site.client.get(f"/feed.atom?x={number}")
        for _ in range(2):
            site.client.get("/feed.atom?x=" + "y" * 2000)

    assert 35 - 10 <= len(paths) - 2 < 35


def test_what_depends_on_the_time_is_asked_anew(site, monkeypatch):
    site.client.get("/feed.atom")
    later = answer_cache.time.time() + 301
    monkeypatch.setattr(answer_cache.time, "time", lambda: later)

    with asked(site.app) as paths:
        site.client.get("/feed.atom")

    assert paths == ["/feed.atom"]

import gzip
import posixpath
import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from aggregator.cli import static_site
from aggregator.errors import ConfigError
from tests.selection import slow_but
from tests.web_fixtures import HtmlPage, Site, entry, words

# ------------------------------------------------------------------------ faults


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/status", "/feed.atom", "/healthz"])
def test_nothing_can_be_changed_from_outside(full, method, path):
    answer = full.client.open(path, method=method, data=b"x" * 1000)

    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/source/%00",
        "/source/a%2Fb",
        "/source/a/b/c",
        "/source/%F0%9F%98%80",
        "/source/%ff%fe",
        "/source/" + "x" * 5000,
        "/source/..",
        "/category/%0d%0aX: y",
        "/category/' OR 1=1",
        "/category/%00/feed.atom",
        "/status/",
        "/static/../pages.py",
        "/static/..%2fpages.py",
        "/static/%2e%2e/config.yaml",
        "/static//etc/passwd",
        "/static/.",
        "/templates/base.html",
        "/favicon.ico",
        "/feed.html",
        "/feed.",
        "/source/lamp/feed.exe",
    ],
)
def test_an_address_that_does_not_exist_is_not_found(full, path):
    answer = full.client.get(path)

    assert answer.status_code == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize("path", ["//evil.example/", "//status", "/\\evil.example", "/status//"])
def test_no_path_is_redirected_anywhere(full, path):
    answer = full.client.get("/", environ_overrides={"PATH_INFO": path})

    assert answer.status_code in (200, 404)
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "query",
    [
        "before=&before=x",
        "view=titles&view=x",
        "q=a&q=b",
        "%00=%00",
        "view=%00",
        "%ff=%fe",
        "&&&=",
    ],
)
def test_odd_parameters_are_left_alone(full, query):
    assert full.client.get(f"/?{query}").status_code == 200


def test_a_broken_database_gives_a_page_that_tells_nothing(site, caplog):
    with site.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE state RENAME TO elsewhere")

    page = site.page("/", 503)

    assert words(page.one("h1")) == "Back in a moment"
    assert "elsewhere" not in page.text
    assert "sqlite" not in page.text.lower()
    assert site.client.get("/").headers["Retry-After"] == "10"
    assert words(site.page("/nothing", 404).one("h1")) == "Not found"
    answer = site.client.get("/healthz")
    assert (answer.status_code, answer.json) == (503, {"status": "database unavailable"})
    assert site.client.get("/feed.atom").text == "The database cannot be read at the moment.\n"
    (line,) = caplog.messages  # of four requests
    assert "\n" not in line


def test_a_database_that_was_replaced_by_something_else_is_reported_in_the_log(site, caplog):
    site.page("/")
    path = Path(site.engine.url.database)
    for side in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{side}").unlink(missing_ok=True)

    site.page("/", 503)
    assert not caplog.records  # whoever watches the file says so, once

    path.write_bytes(b"no database at all\n" * 500)
    site.page("/", 503)
    # A file system may give it the inode of the former one: then its content tells.
    messages = ("replaced by a file that is not a database", "is not a SQLite database")
    assert any(message in caplog.text for message in messages)


def test_a_fault_of_ours_gives_a_page_without_details(site, monkeypatch, caplog):
    monkeypatch.delitem(site.app.jinja_env.globals, "status_texts")

    page = site.page("/status", 500)

    assert words(page.one("h1")) == "Something went wrong"
    assert "undefined" not in page.text
    assert "'status_texts' is undefined" in caplog.text


def test_health_is_ok_while_the_database_can_be_read(full):
    answer = full.client.get("/healthz")

    assert (answer.status_code, answer.json) == (200, {"status": "ok"})
    assert answer.headers["Cache-Control"] == "no-store"


# -------------------------------------------------------------- validators, gzip


def test_a_page_is_not_sent_again_while_nothing_could_have_changed(site, monkeypatch):
    first = site.client.get("/")
    tag = first.headers["ETag"]

    again = site.client.get("/", headers={"If-None-Match": tag})
    if again.status_code == 200:  # a minute ended in between
        tag = again.headers["ETag"]
        again = site.client.get("/", headers={"If-None-Match": tag})
    site.record("lamp", entry(1))
    changed = site.client.get("/", headers={"If-None-Match": tag})

    assert tag.startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["Vary"] == "Accept-Encoding, Accept-Language, Cookie"
    assert again.headers["Vary"] == first.headers["Vary"]
    assert (again.status_code, again.data) == (304, b"")
    assert "Content-Security-Policy" not in again.headers
    assert changed.status_code == 200


def test_pages_are_compressed_where_the_client_takes_it(full):
    plain = full.client.get("/sources")
    packed = full.client.get("/sources", headers={"Accept-Encoding": "gzip"})

    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding, Accept-Language"
    assert len(packed.data) < len(plain.data) / 2
    assert gzip.decompress(packed.data)[:50] == plain.data[:50]


def test_a_head_request_has_the_headers_and_no_body(full):
    answer = full.client.head("/sources")

    assert (answer.status_code, answer.data) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 1000


# ------------------------------------------------------------------- other files


def test_a_file_is_kept_for_good_under_the_address_that_pages_use(full):
    page = full.page("/")
    paths = [page.one("script").get("src", ""), page.all("link")[0].get("href", "")]

    for path in paths:
        answer = full.client.get(path)
        plain = full.client.get(path.partition("?")[0])

        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert plain.headers["Cache-Control"] == "no-cache"
        known = {"If-None-Match": answer.headers["ETag"]}
        assert full.client.get(path, headers=known).status_code == 304


def test_the_icon_and_the_rules_for_robots_are_there(full):
    assert full.client.get("/icon.svg").content_type.startswith("image/svg+xml")
    assert "Disallow: /search" in full.client.get("/robots.txt").text


def test_the_page_about_the_robot_says_how_often_it_asks(tmp_path):
    feeds = [{"url": "https://lamp.example/", "name": "lamp", "interval": "10m"}]

    site = Site(tmp_path, feeds=feeds)
    site.subscribe()

    said = words(site.page("/about/robot").one("main"))

    assert "checked every hour, some every 10 minutes" in said
    assert "410 Gone stops it for good" in said


def test_the_page_about_the_robot_is_the_text_of_the_documentation(tmp_path):
    text = (Path(__file__).parents[1] / "docs" / "robot.md").read_text()
    documented = re.sub(r"^(##|-) ", "", text, flags=re.MULTILINE).replace("`", "")

    said = words(Site(tmp_path).page("/about/robot").one("main"))

    start = "What it sends"
    assert said[said.index(start) :].split() == documented[documented.index(start) :].split()


# --------------------------------------------------------- news for an open page


def test_an_open_page_learns_how_many_posts_came(site):
    site.record("lamp", entry(10))
    site.record("tide", entry(11, guid="other"))
    paths = [
        site.page(path).one("main").get("data-poll", "") for path in ("/", "/category/the-sea")
    ]

    before = [site.client.get(path) for path in paths]
    site.record("lamp", entry(1), entry(2))
    after = [site.client.get(path) for path in paths]

    assert [answer.json for answer in before] == [{"count": 0}, {"count": 0}]
    assert [answer.json for answer in after] == [{"count": 2}, {"count": 0}]
    known = {"If-None-Match": after[0].headers["ETag"]}
    assert site.client.get(paths[0], headers=known).status_code == 304
    assert before[0].headers["ETag"] != after[0].headers["ETag"]


@pytest.mark.parametrize("query", ["", "after=", "after=x", "after=1&q=" + "x" * 201])
def test_a_bad_question_for_news_is_told_in_plain_text(full, query):
    answer = full.client.get(f"/updates.json?{query}")

    assert answer.status_code == 400
    assert answer.mimetype == "text/plain"
    assert answer.text.count("\n") == 1


# ------------------------------------------------------------------ below a path


def test_below_a_path_all_links_begin_with_it(tmp_path):
    site = Site(tmp_path, base_url="https://example.org/reader")
    site.subscribe()
    site.record("lamp", entry(1))

    for path in ("/", "/reader/", "/reader", "/status", "/reader/status"):
        page = site.page(path)
        hrefs = [each.get("href", "") for tag in ("a", "link") for each in page.all(tag)]

        assert all(href.startswith(("/reader/", "https://", "#")) for href in hrefs)
    feed = site.client.get("/feed.atom").text
    assert "https://example.org/reader/feed.atom" in feed


BASES = {
    "https://новости.example": "https://xn--b1amnebsh.example",
    "https://faß.example:8443/": "https://xn--fa-hia.example:8443",
    "https://example.org/a%20b": "https://example.org/a%20b",
    "https://example.org/новости//": (
        "https://example.org/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8"
    ),
    "https://bücher.example/%c3%bc/&'(~/": "https://xn--bcher-kva.example/%c3%bc/&'(~",
    "https://example.org/a%2Fb": "https://example.org/a%2Fb",
    "https://example.org/100%25": "https://example.org/100%25",
}
FEW_BASES = ["https://faß.example:8443/"]


@pytest.mark.slow
@pytest.mark.parametrize("written", slow_but(FEW_BASES, BASES))
def test_any_base_url_leads_everywhere_and_headers_are_ascii(tmp_path, written):
    base = BASES[written]
    site = Site(tmp_path, base_url=written, websub={"hub": "https://хаб.example/ü?a=ö"})
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 60)))
    assert site.config.base_url == base
    prefix = urlsplit(base).path
    todo, seen = [f"{prefix}/", f"{prefix}/sources.opml", f"{prefix}/manifest.webmanifest"], set()

    while todo:
        address = todo.pop()
        seen.add(address)
        answer = site.client.get(address, headers={"Accept-Language": "en"})
        assert answer.status_code == 200, address
        for name, value in answer.headers:
            assert f"{name}{value}".isascii(), (address, name, value)
        if answer.mimetype == "text/html":
            page = HtmlPage(answer.text)
            hrefs = [each.get("href", "") for tag in ("a", "link") for each in page.all(tag)]
            ours = [href.partition("#")[0] for href in hrefs if href.startswith("/")]
            assert all(href.startswith(f"{prefix}/") for href in ours)
            todo += {href for href in ours if href and not href.startswith("//")} - seen - {*todo}
        if answer.mimetype == "application/atom+xml":
            links = re.findall(
                r'<([^>]*)>; rel="([a-z-]+)"', "\n".join(answer.headers.getlist("Link"))
            )
            assert {"self", "alternate"} <= {relation for _, relation in links}
            for url, relation in links:
                assert url.startswith("https://xn--80ac2d.example/" if relation == "hub" else base)
                assert url.replace("&", "&amp;") in answer.text
    assert {f"{prefix}/feed.atom", f"{prefix}/source/lamp", f"{prefix}/status"} <= seen


@pytest.mark.slow
@pytest.mark.parametrize("written", slow_but(FEW_BASES, BASES))
def test_a_site_below_any_base_url_is_exported_whole(tmp_path, written):
    site = Site(tmp_path, base_url=written)
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 60)))
    files = {
        file.path: file.data
        for file in static_site.files(site.config, site.engine, frozenset(static_site.FORMATS))
    }

    for path, data in files.items():
        if path.endswith(".html"):
            for target in re.findall(r'(?:href|src|action)="([^"]*)"', data.decode()):
                if not re.match(r"[a-z]+:|#", target):
                    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
                    assert unquote(unescape(place)).partition("#")[0] in files, (path, target)
    assert site.config.base_url.encode() in files["feed.json"]


@pytest.mark.parametrize(
    "written", ["https://xn--ü.example", "https://a..ü.example", "https://☃/.."]
)
def test_a_base_url_that_no_browser_could_follow_is_refused(written, tmp_path):
    with pytest.raises(ConfigError, match="base_url"):
        Site(tmp_path, base_url=written)

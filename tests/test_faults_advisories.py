"""What went wrong in other feed readers and their libraries, by the number of its advisory.

The table is that of RELIABILITY.md, section 2.  Advisories on what servers and documents send are
rows of test_faults_http.py, test_faults_answers.py and test_faults_documents.py; the last test
here finds any that is named nowhere.
"""

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import feedparser
import pytest

from aggregator.errors import ParseError
from aggregator.publish import Format, render
from aggregator.reading import sanitize
from aggregator.reading.parse import parse
from tests.cpu_time import cpu_limit
from tests.feedserver import Canary, FeedServer
from tests.listed import document
from tests.listed import entry as listed_entry
from tests.running import command, json_lines, rss, write_config
from tests.web_fixtures import EVIL, Site, entry, full_site
from web import create_app

RELIABILITY = Path(__file__).resolve().parents[2] / "shared" / "RELIABILITY.md"
PAGES = ["/", "/?view=titles", "/category/trade", "/source/tide", "/source/local", "/search?q=post",
         "/sources", "/status", "/about/robot", "/nothing/here", "/search?q=" + "x" * 201,
         "/?before=x"]  # fmt: skip
FEEDS = ["/feed.atom", "/feed.rss", "/feed.json", "/source/tide/feed.atom", "/sources.opml"]
MACHINES = ["/healthz", "/metrics", "/updates.json?after=0", "/robots.txt", "/icon.svg",
            "/manifest.webmanifest"]  # fmt: skip
SPELLINGS_OF_ELSEWHERE = ["//evil.example", "/\\evil.example", "\\/evil.example", "https:evil",
                          "/\t/evil.example", "%0d%0aLocation:%20//evil.example"]  # fmt: skip


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a site with hostile entries and errors that nothing here changes."""
    site = full_site(tmp_path_factory.mktemp("full"))
    yield site
    site.engine.dispose()


def contents(site: Site) -> str:
    """Return a hash of everything in the database."""
    with site.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        return hashlib.sha256(driver.serialize()).hexdigest()


# ----------------------------------------------------------------------- the pages


@pytest.mark.slow
def test_cve_2023_27592_no_page_shows_an_address_or_an_error_as_markup(full):
    for path in [*PAGES, "/http:a<script>alert(1)</script>", f"/source/{EVIL}", f"/?before={EVIL}"]:
        text = full.client.get(path).text

        assert "<script>alert" not in text
        assert "<img src=x" not in text
    assert "&lt;script&gt;alert(1)" in full.client.get("/status").text  # it is there, as text


@pytest.mark.slow
def test_freshrss_2121_no_parameter_comes_back_as_markup(full):
    for path in ("/", "/search", "/sources", "/status", "/updates.json", "/feed.atom", "/metrics"):
        for name in ("q", "before", "after", "view", "limit", "skip", "source", "category", "raw"):
            answer = full.client.get(path, query_string={name: EVIL})

            assert "<script>alert" not in answer.text or answer.mimetype == "text/plain"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("elsewhere", SPELLINGS_OF_ELSEWHERE)
def test_cve_2025_67713_and_cve_2026_55185_nothing_redirects_anywhere(full, elsewhere):
    for path in ("/", "/status", "/feed.atom", "/nothing"):
        for name in ("next", "url", "redirect", "return", "to"):
            assert "Location" not in full.client.get(f"{path}?{name}={elsewhere}").headers
    answer = full.client.get("/", environ_overrides={"PATH_INFO": elsewhere})
    assert "Location" not in answer.headers


def test_cve_2023_27591_what_machines_read_names_no_feed_address_or_secret(full):
    for path in ("/metrics", "/healthz"):
        text = full.client.get(path).text

        for secret in ("secret", "user", "://", ".example", "aggregator.db", "127.0.0.1"):
            assert secret not in text


def test_cve_2025_57769_no_page_may_be_framed(full):
    for path in [*PAGES, *FEEDS]:
        answer = full.client.get(path)
        if answer.mimetype == "text/html":
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    explained = full.client.get("/feed.atom", headers={"Sec-Fetch-Dest": "document"})
    assert "frame-ancestors 'none'" in explained.headers["Content-Security-Policy"]


def test_cve_2025_31482_no_get_changes_anything(full):
    before = contents(full)
    for path in [*PAGES, *FEEDS, *MACHINES]:
        full.client.get(path)

    assert contents(full) == before


def test_tt_rss_323_no_address_takes_anything_but_a_question(full):
    """But our own hub's, where the file asks for one: it asks back before it believes anything."""
    rules = list(full.app.url_map.iter_rules())

    assert len(rules) > 15
    for rule in rules:
        assert rule.methods <= {"GET", "HEAD", "OPTIONS"}, rule


@pytest.mark.slow
def test_cve_2025_46339_what_is_kept_for_one_way_of_asking_is_no_answer_to_another(full):
    asked = [{"Accept-Language": tag, "Accept-Encoding": coding, "Sec-Fetch-Dest": dest}
             for tag in ("en", "de") for coding in ("identity", "gzip")
             for dest in ("document", "empty")]  # fmt: skip
    # Pages say what time it is: they differ from one second to the next.
    now = datetime.now(UTC)
    client = create_app(full.config, full.engine, utc_now=lambda: now).test_client()
    for path in ("/", "/feed.atom", "/category/trade/feed.atom"):
        first = [client.get(path, headers=headers) for headers in asked]
        again = [client.get(path, headers=headers) for headers in reversed(asked)][::-1]

        for headers, one, other in zip(asked, first, again, strict=True):
            assert one.data == other.data
            packed = one.headers.get("Content-Encoding") == "gzip"
            assert packed == (headers["Accept-Encoding"] == "gzip")
            if one.mimetype == "text/html" and not packed:
                assert f'lang="{headers["Accept-Language"]}"' in one.text


@pytest.mark.parametrize(
    "value", ["../../../../etc/passwd", "/etc/passwd", "..\\..\\x", "de/../fr"]
)
def test_cve_2025_58173_no_language_is_a_path(full, value):
    answer = full.client.get("/", headers={"Accept-Language": value})

    assert answer.status_code == 200
    assert "root:" not in answer.text
    assert 'lang="en"' in answer.text


@pytest.mark.slow
def test_cve_2025_58173_no_name_or_category_leads_out_of_the_folder_of_an_export(tmp_path):
    write_config(tmp_path, ["{url: a.xml, name: ../../out}"])
    assert "may only have letters, digits" in command(tmp_path, "check").stderr
    (tmp_path / "a.xml").write_bytes(rss([("1", "Post", datetime.now(UTC))], title="../../title"))
    write_config(tmp_path, ["{url: a.xml, category: ../../../category}"])
    assert command(tmp_path, "poll").returncode == 0
    before = {path for path in tmp_path.parent.rglob("*") if "site" not in path.parts}

    assert command(tmp_path, "export", "site").returncode == 0

    assert {path for path in tmp_path.parent.rglob("*") if "site" not in path.parts} == before
    assert list((tmp_path / "site").rglob("*category*"))


@pytest.mark.parametrize(
    "path",
    ["/static/..%2f..%2fconfig.yaml", "/static//etc/passwd", "/static/%2fetc%2fpasswd",
     "/static/.gitignore", "/config.yaml", "/aggregator.db", "/aggregator.db-wal", "/.env",
     "/static/..", "/static/%2e%2e%2fserver.py", "/static/style.css/../../server.py"],
)  # fmt: skip
def test_cve_2022_23497_no_file_is_served_but_those_of_the_look(full, path):
    assert full.client.get(path).status_code == 404


def test_cve_2022_31110_what_somebody_searches_for_is_no_pattern(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    site.record("lamp", entry(1, title="a" * 5000 + "!"), entry(2, title="b"))
    with cpu_limit(2):
        for query in ("(a+)+$", "(a|a)*b", ".*", "(?=(a+))a*b\\1", "a{1,9999}" * 20):
            assert site.client.get("/search", query_string={"q": query}).status_code in {200, 400}

    assert "b</a>" not in site.client.get("/search", query_string={"q": ".*"}).text
    site.engine.dispose()


def test_cve_2020_25789_no_svg_of_others_is_passed_on_or_served():
    for html in ("<svg><script>a()</script></svg>", "<img src='data:image/svg+xml,<svg/>'>"):
        assert "svg" not in sanitize.content(html, base="https://x.example/")


# ------------------------------------------------------------- subscribing, reading


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://127.0.0.1:70/x", "ftp://x.example/feed", "data:,<rss/>",
            "javascript:alert(1)", "jar:http://x.example/a"],
)  # fmt: skip
def test_cve_2019_9187_an_address_of_another_kind_is_no_feed(tmp_path, url):
    write_config(tmp_path, [json.dumps(url)])

    done = command(tmp_path, "check")

    assert done.returncode == 2
    assert "config.yaml:5:5: feeds[0]" in done.stderr


def test_inline_xml_as_an_address_is_no_feed(tmp_path):
    write_config(tmp_path, [json.dumps("<rss version='2.0'><channel/></rss>")])

    done = command(tmp_path, "check")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.slow
def test_cve_2019_9187_an_address_of_this_machine_is_refused(tmp_path):
    with Canary("127.0.0.2") as canary:
        write_config(tmp_path, [f"http://127.0.0.2:{canary.port}/feed"])

        (result,) = json_lines(command(tmp_path, "poll", "--json").stdout)

        assert "is a private address" in str(result["error"])
        assert canary.connections == 0


def test_ghsa_83jp_rww3_57rr_a_list_of_subscriptions_asks_nobody_when_it_is_read(tmp_path):
    """And afterwards one after the other: see the tests of hosts' turns."""
    with FeedServer() as server:
        outlines = "".join(
            f"<outline type='rss' xmlUrl='{server.url(f'/{number % 900}')}'/>"
            for number in range(1000)
        )
        (tmp_path / "list.opml").write_text(f"<opml><body>{outlines}</body></opml>")
        write_config(tmp_path, [])

        assert command(tmp_path, "import", "list.opml").returncode == 0

        assert (tmp_path / "config.yaml").read_text().count(server.url("/")) == 900
        assert server.requests == []


@pytest.mark.parametrize("kind", ["address", "path"])
def test_feedparser_263_and_feedparser_105_what_stands_in_a_document_is_never_opened(
    tmp_path, kind
):
    (tmp_path / "feed.xml").write_bytes(rss([("1", "Secret", None)]))
    with Canary() as canary:
        place = {"address": f"http://127.0.0.1:{canary.port}/", "path": f"{tmp_path}/feed.xml"}

        with pytest.raises(ParseError, match="not a feed"):
            parse(place[kind].encode(), headers={}, url="https://example.org/feed")

        assert canary.connections == 0


@pytest.mark.parametrize("form", [Format.ATOM, Format.RSS])
def test_pysec_2020_231_the_writer_takes_content_for_text_and_never_for_xml(form):
    bomb = (
        "<!DOCTYPE x [<!ENTITY a 'lol'><!ENTITY b '&a;&a;'>]>"
        "<div xmlns='http://www.w3.org/1999/xhtml'>&b; ]]> <![CDATA[ &amp;</div>"
    )

    data = render(document(replace(listed_entry(), content_html=bomb)), form)

    ET.fromstring(data)
    (read,) = feedparser.parse(data, sanitize_html=False, resolve_relative_uris=False).entries
    assert read.content[0].value == bomb


# ------------------------------------------------------------------- none is forgotten


def advisories(text: str) -> Iterator[str]:
    """Yield the number of each advisory in the table of section 2."""
    section = text.partition("\n## 2.")[2].partition("\n## 3.")[0]
    for row in re.findall(r"^\| ([^|(]+)", section, re.MULTILINE)[1:]:
        yield from re.findall(r"GHSA(?:-\w{4}){3}", row)
        rest = re.sub(r"GHSA[-\w]+", "", row)
        whose = ""  # a year, or a project: "CVE-2011-1157, -1158", "feedparser#263, #105"
        for start, number in re.findall(r"(CVE-\d{4}|PYSEC-\d+|[\w-]+(?=#))?([-#]\d+)", rest):
            whose = start or whose
            yield whose + number


@pytest.mark.skipif(not RELIABILITY.exists(), reason="../shared/RELIABILITY.md is not there")
def test_every_advisory_has_a_test_that_is_named_after_it():
    tests = "\n".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    named = re.sub(r"[^a-z0-9]", "", tests.lower())
    found = list(advisories(RELIABILITY.read_text()))

    assert len(found) > 50
    assert [one for one in found if re.sub(r"[^a-z0-9]", "", one.lower()) not in named] == []

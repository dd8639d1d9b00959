"""Names that run from right to left, or turn what follows: they change nothing around them."""

from itertools import product
from xml.etree.ElementTree import Element

import pytest

from aggregator.model import FeedHead, Outcome
from tests.selection import slow_but
from tests.web_fixtures import HtmlPage, Site, entry
from web.bidi_text import isolated, isolated_text

NAMES = {
    "Hebrew": "שלום",
    "Arabic with digits": "أخبار 24",
    "an override": "\u202egnp.exe",
    "an open isolate": "\u2067left open",
    "the end of an isolate that is not its own": "\u2069\u2069\u202eturned",
}
MARK = "ZZ"  # in every name that a feed gives, and nowhere else


def site_of(folder, name: str) -> Site:
    name = f"{MARK}{name}"
    feeds = [
        {"name": "lamp", "url": "https://lamp.example/feed.xml", "category": name},
        {"name": "tide", "url": "https://tide.example/rss"},
        {"name": "copy", "url": "https://copy.example/rss"},
        {"name": "new", "url": "https://new.example/rss", "title": name},
    ]
    site = Site(folder, feeds=feeds)
    site.subscribe()
    head = FeedHead(title=name, subtitle=name, site_url=f"https://{name}.example/", note=name)
    given = {"title": name, "summary": f"{name} words", "authors": (name, "Ada", f"{name} 2")}
    site.record("lamp", *(entry(n, guid=f"l{n}", **given) for n in range(9)), head=head)
    site.record("copy", entry(3, guid="l3", **given), head=head)
    failed = {"outcome": Outcome.FAILED, "status": None, "failures": 1}
    site.record("tide", **failed, error=f"503 {name}", next_reason=f"{name} wants it", head=head)
    return site


def open_names(page: HtmlPage) -> list[str]:
    """Return the texts with a name of a feed in them that nothing isolates."""
    found: list[str] = []

    def walk(element: Element, *, isolated: bool) -> None:
        isolated = isolated or element.tag == "bdi" or element.get("dir") == "auto"
        texts = [(element.text, isolated)]
        for child in element:
            walk(child, isolated=isolated)
            texts.append((child.tail, isolated))
        found.extend(text for text, alone in texts if text and MARK in text and not alone)

    walk(page.one("body"), isolated=False)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "language"), slow_but([("Hebrew", "en")], product(NAMES, ["en", "ar"]))
)
def test_every_name_that_a_feed_gives_is_isolated_on_every_page(tmp_path, kind, language):
    site = site_of(tmp_path, NAMES[kind])
    category = site.page("/").all("ul", "chips")[0][1][0].get("href")
    pages = ["/", "/?view=titles", category, "/source/lamp", "/source/tide", "/sources", "/status",
             "/about/robot", f"/search?q={MARK}", "/search?q=source:lamp"]  # fmt: skip
    shown = 0
    for path in pages:
        page = site.page(path, language=language)
        assert open_names(page) == [], path
        for each in page.all("bdi"):
            text = "".join(each.itertext())
            assert text.count("\u2069") <= sum(map(text.count, "\u2066\u2067\u2068")), path
        shown += page.text.count(MARK)
    for path in ("/feed.atom", "/source/lamp/feed.rss"):
        page = site.page(path, language=language, headers={"Sec-Fetch-Dest": "document"})
        assert open_names(page) == [], path
    assert shown > 100


def test_the_first_page_isolates_names_as_well(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    head = FeedHead(title=f"{MARK}שלום")
    failed = {"outcome": Outcome.FAILED, "status": None, "failures": 1, "error": f"503 {MARK}ש"}
    site.record("tide", **failed, head=head)

    page = site.page("/")

    assert MARK in page.text
    assert open_names(page) == []


@pytest.mark.parametrize(
    ("name", "markup", "text"),
    [
        ("Lamp & Co", "<bdi>Lamp &amp; Co</bdi>", "Lamp & Co"),
        ("Größe", "<bdi>Größe</bdi>", "Größe"),
        ("שלום", "<bdi>שלום</bdi>", "\u2068שלום\u2069"),
        ("\u202ex", "<bdi>\u202ex</bdi>", "\u2068\u202ex\u2069"),
        ("a\u2069b", "<bdi>ab</bdi>", "\u2068ab\u2069"),
        ("\u2067a\u2069b\u2069c", "<bdi>\u2067a\u2069bc</bdi>", "\u2068\u2067a\u2069bc\u2069"),
    ],
)
def test_a_name_can_not_end_its_own_isolation(name, markup, text):
    assert isolated(name) == markup
    assert isolated_text(name) == text


def test_a_name_that_is_shown_has_a_bounded_length():
    assert isolated("x" * 5000) == f"<bdi>{'x' * 400}…</bdi>"
    assert isolated_text("x" * 5000) == f"{'x' * 400}…"


def test_the_title_of_a_page_isolates_the_name_in_it(tmp_path):
    site = site_of(tmp_path, NAMES["Hebrew"])

    title = site.page("/source/lamp").one("title").text

    assert title == f"\u2068{MARK}שלום\u2069 · Daybook"

"""Pages in a language that runs from right to left, in a real browser: mirrored as a whole."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from aggregator.database.schema import entries
from aggregator.model import Enclosure, Failure, FailureKind, FeedHead, Outcome
from tests.hostile_pictures import painting
from tests.pictured import add_picture
from tests.test_web_look import in_both_colours, open_page
from tests.test_web_pictures_look import COVERED
from tests.web_fixtures import Site, entry, post_path, served

pytestmark = pytest.mark.browser

ABOUT = """# مدونات أهل الميناء

نقرأ هنا ما يكتبه *جيراننا*؛ انظر [كل المصادر](/sources).

## كيف تُدرج مدونتك

1. أنشئ خلاصة، مثل `feed.xml`
2. راسلنا
"""
EXCERPT = "كان الميناء هادئًا والشباك جافة، ولم يسأل أحد بعد عن المد. وفي الصباح عاد الصيادون. " * 2
TITLE = "كيف يعمل البحر؟"
TEXT = (
    f"<p>{EXCERPT}</p><ul><li>المد</li><li>الجزر</li></ul>"
    "<blockquote><p>قال البحّار</p></blockquote>"
    '<pre><code>tide --follow | head -n 3  # one "line"</code></pre>'
    "<p>اكتب <code>--help</code> ثم <code>-v</code>.</p>"
)
DIRECTIONS = "(all) => all.map((each) => getComputedStyle(each).direction)"
PATHS = {"all": "/", "titles": "/?view=titles", "category": "/category/البحر",
         "source": "/source/bahr", "english": "/source/lamp", "failing": "/source/gone",
         "feed": "/feed.atom", "search": '/search?q=البحر+-coal+"the+sea"+source:+langs:x',
         "results": "/search?q=المد", "empty-search": "/search", "sources": "/sources",
         "status": "/status", "robot": "/about/robot", "about": "/about", "nothing": "/nope",
         "mistake": "/?before=x", "saved": "/saved", "embed": "/embed?excerpt=1"}  # fmt: skip


def arabic_site(folder: Path) -> Site:
    """Return a site with Arabic and English posts, pictures, a text about it, and failing feeds."""
    (folder / "about.md").write_text(ABOUT, "utf-8")
    feeds = [
        {"name": name, "url": f"https://{name}.example/feed.xml", "title": title, **more}
        for name, title, more in [
            ("bahr", "يوميات البحر", {"category": "البحر"}),
            ("lamp", "Lamp & Ledger", {"category": "Trade"}),
            ("gone", "مدونة توقفت", {"category": "البحر"}),
            ("page", "C++ (weekly)", {}),
            ("wait", "أخبار 24", {}),
        ]
    ]
    page = {
        "pictures": "all", "about": "about.md", "contact": "mailto:us@example.org",
        "description": "ما يكتبه أهل الميناء", "embed": ["https://community.example.org"],
    }  # fmt: skip
    site = Site(folder, feeds=feeds, title="ميناء الأخبار", page=page)
    site.subscribe()
    audio = (Enclosure("https://cdn.example/talk.mp3", "audio/mpeg", 38_400_000, 2520),)
    more = {"content_html": TEXT, "language": "ar", "authors": ("ليلى", "Ada Moreau")}
    site.record(
        "bahr",
        entry(20, guid="a", title=TITLE, summary=EXCERPT, enclosures=audio, **more),
        entry(30, guid="b", title="المد والجزر في C++ (الجزء 2)", summary=EXCERPT, **more),
        *(entry(1500 + 90 * n, guid=f"o{n}", title=f"المنشور {n}", **more) for n in range(9)),
        head=FeedHead(title="يوميات البحر", subtitle="Notes of a sailor, mostly in Arabic"),
    )
    english = {"summary": "The harbour was quiet, and nobody had asked for the tide yet. " * 3}
    site.record(
        "lamp",
        *(entry(40 + 70 * n, guid=f"l{n}", title=f"Post {n}, “quoted”", **english) for n in (0, 9)),
        head=FeedHead(
            title="Lamp", subtitle="Everything about lamps, and a few ledgers (old ones)"
        ),
    )
    failed = {"outcome": Outcome.FAILED, "failures": 4, "error": "English", "head": FeedHead()}
    site.record("gone", status=404, failure=Failure(FailureKind.NOT_FOUND, 404), **failed)
    named = Failure(FailureKind.WEB_PAGE, 200, "https://page.example/feed.xml?a=1&b=-2")
    site.record("page", status=200, failure=named, **failed)
    throttled = failed | {"outcome": Outcome.POSTPONED, "failures": 1}
    later = datetime.now(UTC) + timedelta(hours=5)
    failure = Failure(FailureKind.THROTTLED, 429)
    site.record("wait", status=429, failure=failure, not_before=later, **throttled)
    with site.engine.connect() as connection:
        ids = connection.scalars(select(entries.c.id).order_by(entries.c.id.desc()).limit(3)).all()
    for number, entry_id in enumerate(ids):
        url = f"https://bahr.example/{number}.jpg"
        body = painting(1200, 800, hue=number * 90)
        add_picture(site.engine, site.config.picture_folder, entry_id, url, body)
    return site


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    site = arabic_site(tmp_path_factory.mktemp("arabic"))
    with served(site) as base:
        yield {
            name: base + path for name, path in [*PATHS.items(), ("post", post_path(site, TITLE))]
        }


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", [*PATHS, "post"])
def test_nobody_is_shut_out_of_a_mirrored_page(browser: Browser, addresses, axe, name, width):
    is_mobile = width < 500  # with scrollbars above the page, not beside it
    page = open_page(browser, addresses[name], width, locale="ar", is_mobile=is_mobile)

    assert page.evaluate("[document.documentElement.lang, document.dir]") == ["ar", "rtl"]
    has_contrasts = name != "embed"
    assert (
        in_both_colours(page, axe, f"ar-{name}-{width}", whole=True, has_contrasts=has_contrasts)
        == []
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(COVERED) == []
    page.context.close()


def left_to_right(page: Page, *selectors: str) -> list[str]:
    """Return selectors in the order of the places of their first elements, from the left."""
    boxes = {name: page.locator(name).first.bounding_box() for name in selectors}
    return sorted(selectors, key=lambda name: boxes[name]["x"])  # type: ignore[index]


@pytest.mark.parametrize(("locale", "mirrored"), [("ar", True), ("he", True), ("en", False)])
def test_the_parts_of_a_list_stand_in_the_order_of_reading(browser, addresses, locale, mirrored):
    page = open_page(browser, addresses["all"], locale=locale)
    orders = [
        [".brand", ".top nav", ".top search"],
        [".meta", ".entry h3", "img.shot", ".entry > .save", ".side"],
        [".chips a", ".bar .view"],
        [".foot p:first-child", ".foot p:last-child"],
    ]
    shown = [left_to_right(page, *names) for names in orders]
    page.context.close()

    assert shown == [names[::-1] if mirrored else names for names in orders]


def test_keys_stand_in_the_order_of_their_meanings(browser, addresses):
    page = open_page(browser, addresses["all"], locale="ar")
    page.keyboard.press("?")
    next_key, previous_key = (page.locator("#keys kbd").nth(n).bounding_box() for n in (0, 1))
    page.context.close()

    assert next_key["x"] > previous_key["x"]


def test_code_and_addresses_run_from_left_to_right_in_a_mirrored_page(browser, addresses):
    page = open_page(browser, addresses["robot"], locale="ar")
    parts = {"robot": "code", "post": ".text :is(code, pre)", "all": "#embed", "feed": "#address"}
    shown = set()
    for name, selector in parts.items():
        page.goto(addresses[name])
        shown |= {*page.locator(selector).evaluate_all(DIRECTIONS)}
    page.context.close()

    assert shown == {"ltr"}


def test_a_name_in_latin_letters_heads_a_mirrored_page_at_its_beginning(browser, addresses):
    page = open_page(browser, addresses["english"], locale="ar")
    tile = page.locator(".src-head .tile").bounding_box()
    edges = page.evaluate(
        """() => [...document.querySelectorAll(".src-head h1, .src-head .lede")].map((each) => {
            const range = document.createRange();
            range.selectNodeContents(each);
            return range.getBoundingClientRect().right;
        })"""
    )
    page.context.close()

    assert tile is not None
    assert len(edges) == 2
    assert all(0 < tile["x"] - edge < 20 for edge in edges)


@pytest.mark.parametrize("locale", ["ar", "en"])
def test_titles_without_excerpts_begin_at_one_edge(browser, addresses, locale):
    page = open_page(browser, addresses["titles"], locale=locale)
    side = "right" if locale == "ar" else "left"
    edges = page.locator(".entry h3 > a").evaluate_all(
        "(all, side) => all.map((each) => Math.round(each.getBoundingClientRect()[side]))", side
    )
    page.context.close()

    assert len(edges) > 10
    assert len({*edges}) == 1


def test_what_a_reader_types_runs_as_it_is_written(browser, addresses):
    page = open_page(browser, addresses["all"], locale="ar")
    field = page.locator("#q")
    directions = []
    for text in ("", "whales", "البحر"):
        field.fill(text)
        directions += field.evaluate_all(DIRECTIONS)
    page.context.close()

    assert directions == ["rtl", "ltr", "rtl"]

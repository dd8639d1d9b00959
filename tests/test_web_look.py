"""How the pages look and whom they shut out, in a real browser, at every width and colour.

Screenshots are written to screenshots/ (which git ignores): look at them.
"""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from aggregator.model import Subscription
from tests.browsing import new_page
from tests.web_fixtures import Site, entry, full_site, lively_site, served
from web.language import available

pytestmark = pytest.mark.browser

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
PATHS = {
    "list": "/",
    "titles": "/?view=titles",
    "further": "/?before=99999999999999999",
    "category": "/category/science",
    "view": "/view/odd",
    "empty-view": "/view/b",
    "feed": "/feed.atom",
    "source": "/source/tide",
    "hidden": "/source/tide?hidden=1",
    "failing": "/source/orbit",
    "search": '/search?q=sea+-coal+"the+sea"+source:',
    "results": "/search?q=post",
    "empty-search": "/search",
    "sources": "/sources",
    "status": "/status",
    "saved": "/saved",
    "robot": "/about/robot",
    "nothing": "/nope",
}
RULES_OF_COLOURS = ["color-contrast", "link-in-text-block"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SEEN = "1.1.1.1"  # a reader who was here in 1970: everything is new


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(lively_site(tmp_path_factory.mktemp("lively"))) as address:
        yield address


_RUN_AXE = """async ([rules, within]) => {
    // Of the rules that the page keeps only the number is asked for, not each place.
    const found = await axe.run(within, { runOnly: rules, resultTypes: ["violations"] });
    const places = (rule) => rule.nodes.map((node) => [rule.id, node.html]);
    return [found.passes.length, found.violations.flatMap(places)];
}"""


def open_page(
    browser: Browser,
    address: str,
    width: int = 1280,
    *,
    cookies: Sequence[Any] = (),
    **options: object,
) -> Page:
    height = 844 if width < 500 else 900
    page = new_page(browser, width=width, height=height, **options)
    page.context.add_cookies(cookies)
    page.goto(address)
    return page


def violations(page: Page, axe: str, within: str = "html") -> list[str]:
    page.evaluate(axe)
    passes, violated = run_axe(page, within, {"type": "tag", "values": RULES})
    assert passes > (15 if within == "html" else 5)
    return violated


def in_both_colours(
    page: Page, axe: str, name: str, *, whole: bool = False, has_contrasts: bool = True
) -> list[str]:
    """Return the violations on a page in light colours, and those that dark ones add.

    Args:
        name: Begin of the names of the screenshots.
        whole: The screenshots are of all of the page.
        has_contrasts: False for a page on which axe measures no contrast.
    """
    SCREENSHOTS.mkdir(exist_ok=True)
    found = []
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]
        page.screenshot(path=SCREENSHOTS / f"{name}-{colours}.png", full_page=whole)
        found += (
            violations(page, axe)
            if colours == "light"
            else _violations_of_contrast(page, has_contrasts)
        )
    return found


def _violations_of_contrast(page: Page, has_contrasts: bool) -> list[str]:
    """Return the violations that depend on colours, on a page where axe has run before."""
    passes, violated = run_axe(page, "html", {"type": "rule", "values": RULES_OF_COLOURS})
    assert passes or not has_contrasts
    return violated


def run_axe(page: Page, within: str, rules: dict[str, object]) -> tuple[int, list[str]]:
    """Return how many rules the page keeps, and where it violates one."""
    passes, violated = page.evaluate(_RUN_AXE, [rules, within])
    return int(passes), [f"{rule}: {html[:200]}" for rule, html in violated]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PATHS)
def test_nobody_is_shut_out(browser, base, axe, name, width):
    seen = {"name": "seen", "value": SEEN, "url": base}
    page = open_page(browser, base + PATHS[name], width, cookies=[seen])
    if page.locator("summary:visible").count():
        page.locator("summary:visible").first.click()
    assert in_both_colours(page, axe, f"{name}-{width}") == []
    page.context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_nobody_is_shut_out_of_many_categories(browser, axe, tmp_path, width):
    feeds = [
        {"name": f"f{n}", "url": f"https://x.example/{n}", "category": f"Category {n}"}
        for n in range(30)
    ]
    views = [{"name": f"v{n}", "title": f"View {n}", "search": f"title:{n}"} for n in range(9)]
    site = Site(tmp_path, feeds=feeds, views=views)
    site.subscribe()
    site.record("f1", entry(1))
    with served(site) as base:
        page = open_page(browser, base, width)
        page.locator(".more summary").click()
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"categories-{width}.png")
        assert violations(page, axe, ".bar") == []  # it covers some of the rest
        page.keyboard.press("Escape")
        assert violations(page, axe) == []
        page.context.close()


@pytest.mark.parametrize("options", [{"forced_colors": "active"}, {"contrast": "more"}])
def test_nobody_is_shut_out_by_other_colours(browser, base, axe, options):
    for name in ("list", "status"):
        page = open_page(browser, base + PATHS[name], **options)
        page.screenshot(path=SCREENSHOTS / f"{name}-{next(iter(options))}.png")
        assert violations(page, axe) == []
        page.context.close()


def test_the_dialog_and_the_first_run_shut_nobody_out(browser, base, axe, tmp_path):
    page = open_page(browser, base)
    page.keyboard.press("?")
    assert violations(page, axe) == []
    page.context.close()
    for feeds in ((), None):
        folder = tmp_path / str(feeds)
        folder.mkdir()
        site = Site(folder, feeds=feeds) if feeds is not None else Site(folder)
        with served(site) as empty:
            page = open_page(browser, empty, 390)
            assert violations(page, axe) == []
            page.screenshot(path=SCREENSHOTS / f"first-run-{feeds is None}.png")
            page.context.close()


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_pages_without_posts_have_the_operator_s_face_and_can_be_mirrored(
    browser, axe, tmp_path, direction
):
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'
    )
    (tmp_path / "logo.svg").write_text(drawing)
    face = {"logo": "logo.svg", "accent": "#0a6b4a", "description": "What the tide brings"}
    site = Site(tmp_path, page=face, views=[{"name": "none", "search": "nothing"}])
    site.subscribe()
    site.record("lamp", entry(1))
    SCREENSHOTS.mkdir(exist_ok=True)
    with served(site) as base:
        for name, path in {
            "feed": "/feed.atom",
            "nothing": "/nope",
            "empty-view": "/view/none",
            "no-results": "/search?q=zeppelin",
        }.items():
            page = open_page(browser, base + path, 390)
            page.evaluate("(side) => { document.documentElement.dir = side; }", direction)
            page.screenshot(path=SCREENSHOTS / f"face-{name}-{direction}.png")
            logo = page.locator(".brand img").bounding_box()
            width = page.evaluate("document.documentElement.scrollWidth")
            found = violations(page, axe)
            page.context.close()
            assert found == [], name
            assert width <= 390, name
            assert logo is not None
            assert (logo["x"] < 195) == (direction == "ltr"), name


@pytest.mark.parametrize("locale", available())
def test_every_page_is_quiet_stays_with_us_and_fits_a_narrow_phone(
    browser, base, locale, tmp_path_factory
):
    hostile = full_site(tmp_path_factory.mktemp("hostile"))
    name = "Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrik"
    hostile.subscribe(*hostile.config.feeds, Subscription("long", "https://x.example/", name))
    hostile.record("long", entry(1, title=name * 3, summary=name * 9, authors=(name,)))
    with served(hostile) as other:
        page = new_page(browser, width=320, height=640, locale=locale)
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        here = [base + path for path in PATHS.values()]
        for address in here + [f"{other}{path}" for path in ("/", "/status", "/source/long")]:
            page.goto(address)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 320, address
        page.context.close()

    assert all(url.startswith((base, other)) for url in asked)
    assert [text for text in said if "404" not in text] == []


@pytest.mark.parametrize("locale", available())
def test_no_word_is_cut_off_at_full_width(browser, base, locale):
    for name in ("list", "sources", "status", "source"):
        page = open_page(browser, base + PATHS[name], locale=locale)
        wide = page.evaluate(
            """() => [...document.querySelectorAll(".tw, .head, .bar, .facts, .foot, .top")]
                .filter((el) => el.scrollWidth > el.clientWidth + 1).map((el) => el.className)"""
        )
        assert wide == [], (name, locale)
        page.context.close()


@pytest.mark.parametrize("locale", available())
def test_the_first_post_is_near_the_top(browser, base, locale):
    page = open_page(browser, base, locale=locale)
    top = page.locator(".entry").first.bounding_box()["y"]  # type: ignore[index]
    baselines = page.evaluate(
        """() => [".entry h3 a", ".entry .meta > time"].map((one) => {
            const range = document.createRange(), el = document.querySelector(one);
            range.selectNodeContents(el);
            return range.getClientRects()[0].bottom;
        })"""
    )
    page.context.close()

    assert top < 200
    assert abs(baselines[0] - baselines[1]) < 6


def test_a_page_of_forty_posts_is_light(browser, base):
    page = new_page(browser)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(base)
    manifest = page.locator("link[rel=manifest]").get_attribute("href")
    assert page.locator(".entry").count() == 40
    bodies = [page.request.get(url).body() for url in {*asked, f"{base}{manifest}"}]
    page.context.close()

    assert len(bodies) <= 5
    assert sum(len(gzip.compress(body, 6)) for body in bodies) <= 20_000


def test_it_can_be_installed(browser, base):
    page = open_page(browser, base)
    client = page.context.new_cdp_session(page)
    found = client.send("Page.getAppManifest")
    problems = client.send("Page.getInstallabilityErrors")
    page.context.close()

    assert found["errors"] == []
    assert found["url"].endswith("/manifest.webmanifest")
    allowed = {"in-incognito"}  # every context of the tests is
    assert {one["errorId"] for one in problems["installabilityErrors"]} <= allowed


def test_printed_it_is_the_list_and_nothing_else(browser, base):
    page = open_page(browser, base)
    page.emulate_media(media="print")
    for gone in (".top", ".side", ".foot", ".pager", ".bar"):
        assert not page.locator(gone).first.is_visible()
    assert page.locator(".entry").first.is_visible()
    page.context.close()


def test_nothing_moves_for_those_who_want_it_still(browser, base):
    moving = "matchMedia('(prefers-reduced-motion: no-preference)').matches"
    rules = """() => [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules])
        .filter((rule) => !(rule instanceof CSSMediaRule))
        .filter((rule) => /animation|transition|view-transition/.test(rule.cssText)).length"""
    page = open_page(browser, base, reduced_motion="reduce")

    assert page.evaluate(moving) is False
    assert page.evaluate(rules) == 0
    page.context.close()

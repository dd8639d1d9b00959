"""Where things stand on pages, in a real browser: what fits, what is cut, what stays in sight."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browsing import new_page
from tests.web_fixtures import Site, entry, lively_site, post_path, served
from web.language import available

pytestmark = pytest.mark.browser

NAMES = ["World news", "Architecture", "Business", "Cities", "Science", "The Sea", "Web", "日本"]


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(lively_site(tmp_path_factory.mktemp("lively"))) as address:
        yield address


@pytest.fixture(scope="module")
def categorised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a site with more categories and views than any row has room for."""
    names = [*NAMES, *(f"Category {number}" for number in range(12))]
    feeds = [
        {"name": f"f{n}", "url": f"https://f{n}.example/", "category": name}
        for n, name in enumerate(names)
    ]
    views = [{"name": "odd", "title": "Odd and long-named posts", "search": "post"}]
    site = Site(tmp_path_factory.mktemp("categorised"), feeds=feeds, views=views)
    site.subscribe()
    for place, number in enumerate((396, 41, 12, 7)):
        site.record(f"f{place}", *(entry(n, guid=f"{place}-{n}") for n in range(number)))
    with served(site) as address:
        yield address


def opened(browser: Browser, address: str, width: int, height: int = 844, **options: str) -> Page:
    page = new_page(browser, width=width, height=height, **options)
    page.goto(address)
    return page


# Of each category of the row: its text, whether the text is whole, how much of it is in sight.
_ROW = """() => {
    const row = document.querySelector(".bar nav > .chips").getBoundingClientRect();
    return [...document.querySelectorAll(".bar nav > .chips a")].map((link) => {
        const box = link.getBoundingClientRect();
        const inside = Math.min(box.bottom, row.bottom) - Math.max(box.top, row.top);
        const left = Math.min(box.right, row.right) - Math.max(box.left, row.left);
        return {
            text: link.innerText,
            whole: link.querySelector("bdi").scrollWidth <= link.querySelector("bdi").clientWidth,
            shown: Math.max(0, inside) / box.height,
            across: left / box.width,
        };
    });
}"""


@pytest.mark.parametrize("width", [320, 390, 640, 700, 1280])
@pytest.mark.parametrize("path", ["/", "/category/category-9", "/view/odd"])
def test_a_category_is_in_the_row_whole_or_not_at_all(browser, categorised, path, width):
    page = opened(browser, categorised + path, width)
    row = page.evaluate(_ROW)
    current = page.locator(".bar nav > .chips [aria-current]").inner_text()
    page.locator(".more summary").click()
    menu = [" ".join(text.split()) for text in page.locator(".more a").all_inner_texts()]
    page.context.close()

    shown = [chip for chip in row if chip["shown"] > 0.99]
    assert [chip for chip in row if 0.01 < chip["shown"] < 0.99] == []
    assert all(chip["across"] > 0.99 for chip in shown)
    assert [chip["text"] for chip in shown if not chip["whole"]] in ([], [current])
    assert current in [chip["text"] for chip in shown]
    assert len(menu) == len(NAMES) + 12 + 2
    assert {" ".join(chip["text"].split()) for chip in row} <= set(menu)


def test_a_row_with_room_for_all_has_no_menu(browser, lively):
    page = opened(browser, lively, 1280)
    row = page.evaluate(_ROW)
    has_menu = page.locator(".more summary").is_visible()
    page.context.close()

    assert not has_menu
    assert all(chip["shown"] > 0.99 for chip in row)


def test_a_row_with_room_for_all_keeps_its_order(browser, lively):
    orders = []
    for path in ("/", "/category/science"):
        page = opened(browser, lively + path, 1280)
        lefts = page.evaluate(
            """() => [...document.querySelectorAll(".bar nav > .chips a")].map(
                (link) => [link.getBoundingClientRect().left, link.innerText])"""
        )
        orders.append([text for _left, text in sorted(lefts)])
        page.context.close()

    assert orders[0] == orders[1]


def test_a_category_beyond_the_row_is_in_sight_while_it_has_the_focus(browser, categorised):
    page = opened(browser, categorised, 390)
    last = page.locator(".bar nav > .chips a").last
    while not last.evaluate("link => link === document.activeElement"):
        page.keyboard.press("Tab")
    shown = [chip["shown"] for chip in page.evaluate(_ROW)]
    page.context.close()

    assert shown[-1] > 0.99


def test_the_line_below_the_list_being_read_ends_with_its_name(browser, lively):
    page = opened(browser, lively, 1280)
    styles = page.evaluate(
        """() => [".chips [aria-current]", ".chips [aria-current] bdi"].map(
            (one) => getComputedStyle(document.querySelector(one)).textDecorationLine)"""
    )
    page.context.close()

    assert styles == ["none", "underline"]


def test_the_title_of_a_site_does_not_break_within_a_word(browser, lively):
    page = opened(browser, lively, 660)
    lines = page.evaluate(
        """() => {
            const title = document.createRange();
            title.selectNodeContents(document.querySelector(".brand span"));
            return title.getClientRects().length;
        }"""
    )
    page.context.close()

    assert lines == 1  # "Daybook"


@pytest.mark.parametrize("width", [320, 1280])
def test_names_without_a_place_to_break_do_not_widen_a_page(browser, tmp_path, width):
    long = "W" * 80
    feed = {"name": "f", "url": "https://f.example/", "title": long, "category": "C" * 60}
    site = Site(tmp_path, title=long, feeds=[feed], page={"description": long})
    site.subscribe()
    site.record("f", entry(1, title=long, authors=(long,), url=f"https://f.example/{long}"))
    widths = {}
    with served(site) as address:
        page = opened(browser, address, width)
        paths = ["/", "/?view=titles", "/source/f", "/search?q=w", "/sources", "/status"]
        for path in [*paths, post_path(site)]:
            page.goto(address + path)
            widths[path] = page.evaluate("document.documentElement.scrollWidth")
        page.context.close()

    assert {path: needed for path, needed in widths.items() if needed > width} == {}


@pytest.mark.parametrize("locale", available())
@pytest.mark.parametrize("width", [390, 640, 1280])
def test_the_header_leaves_the_list_its_place(browser, categorised, locale, width):
    page = opened(browser, categorised, width, locale=locale)
    top = page.locator(".entry").first.bounding_box()["y"]  # type: ignore[index]
    views = page.locator(".view a")
    visible = [views.nth(number).is_visible() for number in range(views.count())]
    width_needed = page.evaluate("document.documentElement.scrollWidth")
    is_covered = page.evaluate(
        """() => {
            const [lede, view] = [".lede", ".view a"].map((one) => {
                const range = document.createRange();
                range.selectNodeContents(document.querySelector(one));
                return range.getBoundingClientRect();
            });
            return lede.bottom > view.top && view.bottom > lede.top
                && lede.right > view.left && view.right > lede.left;
        }"""
    )
    page.context.close()

    assert top <= 200
    assert not is_covered
    assert visible == [True, True]
    assert width_needed <= width


def test_on_a_phone_the_search_opens_where_its_button_is(browser, categorised):
    page = opened(browser, categorised, 390)
    field = page.locator("#q")
    closed = field.bounding_box()
    field.click()
    opened_field = field.bounding_box()
    page.keyboard.type("post 7")
    page.keyboard.press("Enter")
    page.locator("h1", has_text="Search").wait_for()
    with_search = field.bounding_box()
    page.context.close()

    assert closed["width"] < 44
    assert closed["height"] >= 24
    assert opened_field["width"] > 300
    assert with_search["width"] > 300


@pytest.mark.parametrize("width", [640, 700, 1280])
def test_names_of_sources_are_not_cut(browser, tmp_path, width):
    title = "A rather long name of a source"
    site = Site(tmp_path, feeds=[{"name": "x", "url": "https://x.example/", "title": title}])
    site.subscribe()
    site.record("x", *(entry(number) for number in range(9)))
    with served(site) as address:
        page = opened(browser, address, width)
        cut = page.evaluate(
            """() => [".src span:last-child", ".nm"].map((one) => {
                const name = document.querySelector(one);
                return [name.scrollHeight > name.clientHeight + 1,
                        name.scrollWidth > name.clientWidth + 1];
            })"""
        )
        page.context.close()

    assert cut == [[False, False], [False, False]]


def test_the_side_column_stays_in_sight(browser, lively):
    page = opened(browser, lively, 1280, 900)
    page.evaluate("scrollTo(0, 3000)")
    box = page.locator(".side section").first.bounding_box()
    page.context.close()

    assert box is not None
    assert 0 <= box["y"] < 100


@pytest.mark.parametrize("path", ["/", "/view/odd", "/source/lamp"])
def test_the_side_column_begins_where_the_list_begins(browser, lively, path):
    page = opened(browser, lively + path, 1280)
    lines = [page.locator(css).first.bounding_box() for css in (".day h2", ".side h2")]
    page.context.close()

    assert lines[0]["y"] == pytest.approx(lines[1]["y"], abs=1)  # type: ignore[index]


@pytest.mark.parametrize("width", [390, 700, 1280])
def test_on_the_page_of_a_source_the_time_stands_beside_the_title(browser, lively, width):
    page = opened(browser, f"{lively}/source/lamp", width)
    title = page.locator(".entry h3").first.bounding_box()
    time = page.locator(".entry .meta > time").first.bounding_box()
    heading = page.locator("h1").bounding_box()
    page.context.close()

    assert title is not None
    assert time is not None
    assert heading is not None
    if width > 640:
        assert time["x"] >= title["x"] + title["width"]
        assert abs(time["y"] - title["y"]) < 8
    assert title["x"] <= heading["x"] + 1


@pytest.mark.parametrize("view", ["", "&view=titles"])
def test_new_posts_that_a_reader_asks_for_are_marked(browser, tmp_path, view):
    site = Site(tmp_path)
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(10, 20)))
    with served(site) as base:
        page = browser.new_context(locale="en-GB").new_page()
        page.clock.install()
        page.goto(f"{base}/?{view}")
        assert page.locator(".entry").count() == 10
        site.record("lamp", *(entry(number) for number in range(1, 5)))
        page.clock.run_for(70_000)
        page.locator(".pill").click()
        page.locator(".seen").wait_for()
        line = page.locator(".seen").inner_text()
        marked = page.locator(".entry .new").count()
        first_known = page.locator(".seen + .entry h3").inner_text()
        address = page.url
        page.reload()
        again = page.locator(".entry .new").count()
        page.context.close()

    assert line.startswith("4 new since your last visit")
    assert (marked, again) == (4, 4)
    assert first_known.endswith("Post 10")
    assert "since" not in address


def test_a_filter_leaves_the_sources_with_all_of_its_words(browser, tmp_path):
    feeds = [
        {
            "name": "crane",
            "url": "https://crane.example/",
            "title": "Harbour Cranes",
            "category": "Sea",
        },
        {"name": "tide", "url": "https://tide.example/", "title": "Tide Tables", "category": "Sea"},
        {
            "name": "tram",
            "url": "https://tram.example/",
            "title": "Harbour Trams",
            "category": "Cities",
        },
    ]
    site = Site(tmp_path, feeds=feeds)
    site.subscribe()
    with served(site) as address:
        page = opened(browser, f"{address}/sources", 390)
        shown = {}
        for text in ("HARBOUR", "harbour sea", "nothing like it", ""):
            page.locator("#filter").fill(text)
            names = page.locator(".st th[scope=row] a").all()
            headings = page.locator(".grp th").all()
            shown[text] = (
                [name.inner_text() for name in names if name.is_visible()],
                [heading.inner_text() for heading in headings if heading.is_visible()],
            )
        page.context.close()

    assert [len(names) for names, _ in shown.values()] == [2, 1, 0, 3]
    assert [headings for _, headings in shown.values()] == [
        ["Cities", "Sea"],
        ["Sea"],
        [],
        ["Cities", "Sea"],
    ]


def test_without_the_script_there_is_no_field_that_filters(browser, tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    with served(site) as address:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{address}/sources")
        visible = page.locator("#filter").is_visible()
        context.close()

    assert not visible


@pytest.mark.parametrize("locale", ["en-GB", "de"])
def test_read_here_on_a_line_of_its_own_begins_where_the_time_does(browser, tmp_path, locale):
    site = Site(tmp_path)
    site.subscribe()
    site.record("lamp", entry(1, content_html=f"<p>{'More. ' * 300}</p>"))
    with served(site) as base:
        page = opened(browser, base, 1280, locale=locale)
        page.locator(".meta").evaluate("meta => meta.style.width = '5rem'")
        time, link = (page.locator(f".meta {name}").bounding_box() for name in ("time", ".here"))
        assert link["y"] > time["y"]
        assert link["x"] == time["x"]
        page.context.close()

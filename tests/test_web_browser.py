"""The pages in a real browser: what the script does, and that the page holds without it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from aggregator.cli import folder_sync, static_site
from tests.browsing import new_page
from tests.web_fixtures import Site, entry, full_site, served, words

pytestmark = pytest.mark.browser


def test_an_exported_site_works_from_a_folder_without_any_server(
    browser: Browser, tmp_path: Path
) -> None:
    site = full_site(tmp_path)
    files = static_site.files(site.config, site.engine, frozenset(static_site.FORMATS))
    folder_sync.replace(tmp_path / "out", files)
    page = browser.new_page()
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))

    page.goto((tmp_path / "out" / "index.html").as_uri())

    assert page.evaluate("getComputedStyle(document.body).display") == "block"
    count = page.locator("article").count()
    assert 40 <= count <= 80
    assert page.locator(".entry time").first.inner_text().count(":") == 1
    while (older := page.get_by_role("link", name="Older posts")).count():
        address = page.url
        older.click()
        page.wait_for_url(lambda url, former=address: url != former)  # type: ignore[misc]
        count += page.locator("article").count()
    assert count == 96
    page.locator(".brand").click()
    page.get_by_role("link", name="Sources", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sources")
    assert failed == []
    page.close()


def at_home(browser: Browser, url: str, **options: object) -> Page:
    """Return a page of a reader of their own, whose console must stay empty."""
    page = new_page(browser, **options)
    page.goto(url)
    return page


@pytest.mark.parametrize("name", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])
def test_the_script_dates_a_post_as_the_server_does(browser, tmp_path, name):
    site = Site(tmp_path, timezone=name)
    site.subscribe()
    midnight = datetime.now(ZoneInfo(name)).replace(hour=0, minute=0)
    days = [midnight - timedelta(days=days, minutes=30) for days in range(8, 360, 11)]
    site.record("lamp", *(entry(n, published_at=day) for n, day in enumerate(days)))
    texts = [
        words(each)
        for each in site.page("/search?q=post").all("time")
        if each.get("datetime", "")[10:]
    ]
    with served(site) as base:
        page = at_home(browser, f"{base}/search?q=post", timezone_id="Asia/Tokyo", locale="en-GB")
        page.wait_for_function("document.documentElement.classList.contains('has-js')")
        shown = page.locator("time[datetime*=T]").all_inner_texts()
        page.context.close()

    assert len(shown) > 30
    assert shown == texts


@pytest.mark.parametrize("off", [timedelta(days=3), timedelta(hours=-12), timedelta(0)])
@pytest.mark.parametrize("locale", ["en-GB", "de-DE", "ja-JP"])
def test_times_stay_true_and_follow_the_clock_of_the_server(browser, midday, off, locale):
    midday.record("lamp", entry(19))
    with served(midday) as base:
        context = browser.new_context(locale=locale)
        page = context.new_page()
        page.clock.install(time=datetime.now(UTC) + off)
        page.goto(base)
        time = page.locator("time.dt-published")
        said = [time.inner_text()]
        for pause in (61_000, 3 * 3_600_000):
            page.clock.run_for(pause)
            said.append(time.inner_text())
        context.close()

    assert (
        said
        == {
            "en-GB": ["19 minutes ago", "20 minutes ago", "3 hours ago"],
            "de-DE": ["vor 19 Minuten", "vor 20 Minuten", "vor 3 Stunden"],
            "ja-JP": ["19 分前", "20 分前", "3 時間前"],
        }[locale]
    )


def test_a_page_that_slept_is_right_at_once_and_not_before(browser, midday):
    midday.record("lamp", entry(19))
    with served(midday) as base:
        page = browser.new_context().new_page()
        page.clock.install(time=datetime.now(UTC))
        page.goto(base)
        time = page.locator("time.dt-published")
        hide = """(state) => {
            Object.defineProperty(document, "hidden", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
        page.evaluate(hide, True)
        page.clock.fast_forward(3 * 3_600_000)
        asleep = time.inner_text()
        page.evaluate(hide, False)
        awake = time.inner_text()
        page.context.close()

    assert (asleep, awake) == ("19 minutes ago", "3 hours ago")


def test_a_label_is_written_when_it_goes_stale_and_at_no_other_time(browser, midday):
    midday.record("lamp", entry(19))
    with served(midday) as base:
        page = browser.new_context().new_page()
        page.clock.install(time=datetime.now(UTC))
        page.goto(base)
        page.evaluate(
            """() => {
                window.written = 0;
                const watch = new MutationObserver((all) => { window.written += all.length; });
                watch.observe(document.querySelector("time.dt-published"), { childList: true });
            }"""
        )
        page.clock.run_for(10 * 60_000)
        page.clock.run_for(100)
        written = page.evaluate("window.written")
        page.context.close()

    assert written == 10


def test_new_posts_are_announced_and_never_pushed_in(browser, site):
    site.record("lamp", entry(10))
    with served(site) as base:
        context = browser.new_context()
        page = context.new_page()
        page.clock.install()
        page.goto(base)
        page.clock.run_for(9_000)
        assert page.locator(".pill").count() == 0
        site.record("lamp", entry(1), entry(2))
        page.clock.run_for(61_000)
        pill = page.locator(".pill")
        pill.wait_for()
        assert pill.inner_text() == "2 new posts"
        assert page.title() == "(2) Daybook"
        assert page.locator(".entry").count() == 1
        page.keyboard.press(".")
        page.locator(".entry").nth(2).wait_for()
        context.close()


def test_what_came_since_the_last_visit_stays_marked_over_paging_and_reloading(browser, site):
    now = datetime.now(UTC)
    site.record("lamp", *(entry(n) for n in range(200, 240)), now=now - timedelta(hours=3))
    with served(site) as base:
        page = at_home(browser, base)
        assert page.locator(".new").count() == 0
        visit = int((now - timedelta(hours=2)).timestamp() * 1000)
        cookie = f"{visit}.{visit}.{visit}.{visit}"
        page.context.add_cookies([{"name": "seen", "value": cookie, "url": base}])
        site.record("lamp", entry(1), entry(2))
        page.goto(base)
        page.get_by_role("link", name="Older posts").click()
        page.go_back()
        page.reload()
        line = page.locator(".seen").inner_text()
        marked = page.locator(".entry .new").count()
        page.context.close()

    assert (line, marked) == ("2 new since your last visit, 2 hours ago", 2)


def test_keys_move_between_posts_and_can_be_switched_off(browser, site):
    site.record("lamp", entry(1), entry(2))
    focused = "document.activeElement.textContent"
    with served(site) as base:
        page = at_home(browser, base)
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate(focused) == "Post 2"
        page.keyboard.press("k")
        assert page.evaluate(focused) == "Post 1"
        page.keyboard.press("/")
        page.keyboard.type("jk?")
        assert page.locator("#q").input_value() == "jk?"
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        page.locator("[data-keys-on]").uncheck()
        page.locator("dialog button").click()
        page.reload()
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.tagName") == "BODY"
        page.context.close()


def test_keys_stay_where_they_are_on_keyboards_with_other_letters(browser, site):
    typed = """(keys) => keys.forEach(([key, code]) => document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", {key, code, bubbles: true})))"""
    russian, arabic, hebrew = ["о", "KeyJ"], ["ت", "KeyJ"], ["ל", "KeyK"]
    site.record("lamp", *(entry(number, guid=f"g{number}") for number in range(1, 4)))
    with served(site) as base:
        page = at_home(browser, base)
        page.evaluate(typed, [russian, arabic, arabic, hebrew, ["ж", "Semicolon"]])
        focused = page.evaluate("document.activeElement.textContent")
        page.context.close()

    assert focused == "Post 2"


def test_keys_pass_by_what_is_folded_and_o_opens_a_tab(browser, site):
    now = datetime.now(UTC)
    burst = [entry(n, published_at=now - timedelta(seconds=n)) for n in range(1, 8)]
    site.record("lamp", *burst)
    site.record("tide", entry(600, guid="other"))
    focused = "document.activeElement.textContent"
    with served(site) as base:
        page = at_home(browser, base)
        page.context.route("https://example.org/**", lambda route: route.fulfill(body="there"))
        page.keyboard.press("j")
        page.keyboard.press("j")
        assert page.evaluate(focused) == "Post 600"
        page.locator(".fold summary").click()
        page.locator("body").press("k")
        page.keyboard.press("j")
        with page.context.expect_page() as opened:
            page.keyboard.press("o")
        assert opened.value.url.startswith("https://example.org/post-")
        page.context.close()


def test_the_menu_of_categories_hangs_below_its_button_until_one_turns_away(browser, tmp_path):
    names = [f"Category {number}" for number in range(30)]
    feeds = [{"name": n[9:], "url": f"https://x.example/{n[9:]}", "category": n} for n in names]
    site = Site(tmp_path, feeds=feeds)
    site.subscribe()
    site.record("1", entry(1))
    with served(site) as base:
        for width in (1280, 800, 390):
            page = at_home(browser, base, width=width, height=800)
            top = page.locator(".entry").first.bounding_box()["y"]
            assert top <= 200
            more, hidden = page.locator(".more summary"), page.locator(".more a").last
            more.press("Enter")
            assert hidden.is_visible()
            assert page.locator(".entry").first.bounding_box()["y"] == top
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.keyboard.press("Escape")
            assert not hidden.is_visible()
            more.click()
            page.locator("h1").click()
            assert not hidden.is_visible()
            page.context.close()


def test_a_title_reads_in_its_own_direction_whether_new_or_not(browser, site):
    earlier = datetime.now(UTC) - timedelta(hours=1)
    site.record("lamp", entry(90, title="عناوين with words"), now=earlier)
    site.record("lamp", entry(1, title="كيف يعمل البحر؟", language="ar"))
    visit = int((earlier + timedelta(minutes=1)).timestamp() * 1000)
    with served(site) as base:
        page = at_home(browser, base)
        cookie = f"{visit}.{visit}.{visit}.{visit}"
        page.context.add_cookies([{"name": "seen", "value": cookie, "url": base}])
        page.goto(base)
        directions = page.locator("h3").evaluate_all(
            "all => all.map((one) => getComputedStyle(one).direction)"
        )
        assert page.locator(".new").count() == 1
        page.context.close()

    assert directions == ["rtl", "rtl"]


def test_every_control_can_be_reached_by_tab_and_shows_it(browser, site):
    site.record("lamp", entry(1, authors=("Ada",)))
    walk = """() => {
        const at = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(at);
        return [at.textContent.trim() || at.ariaLabel || at.id, outlineStyle + outlineWidth];
    }"""
    with served(site) as base:
        page = at_home(browser, base)
        stops = []
        for _ in range(40):
            page.keyboard.press("Tab")
            stops.append(page.evaluate(walk))
            if stops[-1][0].startswith("About our crawler"):
                break
        page.keyboard.press("Home")
        page.context.close()

    said = [text for text, _ in stops]
    assert said[:6] == ["Skip to the posts", "Daybook", "Recent", "Sources", "Status", "Saved"]
    post = said.index("Post 1")
    # Three stops a post: its title, its source, and the button that saves it.
    assert said[post + 1 : post + 3] == ["LLamp", "Save: Post 1"]
    assert "Daybook" not in said[post + 3]
    assert said[-1] == "About our crawler"
    assert {outline for _, outline in stops} == {"solid2px"}


def test_a_chosen_theme_is_kept(browser, site):
    with served(site) as base:
        page = at_home(browser, base, color_scheme="light")
        colour = "getComputedStyle(document.body).backgroundColor"
        light = page.evaluate(colour)
        page.locator("[data-theme-btn]").click()
        page.locator("[data-theme-btn]").click()
        dark = page.evaluate(colour)
        page.goto(f"{base}/status")
        kept = page.evaluate(colour)
        page.context.close()

    assert light != dark == kept


def test_without_the_script_the_page_is_whole(browser, midday):
    midday.record("lamp", entry(19))
    with served(midday) as base:
        page = at_home(browser, base, java_script_enabled=False)
        assert page.locator("time.dt-published").inner_text() == "19 minutes ago"
        assert not page.locator("[data-theme-btn]").is_visible()
        page.locator("#q").fill("post")
        page.locator("#q").press("Enter")
        expect(page.locator("h1")).to_have_text("Search: post")
        page.locator("#q").fill("post source:lamp -nothing")
        page.locator("#q").press("Enter")
        expect(page.locator("mark")).to_have_count(1 + 1)
        page.get_by_role("link", name="Titles").click()
        assert not page.locator(".sum").first.is_visible()
        page.context.close()

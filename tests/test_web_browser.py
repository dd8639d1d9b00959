"""The pages in a real browser: what the script does, and that the page holds without it."""

import contextlib
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright
from werkzeug.serving import make_server

from tests.browser import system_chromium
from tests.web_fixtures import Site, entry, full_site

pytestmark = pytest.mark.browser

PATHS = ["/", "/?view=titles", "/source/tide", "/search?q=post", "/sources", "/status", "/nope"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            chromium = playwright.chromium.launch(executable_path=system_chromium(), args=arguments)
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Chromium that starts: {str(error).splitlines()[0]}")
        yield chromium
        chromium.close()


@contextlib.contextmanager
def served(site: Site) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(tmp_path) -> Site:
    fresh = Site(tmp_path)
    fresh.subscribe()
    return fresh


def at_home(browser: Browser, url: str, **options: object) -> Page:
    """Return a page of a reader of their own, whose console must stay empty."""
    page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
    page.goto(url)
    return page


def test_every_page_is_quiet_stays_with_us_and_fits_a_phone(browser, tmp_path):
    with served(full_site(tmp_path)) as base:
        page = browser.new_context(viewport={"width": 320, "height": 640}).new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        for path in PATHS:
            page.goto(base + path)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 320, path
        page.context.close()

    assert all(url.startswith(base) for url in asked)
    assert [text for text in said if "404" not in text] == []


def test_times_stay_true_and_follow_the_clock_of_the_server(browser, site):
    site.record("lamp", entry(19))
    with served(site) as base:
        context = browser.new_context()
        page = context.new_page()
        page.clock.install(time=datetime.now(UTC) + timedelta(days=3))
        page.goto(base)
        time = page.locator("time.dt-published")
        first = time.inner_text()
        page.clock.run_for(61_000)
        second = time.inner_text()
        context.close()

    assert (first, second) == ("19 minutes ago", "20 minutes ago")


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
        assert page.title() == "(2) Recent posts · Daybook"
        assert page.locator(".entry").count() == 1
        page.keyboard.press(".")
        page.locator(".entry").nth(2).wait_for()
        context.close()


def test_what_came_since_the_last_visit_has_a_dot(browser, site):
    now = datetime.now(UTC)
    site.record("lamp", entry(200), now=now - timedelta(hours=3))
    with served(site) as base:
        page = at_home(browser, base)
        assert page.locator(".new").count() == 0
        visit = (now - timedelta(hours=2)).timestamp() * 1000
        page.evaluate(f"localStorage.setItem('visit', '{visit} 0')")
        site.record("lamp", entry(1), entry(2))
        for _ in range(2):  # the dots stay while the visit lasts
            page.goto(base)
            assert page.locator(".entry .new").count() == 2
            line = page.locator(".seen").inner_text()
            assert line == "2 new since your last visit, 2 hours ago"
        page.context.close()


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


def test_without_the_script_the_page_is_whole(browser, site):
    site.record("lamp", entry(19))
    with served(site) as base:
        page = at_home(browser, base, java_script_enabled=False)
        assert page.locator("time.dt-published").inner_text() == "19 minutes ago"
        assert not page.locator("[data-theme-btn]").is_visible()
        page.locator("#q").fill("post")
        page.locator("#q").press("Enter")
        assert page.locator("h1").inner_text() == "Posts about “post”"
        page.get_by_role("link", name="Titles").click()
        assert not page.locator(".sum").first.is_visible()
        page.context.close()

"""The page of a post in a real browser: at every width and colour, on paper, without a script."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from aggregator.reading import sanitize
from tests.test_web_look import SCREENSHOTS, open_page, violations
from tests.web_fixtures import Site, entry, post_path, served

pytestmark = pytest.mark.browser

TEXT = Path(__file__).parent / "data" / "posts" / "everything.html"
ADDRESS = "https://www.tides.example/what-the-tide-leaves"
IS_WIDER = "document.documentElement.scrollWidth > innerWidth"


@dataclass(frozen=True)
class Posts:
    """Addresses of pages of posts, and of their server."""

    server: str
    everything: str
    arabic: str


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Posts]:
    site = Site(tmp_path_factory.mktemp("posts"))
    site.subscribe()
    html = sanitize.content(TEXT.read_text("utf-8"), base=ADDRESS, page=ADDRESS)
    title = "What the tide leaves behind, <code>--follow</code> included"
    everything = entry(
        90, title="Everything", title_html=title, url=ADDRESS, content_html=html,
        authors=("Ada Moreau", "Ines Okafor"),
    )  # fmt: skip
    arabic = entry(
        80, guid="ar", title="كيف يعمل البحر؟", language="ar",
        content_html="<p>نص قصير عن البحر.</p><ul><li>المد</li><li>الجزر</li></ul>",
    )  # fmt: skip
    site.record("lamp", everything, arabic)
    with served(site) as address:
        yield Posts(
            address,
            address + post_path(site, "Everything"),
            address + post_path(site, "كيف يعمل البحر؟"),
        )


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["everything", "arabic"])
def test_nobody_is_shut_out_of_a_post(browser: Browser, posts, axe, name, width, colours):
    page = open_page(browser, getattr(posts, name), width, color_scheme=colours)
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"post-{name}-{width}-{colours}.png", full_page=True)

    assert violations(page, axe) == []
    assert not page.evaluate(IS_WIDER)
    page.context.close()


@pytest.mark.parametrize(("width", "number"), [(320, 2), (640, 1)])  # 640: 1280 at 200 %
def test_wide_parts_of_a_post_scroll_within_themselves(browser: Browser, posts, width, number):
    page = open_page(browser, posts.everything, width)

    scrolling = page.evaluate(
        "[...document.querySelectorAll('.text .tw, .text pre')]"
        ".filter((part) => part.scrollWidth > part.clientWidth && part.tabIndex === 0).length"
    )

    assert not page.evaluate(IS_WIDER)
    assert scrolling >= number
    page.context.close()


def test_a_post_asks_no_other_host_for_anything_before_a_reader_does(browser: Browser, posts):
    page = browser.new_page()
    hosts, complaints = set(), []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("console", lambda message: complaints.append(message.text))

    page.goto(posts.everything, wait_until="networkidle")
    asked = set(hosts)
    page.route("https://cdn.example/**", lambda route: route.abort())
    page.evaluate("() => void document.querySelector('audio').play().catch(() => {})")
    page.wait_for_timeout(200)

    assert asked == {posts.server.removeprefix("http://")}
    assert hosts - asked == {"cdn.example"}
    assert not [text for text in complaints if "Content Security Policy" in text]
    page.close()


def test_a_footnote_is_reached_and_left_on_the_page(browser: Browser, posts):
    page = browser.new_page()
    page.goto(posts.everything)

    page.locator(".text sup a").click()
    assert page.evaluate("document.querySelector(':target').textContent").startswith("In our")
    page.locator(".text :target a").click()
    assert page.evaluate("document.querySelector(':target').textContent") == "1"
    page.close()


def test_a_post_is_whole_on_paper_and_without_the_script(browser: Browser, posts):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(posts.everything)
    page.emulate_media(media="print")
    page.screenshot(path=SCREENSHOTS / "post-print.png", full_page=True)

    assert page.locator(".text").is_visible()
    assert not page.locator(".top").is_visible()
    assert page.locator(".when time").first.inner_text().endswith("UTC")
    context.close()

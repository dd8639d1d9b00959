"""The page of a post in a real browser: at every width and colour, on paper, without a script."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from aggregator.model import Enclosure
from aggregator.reading import sanitize
from tests.test_web_look import SCREENSHOTS, in_both_colours, open_page
from tests.web_fixtures import FEEDS, Site, entry, midday_zone, post_path, served

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
    episode: str


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Posts]:
    lamp, tide, local = FEEDS
    feeds = (lamp, tide | {"title": "Tides, and what they leave on the beach behind them"}, local)
    site = Site(tmp_path_factory.mktemp("posts"), feeds, timezone=midday_zone())
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
    files = (
        Enclosure("https://cdn.example/the-tide-turns-a-talk.mp3", "audio/mpeg", 38_400_000, 2520),
        Enclosure("https://cdn.example/harbour.mp4", "video/mp4", 190_000_000, 600),
        Enclosure("https://cdn.example/map.png", "image/png", 400_000),
    )  # fmt: skip
    episode = entry(
        100, title="The tide turns: a conversation", summary="What it is about, in a sentence.",
        enclosures=files, comments_url="https://talk.example/9", guid="episode",
    )  # fmt: skip
    cut = [
        entry(
            110 + n,
            guid=f"c{n}",
            summary=f"{'A cut excerpt of some length ' * 7}…",
            authors=("Ada",),
        )
        for n in range(6)
    ]
    site.record("lamp", everything, arabic, episode)
    site.record("tide", *cut)
    with served(site) as address:
        yield Posts(
            address,
            address + post_path(site, "Everything"),
            address + post_path(site, "كيف يعمل البحر؟"),
            address + post_path(site, "The tide turns: a conversation"),
        )


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["server", "everything", "arabic", "episode"])
def test_nobody_is_shut_out_of_a_post(browser: Browser, posts, axe, name, width):
    page = open_page(browser, getattr(posts, name), width)

    assert in_both_colours(page, axe, f"post-{name}-{width}", whole=True) == []
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


@pytest.mark.parametrize(
    "nest", ["<blockquote>{}</blockquote>", "<ul><li>{}</li></ul>", "<dl><dd>{}</dd></dl>"]
)
def test_quotations_and_lists_within_each_other_do_not_widen_the_page(
    browser: Browser, tmp_path, nest
):
    site = Site(tmp_path)
    site.subscribe()
    start, end = nest.split("{}")
    text = sanitize.content(f"{100 * start}words{100 * end}", base=ADDRESS)
    site.record("lamp", entry(1, content_html=text))
    with served(site) as address:
        page = open_page(browser, address + post_path(site), 320)

        assert page.locator(".text").inner_text().strip() == "words"
        assert not page.evaluate(IS_WIDER)
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
    assert page.locator(".text kbd").is_visible()
    for hidden in (".top", ".ways", "audio", "article > footer"):
        assert not page.locator(hidden).first.is_visible()
    assert ADDRESS in page.evaluate(
        "getComputedStyle(document.querySelector('.out a'), '::after').content"
    )
    assert re.search(r" (UTC|[+-]\d+)$", page.locator(".when time").first.inner_text())
    context.close()


def test_no_table_is_cut_off_on_paper_and_nothing_is_folded(browser: Browser, tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    cells = "".join(f"<td>A cell with words, number {number}</td>" for number in range(20))
    text = f"<details><summary>More</summary><p>Folded</p></details><table><tr>{cells}</tr></table>"
    site.record("lamp", entry(1, content_html=sanitize.content(text, base=ADDRESS)))
    with served(site) as address:
        page = open_page(browser, address + post_path(site), 700)
        assert not page.get_by_text("Folded").is_visible()
        page.emulate_media(media="print")

        assert page.get_by_text("Folded").is_visible()
        edge = page.get_by_text("number 19").bounding_box()
        assert edge is not None
        assert edge["x"] + edge["width"] <= 700
        page.context.close()


def test_keys_lead_from_a_list_to_a_post_on_to_the_next_and_out(browser: Browser, posts):
    page = browser.new_context().new_page()
    page.context.route("https://example.org/**", lambda route: route.fulfill(body="there"))
    page.goto(f"{posts.server}/source/lamp")
    for key, title in (
        ("j", "Lamp"), ("j", "Lamp"), ("v", "Everything"), ("j", "The tide turns: a conversation"),
        ("k", "Everything"), ("k", "كيف يعمل البحر؟"),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(page).to_have_title(re.compile(title))
        page.wait_for_load_state()
    with page.context.expect_page() as opened:
        page.keyboard.press("o")

    assert opened.value.url == "https://example.org/post-80"
    page.context.close()


def test_a_key_opens_a_post_that_has_more_than_words(browser: Browser, posts):
    page = browser.new_context().new_page()
    page.goto(f"{posts.server}/source/lamp")
    for key in "jjjv":
        page.keyboard.press(key)

    expect(page).to_have_title(re.compile("The tide turns: a conversation"))
    page.context.close()

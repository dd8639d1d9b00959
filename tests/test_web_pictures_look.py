"""Pictures in a real browser: nothing moves when they come, and nobody else is asked."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Route
from sqlalchemy import select

from aggregator.database.schema import entries
from tests.hostile_pictures import painting
from tests.pictured import add_picture
from tests.test_web_look import in_both_colours, open_page
from tests.web_fixtures import Site, entry, midday_zone, post_path, served

pytestmark = pytest.mark.browser

EXCERPT = "The harbour was quiet, the nets were dry, and nobody had asked for the tide yet. " * 3
MOVED = """async () => {
  const moved = [], element = (node) => node?.nodeType === 3 ? node.parentElement : node
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      for (const {node} of entry.sources)  // times move their neighbours when a minute ends
        if (element(node)?.closest(".day, .text") && !element(node).closest(".meta"))
          moved.push(element(node).outerHTML)
  }).observe({type: "layout-shift", buffered: true})
  for (let y = 0; y < document.body.scrollHeight; y += 200) {
    scrollTo(0, y)
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 30)))
  }
  await Promise.all([...document.images].map((image) => image.decode()))
  scrollTo(0, 0)
  await new Promise((done) => setTimeout(done, 100))
  return moved
}"""

COVERED = """() => {
  const boxes = (node) => {
    const range = document.createRange()
    range.selectNodeContents(node)
    return [...range.getClientRects()]
  }
  return [...document.querySelectorAll(".entry")].flatMap((entry) => {
    const picture = entry.querySelector("img.shot, .shot img")?.getBoundingClientRect()
    return [...entry.querySelectorAll("h3, .meta, .sum, .tags")].filter((text) =>
      picture && boxes(text).some((box) =>
        box.left < picture.right - 1 && picture.left < box.right - 1
        && box.top < picture.bottom - 1 && picture.top < box.bottom - 1)
    ).map((text) => text.outerHTML)
  })
}"""


@dataclass(frozen=True)
class Gallery:
    """Addresses of a list with pictures, of the page of its source and of a post."""

    server: str
    source: str
    post: str


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    folder = tmp_path_factory.mktemp("gallery")
    site = Site(folder, page={"pictures": "all"}, timezone=midday_zone())
    site.subscribe()
    sizes = [(1200, 800), (800, 1200), (1600, 500), (300, 300), (1200, 900), (120, 90)]
    texts = [EXCERPT, EXCERPT, EXCERPT, EXCERPT, "Three gulls.", EXCERPT]
    html = f"<p>{EXCERPT}</p>" + "".join(
        f'<p><img src="https://lamp.example/{number}.jpg" alt="Boats {number}"></p>'
        for number in range(6)
    )
    posts = [
        entry(
            70 * number,
            title=f"Post {number}",
            summary=text,
            content_html=html if number == 3 else f"<p>{text}</p>",
            language="ar" if number == 2 else None,
        )
        for number, text in enumerate(texts)
    ]
    site.record("lamp", *posts, entry(800, summary=EXCERPT), entry(900, summary=""))
    with site.engine.connect() as connection:
        ids = connection.scalars(select(entries.c.id).order_by(entries.c.id.desc())).all()
    place = site.config.picture_folder
    for number, (entry_id, size) in enumerate(zip(ids, sizes, strict=False)):
        url = f"https://lamp.example/{number}.jpg"
        add_picture(site.engine, place, entry_id, url, painting(*size, hue=number * 40))
    with served(site) as address:
        yield Gallery(address, f"{address}/source/lamp", address + post_path(site, "Post 3"))


def come_late(route: Route) -> None:
    """Let a picture come after the first painting of its page."""
    time.sleep(0.1)
    route.continue_()


@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("name", ["server", "source", "post"])
def test_nobody_is_shut_out_and_nothing_moves(browser: Browser, gallery, axe, name, width):
    is_mobile = width < 500  # with scrollbars above the page, not beside it
    page = open_page(browser, f"{gallery.server}/about/robot", width, is_mobile=is_mobile)
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url))
    page.route("**/picture/**", come_late)
    page.goto(getattr(gallery, name))

    moved = page.evaluate(MOVED)

    assert moved == []
    assert in_both_colours(page, axe, f"pictures-{name}-{width}", whole=True) == []
    assert page.evaluate(COVERED) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
    assert all(url.startswith(gallery.server) for url in hosts)
    assert any("/picture/" in url for url in hosts)
    page.context.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    ("name", "number"), [("server", 0), ("server", 2), ("server", 4), ("source", 0)]
)
def test_a_click_on_a_picture_leads_where_the_title_leads(
    browser: Browser, gallery, width, name, number
):
    page = open_page(browser, getattr(gallery, name), width)
    title = page.get_by_role("link", name=f"Post {number}", exact=True)
    box = page.locator("img.shot, .shot img").nth(number).bounding_box()
    assert box is not None

    target = page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).closest('a')?.href",
        [box["x"] + box["width"] / 2, box["y"] + box["height"] / 3],
    )
    by = page.locator(".by").nth(number).bounding_box()
    assert by is not None
    beside = page.evaluate(
        "([x, y]) => document.elementFromPoint(x, y).closest('a')?.href",
        [by["x"] + by["width"] / 2, by["y"] + by["height"] / 2],
    )

    assert target == title.get_attribute("href")
    assert beside != target
    page.context.close()

"""Pages with logo, accent and a text of the operator, in a real browser."""

import pytest

from tests import drawn
from tests.test_web_look import in_both_colours, open_page
from tests.web_fixtures import Site, entry, served

pytestmark = pytest.mark.browser

ABOUT = """# Blogs of the harbour people

We read what *our neighbours* write; [all sources](/sources).

## How to be listed

1. Have a feed
2. Write to us

```
- https://example.org/an-address-that-is-much-too-long-for-a-line-on-a-telephone/feed.xml
```

> Posts belong to their authors.
"""
ACCENT = """(() => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = "var(--accent)";
  return getComputedStyle(probe).color;
})()"""
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 24" onload="alert(1)"><style>
rect { fill: #080 } @media (prefers-color-scheme: dark) { rect { fill: #8f8 } }
</style><rect width="48" height="24"/><script>alert(1)</script></svg>"""
PIXEL = """(() => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.drawImage(document.querySelector(".brand img"), 0, 0);
  return [...canvas.getImageData(1, 1, 1, 1).data].join();
})()"""
PATHS = {"list": "/", "about": "/about", "source": "/source/lamp", "error": "/nothing"}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("branded")
    (folder / "about.md").write_text(ABOUT)
    (folder / "logo.svg").write_text(LOGO)
    (folder / "look.css").write_text(".brand span { letter-spacing: .02em }")
    page = {
        "description": "What the people of the harbour write",
        "contact": "mailto:us@example.org",
        "imprint": "https://example.org/imprint",
        "about": "about.md",
        "logo": "logo.svg",
        "accent": "#0a58ca",
        "css": "look.css",
        "status": "off",
        "embed": ["https://community.example.org"],
    }
    site = Site(folder, title="Harbour Planet", page=page)
    site.subscribe()
    site.record("lamp", *(entry(number) for number in range(1, 30)))
    with served(site) as address:
        yield address


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PATHS)
def test_the_operators_look_shuts_nobody_out(browser, base, axe, name, width):
    page = open_page(browser, base + PATHS[name], width)

    assert in_both_colours(page, axe, f"branded-{name}-{width}") == []
    assert page.evaluate("document.querySelector('.brand img').naturalWidth > 0")
    page.context.close()


def test_the_operators_pages_ask_nobody_else_and_break_no_policy(browser, base):
    page = browser.new_page()
    hosts, complaints = set(), []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("console", lambda message: complaints.append(message.text))
    for path in ("/", "/about"):
        page.goto(base + path)

    assert hosts == {base.removeprefix("http://")}
    assert complaints == []
    page.close()


@pytest.mark.parametrize("width", [320, 640])  # 640: 1280 at 200 %
def test_nothing_is_wider_than_a_narrow_window(browser, base, width):
    for path in PATHS.values():
        page = open_page(browser, base + path, width)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page.context.close()


def test_accent_and_logo_are_those_of_the_theme(browser, base):
    for scheme, colour in (("light", "rgb(10, 88, 202)"), ("dark", "rgb(83, 148, 255)")):
        page = open_page(browser, base, color_scheme=scheme)
        assert page.evaluate(ACCENT) == colour
        assert page.evaluate(PIXEL) == ("0,136,0,255" if scheme == "light" else "136,255,136,255")
        page.context.close()


def test_a_reader_copies_the_html_of_the_list(browser, base):
    page = open_page(browser, base)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()

    assert page.evaluate("navigator.clipboard.readText()").startswith("<iframe src=")
    page.context.close()


def test_a_hostile_logo_opened_by_its_address_runs_nothing(browser, base):
    page = open_page(browser, base)
    address = page.evaluate("document.querySelector('.brand img').src")
    page.goto(address)

    assert page.evaluate("document.documentElement.nodeName") == "svg"
    refused = page.evaluate(
        """() => {
          const script = document.createElementNS("http://www.w3.org/2000/svg", "script");
          script.textContent = "document.documentElement.id = 'ran'";
          document.documentElement.append(script);
          return document.documentElement.id !== "ran";
        }"""
    )
    assert refused
    page.context.close()


@pytest.mark.parametrize("locale", ["en-GB", "de"])
def test_the_foot_takes_two_rows_also_with_the_operators_links(browser, base, locale):
    page = open_page(browser, base, locale=locale)
    boxes = page.evaluate(
        """() => [...document.querySelectorAll(".foot p")].map((part) => {
            const {left, top, bottom} = part.getBoundingClientRect();
            return [left, (top + bottom) / 2];
        })"""
    )
    page.context.close()

    lefts, middles = zip(*boxes, strict=True)
    second_row = [middle > middles[0] + 10 for middle in middles]
    assert second_row in ([False, False, True, True], [False, False, False, True])
    assert max(middles) - min(middles) < 60
    assert lefts[second_row.index(True)] == pytest.approx(lefts[0], abs=1)


# Of each row: its height, and where words stand in it.
ROWS = """() => [...document.querySelectorAll(".entry, .st tbody tr:not(.grp)")].map((row) => {
  const {top, height} = row.getBoundingClientRect();
  const texts = [...row.querySelectorAll("h3, time, td, .tile + span")];
  return [height, ...texts.map((text) => text.getBoundingClientRect().top - top)];
})"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/", "/?view=titles", "/sources", "/status"])
def test_words_stand_beside_a_face_as_beside_a_letter(browser, faced, path, width):
    page = open_page(browser, faced + path, width)
    rows = page.evaluate(ROWS)
    faces = page.locator(".entry img.tile, .st img.tile").count()
    page.context.close()

    assert faces == 1
    assert len(rows) == 2
    assert rows[0] == pytest.approx(rows[1], abs=0.6)  # rows of tables are rounded


@pytest.fixture(scope="module")
def faced(tmp_path_factory):
    """Serve two feeds that differ in the face of one."""
    folder = tmp_path_factory.mktemp("faced")
    (folder / "ada.png").write_bytes(drawn.png(120, 90))
    feeds = [
        {"name": name, "url": f"https://{name}.example/feed.xml", "category": "Sea", "title": title}
        for name, title in (("lamp", "Lamp 1"), ("tide", "Lamp 2"))
    ]
    site = Site(folder, [feeds[0] | {"picture": "ada.png"}, feeds[1]], stories="off")
    site.subscribe()
    for feed in feeds:
        site.record(feed["name"], entry(1, guid=feed["name"]))
    with served(site) as address:
        yield address

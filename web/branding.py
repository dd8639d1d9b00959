"""The logo, style sheet and text of the operator, as files and as values for templates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING

from aggregator.config import Config, Face, Logo, PageOptions
from web.responses import Body, body

if TYPE_CHECKING:
    from markdown_it.token import Token

STYLE_SHEET = "look.css"
TOUCH_ICON = "touch-icon.png"
_DEFAULT_ACCENT = b"#a83c08"  # in static/icon.svg
_BREAKS = ("softbreak", "hardbreak")
_CSS = "text/css; charset=utf-8"


@dataclass(frozen=True, slots=True)
class About:
    """The text about the site.

    Attributes:
        title: The heading with which the text begins, empty if it begins with none.
        html: The text below the title; sanitised, as the texts of posts are stored.
        address: Of the page with the text.
        headings: The text of each heading, in order, the title first.
    """

    title: str
    html: str
    address: str
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Branding:
    """What the section `page` of config.yaml adds to the look of the pages.

    Attributes:
        assets: Files beside those of static/, by name.
        logo_name: Name of the logo among the assets, empty without a logo.
        style_sheet: Name of the style sheet among the assets, empty without a style of its own.
        faces: Names of the pictures of feeds among the assets, by `Subscription.known_url`.
    """

    assets: Mapping[str, Body] = field(default_factory=dict)
    about: About | None = None
    logo: Logo | None = None
    logo_name: str = ""
    style_sheet: str = ""
    faces: Mapping[str, str] = field(default_factory=dict)


def branding(config: Config, icon: Body) -> Branding:
    """Return what config.yaml adds to the look of the pages.

    Args:
        icon: The icon of sites without an accent.
    """
    page, assets = config.page, {}
    if page.logo is not None:
        assets[page.logo_name] = body(page.logo.file.data, page.logo.format.media_type)
        icons = {TOUCH_ICON: page.logo.touch_icon, page.icon_name: page.logo.large_icon}
        assets |= {name: body(png, "image/png") for name, png in icons.items() if png}
    if page.accent is not None:
        coloured = icon.data.replace(_DEFAULT_ACCENT, page.accent.light.encode())
        assets["icon.svg"] = body(coloured, icon.content_type)
    faces = {url: _face_name(face) for url, face in config.faces.items()}
    for url, face in config.faces.items():
        assets[faces[url]] = body(face.data, face.format.media_type)
    if style := _style(page):
        assets[STYLE_SHEET] = body(style.encode(), _CSS)
    return Branding(
        assets=assets,
        about=None if page.about is None else _about(page.about.text, config.base_url),
        logo=page.logo,
        logo_name=page.logo_name,
        style_sheet=STYLE_SHEET if style else "",
        faces=faces,
    )


def _face_name(face: Face) -> str:
    return f"face-{blake2b(face.data, digest_size=6).hexdigest()}.{face.format}"


def _style(page: PageOptions) -> str:
    """Return the accent and the operator's style sheet, empty without both."""
    parts = []
    if page.accent is not None:
        parts.append(f":root{{--accent:light-dark({page.accent.light},{page.accent.dark})}}\n")
    if page.css is not None:
        parts.append(page.css.text)
    return "".join(parts)


def _about(markdown: str, base_url: str) -> About:
    """Return CommonMark with tables as safe HTML; relative links begin at the site."""
    # Few sites have such a text, and both libraries take time and memory.
    from markdown_it import MarkdownIt

    from aggregator.reading import sanitize

    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(markdown)
    title = ""
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        (_, line, _), tokens = tokens[:3], tokens[3:]
        title = _plain(line)
    headings = [_plain(line) for token, line in pairwise(tokens) if token.type == "heading_open"]
    address = f"{base_url}/about"
    html = parser.renderer.render(tokens, parser.options, {})
    return About(
        title,
        sanitize.content(html, base=address, page=address),
        address,
        tuple(filter(None, [title, *headings])),
    )


def _plain(line: "Token") -> str:
    """Return the text of a line without markup."""
    texts = (
        " " if part.type in _BREAKS else part.content
        for part in line.children or ()
        if part.type != "html_inline"
    )
    return "".join(texts).strip()

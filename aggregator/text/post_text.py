"""The sanitised text of an entry as a part of one of our pages.  Pure.

Texts are stored for feed readers: safe, but written for a page without other contents.  Here
headings are set below the headings of our page, landmarks become plain blocks, links to places
within the text stay on the page, wide parts scroll, and no other host is asked for anything: the
caller chooses the replacement of a picture, and sound and video are loaded when they are played.

The input is output of nh3, so a pattern finds the tags: every attribute is ` name="value"`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urlsplit

from aggregator.text.references import unescape

ID_PREFIX = "text-"
"""Prefix of ids in texts, against collisions with ids of our pages and names in scripts."""

_ATTRIBUTES = r'((?: [a-zA-Z:-]+="[^"]*")*)'
_TAG = re.compile(rf"<(/?)([a-z][a-z0-9]*){_ATTRIBUTES}>")
_ATTRIBUTE = re.compile(r' ([a-zA-Z:-]+)="([^"]*)"')
# An empty link, sound or video without further ones in the element, or any other tag.
_PIECE = re.compile(
    rf"<a{_ATTRIBUTES}>(?:\s|&nbsp;)*</a>"
    rf"|<(audio|video){_ATTRIBUTES}>((?:(?!<(?:audio|video)\b).)*?)</\2>"
    rf"|<(/?)([a-z][a-z0-9]*){_ATTRIBUTES}>",
    re.DOTALL,
)
_TARGET = re.compile(rf' id="{ID_PREFIX}([^"]*)"')
_ANY_TAG = re.compile(r"<[^>]*>")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")
_FIRST_OF_SET = re.compile(r"\s*([^\s,]\S*[^\s,])")
_WEB = ("http://", "https://")
_LONG_LINE = 36  # characters of code that may be wider than a narrow page
_LAST_HEADING = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture in a text.

    Attributes:
        address: http(s) address, or the `data:` URL of a picture with its data in the text; empty
            for none.
        alt: Alternative text, empty for none.
        is_in_link: The picture is a part of a link.
    """

    address: str
    alt: str
    is_in_link: bool

    @property
    def url(self) -> str | None:
        """The http(s) address, None without one."""
        return self.address if self.address.startswith(_WEB) else None


@dataclass(frozen=True, slots=True)
class TextLabels:
    """Names of scrolling parts of a text for screen readers, in the language of the page."""

    table: str
    code: str
    formula: str


def text_on_page(
    html: str,
    *,
    url: str | None,
    labels: TextLabels,
    picture: Callable[[Picture], str],
    level: int = 1,
) -> str:
    """Return the HTML of an entry's text for a page of ours.

    Args:
        html: As stored: sanitised, with absolute addresses.
        url: Address of the entry; links to places within the text begin with it.  None if unknown.
        picture: Returns the HTML in place of a picture.
        level: Of the heading above the text.
    """
    return _PageText(html, url, labels, picture, level).result()


def without_targets(html: str) -> str:
    """Return a text without its ids, so that several texts fit on a page.

    Args:
        html: As for `text_on_page`, for which links to places of the text lead to the publisher's
            page then.
    """
    return _TAG.sub(lambda tag: _TARGET.sub("", tag[0]), html)


def picture_address(attributes: Mapping[str, str]) -> str:
    """Return the address of the picture of an element `img`, empty without an address."""
    if src := attributes.get("src", "").strip():
        return src
    candidate = _FIRST_OF_SET.match(attributes.get("srcset", ""))
    return candidate[1] if candidate else ""


def _targets(markup: str) -> str:
    """Return the targets of links in replaced markup, without the markup."""
    return "".join(f'<span id="{ID_PREFIX}{place}"></span>' for place in _TARGET.findall(markup))


def _medium(name: str, attributes: str, content: str) -> str:
    """Return sound or video without any request before a reader plays the file.

    A link if no source is https, as the policy of the page has no other scheme.
    """
    sources = [_values(attributes)]
    sources += [_values(tag[3]) for tag in _TAG.finditer(content) if tag[1] + tag[2] == "source"]
    urls = [values["src"] for values in sources if values.get("src", "").startswith(_WEB)]
    if not urls:
        return ""
    link = (
        f'<a href="{escape(urls[0])}" rel="noopener noreferrer">{escape(_file_name(urls[0]))}</a>'
    )
    playable = [url for url in urls if url.startswith("https://")]
    if not playable:
        return link
    options = "".join(f'<source src="{escape(url)}">' for url in playable)
    return f'<{name} controls="" preload="none">{options}{link}</{name}>'


def _file_name(url: str) -> str:
    parts = urlsplit(url)
    return unquote(parts.path.rpartition("/")[2]) or parts.netloc


def _values(attributes: str) -> dict[str, str]:
    """Return attributes by name, without character references."""
    return {name: unescape(value) for name, value in _ATTRIBUTE.findall(attributes)}


def _tag(name: str, values: dict[str, str]) -> str:
    attributes = "".join(f' {key}="{escape(value)}"' for key, value in values.items())
    return f"<{name}{attributes}>"


class _Start(NamedTuple):
    """A start tag: the name of the element, and the place behind the tag."""

    name: str
    end: int


class _PageText:
    """Rewrites the tags of one text in order."""

    def __init__(
        self,
        html: str,
        url: str | None,
        labels: TextLabels,
        picture: Callable[[Picture], str],
        level: int,
    ) -> None:
        self._html = html
        self._level = level
        self._page = urldefrag(url)[0] if url else None
        self._labels = labels
        self._picture = picture
        self._targets = frozenset(map(unescape, _TARGET.findall(html)))
        self._links = 0  # open elements of the name
        self._tables = 0
        self._levels: list[int] = []  # of the headings above, as written
        self._open_headings: list[int] = []
        self._open_formulas: list[bool] = []  # whether each scrolls
        self._code_ends = 0

    def result(self) -> str:
        """Return the text."""
        return _PIECE.sub(self._rewritten, self._html)

    def _rewritten(self, piece: re.Match[str]) -> str:
        anchor, medium, of_medium, content, is_end, name, attributes = piece.groups()
        if anchor is not None:
            return _targets(anchor)
        if medium is not None:
            return _targets(piece[0]) + _medium(medium, of_medium, content)
        if is_end:
            return _ENDS[name](self, name) if name in _ENDS else piece[0]
        if name not in _STARTS and " id=" not in attributes and " lang=" not in attributes:
            return piece[0]
        values = _values(attributes)
        if not values.get("id", ID_PREFIX).startswith(ID_PREFIX):
            del values["id"]
        if not _LANGUAGE.fullmatch(values.get("lang", "en")):
            del values["lang"]
        if name not in _STARTS:
            return _tag(name, values)
        targets = _targets(attributes) if name in _REPLACED else ""
        return targets + _STARTS[name](self, _Start(name, piece.end()), values)

    # --- starts

    def heading(self, start: _Start, values: dict[str, str]) -> str:
        """Set a heading below the headings of the page, without a gap between levels."""
        written_level = int(start.name[1])
        while self._levels and self._levels[-1] >= written_level:
            self._levels.pop()
        self._levels.append(written_level)
        self._open_headings.append(min(self._level + len(self._levels), _LAST_HEADING))
        return _tag(f"h{self._open_headings[-1]}", values)

    def block(self, start: _Start, values: dict[str, str]) -> str:
        """Make a landmark a plain block: the page has landmarks already."""
        return _tag("div", values | ({"class": "aside"} if start.name == "aside" else {}))

    def link(self, _start: _Start, values: dict[str, str]) -> str:
        """Keep a link to a place in the text on the page."""
        self._links += 1
        page, _, place = values.get("href", "").partition("#")
        if page == self._page and place:
            target = place if place in self._targets else unquote(place)
            if target in self._targets:
                values = {"href": f"#{ID_PREFIX}{target}"} | (
                    {"id": values["id"]} if "id" in values else {}
                )
        return _tag("a", values)

    def image(self, _start: _Start, values: dict[str, str]) -> str:
        """Put in the replacement of a picture; empty for a pixel for counting readers."""
        if {values.get("width"), values.get("height")} & {"0", "1"}:
            return ""
        alt = " ".join(values.get("alt", "").split())
        return self._picture(Picture(picture_address(values), alt, is_in_link=self._links > 0))

    def table(self, _start: _Start, values: dict[str, str]) -> str:
        """Let the outermost table scroll."""
        self._tables += 1
        table = _tag("table", values)
        return _scrolling("div", self._labels.table) + table if self._tables == 1 else table

    def cell(self, start: _Start, values: dict[str, str]) -> str:
        """Remove references to ids of other cells, as sanitising has removed the ids."""
        return _tag(start.name, {key: value for key, value in values.items() if key != "headers"})

    def code(self, start: _Start, values: dict[str, str]) -> str:
        """Let code with long lines be scrolled by keys."""
        if start.end > self._code_ends:
            end = self._html.find("</pre>", start.end)
            self._code_ends = len(self._html) if end < 0 else end
            lines = _ANY_TAG.sub("", self._html[start.end : self._code_ends]).split("\n")
            if max(map(len, lines)) > _LONG_LINE:
                values |= {"tabindex": "0", "role": "group", "aria-label": self._labels.code}
        return _tag("pre", values)

    def formula(self, _start: _Start, values: dict[str, str]) -> str:
        """Let a formula on a separate line scroll."""
        is_block = values.get("display") == "block"
        self._open_formulas.append(is_block)
        formula = _tag("math", values)
        return _scrolling("span", self._labels.formula) + formula if is_block else formula

    def moment(self, _start: _Start, values: dict[str, str]) -> str:
        """Keep the author's words for a time: the script of the page renews elements `time`."""
        return _tag("span", {key: values[key] for key in ("id", "lang", "dir") if key in values})

    def dropped(self, _start: _Start, _values_of_tag: dict[str, str]) -> str:
        """Drop a tag with a file to load, or without its element."""
        return ""

    # --- ends

    def heading_end(self, name: str) -> str:
        """Return the end tag of the open heading."""
        return f"</h{self._open_headings.pop()}>" if self._open_headings else f"</{name}>"

    def block_end(self, _name: str) -> str:
        """Return the end tag of a plain block."""
        return "</div>"

    def link_end(self, _name: str) -> str:
        """Return the end tag of a link."""
        self._links -= 1
        return "</a>"

    def table_end(self, _name: str) -> str:
        """Return the end tag of a table, and of the scrolling part."""
        self._tables -= 1
        return "</table>" if self._tables else "</table></div>"

    def formula_end(self, _name: str) -> str:
        """Return the end tag of a formula, and of the scrolling part."""
        is_block = self._open_formulas.pop() if self._open_formulas else False
        return "</math></span>" if is_block else "</math>"

    def moment_end(self, _name: str) -> str:
        """Return the end tag of a time."""
        return "</span>"

    def dropped_end(self, _name: str) -> str:
        """Drop the end tag of a dropped element."""
        return ""


def _scrolling(name: str, label: str) -> str:
    return _tag(name, {"class": "tw", "role": "group", "tabindex": "0", "aria-label": label})


_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LANDMARKS = ("aside", "footer", "header", "main", "nav")
_LOADING = ("audio", "picture", "source", "track", "video")
_REPLACED = ("img", *_LOADING)

_STARTS: dict[str, Callable[[_PageText, _Start, dict[str, str]], str]] = {
    **dict.fromkeys(_HEADINGS, _PageText.heading),
    **dict.fromkeys(_LANDMARKS, _PageText.block),
    **dict.fromkeys(_LOADING, _PageText.dropped),
    **dict.fromkeys(("td", "th"), _PageText.cell),
    "a": _PageText.link,
    "img": _PageText.image,
    "math": _PageText.formula,
    "pre": _PageText.code,
    "table": _PageText.table,
    "time": _PageText.moment,
}
_ENDS: dict[str, Callable[[_PageText, str], str]] = {
    **dict.fromkeys(_HEADINGS, _PageText.heading_end),
    **dict.fromkeys(_LANDMARKS, _PageText.block_end),
    **dict.fromkeys(_LOADING, _PageText.dropped_end),
    "a": _PageText.link_end,
    "math": _PageText.formula_end,
    "table": _PageText.table_end,
    "time": _PageText.moment_end,
}

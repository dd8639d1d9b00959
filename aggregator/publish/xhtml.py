"""HTML as XHTML without any resource of another host, as books need.

The input is output of nh3, so a pattern finds the tags: every attribute is ` name="value"`.

Sources: EPUB 3.3, 6.1 (XHTML content documents) and 3.6 (resource locations); HTML Standard, 14
(the XML syntax).
"""

import re
from html import escape

from aggregator.text.hypertext import ELEMENTS, VOID
from aggregator.text.references import unescape

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")  # XML 1.0, 2.2
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [a-zA-Z:-]+="[^"]*")*)>')
_ATTRIBUTE = re.compile(r' ([a-zA-Z:-]+)="([^"]*)"')
_ATTRIBUTES = frozenset(
    "abbr cite class colspan datetime dir headers href hreflang lang open reversed rowspan scope "
    "span start title type value".split()
)
_MEDIA = frozenset({"audio", "img", "picture", "source", "track", "video"})
_LINKED = frozenset({"audio", "img", "video"})
_MAX_LABEL = 60  # characters


def as_xhtml(html: str) -> str:
    """Return sanitised HTML as well-formed XHTML.

    Pictures, sound and video become links, as a book may load nothing; of formulas the text stays.
    """
    writer, end = _XhtmlWriter(), 0
    for tag in _TAG.finditer(html):
        writer.add_text(html[end : tag.start()])
        end_sign, name, attributes = tag.groups()
        if end_sign:
            writer.end(name)
        else:
            values = {key: unescape(value) for key, value in _ATTRIBUTE.findall(attributes)}
            writer.start(name, values)
        end = tag.end()
    writer.add_text(html[end:])
    return writer.result()


def xml_text(text: str) -> str:
    """Return a text for XML: escaped, without characters forbidden in XML."""
    return escape(_ILLEGAL.sub("", text))


class _XhtmlWriter:
    """Writes the elements of a text, each closed at the end of the parent at the latest."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open: list[str] = []

    def result(self) -> str:
        """Return the text, all elements closed."""
        return "".join(self._parts) + "".join(f"</{name}>" for name in reversed(self._open))

    def start(self, name: str, values: dict[str, str]) -> None:
        """Write a start tag; a link in place of a medium."""
        if name in _MEDIA:
            self._add_medium(name, values)
        elif name in ELEMENTS:
            attributes = "".join(
                f' {key}="{xml_text(value)}"' for key, value in values.items() if key in _ATTRIBUTES
            )
            is_void = name in VOID
            self._parts.append(f"<{name}{attributes}{'/' if is_void else ''}>")
            if not is_void:
                self._open.append(name)

    def end(self, name: str) -> None:
        """Write the end tag of an open element, after the end tags of elements within."""
        if name not in self._open:
            return
        while True:
            innermost = self._open.pop()
            self._parts.append(f"</{innermost}>")
            if innermost == name:
                return

    def add_text(self, markup: str) -> None:
        """Write a text with character references."""
        if markup:
            self._parts.append(xml_text(unescape(markup)))

    def _add_medium(self, name: str, values: dict[str, str]) -> None:
        url = values.get("src", "")
        if name not in _LINKED or not url.startswith(("http://", "https://")):
            return
        file_name = url.rpartition("/")[2][:_MAX_LABEL]
        label = xml_text(values.get("alt", "").strip() or file_name or name)
        if "a" in self._open:
            self._parts.append(label)
        else:
            self._parts.append(f'<a href="{xml_text(url)}">{label}</a>')

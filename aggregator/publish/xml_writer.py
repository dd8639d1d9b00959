"""Elements and bytes of an XML document.

A document is written from top to bottom, as a list of parts, joined at the end; ElementTree is made
for trees, and slower (docs/decisions.md).  Tags include the prefix; the root declares prefixes as
attributes.
"""

from collections.abc import Mapping

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
HISTORY = "http://purl.org/syndication/history/1.0"
ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
MEDIA = "http://search.yahoo.com/mrss/"

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\r"))
_NONCHARACTERS = "\ufffe\uffff"
_NONE: Mapping[str, str | None] = {}


class XmlWriter:
    """Writes elements in order, each on a separate line.

    Texts are escaped; attributes with the value None are left out.
    """

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts = [_DECLARATION]

    def open(self, tag: str, attributes: Mapping[str, str | None] = _NONE) -> None:
        """Begin an element with children; `close` ends the element."""
        self._parts.append(f"<{tag}{_attribute_text(attributes)}>\n")

    def close(self, tag: str) -> None:
        """End an element with children."""
        self._parts.append(f"</{tag}>\n")

    def add(self, tag: str, text: str = "", /, **attributes: str | None) -> None:
        """Write a whole element."""
        attribute_text = _attribute_text(attributes) if attributes else ""
        if text:
            self._parts.append(f"<{tag}{attribute_text}>{_escaped(text)}</{tag}>\n")
        else:
            self._parts.append(f"<{tag}{attribute_text} />\n")

    def add_html(self, tag: str, html: str, /, **attributes: str | None) -> None:
        """Write an element with markup as text, in a CDATA section, which needs no escaping.

        Text with a `]` is escaped: removal of an illegal character could leave `]]>` in the text.
        """
        if "]" in html:
            self.add(tag, html, **attributes)
        else:
            self._parts += (
                f"<{tag}{_attribute_text(attributes)}><![CDATA[",
                html,
                f"]]></{tag}>\n",
            )

    def document(self) -> bytes:
        """Return the document."""
        return legal_utf8("".join(self._parts))


def legal_utf8(text: str) -> bytes:
    """Return `text` as UTF-8 without characters that are illegal in XML.

    Markup is escaped before, and removal of characters cannot make a `<` or `&`.  Several passes
    are faster than a regular expression (docs/cost.md).

    Source: XML 1.0, 2.2 (Char).
    """
    for noncharacter in _NONCHARACTERS:
        if noncharacter in text:
            text = text.replace(noncharacter, "")
    return text.encode(errors="ignore").translate(None, _CONTROLS)  # errors: lone surrogates


def _escaped(text: str) -> str:
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    return text


def _attribute_text(attributes: Mapping[str, str | None]) -> str:
    """Return attributes for a tag; white space in values is kept by references."""
    return "".join(
        [f' {name}="{_quoted(value)}"' for name, value in attributes.items() if value is not None]
    )


def _quoted(value: str) -> str:
    value = _escaped(value)
    if '"' in value:
        value = value.replace('"', "&quot;")
    if "\r" in value or "\n" in value or "\t" in value:
        value = value.replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#09;")
    return value

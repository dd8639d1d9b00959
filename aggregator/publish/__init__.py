"""Entries as documents for other programs: Atom, RSS 2.0 and JSON Feed.  Pure.

    Document -> render -> bytes

`document` has the contents and the common decisions of all formats, `issue` those of the issue of a
week.  `atom`, `rss`, `json_feed` and `epub` have the formats, `xml_writer` elements and bytes,
`size` the length of entries before writing.  The same document always gives the same bytes, so a
hash of the bytes is a strong validator (RFC 9110, 8.8.1).
"""

from enum import StrEnum

from aggregator.publish import atom, epub, json_feed, rss
from aggregator.publish.document import (
    Document,
    first_words,
    last_modified_at,
    links,
    title_of,
    updated_at,
)
from aggregator.publish.issue import Issue, IssueSection, issue_html, section_title
from aggregator.publish.size import room_in_feed, room_on_page

__all__ = [
    "EPUB_TYPE",
    "Document",
    "Format",
    "Issue",
    "IssueSection",
    "first_words",
    "issue_html",
    "last_modified_at",
    "links",
    "render",
    "render_epub",
    "room_in_feed",
    "room_on_page",
    "section_title",
    "title_of",
    "updated_at",
]


class Format(StrEnum):
    """A format of `render`."""

    ATOM = "atom"
    RSS = "rss"
    JSON = "json"

    @property
    def suffix(self) -> str:
        """Suffix of file names, without the dot."""
        return self.value

    @property
    def content_type(self) -> str:
        """Value of the Content-Type header."""
        return _CONTENT_TYPES[self]


_CONTENT_TYPES = {
    Format.ATOM: f"{atom.MEDIA_TYPE}; charset=utf-8",
    Format.RSS: f"{rss.MEDIA_TYPE}; charset=utf-8",
    Format.JSON: f"{json_feed.MEDIA_TYPE}; charset=utf-8",
}
_WRITERS = {Format.ATOM: atom.write, Format.RSS: rss.write, Format.JSON: json_feed.write}


def render(document: Document, format: Format) -> bytes:  # noqa: A002 - what a caller would say
    """Return `document` in `format`, as UTF-8."""
    return _WRITERS[format](document)


EPUB_TYPE = epub.MEDIA_TYPE


def render_epub(issue: Issue) -> bytes:
    """Return an issue as a book (EPUB)."""
    return epub.write(issue)

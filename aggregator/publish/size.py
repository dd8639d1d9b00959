"""Upper bounds for the bytes of an entry in a document, before writing.

Input is bounded, but the output is a product of texts, entries and escapes: every document has a
budget, and ends before the first entry beyond the budget.
"""

from collections.abc import Callable

from aggregator.model import ListedEntry

FEED_BUDGET = 5_000_000
"""Bytes of the entries of one document: what readers on telephones still take.  A document ends
before the entry that does not fit, and leads on to one that begins with that entry."""

_Measure = Callable[[ListedEntry], int]

_OVERHEAD = 2_000  # tags, dates and names of members
_PART_OVERHEAD = 200  # of an author, category or enclosure
_MAX_ESCAPE = 6  # bytes of the longest reference: &quot;
# Additional bytes of escaped characters of a full text, in XML or JSON.
_ESCAPE_GROWTH = {"<": 3, ">": 3, "&": 4, '"': 1, "\\": 1, "\n": 1, "\r": 1, "\t": 1}


class Room:
    """The remaining budget of a document in bytes while entries are added.

    Args:
        bound_of: Returns a quick upper bound for the bytes of an entry, enough for most documents.
        size_of: Returns a slower, lower upper bound, for documents whose quick bounds exceed the
            budget.
    """

    def __init__(self, budget: int, bound_of: _Measure, size_of: _Measure) -> None:
        self._budget = budget
        self._bound_of, self._size_of = bound_of, size_of
        self._bound = self._size = 0
        self._unmeasured: list[ListedEntry] = []
        self._is_empty = True

    def takes(self, entry: ListedEntry) -> bool:
        """Whether the budget has room for the next entry; always for the first entry."""
        self._bound += self._bound_of(entry)
        self._unmeasured.append(entry)
        if self._bound > self._budget:
            self._size += sum(map(self._size_of, self._unmeasured))
            self._unmeasured.clear()
        fits = self._is_empty or self._size <= self._budget
        self._is_empty = False
        return fits


def room_in_feed(budget: int | None = None) -> Room:
    """Return the room of a document in any of our formats: `budget` bytes, or `FEED_BUDGET`."""
    return Room(FEED_BUDGET if budget is None else budget, _bound_in_feed, size_in_feed)


def room_on_page(budget: int) -> Room:
    """Return the room of a list for people."""
    return Room(budget, size_on_page, size_on_page)


def _bound_in_feed(entry: ListedEntry) -> int:
    return _size_without_content(entry) + _MAX_ESCAPE * len(entry.content_html or "")


def size_in_feed(entry: ListedEntry) -> int:
    """Return an upper bound for the bytes of an entry in Atom, RSS and JSON Feed."""
    return _size_without_content(entry) + _size_of_text(entry.content_html or "")


def size_on_page(entry: ListedEntry) -> int:
    """Return an upper bound for the bytes of an entry in a list for people."""
    texts = [entry.url, entry.title_html, entry.title, entry.summary, entry.source.title]
    texts += [entry.source.name, *entry.authors]
    texts += [text for other in entry.also_in for text in (other.source.title, other.source.name)]
    parts = len(entry.authors) + len(entry.also_in)
    return (
        _OVERHEAD
        + parts * _PART_OVERHEAD
        + 2 * _MAX_ESCAPE * sum(len(text) for text in texts if text)
    )


def _size_without_content(entry: ListedEntry) -> int:
    """Return an upper bound for the bytes of all but the full text."""
    source, origin = entry.source, entry.origin
    texts = [
        entry.public_id, entry.url, entry.title, entry.title_html, entry.summary, entry.language,
        entry.comments_url, entry.image, *entry.authors, *entry.categories,
        *[source.title] * 4, source.feed_url, source.site_url, source.feed_id, source.author,
        source.rights, source.language,
    ]  # fmt: skip
    texts += [text for file in entry.enclosures for text in (file.url, file.type)]
    if origin is not None:
        texts += [origin.title, origin.title, origin.id, origin.feed_url, origin.id]
        texts += [origin.site_url, origin.rights]
    if not entry.title:  # the summary replaces the title
        texts += [entry.summary, entry.summary]
    parts = len(entry.authors) + len(entry.categories) + len(entry.enclosures)
    characters = sum(len(text) for text in texts if text)
    return _OVERHEAD + parts * _PART_OVERHEAD + _MAX_ESCAPE * characters


def _size_of_text(html: str) -> int:
    size = len(html) if html.isascii() else len(html.encode(errors="replace"))
    growth = sum(
        html.count(character) * added_bytes for character, added_bytes in _ESCAPE_GROWTH.items()
    )
    return size + growth

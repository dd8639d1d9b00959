"""How many bytes an entry takes in a document at most, told before it is written.

What comes in is bounded, but what goes out is the product of texts, entries and escapes: every
document has a budget, and ends before the entry that does not fit.
"""

from collections.abc import Callable

from aggregator.model import ListedEntry

FEED_BUDGET = 5_000_000
"""Bytes of the entries of one document: what readers on telephones still take.  A document ends
before the entry that does not fit, and leads on to one that begins with that entry."""

_Measure = Callable[[ListedEntry], int]

_OVERHEAD = 2_000  # tags, dates and names of members
_EACH = 200  # the same of one author, category or enclosure
_WORST = 6  # bytes that a character takes as a reference: &quot;
# What a character of a full text grows to in XML and in JSON.
_GROWING = {"<": 3, ">": 3, "&": 4, '"': 1, "\\": 1, "\n": 1, "\r": 1, "\t": 1}


class Room:
    """What is left of a budget of bytes while a document's entries are gathered.

    Args:
        most_of: Bytes that an entry can't exceed, told at once; most documents need no more.
        size_of: The same, closer to what it will be; asked where that is too much.
    """

    def __init__(self, budget: int, most_of: _Measure, size_of: _Measure) -> None:
        self._budget = budget
        self._most_of, self._size_of = most_of, size_of
        self._most = self._size = 0
        self._unmeasured: list[ListedEntry] = []
        self._is_empty = True

    def takes(self, entry: ListedEntry) -> bool:
        """Whether the next entry still fits; the first one always does, or nobody would get on."""
        self._most += self._most_of(entry)
        self._unmeasured.append(entry)
        if self._most > self._budget:
            self._size += sum(map(self._size_of, self._unmeasured))
            self._unmeasured.clear()
        fits = self._is_empty or self._size <= self._budget
        self._is_empty = False
        return fits


def room_in_feed(budget: int | None = None) -> Room:
    """Return the room of a document in any of our formats: `budget` bytes, or `FEED_BUDGET`."""
    return Room(FEED_BUDGET if budget is None else budget, _most_in_feed, size_in_feed)


def room_on_page(budget: int) -> Room:
    """Return the room of a list for people."""
    return Room(budget, size_on_page, size_on_page)


def _most_in_feed(entry: ListedEntry) -> int:
    return _size_of_rest(entry) + _WORST * len(entry.content_html or "")


def size_in_feed(entry: ListedEntry) -> int:
    """Return the bytes that an entry takes in Atom, RSS or JSON Feed at most."""
    return _size_of_rest(entry) + _size_of_text(entry.content_html or "")


def size_on_page(entry: ListedEntry) -> int:
    """Return the bytes that an entry takes in a list for people at most."""
    texts = [entry.url, entry.title_html, entry.title, entry.summary, entry.source.title]
    texts += [entry.source.name, *entry.authors]
    texts += [text for other in entry.also_in for text in (other.title, other.name)]
    parts = len(entry.authors) + len(entry.also_in)
    return _OVERHEAD + parts * _EACH + 2 * _WORST * sum(len(text) for text in texts if text)


def _size_of_rest(entry: ListedEntry) -> int:
    """Return what all but the full text takes."""
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
    if not entry.title:  # what stands for it
        texts += [entry.summary, entry.summary]
    parts = len(entry.authors) + len(entry.categories) + len(entry.enclosures)
    letters = sum(len(text) for text in texts if text)
    return _OVERHEAD + parts * _EACH + _WORST * letters


def _size_of_text(html: str) -> int:
    size = len(html) if html.isascii() else len(html.encode(errors="replace"))
    return size + sum(html.count(sign) * more for sign, more in _GROWING.items())

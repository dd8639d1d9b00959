"""A search as a condition on one entry, for entries that are about to be stored.  Pure.

What the database finds with the same search, this condition is true for, and for nothing else;
`database.lists.search_query` makes the SQL.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, time, tzinfo
from functools import cached_property

from aggregator.model import CleanEntry, EntryId
from aggregator.search.entry_words import EntryWords
from aggregator.search.syntax_tree import (
    And,
    DayTest,
    LanguageTest,
    LinkTest,
    MediaTest,
    Medium,
    NameTest,
    Node,
    Not,
    Or,
    Phrase,
    Resolution,
    Test,
    TextField,
)

_TEXT_END = "\n"  # not within a word, and so not within a phrase
_IN_LOWER_CASE = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


class SearchedEntry(EntryWords):
    """The values of an entry that searches compare; each is made once, when first compared."""

    def __init__(self, entry: CleanEntry, *, feed_id: int, place: int) -> None:
        """Take the values of an entry.

        Args:
            place: The place in lists, which is the entry's id.
        """
        super().__init__(
            place,
            feed_id,
            entry.title,
            entry.summary,
            entry.content_html,
            entry.authors,
            entry.categories,
        )
        self._entry = entry

    @property
    def _texts(self) -> tuple[str, str, str]:
        return self.title_words, self.summary_words, self.content_words

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of title, summary and content."""
        return frozenset(" ".join(self._texts).split())

    @cached_property
    def sorted_words(self) -> list[str]:
        """The `words` in order, so that words with a prefix stand side by side."""
        return sorted(self.words)

    @cached_property
    def text(self) -> str:
        """Title, summary and content as `comparable` texts."""
        return comparable(text.split() for text in self._texts)

    @cached_property
    def title(self) -> str:
        """The title as a `comparable` text."""
        return comparable([self.title_words.split()])

    @cached_property
    def authors(self) -> str:
        """The authors as `comparable` texts."""
        return comparable(self.author_words)

    @cached_property
    def tags(self) -> str:
        """The tags as `comparable` texts."""
        return comparable(self.tag_words)

    @cached_property
    def link(self) -> str:
        """The link in lower case; empty for an entry without a link."""
        return ascii_lower(self._entry.url or "")

    @cached_property
    def language(self) -> str:
        """The tag of the language in lower case with a hyphen behind it; empty if unknown."""
        return f"{self._entry.language.lower()}-" if self._entry.language else ""

    @cached_property
    def media(self) -> frozenset[Medium]:
        """The kinds of media of the entry."""
        types = {(enclosure.type or "").lower() for enclosure in self._entry.enclosures}
        media = {medium for medium, prefix in MEDIA_TYPES.items() if _has_prefix(types, prefix)}
        return frozenset(media | ({Medium.PICTURE} if self._entry.image else set()))


Condition = Callable[[SearchedEntry], bool]

MEDIA_TYPES = {Medium.AUDIO: "audio/", Medium.VIDEO: "video/", Medium.PICTURE: "image/"}
"""The beginnings of the types of media."""


def compiled(node: Node, resolution: Resolution, zone: tzinfo = UTC) -> Condition:
    """Return the condition that a search puts on an entry.

    Args:
        resolution: The feeds that the names in the search mean; a name without a value in
            `resolution` means none.
        zone: Days begin and end in this zone.
    """
    match node:
        case Not(inner):
            condition = compiled(inner, resolution, zone)
            return lambda entry: not condition(entry)
        case And(nodes):
            return _all_of([compiled(part, resolution, zone) for part in _cheapest_first(nodes)])
        case Or(nodes):
            return _any_of([compiled(part, resolution, zone) for part in _cheapest_first(nodes)])
        case _:
            return _test(node, resolution, zone)


def _cheapest_first(nodes: Iterable[Node]) -> list[Node]:
    """Return conditions in an order in which the first ones often spare the others."""
    return sorted(nodes, key=_cost)


def _cost(node: Node) -> int:
    """Return a rank by what a condition makes of an entry: nothing, a text, a set, an order."""
    match node:
        case Not(inner):
            return _cost(inner)
        case And(nodes) | Or(nodes):
            return max(map(_cost, nodes))
        case Phrase(field=TextField.TITLE | TextField.AUTHOR | TextField.TAG):
            return 1
        case Phrase(is_prefix=True):
            return 3
        case Phrase():
            return 2
        case _:
            return 0


def _all_of(conditions: list[Condition]) -> Condition:
    def is_match(entry: SearchedEntry) -> bool:
        for condition in conditions:  # a loop takes half the time of `all`  # noqa: SIM110
            if not condition(entry):
                return False
        return True

    return is_match


def _any_of(conditions: list[Condition]) -> Condition:
    def is_match(entry: SearchedEntry) -> bool:
        for condition in conditions:  # noqa: SIM110
            if condition(entry):
                return True
        return False

    return is_match


def _test(test: Test, resolution: Resolution, zone: tzinfo) -> Condition:
    match test:
        case Phrase():
            return _phrase(test)
        case NameTest():
            feeds = resolution.get(test, frozenset())
            return lambda entry: entry.feed_id in feeds
        case LinkTest(value):
            part = ascii_lower(value)
            return lambda entry: part in entry.link
        case LanguageTest(tag):
            prefix = f"{tag.lower()}-"
            return lambda entry: entry.language.startswith(prefix)
        case MediaTest(medium):
            return lambda entry: medium in entry.media
        case DayTest(day, is_before):
            first_id = EntryId.first_at(datetime.combine(day, time(), zone))
            return lambda entry: (entry.place < first_id) is is_before


def _phrase(phrase: Phrase) -> Condition:
    part = comparable_part(phrase)
    match phrase.field:
        case TextField.TITLE:
            return lambda entry: part in entry.title
        case TextField.AUTHOR:
            return lambda entry: part in entry.authors
        case TextField.TAG:
            return lambda entry: part in entry.tags
    if len(phrase.words) == 1:
        word = phrase.words[0]
        return _prefix(word) if phrase.is_prefix else lambda entry: word in entry.words
    # Few entries have all words of a phrase, and a set tells that sooner than a text.
    whole_words = frozenset(phrase.words[:-1] if phrase.is_prefix else phrase.words)
    return lambda entry: whole_words <= entry.words and part in entry.text


def _prefix(prefix: str) -> Condition:
    def is_match(entry: SearchedEntry) -> bool:
        words = entry.sorted_words
        place = bisect_left(words, prefix)
        return place < len(words) and words[place].startswith(prefix)

    return is_match


def comparable(texts: Iterable[Sequence[str]]) -> str:
    """Return the words of texts with a space before and behind each, and an end of each text."""
    return _TEXT_END.join(f" {' '.join(text_words)} " for text_words in texts)


def comparable_part(phrase: Phrase) -> str:
    """Return what `comparable` texts with a phrase contain."""
    return f" {' '.join(phrase.words)}{'' if phrase.is_prefix else ' '}"


def ascii_lower(text: str) -> str:
    """Return a text with ASCII letters in lower case, which is all that SQLite folds."""
    return text.lower() if text.isascii() else text.translate(_IN_LOWER_CASE)


def _has_prefix(texts: Iterable[str], prefix: str) -> bool:
    return any(text.startswith(prefix) for text in texts)

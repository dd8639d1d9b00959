"""How certain it is that two entries with a common key are the same one.

The rules of a key are tried in the order of the table; the first one that holds decides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from aggregator import urls
from aggregator.dedup.changes import KnownEntry
from aggregator.model import CleanEntry

_DISTINCTIVE_LENGTH = 100  # characters of title and text that are not the same by chance


class Certainty(Enum):
    """How certain it is that two entries are the same one."""

    LIKELY = auto()
    """Believed where it holds for most unknown entries of a document."""
    CERTAIN = auto()


@dataclass(frozen=True, slots=True)
class CandidatePair:
    """An entry of a document and a stored one that have a key in common.

    Attributes:
        has_own_guid: The entry has a guid that identifies it, and that no stored entry has.
    """

    entry: CleanEntry
    known_entry: KnownEntry
    has_own_guid: bool

    @property
    def has_same_content(self) -> bool:
        """Whether the text, or a title that is not empty, is the same."""
        entry, known_entry = self.entry, self.known_entry
        return entry.content_hash == known_entry.content_hash or (
            bool(entry.title) and entry.title == known_entry.title
        )

    @property
    def lacks_date(self) -> bool:
        """Whether there are no two dates to compare."""
        return self.entry.published_at is None or self.known_entry.published_at is None

    @property
    def has_same_date(self) -> bool:
        """Whether both entries have a date, and the same one."""
        return not self.lacks_date and self.entry.published_at == self.known_entry.published_at

    @property
    def has_same_address(self) -> bool:
        """Whether guid, or else link, are two spellings of one address."""
        entry, known_entry = self.entry, self.known_entry
        return urls.canonical(entry.guid or entry.url or "") == urls.canonical(
            known_entry.guid or known_entry.url or ""
        )

    @property
    def has_same_link(self) -> bool:
        """Whether both entries have a link, and the same one."""
        link = urls.canonical(self.entry.url) if self.entry.url else ""
        return bool(link) and link == urls.canonical(self.known_entry.url or "")


@dataclass(frozen=True, slots=True)
class MatchRule:
    """A condition under which two entries are the same one, and how certain that is."""

    name: str
    certainty: Certainty
    holds: Callable[[CandidatePair], bool]


def matching_rule(key_name: str, pair: CandidatePair) -> MatchRule | None:
    """Return the rule that decides whether two entries are the same one; None: they are not.

    Args:
        key_name: The key that the entries have in common, a field of `Keys` except `guid`.
    """
    return next((rule for rule in _RULES[key_name] if rule.holds(pair)), None)


def is_distinctive(entry: CleanEntry) -> bool:
    """Whether the text of an entry is so long that no other entry has the same one by chance."""
    return len(entry.title) + len(entry.content_html) >= _DISTINCTIVE_LENGTH


def is_repetition(pair: CandidatePair) -> bool:
    """Whether an entry only repeats a stored one that the document lists as well."""
    entry, known_entry = pair.entry, pair.known_entry
    if entry.content_hash != known_entry.content_hash:
        return False
    if entry.url and known_entry.url:
        return urls.canonical(entry.url) == urls.canonical(known_entry.url)
    return not pair.has_own_guid


def _is_front_page(url: str | None) -> bool:
    """Whether a link leads to the front page of a site, whatever the host is called."""
    link = urls.canonical(url or "")
    return "/" not in link and "?" not in link


_CERTAIN, _LIKELY = Certainty.CERTAIN, Certainty.LIKELY
_SAME_DATE = MatchRule("same date", _CERTAIN, lambda pair: pair.has_same_date)

_RULES: Mapping[str, tuple[MatchRule, ...]] = {
    "path": (
        MatchRule("same address in another spelling", _CERTAIN, lambda pair: pair.has_same_address),
        MatchRule(
            "new guid, and the same title, text or date",
            _CERTAIN,
            lambda pair: pair.has_own_guid and (pair.has_same_content or pair.has_same_date),
        ),
        MatchRule("same path at another host", _LIKELY, lambda _: True),
    ),
    "link": (
        MatchRule("same title or text", _CERTAIN, lambda pair: pair.has_same_content),
        _SAME_DATE,
        # A publisher without a page for each entry links to the front page of the site.
        MatchRule(
            "no guid or no date to compare, and not a link to a front page",
            _CERTAIN,
            lambda pair: (
                (not pair.has_own_guid or pair.lacks_date) and not _is_front_page(pair.entry.url)
            ),
        ),
        MatchRule("same link", _LIKELY, lambda _: True),
    ),
    "text": (
        _SAME_DATE,
        MatchRule("no date to compare", _CERTAIN, lambda pair: pair.lacks_date),
        MatchRule("long text", _CERTAIN, lambda pair: is_distinctive(pair.entry)),
        MatchRule("same text", _LIKELY, lambda _: True),
    ),
    "title": (
        _SAME_DATE,
        MatchRule(
            "no guid and no date to compare, and the same link",
            _CERTAIN,
            lambda pair: pair.lacks_date and not pair.has_own_guid and pair.has_same_link,
        ),
        MatchRule("no date to compare", _LIKELY, lambda pair: pair.lacks_date),
    ),
}

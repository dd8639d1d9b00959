"""When two entries with a common key are the same entry, and how certainly.

The rules of a key are tried in the order of the table; the first rule to hold decides.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from aggregator import links
from aggregator.dedup.changes import KnownEntry
from aggregator.model import CleanEntry

_DISTINCTIVE_LENGTH = 100  # characters of title and text that are not the same by chance


class Certainty(Enum):
    """How certainly two entries are the same entry."""

    PROBABLE = auto()
    """Believed where it holds for most unknown entries of a document."""
    CERTAIN = auto()


@dataclass(frozen=True, slots=True)
class CandidatePair:
    """An entry of a document and a stored entry with a common key.

    Attributes:
        has_own_guid: The entry has an unambiguous guid, which no stored entry has.
    """

    entry: CleanEntry
    known_entry: KnownEntry
    has_own_guid: bool

    @property
    def has_same_content(self) -> bool:
        """Whether the text, or a non-empty title, is the same."""
        entry, known_entry = self.entry, self.known_entry
        return entry.content_hash == known_entry.content_hash or (
            bool(entry.title) and entry.title == known_entry.title
        )

    @property
    def lacks_date(self) -> bool:
        """Whether an entry of the pair has no date."""
        return self.entry.published_at is None or self.known_entry.published_at is None

    @property
    def has_same_date(self) -> bool:
        """Whether both entries have the same date."""
        return not self.lacks_date and self.entry.published_at == self.known_entry.published_at

    @property
    def has_same_address(self) -> bool:
        """Whether guid, or else link, are two spellings of the same address."""
        entry, known_entry = self.entry, self.known_entry
        return links.canonical(entry.guid or entry.url or "") == links.canonical(
            known_entry.guid or known_entry.url or ""
        )

    @property
    def has_same_link(self) -> bool:
        """Whether both entries have the same link."""
        link = links.canonical(self.entry.url) if self.entry.url else ""
        return bool(link) and link == links.canonical(self.known_entry.url or "")


@dataclass(frozen=True, slots=True)
class MatchRule:
    """A condition under which two entries are the same entry, and how certainly."""

    name: str
    certainty: Certainty
    holds: Callable[[CandidatePair], bool]


def matching_rule(key_name: str, pair: CandidatePair) -> MatchRule | None:
    """Return the rule by which two entries are the same entry; None for two different entries.

    Args:
        key_name: The common key, a field of `Keys` except `guid`.
    """
    return next((rule for rule in _RULES[key_name] if rule.holds(pair)), None)


def is_distinctive(entry: CleanEntry) -> bool:
    """Whether the text of an entry is too long to be the same as another's by chance."""
    return len(entry.title) + len(entry.content_html) >= _DISTINCTIVE_LENGTH


def is_repetition(pair: CandidatePair) -> bool:
    """Whether an entry only repeats a stored entry which the document lists as well."""
    entry, known_entry = pair.entry, pair.known_entry
    if entry.content_hash != known_entry.content_hash:
        return False
    if entry.url and known_entry.url:
        return links.canonical(entry.url) == links.canonical(known_entry.url)
    return not pair.has_own_guid


def _is_front_page(url: str | None) -> bool:
    """Whether a link leads to the front page of a site, whatever the host is called."""
    link = links.canonical(url or "")
    return "/" not in link and "?" not in link


_CERTAIN, _PROBABLE = Certainty.CERTAIN, Certainty.PROBABLE
_SAME_DATE = MatchRule("same date", _CERTAIN, lambda pair: pair.has_same_date)

_RULES: Mapping[str, tuple[MatchRule, ...]] = {
    "path": (
        MatchRule("same address in another spelling", _CERTAIN, lambda pair: pair.has_same_address),
        MatchRule(
            "new guid, and the same title, text or date",
            _CERTAIN,
            lambda pair: pair.has_own_guid and (pair.has_same_content or pair.has_same_date),
        ),
        MatchRule("same path at another host", _PROBABLE, lambda _: True),
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
        MatchRule("same link", _PROBABLE, lambda _: True),
    ),
    "text": (
        _SAME_DATE,
        MatchRule("no date to compare", _CERTAIN, lambda pair: pair.lacks_date),
        MatchRule("long text", _CERTAIN, lambda pair: is_distinctive(pair.entry)),
        MatchRule("same text", _PROBABLE, lambda _: True),
    ),
    "title": (
        _SAME_DATE,
        MatchRule(
            "no guid and no date to compare, and the same link",
            _CERTAIN,
            lambda pair: pair.lacks_date and not pair.has_own_guid and pair.has_same_link,
        ),
        MatchRule("no date to compare", _PROBABLE, lambda pair: pair.lacks_date),
    ),
}

"""How much of an entry a new version changes."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice

from aggregator.dedup.changes import Change, ChangedEntry, Changes
from aggregator.dedup.garbled import is_garbled, may_be_garbled
from aggregator.dedup.stable_text import plain_words, stable_html
from aggregator.model import CleanEntry

NOISY_AFTER = 3
"""Polls in a row that changed most entries, after which the changes of a feed do not count."""

BUDGET = 150_000
"""About as many characters of changed entries as are compared for one transaction.  One document
takes at most half of what is left."""

_MIN_BUDGET = 2_000  # characters for one entry
_BATCH_SIZE = 20  # entries; each may have a text of 512,000 characters
_COMMON_PER_CHARACTER = 100  # characters two texts have in common that cost as much as one other
_COST_PER_ENTRY = 60
_CONTEXT = 80  # characters around a difference: of a date, a counter, a word that has it
_MAX_TEXT = 50_000  # characters of a text that are compared


@dataclass(frozen=True, slots=True)
class EntryText:
    """Title and text of an entry, as HTML."""

    title: str
    html: str


class EditComparison:
    """Compares changed entries of a document with the stored versions, as far as a budget goes.

    `while ids := comparison.next_ids(): comparison.compare(texts stored under ids)`, then `result`.
    In a feed with changes in most entries on every poll, only possibly garbled versions are
    compared: no other result would be used.

    Args:
        budget: Number of characters to compare; entries beyond are `Change.UNCOMPARED`.
    """

    def __init__(self, changes: Changes, *, budget: int = BUDGET) -> None:
        self._changes = changes
        self._budget = self._budget_left = budget
        self._is_noisy = changes.habits.edited >= NOISY_AFTER
        self._compared: dict[int, Change] = {}  # by entry id
        self._garbled_ids: set[int] = set()
        self._pending = deque(
            changed_entry
            for changed_entry in changes.changed_entries
            if changed_entry.change is Change.TEXT
            and (not self._is_noisy or _may_be_garbled(changed_entry.entry))
        )

    def next_ids(self) -> list[int]:
        """Return the ids of the entries to compare next, none when entries or budget are spent."""
        if self._budget_left < _MIN_BUDGET:
            return []
        return [changed_entry.id for changed_entry in islice(self._pending, _BATCH_SIZE)]

    def compare(self, stored: Mapping[int, EntryText]) -> None:
        """Compare the entries returned by `next_ids`.

        Args:
            stored: Stored texts by entry id; an entry without a stored text has a new text.
        """
        for _ in range(min(_BATCH_SIZE, len(self._pending))):
            if self._budget_left < _MIN_BUDGET:
                return
            changed_entry = self._pending.popleft()
            stored_text = stored.get(changed_entry.id)
            if stored_text is not None:
                self._compare(stored_text, changed_entry)
            else:
                self._compared[changed_entry.id] = Change.TEXT

    def _compare(self, stored_text: EntryText, changed_entry: ChangedEntry) -> None:
        before, after = _html_of(stored_text, changed_entry.entry)
        parts = _differing_parts(before, after, max_length=min(_MAX_TEXT, self._budget_left // 2))
        common_cost = (len(before) + len(after)) // _COMMON_PER_CHARACTER
        self._budget_left -= sum(map(len, parts)) + common_cost + _COST_PER_ENTRY
        if is_garbled(*parts):
            self._garbled_ids.add(changed_entry.id)
        elif not self._is_noisy:
            self._compared[changed_entry.id] = _change(*parts)

    @property
    def spent(self) -> int:
        """How much of the budget was used."""
        return self._budget - self._budget_left

    def result(self, *, known_count: int) -> Changes:
        """Return the changes with the extent of each change, without garbled versions.

        Args:
            known_count: Number of stored entries in the document.
        """
        default = Change.TEXT if self._is_noisy else Change.UNCOMPARED
        changed_entries = tuple(
            replace(changed_entry, change=self._compared.get(changed_entry.id, default))
            if changed_entry.change is Change.TEXT
            else changed_entry
            for changed_entry in self._changes.changed_entries
            if changed_entry.id not in self._garbled_ids
        )
        edit_count = sum(
            changed_entry.is_update or changed_entry.change is Change.UNCOMPARED
            for changed_entry in changed_entries
        )
        habits = self._changes.habits
        is_noise = known_count > 1 and 5 * edit_count >= 4 * known_count
        noisy_polls = min(habits.edited + 1, NOISY_AFTER) if is_noise else 0
        if noisy_polls == NOISY_AFTER:
            changed_entries = tuple(
                replace(changed_entry, change=Change.NOISE) for changed_entry in changed_entries
            )
        return replace(
            self._changes,
            changed_entries=changed_entries,
            habits=replace(habits, edited=noisy_polls),
        )


def change_of(stored_text: EntryText, entry: CleanEntry) -> Change:
    """Return how much of a text changed.

    White space, tracking parameters, counters ("35 views"), dates and times are trivial; changes
    of markup alone, including addresses in markup, are `Change.MARKUP`.
    """
    return _change(*_differing_parts(*_html_of(stored_text, entry)))


def is_garbled_version(stored_text: EntryText, entry: CleanEntry) -> bool:
    """Whether a new version is the stored text with lost or wrongly decoded letters."""
    return is_garbled(*_differing_parts(*_html_of(stored_text, entry)))


def _may_be_garbled(entry: CleanEntry) -> bool:
    return may_be_garbled(entry.title_html) or may_be_garbled(entry.content_html)


def _html_of(stored_text: EntryText, entry: CleanEntry) -> tuple[str, str]:
    return (
        f"{stored_text.title}\n{stored_text.html}",
        f"{entry.title_html}\n{entry.content_html}",
    )


def _change(before: str, after: str) -> Change:
    before, after = stable_html(before), stable_html(after)
    if before == after:
        return Change.TRIVIAL
    return Change.MARKUP if plain_words(before) == plain_words(after) else Change.TEXT


def _differing_parts(before: str, after: str, *, max_length: int = _MAX_TEXT) -> tuple[str, str]:
    """Return the parts in which two texts differ, with the words and tags around the difference.

    Args:
        max_length: Maximal characters of each part.
    """
    start = _common_length(before, after)
    end = -_common_length(before[:start:-1], after[:start:-1])
    ends = len(before) + end, len(after) + end
    start = _begin_of_word(before, max(0, min(start, *ends) - _CONTEXT))
    length = _end_of_word(before, ends[0] + _CONTEXT) - ends[0]
    stops = (min(stop + length, start + max_length) for stop in ends)
    return before[start : next(stops)], after[start : next(stops)]


def _common_length(a: str, b: str) -> int:
    """Return how many characters two texts have in common at the beginning."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _begin_of_word(html: str, at: int) -> int:
    """Return where the word or tag around a position begins."""
    tag = html.rfind("<", 0, at)
    if tag > html.rfind(">", 0, at):
        return tag
    return 1 + max(html.rfind(" ", 0, at), html.rfind("\n", 0, at), html.rfind(">", 0, at))


def _end_of_word(html: str, at: int) -> int:
    """Return where the word or tag around a position ends."""
    tag, begin = html.find(">", at), html.find("<", at)
    if tag >= 0 and (begin < 0 or tag < begin):
        return tag + 1
    ends = [end for end in (html.find(" ", at), html.find("\n", at), begin) if end >= 0]
    return min(ends, default=len(html))

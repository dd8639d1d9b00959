"""Which entries of a document a reader lacks, by the validator in the reader's request.

A validator is a hash, so the versions of documents are remembered here, with a number for each
validator.  A reader with an unknown validator (after a restart, of another process) gets the whole
document.

Source: RFC 3229 (delta encoding), with the instance manipulation `feed`: only the entries that are
new or changed.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

_MAX_DOCUMENTS = 256
_MAX_VERSIONS = 1000  # of one document: an hour of it, at one change in four seconds


@dataclass
class _History:
    """Versions of one document, numbered in order.

    Attributes:
        numbers: Numbers of versions by validator.
        entries: Ids of the last version's entries, each with the time of its last change and the
            number of the version with that change.
        last: Number of the last version, 0 before the first.
    """

    numbers: OrderedDict[str, int] = field(default_factory=OrderedDict)
    entries: dict[int, tuple[datetime, int]] = field(default_factory=dict)
    last: int = 0


class SentVersions:
    """The versions of documents that were sent; thread-safe, bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._histories: OrderedDict[Hashable, _History] = OrderedDict()

    def note(self, document: Hashable, etag: str, entries: Mapping[int, datetime]) -> None:
        """Remember a version of a document.

        Args:
            entries: Ids of the entries, each with the time of its last change.
        """
        with self._lock:
            history = self._histories.setdefault(document, _History())
            self._histories.move_to_end(document)
            if etag not in history.numbers:
                history.last += 1
            history.numbers[etag] = number = history.last
            history.numbers.move_to_end(etag)
            known_entries = history.entries
            history.entries = {
                entry: known_entries[entry]
                if entry in known_entries and known_entries[entry][0] == changed_at
                else (changed_at, number)
                for entry, changed_at in entries.items()
            }
            while len(history.numbers) > _MAX_VERSIONS:
                history.numbers.popitem(last=False)
            while len(self._histories) > _MAX_DOCUMENTS:
                self._histories.popitem(last=False)

    def entries_since(self, document: Hashable, etags: Collection[str]) -> frozenset[int] | None:
        """Return the ids of the last version's entries that are newer than a reader's version.

        Args:
            etags: Validators of the versions that the reader has.

        Returns:
            None if no validator is known.
        """
        with self._lock:
            history = self._histories.get(document)
            if history is None:
                return None
            numbers = [history.numbers[etag] for etag in etags if etag in history.numbers]
            if not numbers:
                return None
            return frozenset(
                entry for entry, (_, number) in history.entries.items() if number > max(numbers)
            )

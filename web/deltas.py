"""What a reader has already, told from the validator that it sends back.

A validator is a hash; what it stood for is remembered here, a number for each.  What is not
remembered (after a restart, in another process) is sent whole.

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
    """Versions of one document, numbered as they came.

    Attributes:
        numbers: Of the versions, by their validator.
        entries: The last version's, each with its change and the version that brought that.
    """

    numbers: OrderedDict[str, int] = field(default_factory=OrderedDict)
    entries: dict[int, tuple[datetime, int]] = field(default_factory=dict)
    last: int = 0


class Journal:
    """The versions of documents that were sent; thread-safe, bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._histories: OrderedDict[Hashable, _History] = OrderedDict()

    def note(self, document: Hashable, etag: str, entries: Mapping[int, datetime]) -> None:
        """Remember a version of a document: its validator, its entries and when each changed."""
        with self._lock:
            history = self._histories.setdefault(document, _History())
            self._histories.move_to_end(document)
            if etag not in history.numbers:
                history.last += 1
            history.numbers[etag] = number = history.last
            history.numbers.move_to_end(etag)
            before = history.entries
            history.entries = {
                entry: before[entry]
                if entry in before and before[entry][0] == changed_at
                else (changed_at, number)
                for entry, changed_at in entries.items()
            }
            while len(history.numbers) > _MAX_VERSIONS:
                history.numbers.popitem(last=False)
            while len(self._histories) > _MAX_DOCUMENTS:
                self._histories.popitem(last=False)

    def news(self, document: Hashable, etags: Collection[str]) -> frozenset[int] | None:
        """Return the entries of the last version that a reader lacks who has one of `etags`.

        None if none of them is remembered.
        """
        with self._lock:
            history = self._histories.get(document)
            if history is None:
                return None
            known = [history.numbers[etag] for etag in etags if etag in history.numbers]
            if not known:
                return None
            return frozenset(
                entry for entry, (_, number) in history.entries.items() if number > max(known)
            )

"""Where the list of a static site is cut into files: at places that stay.

Pages of a fixed length would all shift when retention deletes the oldest entry, or when an entry
comes or goes in the middle.  So the entries themselves decide: a page ends where the hash of an id
is the highest among those nearby.  A change moves no cuts but those nearby.

Source: content-defined chunking by local maxima (Bjørner, Blass, Gurevich: Content-dependent
chunking for differential compression, the local maximum approach, 2010).
"""

from bisect import bisect_left
from collections.abc import Sequence
from hashlib import blake2b

from aggregator.model import Cursor


class ListCuts:
    """The cuts of one list.

    Args:
        ids: Of the entries of the list, the oldest first.
        size: Usual number of entries of a page; a page has up to twice as many.
    """

    def __init__(self, ids: Sequence[int], size: int) -> None:
        self._ids = ids
        self._size = size
        self._cuts = _cuts(ids, size // 2)

    def length(self, before: Cursor | None = None) -> int:
        """Return the number of entries of the page below `before`, None for the first page.

        The first page has `size` entries at least, if the list has as many.
        """
        if before is None:
            end = len(self._ids)
            highest_cut = end - self._size
        else:
            end = bisect_left(self._ids, before.id)
            highest_cut = end - 1
        index = bisect_left(self._cuts, highest_cut + 1)
        start = self._cuts[index - 1] if index else 0
        return min(end - start, 2 * self._size)


def _cuts(ids: Sequence[int], reach: int) -> list[int]:
    """Return the indexes of the entries at the cuts, each the oldest of its page."""
    ranks = [_rank(entry_id) for entry_id in ids]
    cuts: list[int] = []
    index = reach
    while index < len(ids) - reach:  # newer entries could still make another entry the highest
        if ranks[index] == max(ranks[index - reach : index + reach + 1]):
            cuts.append(index)
            index += reach
        index += 1
    return cuts


def _rank(entry_id: int) -> bytes:
    return blake2b(entry_id.to_bytes(8, "big", signed=True), digest_size=8).digest()

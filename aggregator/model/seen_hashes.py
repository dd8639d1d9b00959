"""The format of the hashes stored with a feed for the entries of the last document.

A prefix of two hashes (inherited context and head of the document), then a record for each entry
in document order: the hash of the entry's bytes, and the id under which the entry is stored, 0 for
an entry without a stored one.  In the database the column is `feeds.memory`.
"""

from collections.abc import Iterator, Sequence

HASH_SIZE = 8
"""Bytes of a hash."""

ID_SIZE = 8
"""Bytes of the stored entry's id, which follows the hash."""

PREFIX_SIZE = 2 * HASH_SIZE
NO_ID = bytes(ID_SIZE)

_RECORD_SIZE = HASH_SIZE + ID_SIZE


def entry_records(seen_hashes: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the hash and the id of each entry, as bytes."""
    for start in range(PREFIX_SIZE, len(seen_hashes), _RECORD_SIZE):
        middle = start + HASH_SIZE
        yield seen_hashes[start:middle], seen_hashes[middle : middle + ID_SIZE]


def seen_ids(seen_hashes: bytes) -> set[int]:
    """Return the ids of the stored entries in the document."""
    return {
        int.from_bytes(entry_id, "big", signed=True)
        for _, entry_id in entry_records(seen_hashes)
        if entry_id != NO_ID
    }


def with_ids(seen_hashes: bytes, positions: Sequence[int], ids: Sequence[int | None]) -> bytes:
    """Return the hashes with the ids of the entries at some positions filled in.

    Args:
        seen_hashes: Empty for a document without prefiltering, which lists entries all the same.
        positions: Of the entries in the document; empty for all entries.
        ids: One for each position; None where no entry is stored.
    """
    filled = bytearray(seen_hashes or bytes(PREFIX_SIZE + _RECORD_SIZE * len(ids)))
    for position, entry_id in zip(positions or range(len(ids)), ids, strict=True):
        end = PREFIX_SIZE + _RECORD_SIZE * (position + 1)
        filled[end - ID_SIZE : end] = (entry_id or 0).to_bytes(ID_SIZE, "big", signed=True)
    return bytes(filled)

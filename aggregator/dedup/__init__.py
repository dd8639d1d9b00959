"""Which entries of a document are new, which changed, and which are stored already.  Pure.

Identity is decided within a feed.

changes      the values compared and returned
keys         the keys of an entry: guid, path, link, text, title
matching     the entries of a document and the stored entries
match_rules  when two entries with a common key are the same entry
edits        how much of an entry a new version changes
stable_text  text without counters, dates and tracking parameters
garbled      versions of a text with lost or wrongly decoded letters
public_ids   the ids of entries in merged feeds; copies of listed entries
"""

from aggregator.dedup.changes import (
    AddedKey,
    Change,
    ChangedEntry,
    Changes,
    KeyOwner,
    KnownEntry,
    Match,
    NewEntry,
    StoredEntries,
)
from aggregator.dedup.edits import BUDGET, EditComparison, EntryText
from aggregator.dedup.keys import Keys, combined_key, key_of_link, keys_of, short_key
from aggregator.dedup.matching import compare
from aggregator.dedup.public_ids import (
    FirstHand,
    believed_names,
    feed_names,
    is_of_site,
    public_id,
)

__all__ = [
    "BUDGET",
    "AddedKey",
    "Change",
    "ChangedEntry",
    "Changes",
    "EditComparison",
    "EntryText",
    "FirstHand",
    "KeyOwner",
    "Keys",
    "KnownEntry",
    "Match",
    "NewEntry",
    "StoredEntries",
    "believed_names",
    "combined_key",
    "compare",
    "feed_names",
    "is_of_site",
    "key_of_link",
    "keys_of",
    "public_id",
    "short_key",
]

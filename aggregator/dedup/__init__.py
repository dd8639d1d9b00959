"""Which entries of a document are new, which changed, and which are stored already.  Pure.

Identity is decided within one feed.

changes      the values that are compared and returned
keys         what an entry may be identified by: guid, path, link, text, title
matching     the entries of a document and the stored ones
match_rules  how certain it is that two entries with a common key are the same one
edits        how much of an entry a new version changes
stable_text  text without what changes by itself: counters, dates, tracking parameters
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
from aggregator.dedup.keys import Keys, combined_key, keys_of, short_key
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
    "keys_of",
    "public_id",
    "short_key",
]

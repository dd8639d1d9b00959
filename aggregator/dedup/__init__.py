"""Which entries of a document are new, which changed, and which are the ones we have.  Pure.

Identity is decided inside one feed only.

values     what is compared, and what follows from it
keys       what an entry may be known by: guid, address, link, text, title
matching   a document's entries beside the stored ones
edits      whether a new version says something else
naming     the ids that merged feeds give entries
"""

from aggregator.dedup.changes import (
    ChangedEntry,
    Changes,
    Extent,
    KnownEntry,
    Memory,
    NewEntry,
    Owner,
)
from aggregator.dedup.edits import BUDGET, Comparison, Text
from aggregator.dedup.keys import Keys, key_of_all, keys_of, number
from aggregator.dedup.matching import compare
from aggregator.dedup.public_ids import FirstHand, believed_names, is_of_site, names, public_id

__all__ = [
    "BUDGET",
    "ChangedEntry",
    "Changes",
    "Comparison",
    "Extent",
    "FirstHand",
    "Keys",
    "KnownEntry",
    "Memory",
    "NewEntry",
    "Owner",
    "Text",
    "believed_names",
    "compare",
    "is_of_site",
    "key_of_all",
    "keys_of",
    "names",
    "number",
    "public_id",
]

"""Pages in place of a feed: a check for browsers, a firewall, a page of somebody else.

One decision from the status, the headers and the beginning of the body, for the fetch (answers
without a document) and for the reading (documents other than feeds).  Pure.
"""

from aggregator.walls.page_parts import MAX_SEARCHED
from aggregator.walls.recognition import (
    WALL_STATUSES,
    Answer,
    Wall,
    reason_of,
    telling_headers,
    wall_of,
)

__all__ = [
    "MAX_SEARCHED",
    "WALL_STATUSES",
    "Answer",
    "Wall",
    "reason_of",
    "telling_headers",
    "wall_of",
]

"""Dates as publishers write them, and an entry's place in the list.  Pure.

names     of months and zones
reading   a text to a time, with how it was read and how surely
zones     which zone a feed means that names none
places    where an entry stands, once and for ever, and why
weeks     of the archives, and which of them an entry is in
"""

from aggregator.dates.date_text import EARLIEST, LATEST, of_entry, read
from aggregator.dates.placement import Place, Reason, places
from aggregator.dates.weeks import LATE, Week, archived_at, is_closed, open_since
from aggregator.dates.zones import Bounds, in_zone, likely_offset, narrowed

__all__ = [
    "EARLIEST",
    "LATE",
    "LATEST",
    "Bounds",
    "Place",
    "Reason",
    "Week",
    "archived_at",
    "in_zone",
    "is_closed",
    "likely_offset",
    "narrowed",
    "of_entry",
    "open_since",
    "places",
    "read",
]

"""Dates as written by publishers, and the place of an entry in the list.  Pure.

date_text   the text of a date to a time, with the form of the text and the certainty
date_words  names of months, weekdays and zones
written_text   dates as people write them on pages, some of which count from now
relative_text  how long ago something was; relative_words has the words, lead_words those around
zones       the zone of a feed with dates that name no zone
placement   where an entry stands in the list, for good, and why
weeks       the weeks of the archives, and the archive of each entry
"""

from aggregator.dates.date_text import EARLIEST, LATEST, entry_date, read
from aggregator.dates.placement import Placement, PlacementReason, PublishedTime, placements
from aggregator.dates.weeks import (
    ARCHIVE_DELAY,
    Week,
    archived_at,
    closed_at,
    is_closed,
    open_since,
)
from aggregator.dates.written_text import (
    MAX_WRITTEN_LENGTH,
    WrittenDate,
    corrected,
    has_numeric_date,
    is_month_first,
    written_date,
)
from aggregator.dates.zones import Bounds, in_zone, likely_offset, narrow_bounds

__all__ = [
    "ARCHIVE_DELAY",
    "EARLIEST",
    "LATEST",
    "MAX_WRITTEN_LENGTH",
    "Bounds",
    "Placement",
    "PlacementReason",
    "PublishedTime",
    "Week",
    "WrittenDate",
    "archived_at",
    "closed_at",
    "corrected",
    "entry_date",
    "has_numeric_date",
    "in_zone",
    "is_closed",
    "is_month_first",
    "likely_offset",
    "narrow_bounds",
    "open_since",
    "placements",
    "read",
    "written_date",
]

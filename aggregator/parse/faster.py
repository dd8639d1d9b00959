"""feedparser's dictionary, with the same answers in less time, and the switch for all of it.

A quarter of feedparser's work on a well-formed feed goes into looking up ordinary keys behind a
chain of comparisons for the few special ones, and into deep copies of flat dictionaries.  Both are
replaced here by what gives the same result, its strict parser by that of `strict`, and dates in the
two usual forms are read before it tries one form after the other.  Only for
the version that this was proved for (tests/test_faster.py compares all feeds there are, with and
without); another one stays as it is.
"""

import copy
import re
import time
from datetime import datetime, timedelta
from typing import Any

import feedparser
import feedparser.mixin
from feedparser.util import FeedParserDict

from aggregator.parse.strict import StrictParser

PROVED_FOR = "6.0.14"

_SPECIAL = frozenset(FeedParserDict.keymap) | {
    "category",
    "enclosures",
    "license",
    "updated",
    "updated_parsed",
}
_MONTHS = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}
_RFC_822 = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) ([12]\d{3}) (\d\d):(\d\d):(\d\d) "
    r"(?:GMT|([+-])([01]\d)([0-5]\d))",
    re.ASCII,
)
_RFC_3339 = re.compile(
    r"([12]\d{3})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:Z|([+-])([01]\d):([0-5]\d))", re.ASCII
)
_FLAT = frozenset({str, int, type(None)})
_slow_getitem = FeedParserDict.__getitem__
_slow_contains = FeedParserDict.__contains__
_slow_setdefault = FeedParserDict.setdefault
_slow_setitem = FeedParserDict.__setitem__
_slow_get = FeedParserDict.get


def apply() -> None:
    """Replace the methods, in this process and for good."""
    if feedparser.__version__ != PROVED_FOR:
        return
    FeedParserDict.__getitem__ = _getitem
    FeedParserDict.__contains__ = _contains
    FeedParserDict.get = _get
    FeedParserDict.__setitem__ = _setitem
    FeedParserDict.setdefault = _setdefault
    feedparser.mixin.copy = _Copy
    feedparser.api.StrictFeedParser = StrictParser
    feedparser.registerDateHandler(usual_date)


def usual_date(text: str) -> time.struct_time | None:
    """Read a date of RFC 822 or RFC 3339 in the form that nearly all have; None for any other.

    Raises:
        ValueError, KeyError: There is no such day or month; feedparser goes on to its own forms.
    """
    if match := _RFC_822.fullmatch(text):
        day, month, year, *rest = match.groups()
        return _utc(year, _MONTHS[month], day, *rest)
    if match := _RFC_3339.fullmatch(text):
        return _utc(*match.groups())
    return None


def _utc(
    year: str,
    month: str | int,
    day: str,
    hour: str,
    minute: str,
    second: str,
    sign: str | None,
    hours: str | None,
    minutes: str | None,
) -> time.struct_time:
    at = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))  # noqa: DTZ001 - its zone is taken off below
    if sign and hours and minutes:
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        at = at - ahead if sign == "+" else at + ahead
    return at.utctimetuple()


def _getitem(self: Any, key: Any) -> Any:
    return _slow_getitem(self, key) if key in _SPECIAL else dict.__getitem__(self, key)


def _contains(self: Any, key: Any) -> bool:
    return _slow_contains(self, key) if key in _SPECIAL else dict.__contains__(self, key)


def _get(self: Any, key: Any, default: Any = None) -> Any:
    return _slow_get(self, key, default) if key in _SPECIAL else dict.get(self, key, default)


def _setitem(self: Any, key: Any, value: Any) -> None:
    if key in _SPECIAL:
        _slow_setitem(self, key, value)
    else:
        dict.__setitem__(self, key, value)


def _setdefault(self: Any, key: Any, default: Any) -> Any:
    if key in _SPECIAL:
        return _slow_setdefault(self, key, default)
    return dict.setdefault(self, key, default)


class _Copy:
    """Stands for the module `copy` in feedparser's mixin."""

    copy = staticmethod(copy.copy)

    @staticmethod
    def deepcopy(value: Any) -> Any:
        """Copy `contentparams`, a flat dictionary of strings; anything else as ever."""
        if type(value) is FeedParserDict and _FLAT.issuperset(map(type, value.values())):
            return FeedParserDict(value)
        return copy.deepcopy(value)

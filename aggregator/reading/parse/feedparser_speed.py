"""feedparser with the same answers in less time: what is replaced, and for which version.

A quarter of feedparser's work on a well-formed feed goes into lookups of ordinary keys, each behind
a chain of comparisons for the few special keys, and into deep copies of flat dictionaries.

`speed_up` replaces in the whole process, for every user of feedparser:

- of `feedparser.util.FeedParserDict` the methods `__getitem__`, `__contains__`, `get`,
  `__setitem__` and `setdefault`: the original method is called for special keys only;
- in `feedparser.mixin` the name `copy`: flat dictionaries of strings are copied without recursion.

`strict_parser` replaces feedparser's parser of well-formed XML by `strict_parser.StrictParser`, for
the documents that `xml_reader` reads and for no others.

Both only for the version `PROVED_FOR`: tests/test_faster.py and tests/test_strict.py compare the
answers.  With any other version feedparser stays as it is, and `slow_warning` says so.
"""

import copy
from typing import Any

import feedparser
import feedparser.mixin
from feedparser.util import FeedParserDict

from aggregator.reading.parse.parsers import StrictInContext
from aggregator.reading.parse.strict_parser import StrictParser

PROVED_FOR = "6.0.14"

_SPECIAL = frozenset(FeedParserDict.keymap) | {
    "category",
    "enclosures",
    "license",
    "updated",
    "updated_parsed",
}
_FLAT = frozenset({str, int, type(None)})
_slow_getitem = FeedParserDict.__getitem__
_slow_contains = FeedParserDict.__contains__
_slow_setdefault = FeedParserDict.setdefault
_slow_setitem = FeedParserDict.__setitem__
_slow_get = FeedParserDict.get


def is_proved() -> bool:
    """Whether the replacements give the answers of the installed feedparser."""
    return bool(feedparser.__version__ == PROVED_FOR)


def slow_warning() -> str | None:
    """Return what to log where feedparser is not sped up; None where it is."""
    if is_proved():
        return None
    return (
        f"feedparser {feedparser.__version__} is installed; documents take twice the time to parse,"
        f" as the faster way is proved for {PROVED_FOR} only: pip install feedparser=={PROVED_FOR}"
    )


def speed_up() -> None:
    """Replace feedparser's methods in this process; nothing happens the second time."""
    if not is_proved():
        return
    FeedParserDict.__getitem__ = _getitem
    FeedParserDict.__contains__ = _contains
    FeedParserDict.get = _get
    FeedParserDict.__setitem__ = _setitem
    FeedParserDict.setdefault = _setdefault
    feedparser.mixin.copy = _Copy


def strict_parser() -> type[StrictInContext]:
    """Return the parser for well-formed documents."""
    return StrictParser if is_proved() else StrictInContext


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
    """Takes the place of the module `copy` in feedparser's mixin."""

    copy = staticmethod(copy.copy)

    @staticmethod
    def deepcopy(value: Any) -> Any:
        """Copy `contentparams`, a flat dictionary of strings, or as `copy.deepcopy`."""
        if type(value) is FeedParserDict and _FLAT.issuperset(map(type, value.values())):
            return FeedParserDict(value)
        return copy.deepcopy(value)

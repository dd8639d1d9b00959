"""feedparser's dictionary, with the same answers in less time, and the switch for the short way.

A quarter of feedparser's work on a well-formed feed goes into looking up ordinary keys behind a
chain of comparisons for the few special ones, and into deep copies of flat dictionaries.  Both are
replaced here by what gives the same result, and its strict parser by that of `strict`.  Only for
the version that this was proved for (tests/test_faster.py compares all feeds there are, with and
without); another one stays as it is.
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


def strict_parser() -> type[StrictInContext]:
    """Return the parser for well-formed documents."""
    return StrictParser if feedparser.__version__ == PROVED_FOR else StrictInContext


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

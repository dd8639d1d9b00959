"""Versions of a text in which letters are lost, or decoded wrongly.

Such a version comes from a fault of the publisher or of a cache: U+FFFD or question marks in place
of letters beyond ASCII, or UTF-8 read in another encoding ("Ã¼" for "ü").
"""

import re
from itertools import islice

_MAX_PAIRS = 1_000  # of runs of letters that are compared
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_LETTERS = re.compile(r"([^\x00-\x3e\x40-\x7f]+)")  # beyond ASCII, and "?" in place of them
_TRACES = re.compile("[\ufffdÃÂÐâ]")  # of most misreadings of UTF-8, and of lost letters
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\xa0\xad]+")
_MISREAD_AS = ("cp1252", "latin-1", "cp1250", "cp1251", "koi8-r", "iso8859-2", "iso8859-15",
               "mac-roman")  # fmt: skip


def may_be_garbled(html: str) -> bool:
    """Whether a text may be a garbled version, without a look at the stored version."""
    return _TRACES.search(html) is not None


def is_garbled(stored: str, version: str) -> bool:
    """Whether a new version is the stored text with lost or wrongly decoded letters."""
    before = _LETTERS.split(_without_blanks(stored))
    after = _LETTERS.split(_without_blanks(version))
    if before == after or before[::2] != after[::2]:
        return False
    pairs = islice(zip(before[1::2], after[1::2], strict=True), _MAX_PAIRS)
    return all(was == now or _is_misread(was, now) for was, now in pairs)


def _is_misread(was: str, now: str) -> bool:
    """Whether letters beyond ASCII are replaced, or decoded in another encoding."""
    if was.isascii():
        return False
    if now.count(_REPLACEMENT) > was.count(_REPLACEMENT):
        return True
    if now.count("?") > was.count("?") and now.isascii():
        return True
    octets = was.encode("utf-8", "replace")
    return any(_without_blanks(octets.decode(codec, "ignore")) == now for codec in _MISREAD_AS)


def _without_blanks(text: str) -> str:
    """Return a text without white space and control characters, which may come from any byte."""
    return _BLANKS.sub("", text)

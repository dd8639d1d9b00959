"""Texts in config.yaml -> values: titles, names, spans, numbers, switches.

Nearly pure: `timezone` reads the zone database.

Each reader takes a text as written and returns its value, or raises ValueError.  The message of the
error completes the line `config.yaml:12:5: feeds[3].interval: ` with the mistake and advice.
"""

import difflib
import json
import os
import re
import unicodedata
import zoneinfo
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache, partial

from aggregator import urls
from aggregator.model import Backlog, Order, PictureMode
from aggregator.model.times import span_text

MAX_TITLE = 200
MAX_DESCRIPTION = 1_000
MAX_RULE = 10_000
MAX_BACKLOG = 1_000_000

CONTROL_CHARACTER = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
UNIT_WORDS = {
    word: words[0]
    for words in (
        "s sec secs second seconds",
        "m min mins minute minutes",
        "h hr hrs hour hours",
        "d day days",
        "w week weeks",
    )
    for word in words.split()
}
_SPAN_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s{0,9}([a-z]{1,20})\s{0,9}")
_NUMBER = re.compile(r"\d+(?:\.\d*)?")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s{0,9}([a-z]{0,5})")
SIZE_UNITS = {
    unit: factor
    for units, factor in (
        (("", "b", "byte", "bytes"), 1),
        (("k", "kb"), 10**3),
        (("kib",), 2**10),
        (("m", "mb"), 10**6),
        (("mib",), 2**20),
        (("g", "gb"), 10**9),
        (("gib",), 2**30),
    )
    for unit in units
}
_NAME = re.compile(r"[\w.-]*\w[\w.-]*")
_SECOND, _YEAR = timedelta(seconds=1), timedelta(days=365)
YES, NO = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})


class UnknownWordError(ValueError):
    """A word that is not in a list of known words.

    Args:
        message: The mistake, and general advice.
        suggestion: Returns a message that names the nearest known word, or `message`; slow.
    """

    def __init__(self, message: str, suggestion: Callable[[], str]) -> None:
        super().__init__(message)
        self.suggestion = suggestion


def line(text: str, maximum: int = MAX_TITLE) -> str:
    """Read one line of text: white space collapsed, 1 to `maximum` characters."""
    words = " ".join(_text(text, maximum).split())
    if not words:
        raise ValueError("empty; write some text, or leave the line out")
    return words


def _text(text: str, maximum: int) -> str:
    """Read a text without control characters."""
    if control := CONTROL_CHARACTER.search(text):
        raise ValueError(f"has a control character (U+{ord(control[0]):04X}); remove it")
    length = len(" ".join(text.split()))
    if length > maximum:
        raise ValueError(f"is {length:,} characters long; write at most {maximum:,}")
    return text


def title(text: str) -> str:
    """Read a title: a line with masked secrets, as other programs export addresses as titles."""
    return urls.masked_text(line(text))


def description(text: str) -> str:
    """Read a description: a line with masked secrets."""
    return urls.masked_text(line(text, MAX_DESCRIPTION))


def rule(text: str) -> str:
    """Read a text that the language of searches will read; line breaks and blanks stay."""
    if not text.strip():
        raise ValueError("empty; write a search, or leave the line out")
    return _text(text, MAX_RULE)


def tidy_title(text: str) -> str:
    """Return a publisher's title in a form that `title` accepts, or an empty text."""
    return urls.masked_text(" ".join(CONTROL_CHARACTER.sub(" ", text).split()))[:MAX_TITLE].rstrip()


@lru_cache(maxsize=4096)  # thousands of feeds share a few
def category(text: str) -> str:
    """Read a category: any line; `urls.category_slugs` makes the address of its page."""
    return line(text)


def name(text: str) -> str:
    """Read a feed's name, which is the feed's key and a part of addresses."""
    words = letters = line(text)
    if not words.isascii():
        words = unicodedata.normalize("NFC", words)
        # Vowel signs and accents (Mn, Mc) belong to letters, but `\w` leaves them out.
        letters = "".join(c for c in words if unicodedata.category(c) not in {"Mn", "Mc"})
    if not _NAME.fullmatch(letters):
        slug = urls.slug(urls.masked_input(words))
        hint = f"; write {slug}" if slug else ""
        raise ValueError(f"{quoted(words)} may only have letters, digits, - _ and .{hint}")
    if len(words) > urls.MAX_NAME:
        raise ValueError(f"is {len(words)} characters long; write at most {urls.MAX_NAME}")
    return words


@lru_cache(maxsize=4096)
def duration(text: str, *, minimum: timedelta, maximum: timedelta) -> timedelta:
    """Read a span of time such as `30s`, `15m`, `1h30m`, `1.5 hours`."""
    compact = text.strip().lower()
    if _NUMBER.fullmatch(compact):
        raise ValueError(f"{compact} of what? Write a unit: {compact}s, {compact}m or {compact}h")
    seconds, end = 0.0, 0
    while part := _SPAN_PART.match(compact, end):
        unit = UNIT_WORDS.get(part[2])
        if unit is None:
            raise ValueError(f'"{part[2]}" is not a unit of time; use s, m, h, d or w')
        seconds += float(part[1]) * _UNITS[unit]
        end = part.end()
    if end == 0 or end < len(compact):
        raise ValueError(f"{quoted(text)} is not a span of time; write 30s, 15m, 1h, 1h30m or 1d")
    if not minimum.total_seconds() <= seconds <= maximum.total_seconds():
        raise ValueError(
            f"{quoted(text)} is out of range; write {span_text(minimum)} to {span_text(maximum)}"
        )
    return timedelta(seconds=seconds)


def size(text: str, *, minimum: int, maximum: int) -> int:
    """Read a number of bytes such as `10MB`, `512 kB`, `10MiB`, `5_000_000`."""
    compact = text.strip().lower().replace("_", "")
    match = _SIZE.fullmatch(compact)
    factor = SIZE_UNITS.get(match[2]) if match else None
    if match is None or factor is None:
        raise ValueError(
            f"{quoted(text)} is not a size; write 512kB, 10MB, 10MiB or a number of bytes"
        )
    value = float(match[1]) * factor if "." in match[1] else int(match[1]) * factor
    if not minimum <= value <= maximum:
        raise ValueError(f"{quoted(text)} is out of range; write {minimum:_} to {maximum:_} bytes")
    return int(value)


def whole_number(text: str, *, minimum: int, maximum: int) -> int:
    """Read a whole number."""
    compact = text.strip().replace("_", "")
    digits = compact.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 19):
        raise ValueError(f"{quoted(text)} is not a whole number; write {minimum} to {maximum}")
    if not minimum <= int(compact) <= maximum:
        raise ValueError(f"{quoted(text)} is out of range; write {minimum} to {maximum}")
    return int(compact)


def true_or_false(text: str) -> bool:
    """Read `true` or `false`, or the words of YAML 1.1 for these."""
    word = text.strip().lower()
    if word not in YES | NO:
        raise ValueError(f"{quoted(text)} is neither; write true or false")
    return word in YES


def on_or_off(text: str) -> bool:
    """Read on or off."""
    words = text.strip().lower()
    if words in {"on", "yes", "true"}:
        return True
    if words in {"off", "no", "false"}:
        return False
    raise ValueError(f"{quoted(text)} is neither on nor off; write one of them")


def public_or_off(text: str) -> bool:
    """Read whether something is public, or off."""
    word = text.strip().lower()
    if word not in {"public", "off"}:
        raise ValueError(f"{quoted(text)} is neither public nor off; write one of them")
    return word == "public"


def whole_number_or_off(text: str, *, minimum: int, maximum: int) -> int | None:
    """Read a whole number, or `off` for no bound."""
    if text.strip().lower() in {"off", "no", "false"}:
        return None
    return whole_number(text, minimum=minimum, maximum=maximum)


def backlog(text: str) -> Backlog:
    """Read how much of a first poll is listed: `all`, a number of entries, or a span of time."""
    word = text.strip().lower()
    if word == "all":
        return Backlog()
    if _NUMBER.fullmatch(word.replace("_", "")):
        return Backlog(newest=whole_number(word, minimum=0, maximum=MAX_BACKLOG))
    try:
        return Backlog(within=duration(word, minimum=_SECOND, maximum=100 * _YEAR))
    except ValueError as error:
        if not word[:1].isdecimal():
            message = f"{quoted(text)} is not a backlog; write all, a number of posts, or 7d"
            raise ValueError(message) from error
        raise


def order(text: str) -> Order:
    """Read the time by which entries are ordered."""
    word = text.strip().lower()
    if word not in set(Order):
        raise ValueError(f"{quoted(text)} is neither; write {' or '.join(Order)}")
    return Order(word)


def pictures(text: str) -> PictureMode:
    """Read which pictures are fetched and shown."""
    word = text.strip().lower()
    if word in NO:
        return PictureMode.OFF
    if word not in set(PictureMode):
        raise ValueError(f"{quoted(text)} is none of them; write off, lead or all")
    return PictureMode(word)


def timezone(text: str) -> str:
    """Read the IANA name of a time zone."""
    words = line(text)
    try:
        zoneinfo.ZoneInfo(words)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder, a NUL ...
        message = f"{quoted(words)} is not a time zone; write UTC or Europe/Berlin"
        raise UnknownWordError(message, partial(_similar_zone, words, message)) from error
    return words


def _similar_zone(words: str, message: str) -> str:
    zones = {zone.casefold(): zone for zone in zoneinfo.available_timezones()}
    similar = difflib.get_close_matches(words.casefold().replace(" ", "_"), zones, n=1)
    if not similar:
        return message
    return f"{quoted(words)} is not a time zone; did you mean {zones[similar[0]]}?"


LANGUAGES = (
    "ar", "de", "en", "en-US", "es", "fr", "he", "it", "ja", "nl", "pl", "pt-BR", "ru", "zh-Hans"
)  # fmt: skip
"""Tags of the languages of the program; `web/languages/` has a file for each but English."""


def language(text: str) -> str:
    """Read the tag of a language of the program, whatever its case."""
    tags = {tag.casefold(): tag for tag in LANGUAGES}
    tag = tags.get(text.strip().casefold().replace("_", "-"))
    if tag is None:
        raise ValueError(f"{quoted(text)} is none of them; write {', '.join(LANGUAGES)}")
    return tag


def core_count() -> int:
    """Return the default number of parsing processes: one for each core, 256 at most."""
    return max(1, min(os.cpu_count() or 1, 256))


def quoted(text: str) -> str:
    """Return a text in quotes: masked, short enough for one line, and safe on a terminal."""
    text = urls.masked_input(text)
    clipped = text if len(text) <= 60 else text[:57] + "..."
    return json.dumps(clipped, ensure_ascii=not clipped.isprintable())

"""The text of a date to a time.

The result of feedparser is taken where feedparser is right: RFC 822 (RSS) and RFC 3339 (Atom, JSON
Feed) with a numeric zone or UTC.  Other dates are read here: feedparser takes numbers for years,
does not know the names of most zones, accepts any offset and takes UTC where no zone is named.

Sources: RFC 2822 3.3 and 4.3 (obsolete forms), RFC 3339, ISO 8601 (weeks, ordinal dates, 24:00).
"""

import re
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from aggregator.dates.date_words import (
    AFTERNOON,
    MONTHS,
    MORNING,
    SUMMER,
    WEEKDAYS,
    WINTER,
    ZONES,
    folded_word,
)
from aggregator.model import Date
from aggregator.model.times import EPOCH

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
# Times that clocks and databases have for "no time": Unix; Apple; Excel, NTP and SQL.
_ZEROS = frozenset(datetime(year, 1, 1, tzinfo=UTC) for year in (1970, 2001, 1900))
_NEAR_ZEROS = frozenset(zero.date() - timedelta(days=ago) for zero in _ZEROS for ago in (0, 1))
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MAX_LENGTH = 120  # characters of a date

_CLOCK = r"(?P<hour>[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
_OFFSET = r"[+-](?:0\d|1[0-2]):?[0-5]\d|\+1[34]:?00"
_RFC822 = re.compile(
    rf"(?:[A-Za-z]{{3}}, )?\d{{1,2}} [A-Za-z]{{3}} \d{{4}} {_CLOCK} (?:GMT|UTC|{_OFFSET})"
)
_RFC3339 = re.compile(rf"\d{{4}}-\d\d-\d\dT{_CLOCK}(?:Z|{_OFFSET})")
_MIDNIGHT = re.compile(r"(?<![:\d])00:00(?::00(?:\.0+)?)?(?![:\d])")

_UNIX = re.compile(r"-?\d{9,16}(?:\.\d+)?")
_UNIX_UNITS = ((10**14, 1_000_000), (10**11, 1000))  # in seconds the years 5138 and later
_COMPACT = re.compile(r"((?:19|2[01])\d\d)(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?(Z|[+-]\d{4})?")

_MARKS = "|".join(sorted(map(re.escape, AFTERNOON | MORNING), key=len, reverse=True))
TIME = re.compile(
    rf"(?P<before>{_MARKS})?\s*(?<![\d+\-\u2212])(?P<hour>\d{{1,2}})"
    r"(?:[:h]|\s?[時时시点點]\s?)(?P<minute>\d{2}|\d(?=\s?[分분]))\s?[分분]?"
    r"(?::(?P<second>\d{1,2})(?:[.,]\d+)?(?!\d)|\s?(?P<seconds>\d{1,2})\s?[秒초])?"
    rf"\s*(?P<after>(?:{_MARKS})(?![^\W\d_]))?",
    re.IGNORECASE,
)
_TIME_WITHOUT_COLONS = re.compile(
    r"(?P<before>)T(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?P<seconds>)(?P<after>)(?!\d)"
)
ZONE_NUMBER = re.compile(
    r"\s*\(?(?:UTC|GMT)?\s?([+\-\u2212])\s?(\d{1,2}):?(\d{2})?(?!\d)", re.IGNORECASE
)
WORD = re.compile(r"[^\W\d_]+")
_WEEK = re.compile(r"(\d{4})-?W(\d{1,2})(?:-?([1-7]))?(?!\d)", re.IGNORECASE)
_ORDINAL = re.compile(r"(\d{4})-(\d{3})(?![\d-])")
YEAR_FIRST = re.compile(
    r"(?<!\d)(\d{4})\s?[-/.年년]\s?(\d{1,2})\s?[-/.月월]\s?(\d{1,2})(?!\d)"
    r"|(?<!\d)((?:19|2[01])\d\d)(\d\d)(\d\d)(?!\d)"
)
_YEAR_THEN_NAME = re.compile(r"(?<!\d)(\d{4})[\s.\-]+([^\W\d_]{3,20})[\s.\-]+(\d{1,2})(?!\d)")
_YEAR_AND_MONTH = re.compile(r"(\d{4})(?:-(\d\d))?")
_DAY_FIRST = re.compile(
    r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|[ºª])?[\s.\-/,]*(?:de\s|of\s)?\s*"
    r"([^\W\d_]{3,20})[\s.\-/,]*(?:de\s|del\s)?\s*'?(\d{4}|\d{2})(?!\d)",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    r"([^\W\d_]{3,20})\.?[\s\-]+(\d{1,2})(?:st|nd|rd|th)?[\s,\-]+'?(\d{4}|\d{2})(?!\d)",
    re.IGNORECASE,
)
WITH_NAMES = (
    (_DAY_FIRST, (3, 2, 1)),
    (_MONTH_FIRST, (3, 1, 2)),
    (_YEAR_THEN_NAME, (1, 2, 3)),
)
NUMBERS = re.compile(r"(?<!\d)(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")

_WINTER_MONTHS, _SUMMER_MONTHS = frozenset({12, 1, 2}), frozenset({5, 6, 7, 8, 9})


class _Offset(NamedTuple):
    """Minutes east of UTC."""

    minutes: int
    is_certain: bool = True


class _CalendarDay(NamedTuple):
    """A day, the form in which the text names the day, and whether no other day can be meant."""

    date: date
    form: str
    is_certain: bool = True


def read(text: str | None, parsed: datetime | None, *, field: str = "published") -> Date | None:
    """Return the date in a text, None for an empty text.

    The zero of a usual clock, or a year outside 1900 to 2199, is read as no time (`Date.at` None):
    publishers do not mean such dates.

    Args:
        text: As written in the document.
        parsed: The result of feedparser, None if feedparser could not read the text.
        field: Where the date stands, `published` or `updated`.
    """
    text = (text or "").strip()[:_MAX_LENGTH]
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)  # a database takes no NUL
    if not text:
        return None
    date_read = _in_plain_form(text, parsed) or _number(text) or _in_any_form(text)
    if date_read is None or date_read.at is None or date_read.at in _ZEROS:
        return Date(text, field, None, "")
    if not EARLIEST <= date_read.at < LATEST:
        return Date(text, field, None, "")
    return replace(date_read, text=text, field=field) if date_read.field != field else date_read


def entry_date(published: Date | None, updated: Date | None) -> Date | None:
    """Return the date of an entry: when the entry was published, else last changed.

    A date of publication without a zone is read in the zone of `updated` if both are then the same
    moment.
    """
    best = next(
        (dated for dated in (published, updated) if dated and dated.at), published or updated
    )
    if best is None or best is updated or best.zoned or not (updated and updated.zoned):
        return best
    if best.at is None or updated.at is None:
        return best
    offset = best.at - updated.at
    is_zone = abs(offset) <= timedelta(hours=14) and not offset % timedelta(minutes=15)
    return replace(best, at=updated.at, zoned=True, is_certain=False) if is_zone else best


def _in_plain_form(text: str, parsed: datetime | None) -> Date | None:
    """Return a date in a form that feedparser reads right, like nearly all dates."""
    if parsed is None or parsed.date() in _NEAR_ZEROS:
        return None
    if _RFC822.fullmatch(text):
        form = "RFC 822"
    elif _RFC3339.fullmatch(text):
        form = "RFC 3339"
    else:
        return None
    return Date(text, "published", parsed, form, whole_day=bool(_MIDNIGHT.search(text)))


def _number(text: str) -> Date | None:
    """Read Unix times, and dates without separators."""
    if match := _COMPACT.fullmatch(text):
        year, month, day, hour, minute, second, zone = match.groups()
        if (at := calendar_date(int(year), int(month), int(day))) and int(hour or 0) < 24:
            clock = timedelta(
                hours=int(hour or 0), minutes=int(minute or 0), seconds=int(second or 0)
            )
            offset = zone_offset(zone or "", at)
            return _date(_CalendarDay(at, "ISO 8601"), clock, offset, timed=hour is not None)
    if not _UNIX.fullmatch(text):
        return None
    number = float(text) if "." in text else int(text)
    for min_number, unit in _UNIX_UNITS:
        if abs(number) >= min_number:
            return _seconds(number / unit, f"Unix, 1/{unit} s")
    return _seconds(number, "Unix, s")


def _seconds(number: float, form: str) -> Date | None:
    try:
        return Date("", "", EPOCH + timedelta(seconds=number), form)
    except OverflowError:
        return None


def _in_any_form(text: str) -> Date | None:
    text = unicodedata.normalize("NFKC", text)
    time = TIME.search(text) or _TIME_WITHOUT_COLONS.search(text)
    without_time = text
    if time:  # and the zone, which may stand before the year
        after = WORD.sub(_without_zone, ZONE_NUMBER.sub("", text[time.end() :], count=1))
        without_time = f"{text[: time.start()]} {after}"
    is_american = bool(time and (time["before"] or time["after"]))
    day = _calendar_day(without_time, american=is_american)
    if day is None:
        return None
    clock = clock_time(time) if time else timedelta(0)
    if clock is None:
        return None
    offset = zone_offset(text[time.end() :], day.date) if time else None
    return _date(day, clock, offset, timed=time is not None)


def _without_zone(word: re.Match[str]) -> str:
    return "" if folded_word(word[0]) in ZONES else word[0]


def _date(
    day: _CalendarDay, clock: timedelta, offset: _Offset | None, *, timed: bool
) -> Date | None:
    """Return a date, without text and field; None for a date out of range of `datetime`.

    Args:
        offset: None for a date without a zone.
        timed: The text names a time.
    """
    try:
        at = datetime(day.date.year, day.date.month, day.date.day, tzinfo=UTC) + clock
        if offset is not None and at not in _ZEROS:  # a zero of a clock is none in any zone
            at -= timedelta(minutes=offset.minutes)
    except OverflowError:
        return None
    return Date(
        text="",
        field="",
        at=at,
        form=day.form,
        is_certain=day.is_certain and offset is not None and offset.is_certain,
        zoned=offset is not None,
        whole_day=not timed or not clock,
    )


def clock_time(time: re.Match[str]) -> timedelta | None:
    """Return the time of day; 24:00 is the start of the next day, second 60 of the next minute."""
    hour, minute = int(time["hour"]), int(time["minute"])
    second = int(time["second"] or time["seconds"] or 0)
    mark = (time["before"] or time["after"] or "").casefold()
    if mark and hour <= 12:
        hour = hour % 12 + (12 if mark in AFTERNOON else 0)
    if minute > 59 or second > 60 or hour > 24 or (hour == 24 and (minute or second)):
        return None
    return timedelta(hours=hour, minutes=minute, seconds=second)


def zone_offset(after: str, day: date) -> _Offset | None:
    """Return the offset of the zone in a text, None for a text without a zone.

    Args:
        after: The text after the time.
    """
    if match := ZONE_NUMBER.match(after):
        sign, hours, minutes = match[1], int(match[2]), int(match[3] or 0)
        offset = (60 * hours + minutes) * (1 if sign == "+" else -1)
        return _Offset(offset) if minutes < 60 and -720 <= offset <= 840 else None
    for word in WORD.findall(after):
        if (zone := folded_word(word)) in ZONES:
            is_out_of_season = (zone in SUMMER and day.month in _WINTER_MONTHS) or (
                zone in WINTER and day.month in _SUMMER_MONTHS
            )
            return _Offset(ZONES[zone], is_certain=not is_out_of_season)
    return None


def _calendar_day(text: str, *, american: bool) -> _CalendarDay | None:
    """Return the day in a text, None for a text without a date.

    Args:
        american: See `numeric_day`.
    """
    if match := _WEEK.search(text):
        try:
            first = date.fromisocalendar(int(match[1]), int(match[2]), int(match[3] or 1))
        except ValueError:
            return None
        return _CalendarDay(first, "ISO 8601 week")
    if match := _ORDINAL.search(text):
        first_day = calendar_date(int(match[1]), 1, 1)
        day = first_day + timedelta(days=int(match[2]) - 1) if first_day else None
        return _CalendarDay(day, "ISO 8601 ordinal") if day and day.year == int(match[1]) else None
    if match := YEAR_FIRST.search(text):
        parts = match.groups()[:3] if match[1] else match.groups()[3:]
        return _day_in_form("year, month, day", *map(int, parts))
    for pattern, (year_at, month_at, day_at) in WITH_NAMES:
        for match in pattern.finditer(text):
            if month := MONTHS.get(folded_word(match[month_at])):
                year, day_of_month = whole_year(match[year_at]), int(match[day_at])
                return _day_in_form("a month's name", year, month, day_of_month)
    if match := NUMBERS.search(text):
        return numeric_day(match, _weekday(text), american=american)
    if match := _YEAR_AND_MONTH.fullmatch(text.strip()):
        return _day_in_form("year, month", int(match[1]), int(match[2] or 1), 1)
    return None


def numeric_day(
    match: re.Match[str], weekday: int | None, *, american: bool
) -> _CalendarDay | None:
    """Read `5/3/2019`.

    Args:
        match: Of `NUMBERS`.
        weekday: The weekday in the text, which tells month and day apart; None without a weekday.
        american: Something else in the text is as in the United States.
    """
    first, second, year = int(match[1]), int(match[3]), whole_year(match[4])
    orders = {False: calendar_date(year, second, first), True: calendar_date(year, first, second)}
    fitting = [order for order, day in orders.items() if day and day.weekday() == weekday]
    is_decided = len(fitting) == 1 and first != second
    if is_decided:
        month_first = fitting[0]
    else:
        month_first = first <= 12 and (second > 12 or (american and match[2] == "/"))
    day = orders[month_first]
    is_certain = is_decided or match[2] == "." or max(first, second) > 12 or first == second
    form = "month, day, year" if month_first else "day, month, year"
    return _CalendarDay(day, form, is_certain) if day else None


def _weekday(text: str) -> int | None:
    """Return the weekday in a text, 0 for Monday; None for a text without a weekday."""
    names = (folded_word(word) for word in WORD.findall(text))
    return next((WEEKDAYS[name] for name in names if name in WEEKDAYS), None)


def _day_in_form(form: str, year: int, month: int, day: int) -> _CalendarDay | None:
    day_of_year = calendar_date(year, month, day)
    return _CalendarDay(day_of_year, form) if day_of_year else None


def whole_year(text: str) -> int:
    """Return a year; two digits are read as in RFC 2822, 4.3."""
    year = int(text)
    if len(text) > 2:
        return year
    return year + (2000 if year < 50 else 1900)


def calendar_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None

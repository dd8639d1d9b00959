"""Dates as people write them on pages: "12 March", "gestern um 14:05", "3 hours ago".

`date_text` reads the dates of feeds, which are meant for programs.  Here words may stand around a
date, the year may be missing, and a date may count from now.  A number that is not a date is never
read as one: of two readings that differ, neither is taken unless the page's language decides.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from aggregator.dates import date_text
from aggregator.dates.date_words import MONTHS, WEEKDAYS, folded_word
from aggregator.dates.lead_words import LAST_WEEKDAY, WEEKDAY_NAMES
from aggregator.dates.relative_text import (
    DAY,
    NO_TIME,
    PassedSpan,
    folded,
    is_lead,
    language_code,
    lone_span,
    named_span,
    passed_span,
    stands_alone,
)

MAX_WRITTEN_LENGTH = 200
"""Characters of a text in which a date is looked for."""

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
_MONTH, _YEAR = timedelta(days=31), timedelta(days=366)
_MAX_NAMES_BEFORE = 3  # words of an author before a date without a year
_FUTURE = timedelta(days=1)  # that a date without a year may lie ahead, in another zone
_LIKE_OTHER_WORDS = frozenset({"may", "march", "mars", "mai", "maj"})  # may, I march ...

_FOR_PROGRAMS = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:?\d\d[\d:.,]*\s?(?:[A-Z]{1,4}|[+\-\u2212]\d\d:?\d\d|[+-]\d\d)?"
    r"|(?:[A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d(?::\d\d)? (?:[A-Z]{1,4}|[+-]\d{4})"
    r"|1\d{9}(?:\d{3})?|(?:19|20)\d{6}(?:T\d{4,6}Z?)?"
)
_MARKS = ((re.compile(r"(\d)\s?(?:μ\.μ\.?|م)(?!\w)"), r"\1 pm"),
          (re.compile(r"(\d)\s?(?:π\.μ\.?|ص)(?!\w)"), r"\1 am"))  # fmt: skip
_ZONE = re.compile(
    r"\s*\(?(?:(?:utc|gmt)\s?)?(?:[+\-]\d{1,2}:?(?:\d{2})?(?!\d)|[a-z]{1,5}(?!\w))\)?"
)
_NO_ZONES = frozenset("art cat cot eat ist met pet west".split())  # words, too
_HOUR_ALONE = re.compile(
    r"(?<![\d.,:/-])(?P<hour>\d{1,2})\s?"
    r"(?:(?P<mark>am|pm|a\.m\.?|p\.m\.?)|uhr|h|時|点|點|时|시)(?![^\W_])"
)
_TIME_WITH_DOT = re.compile(
    r"(?P<lead>(?:kl|klokken|ore|alle|um|at|om)\.?\s)?"
    r"(?<![\d.])(?P<hour>[01]?\d|2[0-3])\.(?P<minute>[0-5]\d)(?:\.[0-5]\d)?(?![\d.])"
    r"(?P<trail>\suhr)?"
)
_LANGUAGES_WITH_DOT = frozenset({"nb", "it", "fi"})
_DAY_AND_MONTH = re.compile(
    r"(?<![\d.,:/-])(?<![^\W_])(?P<day>\d{1,2})(?:st|nd|rd|th|er|[oa](?=\s)|\.)?[\s-]?"
    r"(?:(?:de|of|of the)\s)?(?P<month>[^\W\d_]{3,20})\.?(?![^\W_])"
)
_MONTH_AND_DAY = re.compile(
    r"(?<![^\W_])(?P<month>[^\W\d_]{3,20})\.?\s(?:the\s)?(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    r"(?![^\W_])(?![.,:/-]\d)"
)
_MONTH_AND_DAY_NUMBERS = re.compile(
    r"(?<!\d)(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日号號일]"
)
_NO_YEAR = (_DAY_AND_MONTH, _MONTH_AND_DAY, _MONTH_AND_DAY_NUMBERS)
_MONTH_OF_YEAR = re.compile(
    r"(?P<month>[^\W\d_]{3,20})\.?,?\s(?:(?:de|del)\s)?(?P<year>(?:19|20)\d\d)"
    r"|(?P<first_year>(?:19|20)\d\d)\s?[年년]\s?(?P<number>\d{1,2})\s?[月월]"
)
_ONLY_YEAR = re.compile(r"(?P<year>(?:19|20)\d\d)\s?[年년]?")
_LAST = frozenset(map(folded, LAST_WEEKDAY))
_MONTH_FIRST = frozenset({"en-us", "en-ph"})
_DAY_FIRST = frozenset("de fr es it pt nl pl ru ar he nb el cs sk fi tr uk ro hr bg ca".split())
_WEEKDAYS_IN_TEXT = tuple(
    (folded(name.replace("_", " ")), number)
    for number, names in enumerate(WEEKDAY_NAMES)
    for name in names.split("/")
)


class WrittenDate(NamedTuple):
    """A date that a person wrote.

    Attributes:
        at: In UTC; the first moment of a day, month or year.
        precision: The time meant is at most this far from `at`.
        zoned: `at` does not depend on a zone that the text leaves out; else `at` is as if in UTC.
        whole_day: The text names a day, month or year, and no time.
        form: The form of the text in words.
    """

    at: datetime
    precision: timedelta
    zoned: bool
    whole_day: bool
    form: str


class _NamedDay(NamedTuple):
    """A day, month or year in a text, which begins on `first`; with the position of its words."""

    first: date
    precision: timedelta
    form: str
    start: int
    end: int


class _TimeOfDay(NamedTuple):
    """A time of day, with the minutes east of UTC of its zone, None without a zone."""

    time: timedelta
    precision: timedelta
    offset: int | None


def written_date(
    text: str,
    now: datetime,
    zone: tzinfo | None = None,
    language: str | None = None,
    *,
    month_first: bool | None = None,
) -> WrittenDate | None:
    """Return the date in a short text, None for a text without a date or with too many words.

    Args:
        text: At most `MAX_WRITTEN_LENGTH` characters, else without a date.
        now: What relative dates count from, aware.
        zone: The zone of times without one; None: as if in UTC, and not `zoned`.
        language: Tag of the language of the page; None if unknown.
        month_first: The order of numeric dates in the document; None: that of the language.
    """
    line = " ".join(text.split())
    if not line or len(line) > MAX_WRITTEN_LENGTH:
        return None
    if _FOR_PROGRAMS.fullmatch(line) and (for_programs := _for_programs(line, zone)):
        return for_programs
    order = _is_month_first_in(language) if month_first is None else month_first
    try:
        dated = _Reading(line, now, zone, language, order).best()
    except OverflowError:  # a year before 1 or after 9999, also of the server's clock
        return None
    if dated is None or not date_text.EARLIEST <= dated.at < date_text.LATEST:
        return None
    return dated


def corrected(
    first: datetime, first_precision: timedelta, later: datetime, later_precision: timedelta
) -> tuple[datetime, timedelta]:
    """Return the time of a post, and its precision, after the page has been read again.

    The first sight decides: "19 minutes ago" on every poll moves no post.  A later date may only
    correct the first within the first one's precision, and only if the later one is finer.
    """
    is_finer = later_precision < first_precision
    if is_finer and abs(later - first) <= first_precision:
        return later, later_precision
    return first, first_precision


def _for_programs(line: str, zone: tzinfo | None) -> WrittenDate | None:
    """Read the forms that attributes have: ISO 8601, RFC 822, Unix times."""
    read = date_text.read(line, None)
    if read is None or read.at is None:
        return None
    if read.whole_day:
        precision = DAY
    else:
        is_second = line.isdecimal() or re.search(r":\d\d:\d\d|T\d{6}", line)
        precision = _SECOND if is_second else _MINUTE
    at, zoned = read.at, read.zoned
    if not zoned and zone is not None:
        at, zoned = at.replace(tzinfo=zone).astimezone(UTC), True
    return WrittenDate(at, precision, zoned, read.whole_day, read.form)


class _Reading:
    """A folded text, and the dates in it.

    Attributes:
        clock: The time of day in the text, None without one.
        text: The text without the time of day and its zone.
    """

    def __init__(
        self,
        line: str,
        now: datetime,
        zone: tzinfo | None,
        language: str | None,
        month_first: bool | None,
    ) -> None:
        text = folded(line)
        for pattern, mark in _MARKS:
            text = pattern.sub(mark, text)
        self.clock, self.text = _without_clock(text)
        self._now = now.astimezone(UTC)
        self._zone = zone
        self._language = language
        self._month_first = month_first
        self._today = now.astimezone(zone or UTC).date()

    def best(self) -> WrittenDate | None:
        """Return the most exact date."""
        day = self._full_day()
        span = passed_span(self.text, self._language)
        if day is None and span is None:
            return self._by_name() or self._by_day() or self._lone()
        passed = None if span is None else self._ago(span)
        full = None if day is None else self._at(day)
        if full is None or passed is None:
            return full or passed
        at, _ = corrected(full.at, full.precision, passed.at, passed.precision)
        return passed if at == passed.at else full

    def _by_name(self) -> WrittenDate | None:
        """Read "just now", "yesterday", "last week"."""
        span = named_span(self.text, self._language)
        if span is None or span.precision != DAY:
            return None if span is None else self._ago(span)
        return self._at(
            _NamedDay(self._today - span.length, DAY, "a day's name", span.start, span.end)
        )

    def _by_day(self) -> WrittenDate | None:
        """Read dates without a year, weekdays, and months and years without a day."""
        day = self._day_without_year() or self._weekday() or _month_or_year(self.text)
        return self._at(day) if day else None

    def _lone(self) -> WrittenDate | None:
        span = lone_span(self.text, self._language)
        return None if span is None or self.clock else self._ago(span)

    def _ago(self, span: PassedSpan) -> WrittenDate:
        return WrittenDate(self._now - span.length, span.precision, True, False, "how long ago")

    def _at(self, day: _NamedDay) -> WrittenDate | None:
        """Return the time of a day with the time of day in the text."""
        clock = self.clock or self._loose_clock(f"{self.text[: day.start]} {self.text[day.end :]}")
        if clock is None or day.precision > DAY:
            clock = _TimeOfDay(NO_TIME, day.precision, None)
        at = datetime(day.first.year, day.first.month, day.first.day, tzinfo=UTC) + clock.time
        if clock.offset is not None:
            at -= timedelta(minutes=clock.offset)
        elif self._zone is not None:
            at = at.replace(tzinfo=self._zone).astimezone(UTC)
        zoned = clock.offset is not None or self._zone is not None
        return WrittenDate(at, clock.precision, zoned, not clock.time, day.form)

    def _loose_clock(self, text: str) -> _TimeOfDay | None:
        """Read "14 Uhr", "2 pm", and "14.05" where that is a time."""
        if match := _HOUR_ALONE.search(text):
            hour, mark = int(match["hour"]), match["mark"]
            if mark and hour <= 12:
                hour = hour % 12 + (12 if mark[0] == "p" else 0)
            return _TimeOfDay(timedelta(hours=hour), _HOUR, None) if hour < 24 else None
        match = _TIME_WITH_DOT.search(text)
        has_dots = language_code(self._language) in _LANGUAGES_WITH_DOT
        if match and (match["lead"] or match["trail"] or has_dots):
            time = timedelta(hours=int(match["hour"]), minutes=int(match["minute"]))
            return _TimeOfDay(time, _MINUTE, None)
        return None

    def _full_day(self) -> _NamedDay | None:
        """Return the first day with a year."""
        for day, match in _days_with_year(self.text, self._numeric_day):
            if day is not None and self._is_year(match):
                return _NamedDay(day, DAY, "a date", match.start(), match.end())
        return None

    def _is_year(self, match: re.Match[str]) -> bool:
        """Whether a year has four digits, or two with nothing that they could count."""
        if re.search(r"\d{4}|'\d", match[0]):
            return True
        return is_lead(f"{self.text[: match.start()]} {self.text[match.end() :]}")

    def _numeric_day(self, match: re.Match[str]) -> date | None:
        """Read `5/3/2019` where the order of day and month is certain, or known."""
        numeric = date_text.numeric_day(match, _weekday_in(self.text), american=False)
        if numeric is None or numeric.is_certain:
            return numeric and numeric.date
        if self._month_first is None:
            return None
        first, second = int(match[1]), int(match[3])
        month, day = (first, second) if self._month_first else (second, first)
        return date_text.calendar_date(date_text.whole_year(match[4]), month, day)

    def _day_without_year(self) -> _NamedDay | None:
        for match in (match for pattern in _NO_YEAR for match in pattern.finditer(self.text)):
            name = match["month"]
            month = int(name) if name.isdecimal() else MONTHS.get(folded_word(name))
            if month is None or not self._is_date_beside_text(match, name):
                continue
            if day := self._latest(month, int(match["day"])):
                return _NamedDay(day, DAY, "day and month", match.start(), match.end())
        return None

    def _is_date_beside_text(self, match: re.Match[str], name: str) -> bool:
        before, after = self.text[: match.start()], self.text[match.end() :]
        if re.match(r"[,\s]*(?:19|20)\d\d", after):
            return False  # the year, of which something else is a part
        if stands_alone(before, after):
            return True
        is_name = len(name) > 3 and name not in _LIKE_OTHER_WORDS
        if not is_name or re.search(r"[^\W_]", after) or re.search(r"\d", before):
            return False
        return len(before.split()) <= _MAX_NAMES_BEFORE

    def _latest(self, month: int, day: int) -> date | None:
        """Return the latest such day that is not in the future."""
        years = range(self._today.year + 1, self._today.year - 9, -1)
        days = (date_text.calendar_date(year, month, day) for year in years)
        return next((day for day in days if day and day <= self._today + _FUTURE), None)

    def _weekday(self) -> _NamedDay | None:
        """Return the latest day of a weekday that is named with no other words."""
        text = " ".join(word for word in self.text.split() if word not in _LAST)
        names = [number for name, number in _WEEKDAYS_IN_TEXT if name in text]
        is_last = text != self.text
        for name, _ in _WEEKDAYS_IN_TEXT:
            text = text.replace(name, " ")
        words = [word for word in date_text.WORD.findall(text) if len(word) > 2]
        names += [WEEKDAYS[word] for word in words if word in WEEKDAYS]
        if len(names) != 1 or not is_lead(text):
            return None
        days_ago = (self._today.weekday() - names[0]) % 7
        local = self._now.astimezone(self._zone or UTC)
        passed = timedelta(hours=local.hour, minutes=local.minute)
        if not days_ago and (is_last or (self.clock and self.clock.time > passed)):
            days_ago = 7
        day = self._today - timedelta(days=days_ago)
        return _NamedDay(day, DAY, "a weekday", 0, len(self.text))


def is_month_first(texts: Iterable[str]) -> bool | None:
    """Return whether numeric dates of a document have the month first, as in `11/23/2026`.

    Args:
        texts: Of the dates of one document.

    Returns:
        None where no date tells, or where dates differ.
    """
    pairs = [
        (int(match[1]), int(match[3]))
        for text in texts
        for match in date_text.NUMBERS.finditer(folded(text[:MAX_WRITTEN_LENGTH]))
        if match[2] != "."
    ]
    orders = {second > 12 for first, second in pairs if (first > 12) != (second > 12)}
    return orders.pop() if len(orders) == 1 else None


def has_numeric_date(text: str) -> bool:
    """Whether a text has a date such as `5/11/2026`, also where the order of numbers is unknown."""
    return date_text.NUMBERS.search(folded(text[:MAX_WRITTEN_LENGTH])) is not None


def _is_month_first_in(language: str | None) -> bool | None:
    """Return whether a language has the month first; None for several orders, or an unknown one."""
    tag = (language or "").casefold().replace("_", "-")
    if tag in _MONTH_FIRST:
        return True
    is_day_first = language_code(tag) in _DAY_FIRST or (tag.startswith("en-") and tag != "en-ca")
    return False if is_day_first else None


def _without_clock(text: str) -> tuple[_TimeOfDay | None, str]:
    """Return the time of day in a text, and the text without the time and its zone."""
    match = date_text.TIME.search(text)
    time = date_text.clock_time(match) if match else None
    if match is None or time is None:
        return None, text
    before, after = text[: match.start()], text[match.end() :]
    zone = _ZONE.match(after)
    offset = None
    if zone and zone[0].strip(" ()") not in _NO_ZONES:
        offset = date_text.zone_offset(zone[0], date(2000, 4, 1))
    if zone and offset:
        after = after[zone.end() :]
    precision = _SECOND if match["second"] or match["seconds"] else _MINUTE
    return _TimeOfDay(time, precision, offset.minutes if offset else None), f"{before} {after}"


def _days_with_year(
    text: str, numeric_day: Callable[[re.Match[str]], date | None]
) -> Iterator[tuple[date | None, re.Match[str]]]:
    """Yield the days in a text, and their matches, in the order of the certainty of their forms."""
    for match in date_text.YEAR_FIRST.finditer(text):
        if match[1] and _is_apart(text, match):
            yield date_text.calendar_date(*map(int, match.groups()[:3])), match
    for pattern, (year_at, month_at, day_at) in date_text.WITH_NAMES:
        for match in pattern.finditer(text):
            month = MONTHS.get(folded_word(match[month_at]))
            if month is not None and _is_apart(text, match):
                year = date_text.whole_year(match[year_at])
                yield date_text.calendar_date(year, month, int(match[day_at])), match
    for match in date_text.NUMBERS.finditer(text):
        if _is_apart(text, match):
            yield numeric_day(match), match


def _is_apart(text: str, match: re.Match[str]) -> bool:
    """Whether a date is not a part of a longer number, such as that of a version."""
    before, after = text[: match.start()], text[match.end() :]
    return not re.search(r"(?:[a-z]|\d[.,:/-])$", before) and not re.match(r"[./-]?\d", after)


def _weekday_in(text: str) -> int | None:
    names = (word for word in date_text.WORD.findall(text) if word in WEEKDAYS)
    return next((WEEKDAYS[name] for name in names), None)


def _month_or_year(text: str) -> _NamedDay | None:
    """Read "March 2026" and "2026" without other words."""
    if match := _MONTH_OF_YEAR.search(text):
        year = int(match["year"] or match["first_year"])
        month = int(match["number"] or 0) or MONTHS.get(folded_word(match["month"] or ""), 0)
        day, precision, form = date_text.calendar_date(year, month, 1), _MONTH, "month and year"
    elif match := _ONLY_YEAR.search(text):
        day, precision, form = date(int(match["year"]), 1, 1), _YEAR, "a year"
    else:
        return None
    is_alone = is_lead(f"{text[: match.start()]} {text[match.end() :]}")
    return _NamedDay(day, precision, form, *match.span()) if day and is_alone else None

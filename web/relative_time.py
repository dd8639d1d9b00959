"""Times in words: "19 minutes ago", "Yesterday", "16 November".  Pure.

The words come from the language (`language.Steps`), also for the page's script.  `label` has a twin
in static/app.js, and a test compares both, so that no text changes when the script takes over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property

from web.language import Language

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_JUST_NOW = 45


def label(at: datetime, now: datetime, lang: Language, *, zone: tzinfo = UTC) -> str:
    """Return how long ago `at` was: relative up to six days, then the date.

    Args:
        at: Aware; a time in the future is "just now".
        now: Aware.
        zone: Time zone of the days, each with the offset of the zone on that day.

    Source: the same steps as `label` in static/app.js.
    """
    seconds, steps = (now - at).total_seconds(), lang.steps
    if seconds < _JUST_NOW:
        return steps.now
    if seconds < _HOUR:
        return lang.amount(steps.past["minute"], max(1, int(seconds // _MINUTE)))
    day, today = _in(zone, at).date(), _in(zone, now).date()
    days = (today - day).days
    if seconds < _DAY or days < 1:  # a day has 25 hours where clocks go back
        return lang.amount(steps.past["hour"], int(seconds // _HOUR))
    if days < 7:
        return steps.yesterday if days == 1 else lang.amount(steps.past["day"], days)
    return day_and_month(day, today, lang)


def until(at: datetime, now: datetime, lang: Language) -> str:
    """Return the time from now until `at`: "in 48 minutes", "in 3 days", "now" if `at` is past."""
    seconds, future = (at - now).total_seconds(), lang.steps.future
    if seconds <= 0:
        return lang.gettext("now")
    if seconds < _MINUTE:
        return lang.gettext("in less than a minute")
    if seconds < _HOUR:
        return lang.amount(future["minute"], int(seconds // _MINUTE))
    if seconds < 2 * _DAY:
        return lang.amount(future["hour"], int(seconds // _HOUR))
    return lang.amount(future["day"], round(seconds / _DAY))


def every(length: timedelta, lang: Language) -> str:
    """Return an interval in its largest whole unit: "every hour", "every 90 minutes"."""
    seconds = round(length.total_seconds())
    if seconds and seconds % _DAY == 0:
        return lang.ngettext("every day", "every {n} days", seconds // _DAY)
    if seconds and seconds % _HOUR == 0:
        return lang.ngettext("every hour", "every {n} hours", seconds // _HOUR)
    if seconds and seconds % _MINUTE == 0:
        return lang.ngettext("every minute", "every {n} minutes", seconds // _MINUTE)
    return lang.ngettext("every second", "every {n} seconds", seconds)


def day_and_month(day: date, today: date, lang: Language) -> str:
    """Return "16 November", with the year unless it is the present year."""
    steps = lang.steps
    return dated_day(day, steps.dates if day.year == today.year else steps.dates_with_year)


def dated_day(day: date, patterns: Sequence[str]) -> str:
    """Return a day in the pattern of its month, of `Steps`."""
    text = patterns[day.month - 1]
    return text.replace("{0}", str(day.day)).replace("{1}", str(day.year))


@dataclass(frozen=True, slots=True)
class Moment:
    """A time for a `time` element.

    Attributes:
        machine: For the attribute `datetime`.
        full: For the attribute `title`.
        text: The text at this moment.
        say: Pattern of the text with `{time}` for the part that changes, or a text that stays as it
            is; empty for the time alone.
    """

    machine: str
    full: str
    text: str
    say: str = ""


@dataclass(frozen=True)
class Clock:
    """The moment of a page, its time zone and its language.

    Attributes:
        now: Aware.
        zone: Time zone of the days.
        zone_name: Name of the zone in the configuration.
        lang: Language of the page.
    """

    now: datetime
    zone: tzinfo
    zone_name: str
    lang: Language

    @cached_property
    def tz(self) -> int:
        """Minutes east of UTC at this moment, for browsers that do not know the zone."""
        offset = _in(self.zone, self.now).utcoffset() or timedelta(0)
        return int(offset.total_seconds() // _MINUTE)

    def ago(self, at: datetime) -> str:
        """Return `label`, from whole seconds as in the page's script."""
        return label(at.replace(microsecond=0), self.now, self.lang, zone=self.zone)

    def moment(self, at: datetime, say: str = "") -> Moment:
        """Return `at` for a `time` element; `say` is a text with `{time}`."""
        ago = self.ago(at)
        return Moment(machine(at), self.full(at), say.replace("{time}", ago) or ago, say)

    def moment_below(self, day: date, at: datetime, say: str = "") -> Moment:
        """Return `at` below the heading of a day: of another day than today as the time of day."""
        local = _in(self.zone, at)
        if local.date() != day or not self._has_fixed_times(day):
            return self.moment(at, say)
        text = (say or "{time}").replace("{time}", self.lang.time(local))
        return Moment(machine(at), self.full(at), text, text)

    def _has_fixed_times(self, day: date) -> bool:
        """Whether posts below the heading of a day show the time of day."""
        return day != self.day(self.now)

    def until(self, at: datetime) -> str:
        """Return `until`."""
        return until(at, self.now, self.lang)

    def every(self, length: timedelta) -> str:
        """Return `every`."""
        return every(length, self.lang)

    def full(self, at: datetime) -> str:
        """Return "Monday 23 November 2026, 14:14 UTC"."""
        local = _in(self.zone, at)
        time = f"{self.lang.time(local)} {local.tzname()}"
        return self.lang.day_and_time(self.full_day(at), time)

    def full_day(self, at: datetime) -> str:
        """Return "Monday 23 November 2026"."""
        pattern = self.lang.gettext("{weekday} {day} {month} {year}")
        return self._dated(pattern, _in(self.zone, at))

    def brief(self, at: datetime) -> str:
        """Return "14:14" today, "Saturday 14:14" within six days, then the date."""
        local = _in(self.zone, at)
        days = (self.day(self.now) - local.date()).days
        time = self.lang.time(local)
        if days == 0:
            return time
        if 0 < days < 7:
            return f"{self.lang.weekdays[local.weekday()]} {time}"
        return self.date_of(at)

    def month(self, at: datetime) -> str:
        """Return "March 2022"."""
        return self._dated(self.lang.gettext("{month} {year}"), _in(self.zone, at))

    def date_of(self, at: datetime) -> str:
        """Return "30 November", with the year unless it is the present year."""
        return self._date_text(self.day(at))

    def day(self, at: datetime) -> date:
        """Return the day of `at` in the zone."""
        return _in(self.zone, at).date()

    def heading(self, day: date) -> tuple[str, str]:
        """Return a day's name and a detail: ("Today", "Monday 23 November")."""
        days, lang = (self.day(self.now) - day).days, self.lang
        date_text, weekday = self._date_and_weekday(day)
        if days in (0, 1):
            name = lang.gettext("Today") if days == 0 else lang.gettext("Yesterday")
            weekday = lang.weekdays[day.weekday()]
            return name, lang.gettext("{weekday} {date}", weekday=weekday, date=date_text)
        return (weekday, date_text) if 1 < days < 7 else (date_text, weekday)

    def _date_and_weekday(self, day: date) -> tuple[str, str]:
        """Return ("16 November", "Monday")."""
        weekday = self.lang.weekdays[day.weekday()]
        return self._date_text(day), weekday[:1].upper() + weekday[1:]

    def _date_text(self, day: date) -> str:
        return day_and_month(day, self.day(self.now), self.lang)

    def _dated(self, pattern: str, day: date) -> str:
        return pattern.format(
            weekday=self.lang.weekdays[day.weekday()],
            day=day.day,
            month=self.lang.months[day.month - 1],
            year=day.year,
        )


class DateClock(Clock):
    """The clock of a page in a file, which is read at any time: dates instead of relative times."""

    def ago(self, at: datetime) -> str:
        """Return "Monday 23 November 2026"."""
        return self.full_day(at)

    def moment(self, at: datetime, say: str = "") -> Moment:
        """Return `at` as a date; the page's script may replace the date by a relative time."""
        return Moment(machine(at), self.full(at), self.ago(at), say)

    def _has_fixed_times(self, day: date) -> bool:
        """Every day has: "today" is no part of a page in a file."""
        return True

    def brief(self, at: datetime) -> str:
        """Return "30 November 2026"."""
        return self.date_of(at)

    def heading(self, day: date) -> tuple[str, str]:
        """Return a day's date and its weekday: ("23 November 2026", "Monday")."""
        return self._date_and_weekday(day)

    def _date_text(self, day: date) -> str:
        return dated_day(day, self.lang.steps.dates_with_year)


def machine(at: datetime) -> str:
    """Return `at` for a `datetime` attribute: UTC, whole seconds, RFC 3339."""
    return f"{at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _in(zone: tzinfo, at: datetime) -> datetime:
    try:
        return at.astimezone(zone)
    except OverflowError:  # on the first or the last day of the calendar
        return at

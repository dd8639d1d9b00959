"""Times in people's words: "19 minutes ago", "Yesterday", "16 November".  Pure.

The words are a language's (`language.Steps`); the script in the page has the same ones.  `label`
is one of two: static/app.js has the other, and a test holds them together, so that no text jumps
when the script takes over.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cached_property

from web.language import Language

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_JUST_NOW = 45


def label(at: datetime, now: datetime, words: Language, *, zone: tzinfo = UTC) -> str:
    """Return how long ago `at` was: relative up to six days, then the date.

    Args:
        at: Aware; a time in the future is "just now".
        now: Aware.
        zone: Days begin and end there, each with the offset that the zone has on it.

    Source: the same steps as `label` in static/app.js.
    """
    seconds, steps = (now - at).total_seconds(), words.steps
    if seconds < _JUST_NOW:
        return steps.now
    if seconds < _HOUR:
        return words.amount(steps.past["minute"], max(1, int(seconds // _MINUTE)))
    day, today = _in(zone, at).date(), _in(zone, now).date()
    days = (today - day).days
    if seconds < _DAY or days < 1:  # a day has 25 hours where clocks go back
        return words.amount(steps.past["hour"], int(seconds // _HOUR))
    if days < 7:
        return steps.yesterday if days == 1 else words.amount(steps.past["day"], days)
    return day_and_month(day, today, words)


def until(at: datetime, now: datetime, words: Language) -> str:
    """Return how long from now `at` is: "in 48 minutes", "in 3 days", "now" if it has passed."""
    seconds, future = (at - now).total_seconds(), words.steps.future
    if seconds <= 0:
        return words.gettext("now")
    if seconds < _MINUTE:
        return words.gettext("in less than a minute")
    if seconds < _HOUR:
        return words.amount(future["minute"], int(seconds // _MINUTE))
    if seconds < 2 * _DAY:
        return words.amount(future["hour"], int(seconds // _HOUR))
    return words.amount(future["day"], round(seconds / _DAY))


def every(length: timedelta, words: Language) -> str:
    """Return a rhythm in the largest unit that leaves no rest: "every hour", "every 90 minutes"."""
    seconds = round(length.total_seconds())
    if seconds and seconds % _DAY == 0:
        return words.ngettext("every day", "every {n} days", seconds // _DAY)
    if seconds and seconds % _HOUR == 0:
        return words.ngettext("every hour", "every {n} hours", seconds // _HOUR)
    if seconds and seconds % _MINUTE == 0:
        return words.ngettext("every minute", "every {n} minutes", seconds // _MINUTE)
    return words.ngettext("every second", "every {n} seconds", seconds)


def day_and_month(day: date, today: date, words: Language) -> str:
    """Return "16 November", with the year where it is not this one."""
    steps, number = words.steps, day.month - 1
    text = (steps.dates if day.year == today.year else steps.dated)[number]
    return text.replace("{0}", str(day.day)).replace("{1}", str(day.year))


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as a `time` element has it.

    Attributes:
        machine: For `datetime`.
        full: For people who want to know exactly.
        text: What it says now; `say` in the same words with `{time}` for the part that changes.
    """

    machine: str
    full: str
    text: str
    say: str = ""


@dataclass(frozen=True)
class Clock:
    """The moment a page is made, and the zone its days are counted in.

    Attributes:
        now: Aware.
        zone: Decides what "today" is.
        zone_name: As the configuration writes it.
        words: The language of the page.
    """

    now: datetime
    zone: tzinfo
    zone_name: str
    words: Language

    @cached_property
    def tz(self) -> int:
        """Minutes east of UTC at this moment, for browsers that do not know the zone."""
        offset = _in(self.zone, self.now).utcoffset() or timedelta(0)
        return int(offset.total_seconds() // _MINUTE)

    def ago(self, at: datetime) -> str:
        """Return `label`, judged by whole seconds as the page's script has them."""
        return label(at.replace(microsecond=0), self.now, self.words, zone=self.zone)

    def moment(self, at: datetime, say: str = "") -> Moment:
        """Return `at` as it is shown; `say` is a text with `{time}` in it."""
        ago = self.ago(at)
        return Moment(machine(at), self.full(at), say.replace("{time}", ago) or ago, say)

    def until(self, at: datetime) -> str:
        """Return `until`."""
        return until(at, self.now, self.words)

    def every(self, length: timedelta) -> str:
        """Return `every`."""
        return every(length, self.words)

    def full(self, at: datetime) -> str:
        """Return "Monday 23 November 2026, 14:14 UTC"."""
        local = _in(self.zone, at)
        return f"{self.full_day(at)}, {local:%H:%M} {local.tzname()}"

    def full_day(self, at: datetime) -> str:
        """Return "Monday 23 November 2026"."""
        pattern = self.words.gettext("{weekday} {day} {month} {year}")
        return self._dated(pattern, _in(self.zone, at))

    def brief(self, at: datetime) -> str:
        """Return "14:14" today, "Saturday 14:14" within six days, then the date."""
        local = _in(self.zone, at)
        days = (self.day(self.now) - local.date()).days
        if days == 0:
            return f"{local:%H:%M}"
        if 0 < days < 7:
            return f"{self.words.weekdays[local.weekday()]} {local:%H:%M}"
        return self.date_of(at)

    def month(self, at: datetime) -> str:
        """Return "March 2022"."""
        return self._dated(self.words.gettext("{month} {year}"), _in(self.zone, at))

    def date_of(self, at: datetime) -> str:
        """Return "30 November", with the year where it is not this one."""
        return day_and_month(self.day(at), self.day(self.now), self.words)

    def day(self, at: datetime) -> date:
        """Return the day that `at` falls on in this zone."""
        return _in(self.zone, at).date()

    def heading(self, day: date) -> tuple[str, str]:
        """Return a day's name and what stands behind it: ("Today", "Monday 23 November")."""
        today, words = self.day(self.now), self.words
        days, plain = (today - day).days, day_and_month(day, today, words)
        weekday = words.weekdays[day.weekday()]
        if days in (0, 1):
            name = words.gettext("Today") if days == 0 else words.gettext("Yesterday")
            return name, words.gettext("{weekday} {date}", weekday=weekday, date=plain)
        weekday = weekday[:1].upper() + weekday[1:]
        return (weekday, plain) if 1 < days < 7 else (plain, weekday)

    def _dated(self, pattern: str, day: date) -> str:
        return pattern.format(
            weekday=self.words.weekdays[day.weekday()],
            day=day.day,
            month=self.words.months[day.month - 1],
            year=day.year,
        )


class DateClock(Clock):
    """The clock of a page in a file: readers come at any time, so a page says dates, not spans."""

    def ago(self, at: datetime) -> str:
        """Return "Monday 23 November 2026"."""
        return self.full_day(at)

    def moment(self, at: datetime, say: str = "") -> Moment:
        """Return `at` as a date; the page's script may still replace the date by `say`."""
        return Moment(machine(at), self.full(at), self.ago(at), say)

    def heading(self, day: date) -> tuple[str, str]:
        """Return a day's name without "Today" and weekdays, and what stands behind the name."""
        name, text = super().heading(day)
        return ("", text) if 0 <= (self.day(self.now) - day).days < 7 else (name, text)


def machine(at: datetime) -> str:
    """Return `at` for a `datetime` attribute: UTC, whole seconds, RFC 3339."""
    return f"{at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _in(zone: tzinfo, at: datetime) -> datetime:
    try:
        return at.astimezone(zone)
    except OverflowError:  # the first or the last day that there is
        return at

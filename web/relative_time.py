"""Times in people's words: "19 minutes ago", "Yesterday", "16 November".  Pure; English only.

`label` is one of two: static/app.js has the other, and a test holds them together, so that no
text jumps when the script takes over.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_JUST_NOW = 45
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def label(at: datetime, now: datetime, *, tz: int = 0) -> str:
    """Return how long ago `at` was: relative up to six days, then the date.

    Args:
        at: Aware; a time in the future is "just now".
        now: Aware.
        tz: Minutes east of UTC; days begin and end there.

    Source: the same steps as `label` in static/app.js.
    """
    seconds = (now - at).total_seconds()
    if seconds < _JUST_NOW:
        return "just now"
    if seconds < _DAY:
        return f"{_amount(seconds)} ago"
    there, today = _shifted(at, tz), _shifted(now, tz)
    days = (today.date() - there.date()).days
    if days == 1:
        return "yesterday"
    return f"{days} days ago" if days < 7 else day_and_month(there.date(), today.date())


def until(at: datetime, now: datetime) -> str:
    """Return how long from now `at` is: "in 48 minutes", "in 3 days", "now" if it has passed."""
    seconds = (at - now).total_seconds()
    if seconds <= 0:
        return "now"
    if seconds < _MINUTE:
        return "in less than a minute"
    days = round(seconds / _DAY)
    return f"in {_amount(seconds)}" if seconds < 2 * _DAY else f"in {days} days"


def every(length: timedelta) -> str:
    """Return a rhythm in the largest unit that leaves no rest: "every hour", "every 90 minutes"."""
    seconds = round(length.total_seconds())
    for unit, size in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)):
        if seconds and seconds % size == 0:
            return f"every {unit}" if seconds == size else f"every {_plural(seconds // size, unit)}"
    return f"every {_plural(seconds, 'second')}"


def day_and_month(day: date, today: date) -> str:
    """Return "16 November", with the year where it is not this one."""
    text = f"{day.day} {_MONTHS[day.month - 1]}"
    return text if day.year == today.year else f"{text} {day.year}"


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment a page is made, and the zone its days are counted in.

    Attributes:
        now: Aware.
        zone: Decides what "today" is.
        zone_name: As the configuration writes it.
    """

    now: datetime
    zone: tzinfo
    zone_name: str

    @property
    def tz(self) -> int:
        """Minutes east of UTC at this moment."""
        offset = _in(self.zone, self.now).utcoffset() or timedelta(0)
        return int(offset.total_seconds() // _MINUTE)

    def ago(self, at: datetime) -> str:
        """Return `label`, judged by whole seconds as the page's script has them."""
        return label(at.replace(microsecond=0), self.now, tz=self.tz)

    def until(self, at: datetime) -> str:
        """Return `until`."""
        return until(at, self.now)

    def full(self, at: datetime) -> str:
        """Return "Monday 23 November 2026, 14:14 UTC"."""
        there = _in(self.zone, at)
        date_text = f"{there.day} {_MONTHS[there.month - 1]} {there.year}"
        return f"{_WEEKDAYS[there.weekday()]} {date_text}, {there:%H:%M} {there.tzname()}"

    def brief(self, at: datetime) -> str:
        """Return "14:14" today, "Saturday 14:14" within six days, then the date."""
        there = _in(self.zone, at)
        days = (self.day(self.now) - there.date()).days
        if days == 0:
            return f"{there:%H:%M}"
        if 0 < days < 7:
            return f"{_WEEKDAYS[there.weekday()]} {there:%H:%M}"
        return day_and_month(there.date(), self.day(self.now))

    def month(self, at: datetime) -> str:
        """Return "March 2022"."""
        there = _in(self.zone, at)
        return f"{_MONTHS[there.month - 1]} {there.year}"

    def date_of(self, at: datetime) -> str:
        """Return "30 November", with the year where it is not this one."""
        return day_and_month(self.day(at), self.day(self.now))

    def day(self, at: datetime) -> date:
        """Return the day that `at` falls on in this zone."""
        return _in(self.zone, at).date()

    def heading(self, day: date) -> tuple[str, str]:
        """Return a day's name and what stands behind it: ("Today", "Monday 23 November")."""
        today = self.day(self.now)
        days, plain, weekday = (today - day).days, day_and_month(day, today), day.weekday()
        if days in (0, 1):
            return ("Today", "Yesterday")[days], f"{_WEEKDAYS[weekday]} {plain}"
        if 1 < days < 7:
            return _WEEKDAYS[weekday], plain
        return plain, _WEEKDAYS[weekday]


def machine(at: datetime) -> str:
    """Return `at` for a `datetime` attribute: UTC, whole seconds, RFC 3339."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _amount(seconds: float) -> str:
    if seconds < _HOUR:
        return _plural(max(1, int(seconds // _MINUTE)), "minute")
    return _plural(int(seconds // _HOUR), "hour")


def _plural(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _shifted(at: datetime, tz: int) -> datetime:
    try:
        return at.astimezone(UTC) + timedelta(minutes=tz)
    except OverflowError:  # the first or the last day that there is
        return at


def _in(zone: tzinfo, at: datetime) -> datetime:
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at

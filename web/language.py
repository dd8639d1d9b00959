"""The languages of the interface: texts from a catalogue, names and plurals from CLDR.

English texts are in the sources; every other language is a file `languages/TAG.po` (gettext) with
the English texts as keys.  The file of an English variant (`en-US`) has only the texts that differ.
`{name}` in a text stands for a value.  `script_words` has the texts of the page's script.
"""

import gettext
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import (
    format_timedelta,
    get_day_names,
    get_month_names,
    get_period_names,
    get_time_format,
)
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.units import format_unit
from markupsafe import Markup, escape

from web.bidi_text import isolated_in_rtl
from web.language_tags import written_language

SOURCE = "en"
_FOLDER = Path(__file__).parent / "languages"
_CLDR = {SOURCE: "en_GB"}  # day before month, as in all our texts
_PLACE = re.compile(r"\{(\w+)\}")
_BEFORE_HAN = re.compile(r"\{0\}(?=[\u4e00-\u9fff])")
_NUMBER_AGAIN = " ({0})"  # behind words that say one or two, in Hebrew
"""A number without the gap that sets it apart from Han characters (W3C, clreq, 3.2.2)."""
_WIDE_STOPS = frozenset(("Hans", "Hant", "Jpan"))  # scripts whose stops bring their own room
_Unit = Literal["minute", "hour", "day"]
_UNITS: tuple[_Unit, ...] = ("minute", "hour", "day")


@dataclass(frozen=True, slots=True)
class Steps:
    """How long ago, or how soon, in one language: patterns with `{0}` by unit and plural category.

    `dates` has a pattern for each month, `dates_with_year` the same with the year as `{1}`.
    """

    now: str
    yesterday: str
    past: Mapping[str, Mapping[str, str]]
    future: Mapping[str, Mapping[str, str]]
    dates: tuple[str, ...]
    dates_with_year: tuple[str, ...]


class Language:
    """The texts of the interface in one language.

    Attributes:
        tag: For `lang` attributes (BCP 47).
        direction: For `dir` attributes: "ltr" or "rtl".
        months, weekdays: Full names, of months as in dates; Monday is 0.
        gap: What stands between two sentences, and behind a colon.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._locale = Locale.parse(_CLDR.get(tag, tag).replace("-", "_"))
        self.direction = self._locale.text_direction
        self._texts = _texts(tag)
        self.plural: Callable[[int], str] = self._locale.plural_form
        # Where dates number the months (Chinese), their full names are not for dates.
        is_named = "MMM" in self._locale.date_formats["long"].pattern
        months = get_month_names("wide" if is_named else "abbreviated", locale=self._locale)
        self.months = tuple(months[number] for number in range(1, 13))
        weekdays = get_day_names("wide", locale=self._locale)
        self.weekdays = tuple(weekdays[number] for number in range(7))
        self.steps = self._steps()
        self.gap = "" if written_language(tag).script in _WIDE_STOPS else " "
        self._sizes = {unit: self._size_pattern(unit) for unit in ("kilobyte", "megabyte")}
        self._day_and_time = str(self._locale.datetime_formats["medium"])
        self._has_two_halves = "a" in get_time_format("short", locale=self._locale).pattern
        self._halves = get_period_names("abbreviated", "format", locale=self._locale)

    def gettext(self, message: str, /, **values: object) -> str:
        """Return a text with its values."""
        text = self._texts.gettext(message)
        return text.format(**self.isolated_values(values)) if values else text

    def ngettext(self, singular: str, plural: str, number: int, /, **values: object) -> str:
        """Return the text for a number, which is `{n}` in the text, with its values."""
        text = self.choose(singular, plural, number)
        return text.format(n=self.number(number), **self.isolated_values(values))

    def choose(self, singular: str, plural: str, number: int) -> str:
        """Return the text for a number, without its values."""
        return self._texts.ngettext(singular, plural, number)

    def isolated_values(self, values: Mapping[str, object]) -> Mapping[str, object]:
        """Return the values of a text, isolated where the texts run from right to left.

        Values of type `Markup` are elements, which isolate what is in them.
        """
        if self.direction == "ltr":
            return values
        return {
            name: isolated_in_rtl(value)
            if isinstance(value, str) and not isinstance(value, Markup)
            else value
            for name, value in values.items()
        }

    def number(self, number: float) -> str:
        """Return a number in the notation of the language, with one decimal place at most."""
        if isinstance(number, int) and 0 <= number < 1000:
            return str(number)  # most numbers, and the same in all our languages
        return format_decimal(round(number, 1), locale=self._locale)

    def time(self, at: datetime) -> str:
        """Return a time of day: "14:05", "2:05 PM"."""
        if not self._has_two_halves:
            return f"{at:%H:%M}"
        half = self._halves["am" if at.hour < 12 else "pm"]
        return f"{at.hour % 12 or 12}:{at:%M}\u00a0{half}"

    def day_and_time(self, day: str, time: str) -> str:
        """Return a day with a time of day: "Monday 23 November 2026, 14:14 UTC"."""
        return self._day_and_time.replace("{1}", day).replace("{0}", time)

    def share(self, part: float) -> str:
        """Return a share of 1 in per cent."""
        return self.gettext("{n}%", n=round(100 * part))

    def duration(self, seconds: float) -> str:
        """Return a duration in minutes, at least one: "42 min"."""
        return self.gettext("{n} min", n=self.number(max(1, round(seconds / 60))))

    def span(self, length: timedelta) -> str:
        """Return a span in the largest unit with at least two of it: "90 minutes", "3 days"."""
        minutes = max(1, round(length / timedelta(minutes=1)))
        unit: _Unit = "minute" if minutes < 120 else "hour" if minutes < 2 * 1440 else "day"
        number = round(minutes / {"minute": 1, "hour": 60, "day": 1440}[unit])
        return format_timedelta(
            timedelta(**{f"{unit}s": number}), granularity=unit, threshold=1e9, locale=self._locale
        )

    def size(self, number: int) -> str:
        """Return a number of bytes in kilobytes or megabytes: "0.2 kB", "38 kB", "1.4 MB"."""
        unit, length = ("megabyte", 10**6) if number >= 10**6 else ("kilobyte", 10**3)
        amount = max(number / length, 0.1) if number else 0
        rounded = amount if amount < 10 else round(amount)
        return self._sizes[unit].replace("{0}", self.number(rounded))

    def facts(self, items: Iterable[str]) -> str:
        """Return facts about one thing in a row: "Audio, 42 min"."""
        pattern = self.gettext("{first}, {second}")
        return self._joined(pattern.removeprefix("{first}").removesuffix("{second}"), items)

    def listing(self, items: Iterable[str]) -> str:
        """Return things of one kind with the commas of the language between."""
        return self._joined(self.gettext(", "), items)

    def _joined(self, separator: str, items: Iterable[str]) -> str:
        if self.direction == "rtl":
            items = map(isolated_in_rtl, items)
        return separator.join(items)

    def amount(self, patterns: Mapping[str, str], number: int) -> str:
        """Return the pattern of `steps` for a number, filled with the number."""
        return patterns[self.plural(number)].replace("{0}", self.number(number))

    def _steps(self) -> Steps:
        day = "{0}"
        date, with_year = self.gettext("{day} {month}"), self.gettext("{day} {month} {year}")
        return Steps(
            now=self.gettext("just now"),
            yesterday=self.gettext("yesterday"),
            past={unit: self._patterns(unit, -1) for unit in _UNITS},
            future={unit: self._patterns(unit, 1) for unit in _UNITS},
            dates=tuple(date.format(day=day, month=name) for name in self.months),
            dates_with_year=tuple(
                with_year.format(day=day, month=name, year="{1}") for name in self.months
            ),
        )

    def _size_pattern(self, unit: str) -> str:
        """Return the pattern for sizes in a unit, whose short forms have no plural."""
        text = format_unit(5, f"digital-{unit}", length="short", locale=self._locale)
        return text.replace("5", "{0}")

    def _patterns(self, unit: _Unit, sign: int) -> dict[str, str]:
        """Return the patterns for numbers of a unit, ago or in the future, by plural category."""
        patterns: dict[str, str] = {}
        for number in range(1, 101):  # includes every plural category of integers
            if (category := self.plural(number)) not in patterns:
                text = format_timedelta(
                    timedelta(**{f"{unit}s": sign * number}),
                    granularity=unit,
                    threshold=1e9,
                    add_direction=True,
                    locale=self._locale,
                )
                pattern = text.replace(str(number), "{0}").removesuffix(_NUMBER_AGAIN)
                patterns[category] = _BEFORE_HAN.sub("{0} ", pattern)
        return patterns


def available() -> tuple[str, ...]:
    """Return the tags of all languages, English first."""
    return (SOURCE, *sorted(path.stem for path in _FOLDER.glob("*.po")))


@cache
def language(tag: str = SOURCE) -> Language:
    """Return one of the available languages."""
    return Language(tag)


def to_translate(message: str) -> str:
    """Mark a text for the catalogues; the text is translated when a page is rendered."""
    return message


def in_markup(text: str, values: Mapping[str, object]) -> Markup:
    """Return `text` escaped, with its values; values of type `Markup` are not escaped."""
    if not values or "{" not in text:
        return escape(text)
    # Not Markup.format, which is slower: a page has dozens of texts (docs/cost.md).
    filled = _PLACE.sub(lambda match: escape(values[match[1]]), escape(text))
    return Markup(filled)  # noqa: S704


def script_words(lang: Language) -> str:
    """Return the texts of the page's script, as JSON."""
    categories = {lang.plural(number): number for number in range(100, 0, -1)}

    def patterns(text_of: Callable[[int], str]) -> dict[str, str]:
        return {
            category: text_of(number).replace(str(number), "{0}")
            for category, number in categories.items()
        }

    words = {
        "now": lang.steps.now,
        "yesterday": lang.steps.yesterday,
        "past": lang.steps.past,
        "dates": lang.steps.dates,
        "dated": lang.steps.dates_with_year,
        "news": patterns(lambda number: lang.ngettext("{n} new post", "{n} new posts", number)),
        "hidden": patterns(
            lambda number: lang.ngettext(
                "{n} read post hidden · show", "{n} read posts hidden · show", number
            )
        ),
        "hide": lang.gettext("Hide read posts"),
        "save": lang.gettext("Save"),
        "remove": lang.gettext("Remove"),
        "full": lang.gettext("There is no room for more saved posts. Remove some first."),
        "themes": {
            "auto": lang.gettext("auto"),
            "light": lang.gettext("light"),
            "dark": lang.gettext("dark"),
        },
    }
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def is_variant_of_source(tag: str) -> bool:
    """Whether a language is English of some region, which takes most texts from the sources."""
    return tag.startswith(f"{SOURCE}-")


def catalogue(tag: str) -> Path:
    """Return the file of a language other than English."""
    return _FOLDER / f"{tag}.po"


def _texts(tag: str) -> gettext.NullTranslations:
    if tag == SOURCE:
        return gettext.NullTranslations()
    with catalogue(tag).open("rb") as file:
        catalogue_of_tag = read_po(file, locale=tag.replace("-", "_"))
    compiled = BytesIO()
    write_mo(compiled, catalogue_of_tag)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)

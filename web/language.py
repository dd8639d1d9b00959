"""The languages of the interface: words from a catalogue, names and plurals from CLDR.

English is in the sources; every other language is a file `languages/TAG.po` (gettext) with the
English texts as keys.  `{name}` in a text is a value.  What the page's script says comes from the
same place: `script_words`.
"""

import gettext
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel import Locale
from babel.dates import format_timedelta, get_day_names, get_month_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from markupsafe import Markup, escape

SOURCE = "en"
_FOLDER = Path(__file__).parent / "languages"
_CLDR = {SOURCE: "en_GB"}  # day before month, as in all our texts
_PLACE = re.compile(r"\{(\w+)\}")
_Unit = Literal["minute", "hour", "day"]
_UNITS: tuple[_Unit, ...] = ("minute", "hour", "day")


@dataclass(frozen=True, slots=True)
class Steps:
    """How long ago, or how soon, in one language: patterns with `{0}` by unit and plural category.

    `dates` has a pattern for each month, `dated` the same with the year as `{1}`.
    """

    now: str
    yesterday: str
    past: Mapping[str, Mapping[str, str]]
    future: Mapping[str, Mapping[str, str]]
    dates: tuple[str, ...]
    dated: tuple[str, ...]


class Language:
    """What the interface can say in one language.

    Attributes:
        tag: For `lang` attributes (BCP 47).
        months, weekdays: Full names; Monday is 0.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self._locale = Locale.parse(_CLDR.get(tag, tag), sep="_")
        self._texts = _texts(tag)
        self.plural: Callable[[int], str] = self._locale.plural_form
        months = get_month_names("wide", locale=self._locale)
        self.months = tuple(months[number] for number in range(1, 13))
        weekdays = get_day_names("wide", locale=self._locale)
        self.weekdays = tuple(weekdays[number] for number in range(7))
        self.steps = self._steps()

    def gettext(self, message: str, /, **values: object) -> str:
        """Return a text with its values."""
        text = self._texts.gettext(message)
        return text.format(**values) if values else text

    def ngettext(self, one: str, many: str, number: int, /, **values: object) -> str:
        """Return a text for a number of things; the number itself is `{n}`."""
        return self.choose(one, many, number).format(n=self.number(number), **values)

    def choose(self, one: str, many: str, number: int) -> str:
        """Return the text for a number of things, its values still to be put in."""
        return self._texts.ngettext(one, many, number)

    def number(self, number: float) -> str:
        """Return a number as it is written: 1,204 or 1.204; at most one digit behind the point."""
        if isinstance(number, int) and 0 <= number < 1000:
            return str(number)  # most of them, and the same in all our languages
        return format_decimal(round(number, 1), locale=self._locale)

    def share(self, part: float) -> str:
        """Return per cent."""
        return self.gettext("{n} %", n=round(100 * part))

    def listing(self, things: Iterable[str]) -> str:
        """Return things with commas between them, as this language has them."""
        return self.gettext(", ").join(things)

    def amount(self, patterns: Mapping[str, str], number: int) -> str:
        """Return the pattern of `steps` for a number, with the number in it."""
        return patterns[self.plural(number)].replace("{0}", self.number(number))

    def _steps(self) -> Steps:
        # The keys are the units' names, and the texts the sources' own.
        day = "{0}"
        date, dated = self.gettext("{day} {month}"), self.gettext("{day} {month} {year}")
        return Steps(
            now=self.gettext("just now"),
            yesterday=self.gettext("yesterday"),
            past={unit: self._patterns(unit, -1) for unit in _UNITS},
            future={unit: self._patterns(unit, 1) for unit in _UNITS},
            dates=tuple(date.format(day=day, month=name) for name in self.months),
            dated=tuple(dated.format(day=day, month=name, year="{1}") for name in self.months),
        )

    def _patterns(self, unit: _Unit, sign: int) -> dict[str, str]:
        """Return how many units ago or to come, by plural category."""
        patterns: dict[str, str] = {}
        for number in range(1, 101):  # every category that counts of things can have
            if (category := self.plural(number)) not in patterns:
                text = format_timedelta(
                    timedelta(**{f"{unit}s": sign * number}),
                    granularity=unit,
                    threshold=1e9,
                    add_direction=True,
                    locale=self._locale,
                )
                patterns[category] = text.replace(str(number), "{0}")
        return patterns


def available() -> tuple[str, ...]:
    """Return the tags of all languages, English first."""
    return (SOURCE, *sorted(path.stem for path in _FOLDER.glob("*.po")))


@cache
def language(tag: str = SOURCE) -> Language:
    """Return one of the available languages."""
    return Language(tag)


def to_translate(message: str) -> str:
    """Mark a text that is translated where it is shown."""
    return message


def in_markup(text: str, values: Mapping[str, object]) -> Markup:
    """Return `text` escaped, with its values; those that are markup stay markup."""
    if not values or "{" not in text:
        return escape(text)
    # A page has dozens: Markup.format takes four times as long.
    filled = _PLACE.sub(lambda found: escape(values[found[1]]), escape(text))
    return Markup(filled)  # noqa: S704


def script_words(of: Language) -> str:
    """Return what the page's script says, as JSON."""
    categories = {of.plural(number): number for number in range(100, 0, -1)}
    news = {
        category: of.ngettext("{n} new post", "{n} new posts", number).replace(str(number), "{0}")
        for category, number in categories.items()
    }
    words = {
        "now": of.steps.now,
        "yesterday": of.steps.yesterday,
        "past": of.steps.past,
        "dates": of.steps.dates,
        "dated": of.steps.dated,
        "news": news,
        "themes": {
            "auto": of.gettext("auto"),
            "light": of.gettext("light"),
            "dark": of.gettext("dark"),
        },
    }
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def catalogue(tag: str) -> Path:
    """Return the file of a language other than English."""
    return _FOLDER / f"{tag}.po"


def _texts(tag: str) -> gettext.NullTranslations:
    if tag == SOURCE:
        return gettext.NullTranslations()
    with catalogue(tag).open("rb") as file:
        found = read_po(file, locale=tag)
    compiled = BytesIO()
    write_mo(compiled, found)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)

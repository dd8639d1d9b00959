"""How long ago something was, as people write it: "19 minutes ago", "gestern", "3h".

Source of the forms: CLDR, as `relative_words` has them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import cache
from typing import NamedTuple

from aggregator.dates.date_words import WEEKDAYS
from aggregator.dates.lead_words import BY, LEADS, UNSPACED_LEADS, WEEKDAY_NAMES
from aggregator.dates.relative_words import LANGUAGES, RelativeWords

DAY = timedelta(days=1)
NO_TIME = timedelta(0)
_UNITS = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    DAY,
    timedelta(weeks=1),
    timedelta(days=30.44),  # a month, and a year, on average
    timedelta(days=365.24),
)
_EDGE = r"(?<![^\W_])"
_END = r"\.?(?![^\W_])"  # of a word that may be abbreviated
_HOUR_NEXT = re.compile(r"\d{1,2}(?:\.\d\d|\s?(?:uhr|h|am|pm|時|点|點|时|시))(?![^\W_])")
_MINUTE, _DAY, _WEEK = 1, 3, 4  # places of the units
_SMALL_NUMBER = 3
_FEW_SPREAD = 4  # "a few" are less than eight
_OTHER_NAMES = {"no": "nb", "nn": "nb", "da": "nb", "iw": "he"}
_SIGNS = str.maketrans("\u2019\u2212", "'-")
_GERESH = re.compile("(?<=[\u05d0-\u05ea])['\u05f3]")  # the full stop of Hebrew abbreviations
_DIRECTIONS = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SEPARATORS = "·•|–—‒―()[]{},;:\n،、〜~>/"
_EDGES = f" {_SEPARATORS}.-"
_SEGMENTS = re.compile(r"\s*[·•|–—()\[\]]\s*|\s+-\s+")


class PassedSpan(NamedTuple):
    """A time that has passed, with the position of its words in the text."""

    length: timedelta
    precision: timedelta
    start: int
    end: int


class _Grammar(NamedTuple):
    """The patterns of one language."""

    passed: tuple[re.Pattern[str], ...]
    amount: re.Pattern[str]
    lone_amount: re.Pattern[str]
    names: re.Pattern[str]
    units: dict[str, tuple[int, int]]
    counts: dict[str, int]
    spans: dict[str, tuple[int, int]]


def folded(text: str) -> str:
    """Return a text in one line and in lower case, without accents, with the digits 0 to 9."""
    text = unicodedata.normalize("NFKC", text).casefold()
    letters = (
        str(unicodedata.digit(letter)) if letter.isdecimal() else letter
        for letter in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(letter)
    )
    text = unicodedata.normalize("NFC", "".join(letters)).translate(_SIGNS)
    return " ".join(_GERESH.sub("", _DIRECTIONS.sub("", text)).split())


def passed_span(text: str, language: str | None) -> PassedSpan | None:
    """Return the time that has passed according to a text such as "3 hours ago".

    Args:
        text: Folded.
        language: Tag of the language that is tried first, None if unknown.
    """
    for grammar in _grammars(language):
        for pattern in grammar.passed:
            if match := pattern.search(text):
                return _sum(grammar, match)
    return None


def _sum(grammar: _Grammar, match: re.Match[str]) -> PassedSpan:
    length = precision = NO_TIME
    for amount in grammar.amount.finditer(match["amounts"]):
        unit, factor = grammar.units[amount["unit"]]
        count = amount["count"] or "1"
        number = int(count) if count.isdecimal() else grammar.counts[count]
        length += abs(number) * factor * _UNITS[unit]
        precision = _UNITS[unit] * (_FEW_SPREAD if number < 0 else 1)
    return PassedSpan(length, precision, match.start(), match.end())


def lone_span(text: str, language: str | None) -> PassedSpan | None:
    """Return the time that has passed according to a number with a unit alone: "3h", "Ann · 2 d".

    "48 min" is how long something takes, and so is "5m" beside other text; behind a minus sign both
    are the time that has passed.

    Args:
        text: Folded.
    """
    segments = [segment.strip(_EDGES.replace("-", "")) for segment in _SEGMENTS.split(text)]
    for grammar in _grammars(language):
        for segment in segments:
            match = grammar.lone_amount.fullmatch(segment)
            if match is None:
                continue
            unit = _UNITS[grammar.units[match["unit"]][0]]
            is_length = match["unit"] != "m" or len(segments) > 1
            if unit == _UNITS[_MINUTE] and is_length and not segment.startswith("-"):
                return None
            return PassedSpan(int(match["count"]) * unit, unit, 0, len(text))
    return None


def named_span(text: str, language: str | None) -> PassedSpan | None:
    """Return the time that has passed according to a name: "just now", "yesterday", "last week".

    The length of a day's name is a number of whole days; that of this moment is nothing, with the
    precision of a minute.

    Args:
        text: Folded.
    """
    for grammar in _grammars(language):
        for match in grammar.names.finditer(text):
            if match[0] and stands_alone(text[: match.start()], text[match.end() :]):
                unit, count = grammar.spans[match[0]]
                return PassedSpan(count * _UNITS[unit], _UNITS[unit], match.start(), match.end())
    return None


def stands_alone(before: str, after: str) -> bool:
    """Whether nothing but words such as "posted on" and "by Ann" stands around a date."""
    before = before[max(map(before.rfind, _SEPARATORS)) + 1 :]
    if not is_lead(before):
        return False
    after = after.strip(" .'\"")
    if _HOUR_NEXT.match(after):
        return True
    first_word = re.match(r"[^\W_]+", after)
    return first_word is None or first_word[0] in _BY or is_lead(first_word[0])


def is_lead(text: str) -> bool:
    """Whether a text has no words but those that may stand before a date."""
    words = re.findall(r"[^\W_]+", _UNSPACED.sub(" ", text))
    return all(word in _LEADS or word in WEEKDAYS for word in words)


def language_code(language: str | None) -> str:
    """Return the code of a tag's language, empty for None."""
    code = (language or "").casefold().replace("_", "-").partition("-")[0].strip()
    return _OTHER_NAMES.get(code, code)


@cache
def _ordered(code: str) -> tuple[int, ...]:
    numbers = range(len(LANGUAGES))
    return tuple(sorted(numbers, key=lambda number: LANGUAGES[number].code != code))


def _grammars(language: str | None) -> Iterator[_Grammar]:
    return map(_grammar, _ordered(language_code(language)))


@cache
def _grammar(number: int) -> _Grammar:
    words = LANGUAGES[number]
    units = _units(words)
    counts = _numbers(words.numbers) | dict.fromkeys(_forms(words.vague_numbers), -_SMALL_NUMBER)
    spans = _spans(words)
    edge, end = (_EDGE, _END) if words.spaced else ("", "")
    short_units = [form for field in words.units for form in _forms(field.partition("|")[2])]
    return _Grammar(
        passed=tuple(_passed(words, units, counts)),
        amount=re.compile(
            rf"(?:(?P<count>\d{{1,4}}|{edge}{_any(counts)}{end})\s?|{edge})"
            rf"(?P<unit>{_any(units)}){end}"
        ),
        lone_amount=re.compile(rf"-?\s?(?P<count>\d{{1,3}})\s?(?P<unit>{_any(short_units)})\.?"),
        names=re.compile(rf"{_EDGE}{_any(spans)}(?!'?[^\W_])" if words.spaced else _any(spans)),
        units=units,
        counts=counts,
        spans=spans,
    )


def _passed(
    words: RelativeWords, units: Iterable[str], counts: Iterable[str]
) -> Iterator[re.Pattern[str]]:
    """Yield the patterns of a time that has passed; the group `amounts` has numbers and units."""
    edge, end = (_EDGE, _END) if words.spaced else ("(?<![一二三四五六七八九十])", "")
    space = r"(?:\s|(?<='))" if words.spaced else r"\s?"
    count = rf"(?:(?<!\d)(?<!\d[.,:/-])\d{{1,4}}\s?|{_any(counts)}{space})"
    amount = rf"{count}{'?' if words.one_may_be_left_out else ''}{_any(units)}{end}"
    if pairs := [form for field in words.pairs for form in _forms(field)]:
        amount = rf"(?:{amount}|{_any(pairs)}{end})"
    joint = r"[,،、]?\s?(?:(?:and|und|et|y|e|i|и|en|och|og|και|و|ו)\s)?"
    amounts = rf"(?P<amounts>{edge}{amount}(?:\s?{joint}{amount}){{0,2}})"
    if before := _forms(words.before):
        yield re.compile(rf"{edge}{_any(before)}[\s.-]{{0,2}}{amounts}")
    if words.past_units:
        yield re.compile(amounts)
    elif after := _forms(words.after):
        yield re.compile(rf"{amounts}\s?{_any(after)}{end}")


def _units(words: RelativeWords) -> dict[str, tuple[int, int]]:
    """Return the place of each word's unit, and how many units the word means."""
    single_units = {
        form: (unit, 1)
        for unit, forms in enumerate(words.units)
        for form in _forms(forms.replace("|", " "))
    }
    return single_units | {
        form: (unit, 2) for unit, forms in enumerate(words.pairs) for form in _forms(forms)
    }


def _numbers(text: str) -> dict[str, int]:
    return {
        form: number
        for number, forms in enumerate(text.split(), 1)
        for form in _forms(forms.replace("/", " "))
    }


def _spans(words: RelativeWords) -> dict[str, tuple[int, int]]:
    """Return the unit, and the number of units, of each name of a time."""
    days = enumerate((words.today, words.yesterday, words.day_before))
    return {
        **dict.fromkeys(_forms(words.now), (_MINUTE, 0)),
        **{form: (_DAY, number) for number, names in days for form in _forms(names)},
        **{form: (_WEEK + n, 1) for n, names in enumerate(words.last) for form in _forms(names)},
    }


def _forms(text: str) -> list[str]:
    return [folded(form.replace("_", " ")) for form in text.split()]


def _any(forms: Iterable[str]) -> str:
    """Return a pattern of some forms, the longest first; without forms a pattern of nothing."""
    ordered = sorted(set(forms), key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, ordered))})" if ordered else "(?!)"


_BY = frozenset(_forms(" ".join(BY)))
_LEADS = frozenset(_forms(" ".join(LEADS)))
_UNSPACED = re.compile(_any(_forms(" ".join((*UNSPACED_LEADS, *WEEKDAY_NAMES)).replace("/", " "))))

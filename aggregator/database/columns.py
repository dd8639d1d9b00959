"""Column types for values of the model: each type encodes and decodes its values.

Times and spans are whole microseconds, which sort as numbers in every database and for every year.
Lists and records are compact JSON, and NULL where empty, as most are.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, astuple
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from aggregator.model import (
    Constraint,
    Dating,
    Enclosure,
    Exclusion,
    Failure,
    FailureKind,
    Habits,
    OpmlOutline,
    Origin,
    PageKind,
    PageSelectors,
    PictureMode,
)
from aggregator.model.times import EPOCH

_T = TypeVar("_T")
_MICROSECOND = timedelta(microseconds=1)
_USUAL_HABITS = asdict(Habits())

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class _ValueType(TypeDecorator[_T]):
    """A type with the functions `encode` and `decode`.

    SQLAlchemy calls `decode` directly: `process_result_value` would be a second call for each
    value.
    """

    @staticmethod
    def encode(value: Any) -> Any:
        """Return the stored form of a value; None for NULL."""
        raise NotImplementedError

    @staticmethod
    def decode(stored: Any) -> Any:
        """Return the value of a stored form; None for NULL."""
        raise NotImplementedError

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return self.encode(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], _T | None]:
        return self.decode


class UtcDateTime(_ValueType[datetime]):
    """An aware UTC datetime as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    @staticmethod
    def encode(value: datetime | None) -> int | None:
        return None if value is None else (value - EPOCH) // _MICROSECOND

    @staticmethod
    def decode(stored: int | None) -> datetime | None:
        return None if stored is None else EPOCH + timedelta(microseconds=stored)


class TimeSpan(_ValueType[timedelta]):
    """A timedelta as microseconds."""

    impl = BigInteger
    cache_ok = True

    @staticmethod
    def encode(value: timedelta | None) -> int | None:
        return None if value is None else value // _MICROSECOND

    @staticmethod
    def decode(stored: int | None) -> timedelta | None:
        return None if stored is None else timedelta(microseconds=stored)


class JsonTuple(_ValueType[tuple[Any, ...]]):
    """Texts or numbers as a JSON array."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: Iterable[Any] | None) -> str | None:
        return _to_json(value) if value else None

    @staticmethod
    def decode(stored: str | None) -> tuple[Any, ...]:
        return tuple(json.loads(stored)) if stored else ()


class OutlinesJson(_ValueType[tuple[OpmlOutline, ...]]):
    """Feeds of an OPML list as arrays of address, title and categories; no feeds are not NULL."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: tuple[OpmlOutline, ...] | None) -> str | None:
        if value is None:
            return None
        return _to_json([(outline.url, outline.title, outline.categories) for outline in value])

    @staticmethod
    def decode(stored: str | None) -> tuple[OpmlOutline, ...] | None:
        if stored is None:
            return None
        return tuple(
            OpmlOutline(url, title, tuple(categories))
            for url, title, categories in json.loads(stored)
        )


class EnclosuresJson(_ValueType[tuple[Enclosure, ...]]):
    """Enclosures as arrays of address, type, length and, where known, duration."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: tuple[Enclosure, ...] | None) -> str | None:
        return _to_json([_enclosure_values(enclosure) for enclosure in value]) if value else None

    @staticmethod
    def decode(stored: str | None) -> tuple[Enclosure, ...]:
        return tuple(Enclosure(*values) for values in json.loads(stored)) if stored else ()


class OriginJson(_ValueType[Origin]):
    """The origin of a copied entry as an array of the values of `Origin`; NULL for None."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: Origin | None) -> str | None:
        return None if value is None else _to_json(astuple(value))

    @staticmethod
    def decode(stored: str | None) -> Origin | None:
        return Origin(*json.loads(stored)) if stored else None


class HabitsJson(_ValueType[Habits]):
    """The unusual habits of a feed as an object; NULL where all habits are usual."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: Habits | None) -> str | None:
        values = asdict(value or Habits())
        unusual = {name: habit for name, habit in values.items() if habit != _USUAL_HABITS[name]}
        return _to_json(unusual) if unusual else None

    @staticmethod
    def decode(stored: str | None) -> Habits:
        if not stored:
            return Habits()
        values = json.loads(stored)
        if "zone" in values:  # JSON has no tuples, and a list is never equal to one
            values["zone"] = tuple(values["zone"])
        return Habits(**values)


class SelectorsJson(_ValueType[PageSelectors]):
    """The selectors of a page as an object without missing parts; NULL for a feed."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: PageSelectors | None) -> str | None:
        if value is None:
            return None
        return _to_json({name: part for name, part in asdict(value).items() if part is not None})

    @staticmethod
    def decode(stored: str | None) -> PageSelectors | None:
        if stored is None:
            return None
        values = json.loads(stored)
        return PageSelectors(**{**values, "kind": PageKind(values["kind"])})


class ConstraintsJson(_ValueType[tuple[Constraint, ...]]):
    """The constraints on the next poll, as arrays of name, value, Unix time or null, and reason."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: tuple[Constraint, ...] | None) -> str | None:
        return _to_json([_constraint_values(constraint) for constraint in value]) if value else None

    @staticmethod
    def decode(stored: str | None) -> tuple[Constraint, ...]:
        return tuple(_constraint(*values) for values in json.loads(stored)) if stored else ()


class FailureJson(_ValueType[Failure]):
    """A `Failure` as an array of kind, HTTP status or null, named feed or null, and service.

    What is unknown at the end is left out.
    """

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: Failure | None) -> str | None:
        if value is None:
            return None
        values = [value.kind.value, value.status, value.named_feed, value.service]
        while len(values) > 2 and values[-1] is None:
            values.pop()
        return _to_json(values)

    @staticmethod
    def decode(stored: str | None) -> Failure | None:
        if not stored:
            return None
        kind, status, *details = json.loads(stored)
        return Failure(FailureKind(kind), status, *details)


class DatingText(_ValueType[Dating]):
    """A `Dating` as its reason, field, form, "sure" or "", and text, with tabs between them.

    The text comes last as dates may have tabs; an entry without a date has the reason alone.
    """

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: Dating | None) -> str | None:
        if value is None:
            return None
        if value.is_certain is None:
            return value.reason
        certainty = "sure" if value.is_certain else ""
        return "\t".join((value.reason, value.field, value.form, certainty, value.text))

    @staticmethod
    def decode(stored: str | None) -> Dating | None:
        if stored is None:
            return None
        reason, *date = stored.split("\t", 4)
        if not date:
            return Dating(reason)
        field, form, certainty, text = date
        return Dating(reason, text, field, form, is_certain=bool(certainty))


class ExclusionText(_ValueType[Exclusion]):
    """An `Exclusion` as its value."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: Exclusion | None) -> str | None:
        return None if value is None else value.value

    @staticmethod
    def decode(stored: str | None) -> Exclusion | None:
        return None if stored is None else Exclusion(stored)


class PictureModeText(_ValueType[PictureMode]):
    """A `PictureMode` as its value; NULL for `OFF`."""

    impl = Text
    cache_ok = True

    @staticmethod
    def encode(value: PictureMode | None) -> str | None:
        return None if value in {None, PictureMode.OFF} else str(value)

    @staticmethod
    def decode(stored: str | None) -> PictureMode:
        return PictureMode(stored or PictureMode.OFF)


def _enclosure_values(enclosure: Enclosure) -> list[Any]:
    values = [enclosure.url, enclosure.type, enclosure.length]
    return values if enclosure.duration is None else [*values, enclosure.duration]


def _constraint_values(constraint: Constraint) -> list[Any]:
    until = None if constraint.until is None else int(constraint.until.timestamp())
    return [constraint.name, constraint.value, until, constraint.reason]


def _constraint(name: str, value: str, until: int | None, reason: str) -> Constraint:
    until_at = None if until is None else datetime.fromtimestamp(until, UTC)
    return Constraint(name, value, until_at, reason)

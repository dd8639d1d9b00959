"""Variables in the values of config.yaml: `${NAME}`, `${NAME:-text}`, `${file:PATH}`.

Variables are filled in after YAML was read and before the reader of a key, so no filled text can
become YAML.  `$${` is the text `${`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aggregator import urls
from aggregator.config.config_faults import ConfigFault
from aggregator.config.files import Folder

_START = re.compile(r"\$?\$\{")
_ESCAPED = "$${"
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HINT = "write ${NAME}, ${NAME:-text} or ${file:PATH}, or $${ for the text ${"
_FILE = "file:"
_DATABASE_KEYS = frozenset({"database", "database_read"})
_SECRET_KEYS = _DATABASE_KEYS | {"url", "opml", "hub"}  # what is filled in elsewhere may be seen

Location = tuple[str | int, ...]


class _Place(NamedTuple):
    """Where a part of a value begins.

    Attributes:
        start, source: In the value, and in the value as written.
        is_one: All characters of the part stand for the same characters of the file.
    """

    start: int
    source: int
    is_one: bool = False


class FilledText(str):
    """A value with its variables filled in.

    Attributes:
        written_text: The value as it stands in the file.
        places: Where variables and the texts behind them begin.
    """

    __slots__ = ("places", "written_text")

    written_text: str
    places: tuple[_Place, ...]

    def index_as_written(self, index: int) -> int:
        """Return the index in `written_text` of the character that has this index in the value."""
        begun = [place for place in self.places if place.start <= index]
        place = begun[-1] if begun else _Place(0, 0)
        return place.source if place.is_one else place.source + index - place.start


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the values of variables come from.

    Attributes:
        variables: By name.
        folder: The folder of config.yaml; relative paths start from here.
        is_complete: A variable without a value is a fault; else the text is not read.
    """

    variables: Mapping[str, str]
    folder: Folder
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Filling:
    """The values of a file, filled in.

    Attributes:
        values: As `yaml_document.values` returns them; texts with variables are `FilledText`.
        faults: Of variables.
        unread: Locations of values with variables without a value; they are as written.
        secrets: Texts that were filled into addresses and headers, each once.
    """

    values: Any
    faults: list[ConfigFault] = field(default_factory=list)
    unread: set[Location] = field(default_factory=set)
    secrets: tuple[str, ...] = ()

    def without_unread(self, faults: Iterable[ConfigFault]) -> list[ConfigFault]:
        """Return the faults of keys, and of values whose variables have values."""
        return [fault for fault in faults if fault.of_key or not self._is_unread(fault.location)]

    def _is_unread(self, location: Location) -> bool:
        return any(location[:end] in self.unread for end in range(len(location) + 1))


def fill(values: object, environment: Environment) -> Filling:
    """Return values with their variables filled in.

    Texts that are filled into addresses and headers are masked in the output of the process from
    now on.
    """
    filler = _Filler(environment)
    filled = filler.filled(values, ())
    secrets = tuple(dict.fromkeys(filler.secrets))
    urls.remember_secrets(secrets)
    return Filling(filled, filler.faults, filler.unread, secrets)


class _VariableError(ValueError):
    """A variable that means nothing."""


class _NoValueError(_VariableError):
    """A variable without a value."""


@dataclass(frozen=True, slots=True)
class _Replacement:
    """A variable or an escape in a text.

    Attributes:
        start, end: Of the variable in the text.
        text: The text in place of the variable.
    """

    start: int
    end: int
    text: str


class _Value(NamedTuple):
    """The value of a variable; `is_from_outside` is False for a default, which is in the file."""

    text: str
    is_from_outside: bool = True


@dataclass(frozen=True, slots=True)
class _Filler:
    """Fills in variables.

    Attributes:
        secrets: Texts that were filled into addresses and headers.
        faults, unread: As of `Filling`.
    """

    environment: Environment
    secrets: list[str] = field(default_factory=list)
    faults: list[ConfigFault] = field(default_factory=list)
    unread: set[Location] = field(default_factory=set)

    def filled(self, value: object, location: Location) -> object:
        if isinstance(value, dict):
            return {key: self.filled(inner, (*location, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.filled(inner, (*location, index)) for index, inner in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value
        replacements = list(self._replacements(value, location))
        return value if location in self.unread else _filled(value, replacements)

    def _replacements(self, text: str, location: Location) -> Iterator[_Replacement]:
        """Yield the texts in place of variables and escapes; note faults of variables."""
        end = 0
        while match := _START.search(text, end):
            start, end = match.span()
            if match[0] == _ESCAPED:
                yield _Replacement(start, end, "${")
                continue
            closing = text.find("}", end)
            if closing < 0:
                self._note(location, start, _VariableError(f"${{ is never closed; {_HINT}"))
                return
            inner, end = text[end:closing], closing + 1
            try:
                value = self._value(inner)
                yield _Replacement(start, end, value.text)
                if value.is_from_outside and _is_secret(location, text[:start], text[end:]):
                    self.secrets.append(value.text)
            except _VariableError as error:
                self._note(location, start, error)

    def _note(self, location: Location, index: int, error: "_VariableError") -> None:
        self.unread.add(location)
        if self.environment.is_complete or not isinstance(error, _NoValueError):
            self.faults.append(ConfigFault(location, str(error), index=index))

    def _value(self, inner: str) -> "_Value":
        """Return the value of a variable.

        Args:
            inner: The text between the braces.

        Raises:
            _VariableError: The variable means nothing, or has no value.
        """
        if "${" in inner:
            raise _VariableError(f"${{{inner[:60]}}} has a variable within; {_HINT}")
        name, has_default, default = inner.partition(":-")
        if inner.startswith(_FILE):
            try:
                text = self.environment.folder.read_secret(inner.removeprefix(_FILE))
            except ValueError as error:
                raise _NoValueError(str(error)) from error
        elif not _NAME.fullmatch(name):
            raise _VariableError(f"${{{inner[:60]}}} is not a variable; {_HINT}")
        else:
            text = self.environment.variables.get(name, "")
            if has_default and not text:
                return _Value(default, is_from_outside=False)
            _check(name, text, is_set=name in self.environment.variables)
        return _Value(text)


def _check(name: str, text: str, *, is_set: bool) -> None:
    if not is_set:
        raise _NoValueError(
            f"${{{name}}} has no value; set {name} in the environment of the program, "
            f"or write ${{{name}:-text}}"
        )
    if not text.isascii() and _SURROGATE.search(text):
        raise _NoValueError(f"${{{name}}} is not UTF-8; set {name} to a text")


def _filled(text: str, replacements: Iterable[_Replacement]) -> FilledText:
    pieces: list[str] = []
    places: list[_Place] = []
    length = copied_to = 0
    for part in replacements:
        pieces += [text[copied_to : part.start], part.text]
        length += part.start - copied_to
        places.append(_Place(length, part.start, is_one=True))
        length += len(part.text)
        places.append(_Place(length, part.end))
        copied_to = part.end
    filled = FilledText("".join([*pieces, text[copied_to:]]))
    filled.written_text, filled.places = text, tuple(places)
    return filled


def _is_secret(location: Location, before: str, behind: str) -> bool:
    """Whether a variable in a value is a secret: in a header, or in an address but as its scheme.

    Of a proxy's address user and password are secret; `feed_requests` adds others.

    Of a database's address the password and the parameters are secret: names of users and databases
    are ordinary words.

    Args:
        before, behind: The parts of the value around the variable, as written.
    """
    is_item = len(location) == 2 and location[0] == "feeds"
    key = location[-1] if location else ""
    if location[-3:-1] == ("request", "headers"):
        return True
    if key == "proxy":
        return "@" in behind
    if (not is_item and key not in _SECRET_KEYS) or behind.startswith("://"):
        return False
    _, colon, address = before.partition("://")
    if key not in _DATABASE_KEYS or not colon:
        return True
    is_password = ":" in address and not {"/", "@"} & set(address) and "@" in behind
    return is_password or "?" in address

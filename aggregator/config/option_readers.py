"""Validators of pydantic that read the texts of config.yaml with parsers."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, PlainValidator, ValidationInfo

from aggregator import urls
from aggregator.config import address_parsers, stray_characters, value_parsers
from aggregator.config.accent import Accent
from aggregator.config.accent import accent as accent_of
from aggregator.config.files import Folder
from aggregator.config.variables import FilledText
from aggregator.search.search_faults import RuleError
from aggregator.search.search_parser import parse_rule

_K = TypeVar("_K", str, int)

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)
YEAR = timedelta(days=365)

MAX_CATEGORIES = 10
"""Most categories of one feed."""

_BLANK = (None, "")
_PROSE_PARSERS = (value_parsers.title, value_parsers.description, value_parsers.category)


def one_value(value: object) -> str:
    """Return the text of a scalar.

    Raises:
        ValueError: The value is empty, a list or a mapping.
    """
    if isinstance(value, str):
        return str(value)
    if value is None:
        raise ValueError("empty; write a value, or remove the line")
    kind = "a list" if isinstance(value, list) else "a group of settings"
    raise ValueError(f"must be one value, not {kind}")


def technical_value(value: object) -> str:
    """Return the text of a scalar that is not prose, and so may not have invisible characters."""
    text = one_value(value)
    if character := stray_characters.invisible(text):
        raise ValueError(stray_characters.complaint(character))
    return text


@dataclass(frozen=True, slots=True)
class TextReader:
    """Reads the text of one value with a parser.

    Attributes:
        takes_blank: A blank value is None, and does not come to the parser.
    """

    parser: Callable[[str], object]
    takes_blank: bool = False

    def __call__(self, value: object) -> object:
        if self.takes_blank and value in _BLANK:
            return None
        text_of = one_value if self.parser in _PROSE_PARSERS else technical_value
        return self.parser(text_of(value))


@dataclass(frozen=True, slots=True)
class FolderReader:
    """Reads the text of one value, which may name a file, with a parser.

    Attributes:
        parser: Takes a text and, as `folder`, what `folder_of` returns.
        folder_of: Returns a folder of the validation's context.
        takes_blank: As of `TextReader`.
    """

    parser: Callable[..., object]
    folder_of: Callable[[Folder], object]
    takes_blank: bool = False

    def __call__(self, value: object, info: ValidationInfo) -> object:
        if self.takes_blank and value in _BLANK:
            return None
        return self.parser(technical_value(value), folder=self.folder_of(_folder(info)))


def parsed(parser: Callable[[str], object]) -> PlainValidator:
    """Read a text with `parser`."""
    return PlainValidator(TextReader(parser))


def parsed_or_none(parser: Callable[[str], object]) -> PlainValidator:
    """Read a text with `parser`; a blank value is None."""
    return PlainValidator(TextReader(parser, takes_blank=True))


def parsed_in_folder(parser: Callable[..., object]) -> PlainValidator:
    """Read a text relative to the folder of config.yaml, which is the validation's context."""
    return PlainValidator(FolderReader(parser, attrgetter("path")))


def parsed_in_data_folder(
    parser: Callable[..., object], *, takes_blank: bool = False
) -> PlainValidator:
    """Read a text relative to the folder of the database, which is in the validation's context.

    Args:
        takes_blank: A blank value is None.
    """
    return PlainValidator(
        FolderReader(parser, lambda folder: folder.data or folder.path, takes_blank=takes_blank)
    )


def file_or_none(reader: Callable[..., object]) -> PlainValidator:
    """Read a file of the folder of config.yaml with `reader`; a blank value is None."""
    return PlainValidator(FolderReader(reader, lambda folder: folder, takes_blank=True))


def _folder(info: ValidationInfo) -> Folder:
    folder: Folder | None = info.context
    return folder or Folder(Path())


def _settings_or_none(value: object) -> object:
    # None: every line below the section's name is commented out.
    return {} if value is None else _settings(value)


def _settings(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError("must be followed by indented settings, one `key: value` a line")  # noqa: TRY004
    return value


def items_of(value: object) -> list[Any]:
    """Return the items of a list; an empty value has none.

    Raises:
        ValueError: The value is neither a list nor empty.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError("must be a list; write each after `- `, or in [brackets]")  # noqa: TRY004
    return value


SECTION = BeforeValidator(_settings_or_none)
SETTINGS = BeforeValidator(_settings)
AllowedAddresses = Annotated[
    tuple[Annotated[str, parsed(address_parsers.allowed_address)], ...], BeforeValidator(items_of)
]

interval = partial(value_parsers.duration, minimum=_SECOND, maximum=YEAR)
delay = partial(value_parsers.duration, minimum=0 * _SECOND, maximum=_DAY)
timeout = partial(value_parsers.duration, minimum=_SECOND, maximum=timedelta(hours=1))
retention_period = partial(value_parsers.duration, minimum=timedelta(minutes=1), maximum=100 * YEAR)


def whole_number(minimum: int, maximum: int) -> PlainValidator:
    """Read a whole number from `minimum` to `maximum`."""
    return parsed(partial(value_parsers.whole_number, minimum=minimum, maximum=maximum))


class InKeysError(ValueError):
    """Wrong values of keys or items, in a section with keys or items of the user's choice.

    Attributes:
        messages: By key or index.
        of_keys: Wrong keys, whatever the values.
    """

    def __init__(
        self, messages: Mapping[str | int, str], of_keys: Collection[str | int] = ()
    ) -> None:
        super().__init__("; ".join(messages.values()))
        self.messages = messages
        self.of_keys = of_keys


class InTextError(ValueError):
    """A mistake within a text.

    Attributes:
        index: Of the mistake in the text as written.
    """

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def rule(value: object) -> str:
    """Return the text of a rule.

    Raises:
        InTextError: The text is not a search, or a part of the text means nothing.
    """
    text = value_parsers.rule(one_value(value))
    try:
        parse_rule(text)
    except RuleError as error:
        index = error.column - 1
        if isinstance(value, FilledText):
            index = value.index_as_written(index)
        raise InTextError(index, error.message) from error
    return text


def categories(value: object) -> tuple[str, ...]:
    """Read the name of a category, or a list of several; a blank value has none."""
    if value in _BLANK:
        return ()
    if not isinstance(value, list):
        return (value_parsers.category(one_value(value)),)
    if len(value) > MAX_CATEGORIES:
        raise ValueError(f"has {len(value):,} names; write at most {MAX_CATEGORIES}")
    names, messages = category_names(dict(enumerate(value)))
    if messages:
        raise InKeysError(messages)
    return tuple(names.values())


def category_names(
    texts: Mapping[_K, object],
) -> tuple[dict[_K, str], dict[str | int, str]]:
    """Read names of categories, each of which may stand in `texts` only once.

    Returns:
        Names by key, and the mistakes of the other texts by key.
    """
    names: dict[_K, str] = {}
    messages: dict[str | int, str] = {}
    spellings: dict[str, str] = {}
    for key, text in texts.items():
        try:
            name = value_parsers.category(one_value(text))
        except ValueError as error:
            messages[key] = str(error)
            continue
        first = spellings.get(urls.category_key(name))
        if first is None:
            names[key] = spellings[urls.category_key(name)] = name
        else:
            message = f"{value_parsers.quoted(name)} is the same category as"
            messages[key] = f"{message} {value_parsers.quoted(first)}; remove one"
    return names, messages


def accent(value: object) -> Accent:
    """Read a colour, or a list of two: of the light theme and of the dark theme."""
    if value in _BLANK:
        raise ValueError('empty; # begins a comment, so write a colour in quotes: "#a83c08"')
    colours = value if isinstance(value, list) else [value]
    return accent_of(tuple(one_value(colour) for colour in colours))


RULE = PlainValidator(rule)
CATEGORIES = PlainValidator(categories)
ACCENT = PlainValidator(accent)

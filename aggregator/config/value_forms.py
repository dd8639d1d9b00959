"""The forms of values, as JSON Schemas, by the readers of config.yaml.  Pure.

The file is read as texts, but editors know numbers and booleans, so a form names all types as which
an editor may read a text.  A form never refuses a value of its reader, and lets faults pass for
which a reader is needed (a missing file, a search without sense).  A pattern lets every text with a
variable pass, and uses only the common part of the languages of Python and ECMAScript.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from aggregator.config import (
    address_parsers,
    header_parsers,
    notify_options,
    option_readers,
    options,
    page_files,
    select_options,
    value_parsers,
)
from aggregator.config.option_readers import MAX_CATEGORIES, FolderReader, TextReader

Form = dict[str, Any]
"""A JSON Schema (draft 2020-12)."""

_VARIABLE = r"\$\{"
_SCALAR = ("string", "number", "boolean")
_VISIBLE = r"\S"
_NUMBER = r"-?[0-9_]+"
_HTTP = r"[Hh][Tt][Tt][Pp][Ss]?://\S+"


def any_case(word: str) -> str:
    """Return a pattern of a word in capital or small letters."""
    return "".join(f"[{c.upper()}{c}]" if c.isalpha() else c for c in word.lower())


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(map(any_case, words))


_UNIT = _alternatives(sorted(value_parsers.UNIT_WORDS, key=len, reverse=True))
_SPAN = rf"(?:[0-9]+(?:\.[0-9]+)?\s*(?:{_UNIT})\s*)+"
_SIZE = rf"[0-9_]+(?:\.[0-9_]+)?\s*(?:{_alternatives(sorted(value_parsers.SIZE_UNITS))})"
_OFF = _alternatives(sorted(value_parsers.NO))


def text(
    pattern: str, *, types: Collection[str] = ("string",), examples: Iterable[str] = ()
) -> Form:
    """Return the form of a text.

    Args:
        pattern: Of the whole text, without the white space around.
        types: Of such a text without quotes.
        examples: Texts for editors to offer.
    """
    form: Form = {"type": _types(types), "pattern": rf"{_VARIABLE}|^\s*(?:{pattern})\s*$"}
    return form | ({"examples": list(examples)} if examples else {})


def _types(names: Collection[str]) -> str | list[str]:
    return next(iter(names)) if len(names) == 1 else list(names)


def _prose() -> Form:
    return {"type": _types(_SCALAR), "pattern": _VISIBLE}


def _switch() -> Form:
    words = sorted(value_parsers.YES | value_parsers.NO)
    return text(_alternatives(words), types=("boolean", "string"), examples=("on", "off"))


def _flag() -> Form:
    return _switch() | {"examples": ["true", "false"]}


def _word_or_off(*words: str) -> Form:
    """Return the form of `off`, which is false in YAML 1.1, and of some other words."""
    pattern = "|".join([_OFF, *map(any_case, words)])
    form = text(pattern, types=("string", "boolean"), examples=("off", *words))
    return form | {"not": {"const": True}}


def _whole_number(*, minimum: int, maximum: int) -> Form:
    bounds = {"minimum": minimum, "maximum": maximum}
    return text(_NUMBER, types=("integer", "string")) | bounds


def _whole_number_or_off(*, minimum: int, maximum: int) -> Form:
    form = text(f"{_NUMBER}|{_OFF}", types=("integer", "string", "boolean"), examples=("off",))
    return form | {"minimum": minimum, "maximum": maximum, "not": {"const": True}}


def _span(**_: object) -> Form:
    return text(_SPAN, examples=("30m", "1h", "1d"))


def _size(*, minimum: int, maximum: int) -> Form:
    form = text(_SIZE, types=("string", "integer"), examples=("10MB", "1GB"))
    return form | {"minimum": minimum, "maximum": maximum}


def _backlog() -> Form:
    form = text(
        f"{any_case('all')}|[0-9_]+|{_SPAN}",
        types=("string", "integer"),
        examples=("all", "10", "7d"),
    )
    return form | {"minimum": 0, "maximum": value_parsers.MAX_BACKLOG}


def _colours() -> Form:
    colour = text("#[0-9A-Fa-f]{3}(?:[0-9A-Fa-f]{3})?", examples=("#a83c08",))
    return {"anyOf": [colour, {"type": "array", "items": colour, "minItems": 1, "maxItems": 2}]}


def _categories() -> Form:
    names = {"type": "array", "items": _prose(), "maxItems": MAX_CATEGORIES}
    return {"anyOf": [_or_blank(_prose()), names]}


def _proxy() -> Form:
    """Return the form of a proxy's address; `off` is false in YAML 1.1."""
    scheme = "|".join(map(any_case, ("http", "https", "socks5", "socks5h")))
    form = text(rf"{_OFF}|(?:{scheme})://.*\S", types=("string", "boolean"))
    return form | {"not": {"const": True}, "examples": ["socks5://127.0.0.1:9050", "off"]}


def _headers() -> Form:
    """Return the form of headers; an editor checks names and values, but not which names."""
    return {
        "type": ["object", "null", "string"],
        "maxLength": 0,
        "propertyNames": {"pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"},
        "additionalProperties": text(_ASCII, types=_SCALAR),
        "maxProperties": header_parsers.MAX_HEADERS,
    }


def _stories() -> Form:
    return {"anyOf": [_switch(), {"type": ["object", "null"], "additionalProperties": _switch()}]}


# Letters of any script are let pass.
_NAME = r"[^\x00-\x20!-,/:-@\[-\^`{-\x7f]+"
_LINE = r"\S.*"
_ASCII = r"[ -~]*[!-~]"

_OF_PARSER: Mapping[Callable[..., object], Callable[..., Form]] = MappingProxyType(
    {
        value_parsers.title: _prose,
        value_parsers.description: _prose,
        value_parsers.name: partial(text, _NAME, types=_SCALAR),
        value_parsers.timezone: partial(text, r"[\w+/-]+", examples=("UTC", "Europe/Berlin")),
        value_parsers.language: partial(
            text, _alternatives(value_parsers.LANGUAGES), examples=("en", "de")
        ),
        value_parsers.duration: _span,
        value_parsers.size: _size,
        value_parsers.whole_number: _whole_number,
        value_parsers.whole_number_or_off: _whole_number_or_off,
        value_parsers.on_or_off: _switch,
        value_parsers.true_or_false: _flag,
        value_parsers.public_or_off: partial(_word_or_off, "public"),
        value_parsers.pictures: partial(_word_or_off, "lead", "all"),
        value_parsers.order: partial(
            text, _alternatives(("published", "arrival")), examples=("published", "arrival")
        ),
        value_parsers.backlog: _backlog,
        address_parsers.listening_host: partial(
            text, r"[^\s/*]+", types=_SCALAR, examples=("127.0.0.1", "::")
        ),
        address_parsers.socket_path: partial(text, r"/.*[^/]"),
        address_parsers.host_name: partial(text, r"[^\s/*]+"),
        address_parsers.allowed_address: partial(text, r"[^\s*]+", types=_SCALAR),
        address_parsers.base_url: partial(text, _HTTP),
        address_parsers.web_page: partial(text, _HTTP),
        address_parsers.origin: partial(text, _HTTP),
        address_parsers.proxy: _proxy,
        address_parsers.network_proxy: _proxy,
        address_parsers.contact: partial(text, rf"{_HTTP}|mailto:\S+@\S+"),
        address_parsers.uri: partial(text, r"[A-Za-z][A-Za-z0-9+.-]*:.*\S"),
        address_parsers.hub: partial(text, f"{any_case('self')}|{_HTTP}", examples=("self",)),
        address_parsers.database: partial(
            text, r"(?:sqlite|postgresql)(?:\+[a-z0-9_]+)?://.*",
            examples=("sqlite:///aggregator.db",),
        ),
        address_parsers.include_pattern: partial(text, r"[^~\s].*", examples=("feeds/*.yaml",)),
        address_parsers.feed_url: partial(text, _LINE),
        header_parsers.header_value: partial(text, _ASCII, types=_SCALAR),
        address_parsers.opml_address: partial(text, _LINE),
        notify_options.service_address: partial(text, r"[A-Za-z0-9]+://.*\S"),
        notify_options.news_selection: partial(
            text, r"all|health|(?:view|category|source)\s*:.*\S",
            examples=("all", "view:NAME", "health"),
        ),
        page_files.text_file: partial(text, _LINE),
        page_files.style_sheet: partial(text, _LINE),
        page_files.logo: partial(text, _LINE),
        page_files.face: partial(text, _LINE),
        # Readers of values that are more than a text.
        option_readers.rule: _prose,
        option_readers.categories: _categories,
        header_parsers.header_fields: _headers,
        option_readers.accent: _colours,
        select_options.selector: _prose,
        options.stories_options: _stories,
    }
)  # fmt: skip


def form_of(reader: Callable[..., object]) -> Form:
    """Return the form of the values of a reader of an option.

    Raises:
        LookupError: This module has no form for the reader's parser.
    """
    if isinstance(reader, TextReader | FolderReader):
        form = form_of(reader.parser)
        return _or_blank(form) if reader.takes_blank else form
    parser, arguments = reader, {}
    if isinstance(reader, partial):
        parser, arguments = reader.func, reader.keywords
    if parser not in _OF_PARSER:
        raise LookupError(f"{parser.__name__}: write into {__name__} what the parser takes")
    return _OF_PARSER[parser](**arguments)


def _or_blank(form: Form) -> Form:
    types = [form["type"]] if isinstance(form["type"], str) else form["type"]
    return form | {"type": [*types, "null"], "pattern": rf"^$|{form['pattern']}"}

"""The keys of config.yaml, their types, defaults and bounds.  pydantic is imported here only.

The sections are plain frozen dataclasses, whose annotations tell pydantic how to read each text;
code and tests may make them by hand, or with `dataclasses.replace`, without going through it.
"""

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails

from aggregator import urls
from aggregator.config import characters, value_parsers
from aggregator.model import Order, Subscription

_T = TypeVar("_T")
DEFAULT_DATABASE = "sqlite:///aggregator.db"

_SECOND, _DAY, _YEAR = timedelta(seconds=1), timedelta(days=1), timedelta(days=365)


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """What is wrong with the value at `location`, or with its key.

    Attributes:
        suggest: Returns a message that names what was probably meant; looking for that takes
            milliseconds, so only the first few faults are told by it.
    """

    location: tuple[str | int, ...]
    message: str
    of_key: bool = False
    suggest: Callable[[], str] | None = field(default=None, compare=False)

    def below(self, *outer: str | int) -> "ConfigFault":
        return replace(self, location=(*outer, *self.location))


_BLANK = (None, "")
_OF_PROSE = (value_parsers.title, value_parsers.category)


def _one_value(value: object) -> str:
    if isinstance(value, str):
        return value_parsers.written(value)
    if value is None:
        raise ValueError("empty; write a value, or remove the line")
    kind = "a list" if isinstance(value, list) else "a group of settings"
    raise ValueError(f"must be one value, not {kind}")


def _words(value: object) -> str:
    """Return a value that is not prose: whatever nobody sees in it is a mistake."""
    text = _one_value(value)
    if bad := characters.unseen(text):
        raise ValueError(characters.complaint(bad))
    return text


def _read(reader: Callable[[str], object]) -> PlainValidator:
    """Read text with `reader`."""
    of = _one_value if reader in _OF_PROSE else _words
    return PlainValidator(lambda value: reader(of(value)))


def _read_if_any(reader: Callable[[str], object]) -> PlainValidator:
    """Read text with `reader`; a blank value is the same as none."""
    of = _one_value if reader in _OF_PROSE else _words
    return PlainValidator(lambda value: None if value in _BLANK else reader(of(value)))


def _read_in_folder(reader: Callable[..., object]) -> PlainValidator:
    """Read text whose meaning depends on the folder of config.yaml, given as context."""

    def check(value: object, info: ValidationInfo) -> object:
        return reader(_words(value), folder=info.context or Path())

    return PlainValidator(check)


def _refuse_variables(value: object) -> None:
    if isinstance(value, str):
        value_parsers.written(value)


def _settings_or_none(value: object) -> object:
    if value is None:  # every line below the section's name is commented out
        return {}
    if not isinstance(value, dict):
        _refuse_variables(value)
        raise ValueError("must be followed by indented settings, one `key: value` a line")  # noqa: TRY004
    return value


def listed(value: object) -> list[Any]:
    """Return the items of a list; none of an empty value.

    Raises:
        ValueError: It is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        _refuse_variables(value)
        raise ValueError("must be a list; write each after `- `, or in [brackets]")  # noqa: TRY004
    return value


_STRICT = ConfigDict(extra="forbid")

Stamp = tuple[int, ...]
"""What changes when a file is saved or replaced: times in nanoseconds, size, device and inode."""
_Section = BeforeValidator(_settings_or_none)
_Allowed = Annotated[
    tuple[Annotated[str, _read(value_parsers.allowed)], ...], BeforeValidator(listed)
]
_Interval = partial(value_parsers.duration, least=_SECOND, most=_YEAR)
_Delay = partial(value_parsers.duration, least=0 * _SECOND, most=_DAY)
_Wait = Annotated[timedelta, _read(_Delay)]
_Timeout = partial(value_parsers.duration, least=_SECOND, most=timedelta(hours=1))
_Keep = partial(value_parsers.duration, least=timedelta(minutes=1), most=100 * _YEAR)


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where the pages are served."""

    __pydantic_config__ = _STRICT

    host: Annotated[str, _read(value_parsers.host)] = "127.0.0.1"
    port: Annotated[int, _read(partial(value_parsers.whole, least=0, most=65_535))] = 8080


@dataclass(frozen=True, slots=True)
class PollOptions:
    """How feeds are polled.

    Attributes:
        interval: Wait between two polls of a feed that says nothing else.
        timeout: For a whole request.
        max_size: Bytes of a decoded body.
        concurrency: Requests at a time.
        host_delay: Between two requests to one host.
        workers: Parsing processes.
    """

    __pydantic_config__ = _STRICT

    interval: Annotated[timedelta, _read(_Interval)] = timedelta(hours=1)
    timeout: Annotated[timedelta, _read(_Timeout)] = timedelta(seconds=30)
    max_size: Annotated[int, _read(partial(value_parsers.size, least=1000, most=10**9))] = (
        10_000_000
    )
    concurrency: Annotated[int, _read(partial(value_parsers.whole, least=1, most=1000))] = 32
    host_delay: _Wait = timedelta(seconds=5)
    workers: Annotated[int, _read(partial(value_parsers.whole, least=1, most=256))] = field(
        default_factory=value_parsers.cores
    )


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """Private addresses that feeds at them may lead to: IP addresses, networks, host names.

    Attributes:
        allow: In lower case, each with `:port` or for any port.
    """

    __pydantic_config__ = _STRICT

    allow: _Allowed = ()


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What one site is asked for at most.

    Attributes:
        delay: Between two requests; None: `poll.host_delay`.
        concurrency: Requests at a time.
    """

    __pydantic_config__ = _STRICT

    delay: Annotated[timedelta | None, _read_if_any(_Delay)] = None
    concurrency: Annotated[int, _read(partial(value_parsers.whole, least=1, most=100))] = 1


@dataclass(frozen=True, slots=True)
class RetentionOptions:
    """An entry goes when it is older than `keep` and not among its feed's `min_entries` newest.

    It goes, too, when `max_entries` of its feed are newer, however young it is.
    """

    __pydantic_config__ = _STRICT

    keep: Annotated[timedelta, _read(_Keep)] = _YEAR
    min_entries: Annotated[int, _read(partial(value_parsers.whole, least=0, most=10**6))] = 100
    max_entries: Annotated[int, _read(partial(value_parsers.whole, least=1, most=10**6))] = 20_000


@dataclass(frozen=True, slots=True)
class StoriesOptions:
    """Whether lists show an article once that several feeds have.

    Attributes:
        off_in: Categories, as written, whose entries are always shown.
    """

    on: bool = True
    off_in: tuple[str, ...] = ()


class _InKeyError(ValueError):
    """What is wrong with the value of one key of a group that has keys of the user's own."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _stories(value: object) -> StoriesOptions:
    if value is None:
        return StoriesOptions()
    if not isinstance(value, dict):
        return StoriesOptions(on=value_parsers.switch(_one_value(value)))
    off = []
    for category, text in value.items():
        try:
            if not value_parsers.switch(_one_value(text)):
                off.append(value_parsers.category(str(category)))
        except ValueError as error:
            raise _InKeyError(str(category), str(error)) from error
    return StoriesOptions(off_in=tuple(off))


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """How the merged feeds are published.

    Attributes:
        id: URI that their ids begin with, whatever `base_url` becomes; None to use that.
        prefix_titles: Put each entry's source before its title.
        noindex: Ask search engines to leave the feeds out.
        limit_clients: Refuse clients that ask for what they have more than once a minute.
        deltas: Answer clients that ask for it (RFC 3229) with what they lack alone.
    """

    __pydantic_config__ = _STRICT

    id: Annotated[str | None, _read_if_any(value_parsers.uri)] = None
    prefix_titles: Annotated[bool, _read(value_parsers.switch)] = False
    noindex: Annotated[bool, _read(value_parsers.switch)] = True
    limit_clients: Annotated[bool, _read(value_parsers.switch)] = False
    deltas: Annotated[bool, _read(value_parsers.switch)] = False


@dataclass(frozen=True, slots=True)
class WebSubOptions:
    """How subscribers learn of changes.

    Attributes:
        hub: Who tells them: the URL of a hub, `self`, or None for nobody.
        allow: Private addresses that subscribers of our own hub may have, as in `NetworkOptions`.
    """

    __pydantic_config__ = _STRICT

    hub: Annotated[str | None, _read_if_any(value_parsers.hub)] = None
    allow: _Allowed = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalOptions:
    """Everything in config.yaml but the feeds; see `Config`."""

    __pydantic_config__ = _STRICT

    title: Annotated[str, _read(value_parsers.title)] = "Recent posts"
    base_url: Annotated[str, _read(value_parsers.base_url)] = "http://127.0.0.1:8080"
    timezone: Annotated[str, _read(value_parsers.timezone)] = "UTC"
    database: Annotated[str, _read_in_folder(value_parsers.database)] = DEFAULT_DATABASE
    web: Annotated[WebOptions, _Section] = WebOptions()
    poll: Annotated[PollOptions, _Section] = field(default_factory=PollOptions)
    network: Annotated[NetworkOptions, _Section] = NetworkOptions()
    hosts: Annotated[
        dict[Annotated[str, _read(value_parsers.site)], Annotated[HostOptions, _Section]], _Section
    ] = field(default_factory=dict, hash=False)
    retention: Annotated[RetentionOptions, _Section] = RetentionOptions()
    stories: Annotated[StoriesOptions, PlainValidator(_stories)] = StoriesOptions()
    publish: Annotated[PublishOptions, _Section] = PublishOptions()
    websub: Annotated[WebSubOptions, _Section] = WebSubOptions()
    order: Annotated[Order, _read(value_parsers.order)] = Order.PUBLISHED
    per_hour: Annotated[
        int | None, _read(partial(value_parsers.whole_or_off, least=1, most=10_000))
    ] = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(GlobalOptions):
    """A configuration without a fault in it.

    Attributes:
        path: Of the file, as it was given.
        title: Of the page and of the merged feeds.
        base_url: Where others reach the pages; without a slash at the end.
        timezone: IANA name; days on the page are grouped in it.
        database: SQLAlchemy URL; a path in it is absolute.
        order: Where new entries of a feed that is known stand.
        hosts: Budgets by site, as `aggregator.urls.site_of` gives it.
        base_url_given: `base_url` stands in the file.
        feeds: In the order of the file; names and addresses are unique.
        stamp: Of the file when it was read; None if it was not a file.
    """

    path: Path
    base_url_given: bool = field(default=False, compare=False)
    feeds: tuple[Subscription, ...] = ()
    stamp: Stamp | None = field(default=None, compare=False)

    @property
    def category_slugs(self) -> dict[str, str]:
        """The slug of each category, by its name as written; in the order of the file."""
        return urls.category_slugs(feed.category for feed in self.feeds if feed.category)

    @property
    def share(self) -> int | None:
        """Posts of one feed and hour in lists of several; None for any number."""
        return self.per_hour if len(self.feeds) > 1 else None

    @property
    def folder(self) -> Path:
        """The absolute folder that relative paths start from; where a link stands, not its end."""
        return folder_of(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """An item of `feeds`, before names are made; None for what it does not say."""

    __pydantic_config__ = _STRICT

    url: Annotated[str, _read_in_folder(value_parsers.feed_url)]
    name: Annotated[str | None, _read_if_any(value_parsers.name)] = None
    title: Annotated[str | None, _read_if_any(value_parsers.title)] = None
    category: Annotated[str | None, _read_if_any(value_parsers.category)] = None
    interval: Annotated[timedelta | None, _read_if_any(_Interval)] = None
    distrust_304: Annotated[bool | None, _read_if_any(value_parsers.yes)] = None
    timezone: Annotated[str | None, _read_if_any(value_parsers.timezone)] = None
    private: Annotated[bool | None, _read_if_any(value_parsers.yes)] = None
    stories: Annotated[bool | None, _read_if_any(value_parsers.switch)] = None


def folder_of(path: Path) -> Path:
    """Return the absolute folder of the file, without following links."""
    return Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() follows links


def read_settings(raw: Mapping[str, object], *, folder: Path) -> GlobalOptions | list[ConfigFault]:
    """Read all keys but `feeds`, or list everything that is wrong with them."""
    # A default does not pass through its reader, which makes this one absolute.
    return _check(_SETTINGS, {"database": DEFAULT_DATABASE, **raw}, folder)


def as_arguments(settings: GlobalOptions) -> dict[str, Any]:
    """Return the settings as keyword arguments for `Config`."""
    return {field.name: getattr(settings, field.name) for field in fields(GlobalOptions)}


def read_feed(raw: object, *, folder: Path) -> FeedOptions | list[ConfigFault]:
    """Read one item of `feeds`: an address alone, or settings."""
    if raw is None:
        return [ConfigFault((), "empty; write a feed's address, or remove the dash")]
    if isinstance(raw, list):
        return [ConfigFault((), "must be an address or settings, not a list")]
    return _check(_FEED, {"url": raw} if isinstance(raw, str) else raw, folder)


_SETTINGS = TypeAdapter(GlobalOptions)
_FEED = TypeAdapter(FeedOptions)
_SECTIONS: dict[str, type] = {
    "web": WebOptions,
    "poll": PollOptions,
    "network": NetworkOptions,
    "hosts": HostOptions,
    "retention": RetentionOptions,
    "publish": PublishOptions,
    "websub": WebSubOptions,
}


def _check(adapter: TypeAdapter[_T], raw: object, folder: Path) -> _T | list[ConfigFault]:
    try:
        return adapter.validate_python(raw, context=folder)
    except ValidationError as error:
        known = FeedOptions if adapter is _FEED else GlobalOptions
        return [_fault(details, known) for details in error.errors(include_url=False)]


def _fault(details: ErrorDetails, known: type) -> ConfigFault:
    location = details["loc"]
    if details["type"] == "value_error" and location[-1] == "[key]":
        return ConfigFault(location[:-1], str(details["ctx"]["error"]), of_key=True)
    if details["type"] == "value_error":
        error = details["ctx"]["error"]
        inner = (error.key,) if isinstance(error, _InKeyError) else ()
        suggest = error.suggestion if isinstance(error, value_parsers.UnknownWordError) else None
        return ConfigFault((*location, *inner), str(error), suggest=suggest)
    if details["type"] == "missing":
        return ConfigFault(location, "missing; every feed needs one")
    if details["type"] == "unexpected_keyword_argument":
        *outer, key = map(str, location)
        section = _SECTIONS[outer[0]] if outer else known
        message = f"unknown key; known here are {', '.join(_known_keys(section))}"
        return ConfigFault(location, message, of_key=True, suggest=partial(_unknown, key, section))
    return ConfigFault(location, "can't be read; see docs/config.md")  # none is known to get here


def _known_keys(section: type) -> list[str]:
    known = [field.name for field in fields(section)]
    return [*known, "feeds"] if section is GlobalOptions else known


def _unknown(key: str, section: type) -> str:
    if bad := characters.suspicious(key):
        return f"unknown key; {characters.complaint(bad)}"
    known = _known_keys(section)
    if near := difflib.get_close_matches(key.lower(), known, n=1):
        return f'unknown key; did you mean "{near[0]}"?'
    for name, other in _SECTIONS.items():
        if key in {field.name for field in fields(other)}:
            return f'unknown key; "{key}" belongs under "{name}"'
    return f"unknown key; known here are {', '.join(known)}"

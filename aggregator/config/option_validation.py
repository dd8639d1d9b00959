"""The values of config.yaml -> options, or every fault."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache, partial
from typing import Any, TypeVar, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from aggregator.config import stray_characters
from aggregator.config.config_faults import ConfigFault
from aggregator.config.feed_options import FeedDefaults, FeedOptions, OpmlListOptions
from aggregator.config.files import Folder
from aggregator.config.network_options import HostOptions, NetworkOptions, RequestOptions
from aggregator.config.notify_options import NotifyOptions
from aggregator.config.option_readers import InKeysError, InTextError
from aggregator.config.options import (
    DEFAULT_DATABASE,
    GlobalOptions,
    PageOptions,
    PollOptions,
    PublishOptions,
    RetentionOptions,
    ViewOptions,
    WebOptions,
    WebSubOptions,
)
from aggregator.config.select_options import SelectOptions
from aggregator.config.value_parsers import UnknownWordError

_T = TypeVar("_T")


def read_settings(
    raw: Mapping[str, object], *, folder: Folder
) -> GlobalOptions | list[ConfigFault]:
    """Return all settings but `feeds`, or every fault."""
    # A default does not pass through its reader, which makes this path absolute.
    settings = _check(GlobalOptions, {"database": DEFAULT_DATABASE, **raw}, folder)
    if isinstance(settings, list) or settings.websub.hub != "self" or not settings.network.proxy:
        return settings
    # A proxy looks names up by itself, and subscribers may name any host.
    message = "self needs direct requests; remove network.proxy, or write the URL of a hub"
    return [ConfigFault(("websub", "hub"), message)]


def as_arguments(settings: GlobalOptions) -> dict[str, Any]:
    """Return the settings as keyword arguments for `Config`."""
    return {field.name: getattr(settings, field.name) for field in fields(GlobalOptions)}


def read_defaults(raw: Mapping[str, object], *, folder: Folder) -> FeedDefaults | list[ConfigFault]:
    """Return the settings that stand for all feeds of an included file, or every fault."""
    return _check(FeedDefaults, raw, folder)


def read_feed(
    raw: object, *, folder: Folder, defaults: FeedDefaults
) -> FeedOptions | list[ConfigFault]:
    """Return the options of an item of `feeds`, an address alone or settings; or every fault."""
    if raw is None:
        return [ConfigFault((), "empty; write a feed's address, or remove the dash")]
    if isinstance(raw, list):
        return [ConfigFault((), "must be an address or settings, not a list")]
    raw = {"url": raw} if isinstance(raw, str) else raw
    options = _check(FeedOptions, raw, folder)
    faults = options if isinstance(options, list) else []
    if isinstance(raw, dict) and _would_reveal_address(raw, folder, defaults):
        message = "needs a title or name; one made from the address would show it"
        faults.append(ConfigFault(("private",), message))
    if faults or isinstance(options, list):
        return faults
    return options.with_defaults(defaults)


def read_opml_list(
    raw: Mapping[str, object], *, folder: Folder, defaults: FeedDefaults
) -> OpmlListOptions | list[ConfigFault]:
    """Return the options of an item of `feeds` with the key `opml`, or every fault."""
    options = _check(OpmlListOptions, raw, folder)
    return options if isinstance(options, list) else options.with_defaults(defaults)


def readable_value(options: type, key: str, raw: object, *, folder: Folder | None = None) -> Any:
    """Return the value of one key, whatever is wrong with the keys beside it.

    Args:
        options: The class of the section with the key.
        raw: The section.
        folder: Relative paths start from here.

    Returns:
        None if the key is missing or its value wrong.
    """
    if not isinstance(raw, dict) or key not in raw:
        return None
    try:
        return _adapter(options, key).validate_python(raw[key], context=folder)
    except ValidationError:
        return None


@cache
def _adapter(options: type, key: str) -> TypeAdapter[Any]:
    return TypeAdapter(get_type_hints(options, include_extras=True)[key])


def _would_reveal_address(
    feed: Mapping[str, object], folder: Folder, defaults: FeedDefaults
) -> bool:
    """Whether a feed is private, and would get a name from the address."""
    if feed.get("title") or feed.get("name"):
        return False
    is_private = readable_value(FeedOptions, "private", feed, folder=folder)
    return bool(defaults.private if is_private is None else is_private)


_OPML = "opml"  # in place of `url`
_UNKNOWN = "unexpected_keyword_argument"
_SECTIONS: dict[str, type] = {
    "web": WebOptions,
    "poll": PollOptions,
    "network": NetworkOptions,
    "hosts": HostOptions,
    "retention": RetentionOptions,
    "request": RequestOptions,
    "select": SelectOptions,
    "page": PageOptions,
    "publish": PublishOptions,
    "websub": WebSubOptions,
    "views": ViewOptions,
    "notify": NotifyOptions,
}


@cache
def _adapter_of(section: type) -> TypeAdapter[Any]:
    return TypeAdapter(section)


def _check(section: type[_T], raw: object, folder: Folder) -> _T | list[ConfigFault]:
    try:
        adapter: TypeAdapter[_T] = _adapter_of(cast("type", section))
        options = adapter.validate_python(raw, context=folder)
    except ValidationError as error:
        errors = _without_misspelt(error.errors(include_url=False), section)
        return [fault for details in errors for fault in _faults(details, section)]
    return options


def _without_misspelt(errors: list[ErrorDetails], outermost: type) -> list[ErrorDetails]:
    """Return errors, without keys that are missing because they are misspelt."""
    missing = {details["loc"] for details in errors if details["type"] == "missing"}
    misspelt = set()
    for details in errors:
        if details["type"] == _UNKNOWN and missing:
            *outer, key = details["loc"]
            similar = _similar_key(str(key), _section_at(outer, outermost))
            misspelt.add((*outer, "url" if similar == _OPML else similar))
    return [details for details in errors if details["loc"] not in missing & misspelt]


def _faults(details: ErrorDetails, outermost: type) -> Iterator[ConfigFault]:
    error = details.get("ctx", {}).get("error")
    if isinstance(error, InKeysError):
        for key, message in error.messages.items():
            yield ConfigFault((*details["loc"], key), message, of_key=key in error.of_keys)
    else:
        yield _fault(details, outermost)


def _fault(details: ErrorDetails, outermost: type) -> ConfigFault:
    location = details["loc"]
    if details["type"] == "value_error" and location[-1] == "[key]":
        return ConfigFault(location[:-1], str(details["ctx"]["error"]), of_key=True)
    if details["type"] == "value_error":
        error = details["ctx"]["error"]
        suggest = error.suggestion if isinstance(error, UnknownWordError) else None
        index = error.index if isinstance(error, InTextError) else None
        return ConfigFault(location, str(error), suggest=suggest, index=index)
    if details["type"] == "missing":
        noun = {"views": "view", "select": "`select`", "notify": "target"}.get(
            str(location[0]), "feed"
        )
        return ConfigFault(location, f"missing; every {noun} needs one")
    if details["type"] == _UNKNOWN:
        *outer, key = map(str, location)
        section = _section_at(outer, outermost)
        message = f"unknown key; known here are {', '.join(_known_keys(section))}"
        return ConfigFault(
            location, message, of_key=True, suggest=partial(_unknown_key, key, section)
        )
    # No value is known to lead here.
    return ConfigFault(location, "can't be read; see docs/config.md")


def _section_at(location: Sequence[str | int], outermost: type) -> type:
    """Return the class of the section at a location; a request may stand in other sections."""
    if not location:
        return outermost
    return _SECTIONS[str(location[-1] if location[-1] == "request" else location[0])]


def _similar_key(key: str, section: type) -> str | None:
    similar = difflib.get_close_matches(key.lower(), _known_keys(section), n=1)
    return similar[0] if similar else None


def _known_keys(section: type) -> list[str]:
    keys = [field.name for field in fields(section)]
    keys.sort(key=lambda key: key not in section.__annotations__)  # inherited ones last
    if section is FeedOptions:
        return [*keys, _OPML]
    return [*keys, "feeds"] if section in {GlobalOptions, FeedDefaults} else keys


def _unknown_key(key: str, section: type) -> str:
    if character := stray_characters.confusable(key):
        return f"unknown key; {stray_characters.complaint(character)}"
    known_keys = _known_keys(section)
    if places := list(_places_of(key, section)):
        return f'unknown key; "{key}" belongs {" or ".join(places)}'
    if similar := _similar_key(key, section):
        return f'unknown key; did you mean "{similar}"?'
    return f"unknown key; known here are {', '.join(known_keys)}"


def _places_of(key: str, section: type) -> Iterator[str]:
    """Yield where else in the file a key is known."""
    if section is OpmlListOptions and key in _known_keys(FeedOptions):
        yield "to a feed, not to an OPML list"
        return
    for name, options in _SECTIONS.items():
        if key in {field.name for field in fields(options)}:
            yield f'under "{name}"'
    if section in {GlobalOptions, FeedDefaults} and key in _known_keys(FeedOptions):
        yield "to a feed"
    if section is FeedDefaults and key in _known_keys(GlobalOptions):
        yield "in config.yaml"

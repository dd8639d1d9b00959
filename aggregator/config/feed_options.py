"""The keys of an item of `feeds`: types, defaults and bounds."""

from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from functools import partial
from typing import Annotated, Self

from pydantic import ConfigDict

from aggregator.config import address_parsers, option_readers, page_files, value_parsers
from aggregator.config.network_options import RequestOptions
from aggregator.config.option_readers import (
    SECTION,
    file_or_none,
    parsed,
    parsed_in_folder,
    parsed_or_none,
)
from aggregator.config.page_files import Face
from aggregator.config.select_options import RIGHT_SELECTORS, SELECT, SelectOptions
from aggregator.model import Backlog, PictureMode

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDefaults:
    """The settings of a feed that may be those of many feeds; empty for each missing key.

    Blank values count as missing, as exported lists have many; but not of rules and limits, because
    a blank rule could mean all posts or none.
    """

    __pydantic_config__ = _STRICT

    category: Annotated[tuple[str, ...], option_readers.CATEGORIES] = ()
    interval: Annotated[timedelta | None, parsed_or_none(option_readers.interval)] = None
    distrust_304: Annotated[bool | None, parsed_or_none(value_parsers.true_or_false)] = None
    timezone: Annotated[str | None, parsed_or_none(value_parsers.timezone)] = None
    private: Annotated[bool | None, parsed_or_none(value_parsers.true_or_false)] = None
    stories: Annotated[bool | None, parsed_or_none(value_parsers.on_or_off)] = None
    read_here: Annotated[bool | None, parsed_or_none(value_parsers.on_or_off)] = None
    pictures: Annotated[PictureMode | None, parsed_or_none(value_parsers.pictures)] = None
    keep: Annotated[str | None, option_readers.RULE] = None
    hide: Annotated[str | None, option_readers.RULE] = None
    per_day: Annotated[
        int | None, parsed(partial(value_parsers.whole_number, minimum=1, maximum=10_000))
    ] = None
    backlog: Annotated[Backlog | None, parsed(value_parsers.backlog)] = None
    paused: Annotated[bool | None, parsed_or_none(value_parsers.true_or_false)] = None

    def with_defaults(self, defaults: "FeedDefaults") -> Self:
        """Return the settings, `defaults` in place of missing settings."""
        if defaults == NO_DEFAULTS:  # as for nearly all feeds
            return self
        return replace(
            self,
            **{
                key.name: getattr(defaults, key.name)
                for key in fields(FeedDefaults)
                if getattr(self, key.name) == key.default
            },
        )


NO_DEFAULTS = FeedDefaults()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions(FeedDefaults):
    """An item of `feeds` before the feed is named."""

    url: Annotated[str, parsed_in_folder(address_parsers.feed_url)]
    name: Annotated[str | None, parsed_or_none(value_parsers.name)] = None
    title: Annotated[str | None, parsed_or_none(value_parsers.title)] = None
    picture: Annotated[Face | None, file_or_none(page_files.face)] = None
    request: Annotated[RequestOptions, SECTION] = field(default_factory=RequestOptions)
    select: Annotated[SelectOptions | None, SELECT, RIGHT_SELECTORS] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlListOptions(FeedDefaults):
    """An item of `feeds` in place of the feeds of an OPML list, with the settings of the feeds.

    `request` is the request of the list, not of the feeds.
    """

    opml: Annotated[str, parsed_in_folder(address_parsers.opml_address)]
    request: Annotated[RequestOptions, SECTION] = field(default_factory=RequestOptions)

"""The keys of config.yaml, their types, defaults and bounds.

The sections are frozen dataclasses with annotations for pydantic; code and tests may construct
sections without pydantic.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, PlainValidator

from aggregator import urls
from aggregator.config import (
    address_parsers,
    notify_options,
    option_readers,
    page_files,
    value_parsers,
)
from aggregator.config.accent import Accent
from aggregator.config.feed_options import OpmlListOptions
from aggregator.config.files import PageFile, Stamp, Watched
from aggregator.config.network_options import HostOptions, NetworkOptions
from aggregator.config.notify_options import NotifyOptions
from aggregator.config.option_readers import (
    SECTION,
    SETTINGS,
    YEAR,
    AllowedAddresses,
    InKeysError,
    category_names,
    file_or_none,
    items_of,
    one_value,
    parsed,
    parsed_in_data_folder,
    parsed_or_none,
    whole_number,
)
from aggregator.config.page_files import Face, Logo
from aggregator.model import (
    NO_RULES,
    Backlog,
    CommonRules,
    FeedRequest,
    ListingRules,
    Order,
    PictureMode,
    Subscription,
    View,
)
from aggregator.model.notification_targets import NotificationTarget

DEFAULT_DATABASE = "sqlite:///aggregator.db"
DATA_VARIABLE = "AGGREGATOR_DATA"
"""Environment variable with the folder of the database and of the pictures."""

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Where the pages are served.

    Attributes:
        socket: Path of a Unix socket in place of `host` and `port`.
    """

    __pydantic_config__ = _STRICT

    host: Annotated[str, parsed(address_parsers.listening_host)] = "127.0.0.1"
    port: Annotated[int, whole_number(0, 65_535)] = 8080
    socket: Annotated[str | None, parsed_or_none(address_parsers.socket_path)] = None


@dataclass(frozen=True, slots=True)
class PollOptions:
    """How feeds are polled.

    Attributes:
        interval: Wait between two polls of a feed without an interval of its own.
        timeout: Longest time of a whole request.
        max_size: Most bytes of a decoded body.
        concurrency: Most requests at a time.
        host_delay: Pause between two requests to one host.
        workers: Number of parsing processes.
    """

    __pydantic_config__ = _STRICT

    interval: Annotated[timedelta, parsed(option_readers.interval)] = timedelta(hours=1)
    timeout: Annotated[timedelta, parsed(option_readers.timeout)] = timedelta(seconds=30)
    max_size: Annotated[int, parsed(partial(value_parsers.size, minimum=1000, maximum=10**9))] = (
        10_000_000
    )
    concurrency: Annotated[int, whole_number(1, 1000)] = 32
    host_delay: Annotated[timedelta, parsed(option_readers.delay)] = timedelta(seconds=5)
    workers: Annotated[int, whole_number(1, 256)] = field(default_factory=value_parsers.core_count)


@dataclass(frozen=True, slots=True)
class RetentionOptions:
    """Which entries are deleted.

    An entry is deleted when the entry is older than `keep` and not among the `min_entries` newest
    of the feed, and at any age when `max_entries` entries of the feed are newer.
    """

    __pydantic_config__ = _STRICT

    keep: Annotated[timedelta, parsed(option_readers.retention_period)] = YEAR
    min_entries: Annotated[int, whole_number(0, 10**6)] = 100
    max_entries: Annotated[int, whole_number(1, 10**6)] = 20_000


@dataclass(frozen=True, slots=True)
class StoriesOptions:
    """Whether lists show an article of several feeds only once.

    Attributes:
        on: False shows the article for every feed.
        off_in: Categories, as written, whose entries are always shown.
    """

    on: bool = True
    off_in: tuple[str, ...] = ()


def stories_options(value: object) -> StoriesOptions:
    """Read on or off, or categories with on or off."""
    if value is None:
        return StoriesOptions()
    if not isinstance(value, dict):
        return StoriesOptions(on=value_parsers.on_or_off(one_value(value)))
    names, messages = category_names({str(key): str(key) for key in value})
    categories_off = []
    for key, text in value.items():
        try:
            is_on = value_parsers.on_or_off(one_value(text))
        except ValueError as error:
            messages.setdefault(str(key), str(error))
            continue
        if not is_on and str(key) in names:
            categories_off.append(names[str(key)])
    if messages:
        raise InKeysError(messages)
    return StoriesOptions(off_in=tuple(categories_off))


@dataclass(frozen=True, slots=True)
class PageOptions:
    """What the pages show, and whose they are.

    Attributes:
        read_here: Posts have pages with their texts; see also `FeedOptions`.
        pictures: Which pictures of posts are fetched and shown; see also `FeedOptions`.
        pictures_size: Most bytes of the files of pictures.
        description: What the site is about, in one line.
        contact: Where the operator is reached: a `mailto:` or web address in ASCII.
        imprint: Address of the page with the operator's legal notice.
        about: A text on the site, as CommonMark in UTF-8.
        logo: A picture that stands for the site.
        accent: The colour of what is new, current or the site's own.
        css: A style sheet in UTF-8 that the pages have last.
        status: The pages show how the feeds are doing.
        embed: Origins of the pages that may have our lists in frames, such as
            `https://example.org`.
    """

    __pydantic_config__ = _STRICT

    read_here: Annotated[bool, parsed(value_parsers.on_or_off)] = True
    pictures: Annotated[PictureMode, parsed(value_parsers.pictures)] = PictureMode.OFF
    pictures_size: Annotated[
        int, parsed(partial(value_parsers.size, minimum=10**6, maximum=10**13))
    ] = 10**9
    description: Annotated[str | None, parsed_or_none(value_parsers.description)] = None
    contact: Annotated[str | None, parsed_or_none(address_parsers.contact)] = None
    imprint: Annotated[str | None, parsed_or_none(address_parsers.web_page)] = None
    about: Annotated[PageFile | None, file_or_none(page_files.text_file)] = None
    logo: Annotated[Logo | None, file_or_none(page_files.logo)] = None
    accent: Annotated[Accent | None, option_readers.ACCENT] = None
    css: Annotated[PageFile | None, file_or_none(page_files.style_sheet)] = None
    status: Annotated[bool, parsed(value_parsers.public_or_off)] = True
    embed: Annotated[
        tuple[Annotated[str, parsed(address_parsers.origin)], ...], BeforeValidator(items_of)
    ] = ()

    @property
    def logo_name(self) -> str:
        """The name of the logo below static/, empty without a logo."""
        return "" if self.logo is None else f"logo.{self.logo.format}"

    @property
    def icon_name(self) -> str:
        """The name of the largest icon below static/, empty without a logo."""
        return "large-icon.png" if self.logo and self.logo.large_icon else self.logo_name


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """How the merged feeds are published.

    Attributes:
        id: URI with which the ids of the feeds begin, also after `base_url` has changed; None for
            `base_url`.
        prefix_titles: Put the title of each entry's source before the entry's title.
        noindex: Ask search engines to leave the feeds out.
        limit_clients: Refuse clients that request an unchanged document more than once a minute.
        deltas: Send only new entries to clients that accept deltas (RFC 3229).
    """

    __pydantic_config__ = _STRICT

    id: Annotated[str | None, parsed_or_none(address_parsers.uri)] = None
    prefix_titles: Annotated[bool, parsed(value_parsers.on_or_off)] = False
    noindex: Annotated[bool, parsed(value_parsers.on_or_off)] = True
    limit_clients: Annotated[bool, parsed(value_parsers.on_or_off)] = False
    deltas: Annotated[bool, parsed(value_parsers.on_or_off)] = False


@dataclass(frozen=True, slots=True)
class WebSubOptions:
    """How subscribers learn of changes.

    Attributes:
        hub: URL of the hub that notifies subscribers, `self` for a hub of our own, None for no hub.
        allow: Private addresses at which subscribers of our own hub may be, as in `NetworkOptions`.
    """

    __pydantic_config__ = _STRICT

    hub: Annotated[str | None, parsed_or_none(address_parsers.hub)] = None
    allow: AllowedAddresses = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewOptions:
    """An item of `views`; see `View`."""

    __pydantic_config__ = _STRICT

    name: Annotated[str, parsed(value_parsers.name)]
    search: Annotated[str, option_readers.RULE]
    title: Annotated[str | None, parsed_or_none(value_parsers.title)] = None
    description: Annotated[str | None, parsed_or_none(value_parsers.description)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalOptions:
    """Everything in config.yaml but the feeds; see `Config`."""

    __pydantic_config__ = _STRICT

    title: Annotated[str, parsed(value_parsers.title)] = "Recent posts"
    base_url: Annotated[str, parsed(address_parsers.base_url)] = "http://127.0.0.1:8080"
    timezone: Annotated[str, parsed(value_parsers.timezone)] = "UTC"
    language: Annotated[str, parsed(value_parsers.language)] = "en"
    database: Annotated[str, parsed_in_data_folder(address_parsers.database)] = DEFAULT_DATABASE
    database_read: Annotated[
        str | None, parsed_in_data_folder(address_parsers.database, takes_blank=True)
    ] = None
    web: Annotated[WebOptions, SECTION] = WebOptions()
    poll: Annotated[PollOptions, SECTION] = field(default_factory=PollOptions)
    network: Annotated[NetworkOptions, SECTION] = field(default_factory=NetworkOptions)
    hosts: Annotated[
        dict[Annotated[str, parsed(address_parsers.host_name)], Annotated[HostOptions, SECTION]],
        SECTION,
    ] = field(default_factory=dict, hash=False)
    retention: Annotated[RetentionOptions, SECTION] = RetentionOptions()
    stories: Annotated[StoriesOptions, PlainValidator(stories_options)] = StoriesOptions()
    page: Annotated[PageOptions, SECTION] = PageOptions()
    publish: Annotated[PublishOptions, SECTION] = PublishOptions()
    websub: Annotated[WebSubOptions, SECTION] = WebSubOptions()
    order: Annotated[Order, parsed(value_parsers.order)] = Order.PUBLISHED
    per_hour: Annotated[
        int | None, parsed(partial(value_parsers.whole_number_or_off, minimum=1, maximum=10_000))
    ] = 500
    hide: Annotated[str | None, option_readers.RULE] = None
    backlog: Annotated[Backlog | None, parsed(value_parsers.backlog)] = None
    views: Annotated[tuple[Annotated[ViewOptions, SETTINGS], ...], BeforeValidator(items_of)] = ()
    notify: Annotated[
        tuple[Annotated[NotifyOptions, SETTINGS], ...], BeforeValidator(items_of)
    ] = ()
    include: Annotated[
        tuple[Annotated[str, parsed(address_parsers.include_pattern)], ...],
        BeforeValidator(items_of),
    ] = ()


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """Where a feed is written.

    Attributes:
        path: Of config.yaml as given, or of an included file.
        index: In the `feeds` of the file.
        outline: Number of the feed in the OPML list that is at the place; None for a feed.
    """

    path: Path
    index: int
    outline: int | None = None


@dataclass(frozen=True, slots=True)
class OpmlList:
    """An OPML list in `feeds`; the feeds of the list count as feeds of config.yaml.

    Attributes:
        options: The address, and settings of the feeds.
        written_address: The address as written, with variables; None without variables.
    """

    options: OpmlListOptions
    place: FeedPlace = field(compare=False)
    written_address: str | None = None

    @property
    def address(self) -> str:
        """An http(s) URL, or a path relative to config.yaml."""
        return self.options.opml

    @property
    def known_address(self) -> str:
        """The address by which the list is known: stays when the value of a variable changes."""
        return self.written_address or self.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(GlobalOptions):
    """A configuration without faults.

    Attributes:
        path: Path of the file, as given.
        title: Title of the page and of the merged feeds.
        base_url: Public address of the pages, without a slash at the end.
        timezone: IANA name of the zone whose days group the entries on the page.
        language: Tag of the language of our own texts in feeds and messages.
        database: SQLAlchemy URL; the path of an SQLite file is absolute.
        database_read: The same of a copy for the pages; None for `database`.
        order: The time by which new entries of a known feed are placed in lists.
        hosts: By host; limits hold for the whole site (`aggregator.urls.site_of`).
        hide, backlog, views: See `listing_rules`.
        notify: Who is told of new posts; see `targets`.
        include: Patterns of the paths of further files with feeds.
        data: Absolute folder of the database and the pictures; None for the folder of the file.
        base_url_given: The file has a `base_url`.
        feeds: Subscriptions in the order of the files, config.yaml last; names and addresses are
            unique.
        places: Where the feeds are written, by the name of the feed.
        opml_lists: In the order of the files; `config.with_opml_lists` adds the feeds.
        interval_given: The file has `poll.interval`.
        faces: Pictures that stand for feeds, by `Subscription.known_url`.
        requests: Of feeds with a request unlike every other, by the URL of the feed.
        secrets: Texts of variables in addresses and headers, and secret headers, to be masked by
            each process with the configuration (`aggregator.urls.remember_secrets`).
        stamps: Stamps of the file, of those beside the file that were read, and of `include`, at
            the time of reading; None for a missing file.
    """

    path: Path
    data: Path | None = None
    base_url_given: bool = field(default=False, compare=False)
    interval_given: bool = field(default=False, compare=False)
    feeds: tuple[Subscription, ...] = ()
    opml_lists: tuple[OpmlList, ...] = ()
    places: Mapping[str, FeedPlace] = field(default_factory=dict, compare=False)
    faces: Mapping[str, Face] = field(default_factory=dict, hash=False)
    requests: Mapping[str, FeedRequest] = field(default_factory=dict, compare=False, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    stamps: Mapping[Watched, Stamp | None] = field(default_factory=dict, compare=False)

    def place_of(self, feed: Subscription) -> str:
        """Return where a feed is written: `feeds[3] (name)`, with the path of an included file."""
        return f"{self._item(self.places[feed.name])} ({feed.name})"

    def place_of_list(self, opml_list: OpmlList) -> str:
        """Return where an OPML list is written, as `place_of` of a feed."""
        return f"{self._item(opml_list.place)} ({urls.masked(opml_list.known_address)})"

    def _item(self, place: FeedPlace) -> str:
        file = "" if place.path == self.path else f"{place.path}: "
        return f"{file}feeds[{place.index}]"

    @property
    def files(self) -> list[Path]:
        """The paths of the file, and of included files with feeds."""
        return list(dict.fromkeys([self.path, *(place.path for place in self._item_places)]))

    @property
    def has_own_feeds(self) -> bool:
        """Whether config.yaml itself has items in `feeds`."""
        return any(place.path == self.path for place in self._item_places)

    @property
    def _item_places(self) -> list[FeedPlace]:
        return [*self.places.values(), *(opml_list.place for opml_list in self.opml_lists)]

    @property
    def targets(self) -> tuple[NotificationTarget, ...]:
        """Who is told of what."""
        return tuple(map(notify_options.target, self.notify))

    @property
    def category_slugs(self) -> dict[str, str]:
        """The slugs of the categories by name as written, in the order of the file."""
        return urls.category_slugs(category for feed in self.feeds for category in feed.categories)

    @property
    def share(self) -> int | None:
        """Most posts of one feed and hour in lists of several feeds; None for no limit."""
        return self.per_hour if len(self.feeds) > 1 else None

    @property
    def listing_rules(self) -> ListingRules:
        """Which entries lists have, and the views."""
        return ListingRules(
            common=CommonRules(self.hide, self.backlog, self.share, self.timezone),
            feeds={feed.name: feed.rules for feed in self.feeds if feed.rules != NO_RULES},
            views=tuple(
                View(view.name, view.title or view.name, view.search, view.description or "")
                for view in self.views
            ),
        )

    @property
    def pages_database(self) -> str:
        """URL of the database for reading pages."""
        return self.database_read or self.database

    @property
    def picture_folder(self) -> Path:
        """The folder of pictures: beside an SQLite database, else in the folder of data."""
        is_file = self.database.startswith("sqlite")
        file = self.database.partition("///")[2].partition("?")[0] if is_file else ""
        folder = self.data or self.folder
        return (folder / file).parent / "pictures" if file else folder / "pictures"

    @property
    def folder(self) -> Path:
        """The absolute folder that relative paths start from; of a link, not of its target."""
        return folder_of(self.path)


def data_folder() -> Path | None:
    """Return the absolute folder of the environment for database and pictures, None for none."""
    text = os.environ.get(DATA_VARIABLE)
    return Path(os.path.abspath(text)) if text else None  # noqa: PTH100 - resolve() follows links


def folder_of(path: Path) -> Path:
    """Return the absolute folder of the file, without following links."""
    return Path(os.path.abspath(path)).parent  # noqa: PTH100 - resolve() follows links

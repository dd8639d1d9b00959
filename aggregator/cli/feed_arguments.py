"""Feeds as arguments of commands: by name, address, title, or the beginning of a name or title."""

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from aggregator import urls
from aggregator.config import Config, feed_url
from aggregator.database import Connection
from aggregator.database.feeds import read_names, read_sources
from aggregator.errors import UsageError
from aggregator.model import ListScope, Subscription
from aggregator.urls import feed_addresses

_MAX_TOLD = 5  # feeds that an ambiguous argument may mean
_MAX_SIMILAR = 3  # names


class NoSuchFeedError(UsageError):
    """An argument means no feed of config.yaml."""


class _NamedFeed(Protocol):
    """The names of a feed in arguments."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def feed_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _FeedLabel:
    """A feed of config.yaml in arguments; the title is empty if unknown."""

    name: str
    title: str
    feed_url: str


def feed_names(connection: Connection, arguments: Iterable[str]) -> list[str]:
    """Return the names of the feeds that arguments mean.

    Raises:
        UsageError: An argument means no feed, or several.
    """
    sources = read_sources.subscriptions(connection, ListScope())
    return [_name(connection, argument, sources) for argument in arguments]


def subscribed_feed(config: Config, argument: str, connection: Connection | None) -> Subscription:
    """Return the feed of config.yaml that an argument means.

    Args:
        connection: To a database that may know titles and former names; None for no database.

    Raises:
        UsageError: The argument means no feed, or several.
    """
    sources = read_sources.subscriptions(connection, ListScope()) if connection else ()
    titles = {source.feed_url: source.title for source in sources}  # names may be new
    labels = [
        _FeedLabel(feed.name, feed.title or titles.get(feed.url, ""), feed.url)
        for feed in config.feeds
    ]
    name = _name(connection, argument, labels)
    return next(feed for feed in config.feeds if feed.name == name)


def list_address(config: Config, argument: str) -> str | None:
    """Return the known address of the OPML list that an argument means, None for no list."""
    for opml_list in config.opml_lists:
        addresses = {opml_list.known_address, opml_list.address}
        if argument in addresses or any(_is_address(argument, url) for url in addresses):
            return opml_list.known_address
    return None


def _name(connection: Connection | None, argument: str, feeds: Sequence[_NamedFeed]) -> str:
    names = {feed.name for feed in feeds}
    if argument in names:
        return argument
    if connection and (present_name := read_names.present_name(connection, argument)) in names:
        return str(present_name)
    names_by_meaning = (
        sorted(feed.name for feed in feeds if is_meant(feed)) for is_meant in _meanings(argument)
    )
    meant_names = next(filter(None, names_by_meaning), [])
    if len(meant_names) == 1:
        return meant_names[0]
    masked = urls.masked_input(argument)
    if not meant_names:
        raise NoSuchFeedError(f"{masked}: no such feed; {_advice(argument, feeds)}")
    told_names = ", ".join(meant_names[:_MAX_TOLD])
    ending = " and more" if len(meant_names) > _MAX_TOLD else ""
    raise UsageError(f"{masked}: may be {told_names}{ending}; write one of these names")


def _advice(argument: str, feeds: Sequence[_NamedFeed]) -> str:
    """Return the names most like an argument, or where all names are."""
    names = {slug: feed.name for feed in feeds for slug in _slugs(feed) if slug}
    similar = difflib.get_close_matches(urls.slug(argument), names, n=_MAX_SIMILAR)
    if not similar:
        return "`aggregator feeds` lists them"
    return f"did you mean {' or '.join(dict.fromkeys(names[slug] for slug in similar))}?"


def _meanings(argument: str) -> Iterator[Callable[[_NamedFeed], bool]]:
    """Yield the conditions under which an argument means a feed, the most certain first."""
    words, folded = urls.slug(argument), argument.casefold()
    yield lambda feed: _is_address(argument, feed.feed_url)
    yield lambda feed: feed.title.casefold() == folded
    if words:
        yield lambda feed: words in _slugs(feed)
        yield lambda feed: any(slug.startswith(words) for slug in _slugs(feed))


def _slugs(feed: _NamedFeed) -> tuple[str, str]:
    return feed.name, urls.slug(feed.title)


def _is_address(text: str, feed_url: str) -> bool:
    """Return whether a text is the address of a feed, with or without its scheme."""
    if not urls.is_web(feed_url):
        return PurePosixPath(text) == PurePosixPath(feed_url)
    spellings = (text, f"https://{text.removeprefix('//')}")
    return _without_scheme(feed_url) in map(_without_scheme, spellings)


def _without_scheme(url: str) -> str:
    return urls.normalized(url).partition("://")[2]


def address_as_in_file(text: str, folder: Path) -> str:
    """Return the address of a feed or page as config.yaml can hold it.

    Args:
        folder: The folder of config.yaml, for the names of files.

    Raises:
        UsageError: The text is neither a web address nor the name of a file.
    """
    masked = urls.masked_input(text)
    if not text.strip():
        raise UsageError("URL: write the address of a feed or page")
    if feed_addresses.is_masked(text):
        raise UsageError(f"{masked}: *** stands for a secret there; write the whole address")
    try:
        address = feed_url(text, folder=folder)
    except ValueError as error:
        url = feed_addresses.web_url(text)
        if url is None:
            raise UsageError(f"URL: {error}") from error
        if ":" in text.partition("/")[0]:  # feed:, itpc: and the like
            return url
    else:
        # Path.is_file() raises an error for a name that is too long.
        if urls.is_web(address) or os.path.isfile(folder / address):  # noqa: PTH113
            return address
    raise UsageError(f"{masked}: no such file; if it is on the web, write https://{masked}")

"""Feeds as arguments of commands: by name, address, title, or the beginning of a name or title."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from aggregator import urls
from aggregator.database import Connection
from aggregator.database.feeds import read_names, read_sources
from aggregator.errors import UsageError
from aggregator.model import ListScope, Source

_MAX_TOLD = 5  # feeds that an ambiguous argument may mean


def feed_names(connection: Connection, arguments: Iterable[str]) -> list[str]:
    """Return the names of the feeds that arguments mean.

    Raises:
        UsageError: An argument means no feed, or several.
    """
    sources = read_sources.subscriptions(connection, ListScope())
    return [_name(connection, argument, sources) for argument in arguments]


def _name(connection: Connection, argument: str, sources: Sequence[Source]) -> str:
    names = {source.name for source in sources}
    if argument in names:
        return argument
    if present_name := read_names.present_name(connection, argument):
        return present_name
    names_by_meaning = (
        sorted(source.name for source in sources if is_meant(source))
        for is_meant in _meanings(argument)
    )
    meant_names = next(filter(None, names_by_meaning), [])
    if len(meant_names) == 1:
        return meant_names[0]
    masked = urls.masked_input(argument)
    if not meant_names:
        raise UsageError(f"{masked}: no such feed; `aggregator feeds` lists them")
    told_names = ", ".join(meant_names[:_MAX_TOLD])
    ending = " and more" if len(meant_names) > _MAX_TOLD else ""
    raise UsageError(f"{masked}: may be {told_names}{ending}; write one of these names")


def _meanings(argument: str) -> Iterable[Callable[[Source], bool]]:
    """Return the conditions under which an argument means a source, the most certain first."""
    words, folded = urls.slug(argument), argument.casefold()
    yield lambda source: _is_address(argument, source.feed_url)
    yield lambda source: source.title.casefold() == folded
    if words:
        yield lambda source: words in _slugs(source)
        yield lambda source: any(slug.startswith(words) for slug in _slugs(source))


def _slugs(source: Source) -> tuple[str, str]:
    return source.name, urls.slug(source.title)


def _is_address(text: str, feed_url: str) -> bool:
    """Return whether a text is the address of a feed, with or without its scheme."""
    if not urls.is_web(feed_url):
        return PurePosixPath(text) == PurePosixPath(feed_url)
    spellings = (text, f"https://{text.removeprefix('//')}")
    return _without_scheme(feed_url) in map(_without_scheme, spellings)


def _without_scheme(url: str) -> str:
    return urls.normalized(url).partition("://")[2]

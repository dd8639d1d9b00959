"""Faults of values that may stand in config.yaml only once.  Pure."""

from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from aggregator.config.address_parsers import site_name
from aggregator.config.config_faults import ConfigFault
from aggregator.config.config_text import ConfigText
from aggregator.config.option_validation import readable_value
from aggregator.config.options import FeedPlace
from aggregator.config.subscriptions import same_feed_key
from aggregator.config.value_parsers import quoted

_K = TypeVar("_K")


def repeated_feeds(
    addresses: Mapping[FeedPlace, str],
    names: Mapping[FeedPlace, str],
    texts: Mapping[Path, ConfigText],
) -> Iterator[tuple[FeedPlace, ConfigFault]]:
    """Yield a fault, and its place, for each address, and each name, that an earlier feed has.

    Args:
        addresses, names: As the files have them, by the feed's place.
        texts: Of the files by path.
    """
    for place, first in _repetitions({n: same_feed_key(url) for n, url in addresses.items()}):
        message = f"the same feed as {_in_words(first, place, texts)}; remove one"
        yield place, ConfigFault(("feeds", place.index, "url"), message)
    for place, first in _repetitions(names):
        where = _in_words(first, place, texts)
        message = f'"{names[place]}" is the name of {where}; write another'
        yield place, ConfigFault(("feeds", place.index, "name"), message)


def repeated_lists(
    addresses: Mapping[FeedPlace, str], texts: Mapping[Path, ConfigText]
) -> Iterator[tuple[FeedPlace, ConfigFault]]:
    """Yield a fault, and its place, for each OPML list of an earlier item; see `repeated_feeds`."""
    for place, first in _repetitions({n: same_feed_key(url) for n, url in addresses.items()}):
        message = f"the same list as {_in_words(first, place, texts)}; remove one"
        yield place, ConfigFault(("feeds", place.index, "opml"), message)


def repeated_names(
    section: str, options: type, values: Mapping[str, object]
) -> Iterator[ConfigFault]:
    """Yield a fault for each name that an earlier item of a section has.

    Args:
        options: Of an item.
        values: As the file has them, with or without faults.
    """
    section_value = values.get(section)
    items = section_value if isinstance(section_value, list) else []
    read = (readable_value(options, "name", item) for item in items)
    names = {index: name for index, name in enumerate(read) if name is not None}
    for index, first in _repetitions(names):
        message = f'"{names[index]}" is the name of {section}[{first}]; write another'
        yield ConfigFault((section, index, "name"), message)


def repeated_sites(hosts: object) -> Iterator[ConfigFault]:
    """Yield a fault for each key of `hosts` that means the site of an earlier key.

    Args:
        hosts: As the file has them, with or without faults.
    """
    sites: dict[str, str] = {}
    for host in hosts if isinstance(hosts, dict) else ():
        with suppress(ValueError):
            sites[host] = site_name(host)
    for host, first in _repetitions(sites):
        message = f"{quoted(host)} is the same site as {quoted(first)}; keep one"
        yield ConfigFault(("hosts", host), message, of_key=True)


def _in_words(first: FeedPlace, place: FeedPlace, texts: Mapping[Path, ConfigText]) -> str:
    """Return where an item stands, for a fault at `place`."""
    line = texts[first.path].line_of("feeds", first.index)
    if first.path == place.path:
        return f"feeds[{first.index}] in line {line}"
    return f"feeds[{first.index}] in {first.path}:{line}"


def _repetitions(values: Mapping[_K, Hashable]) -> Iterator[tuple[_K, _K]]:
    """Yield each key whose value an earlier key has, and the first key with the value."""
    first_keys: dict[Hashable, _K] = {}
    for key, value in values.items():
        if (first := first_keys.setdefault(value, key)) != key:
            yield key, first

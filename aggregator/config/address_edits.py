"""The files of the configuration with other addresses of feeds.

Every other byte stays.  Nothing is written: a person decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aggregator.config import config_file, config_text, feed_edits
from aggregator.config.config_text import ConfigText
from aggregator.config.feed_edits import UneditableError
from aggregator.config.options import Config
from aggregator.config.yaml_text import address_scalar, scalar
from aggregator.errors import ConfigError
from aggregator.model import Subscription


@dataclass(frozen=True, slots=True)
class NewAddress:
    """Another address of a feed.

    Attributes:
        known_url: `Subscription.known_url` of the feed in the file.
        url: The address to write.
        name: To write as well where the file has no name: by the name the feed keeps the posts.
            None to write none.
    """

    known_url: str
    url: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file of the configuration, and the text after the change."""

    path: Path
    text: str
    new_text: str


def with_new_addresses(
    path: Path, addresses: Sequence[NewAddress]
) -> tuple[list[ChangedFile], list[NewAddress]]:
    """Return the changed files, and the addresses for a person to write.

    Args:
        path: Of config.yaml.

    Raises:
        ConfigError: A file can't be read, or has problems.
    """
    texts = old_texts = {path: config_text.read(path)}
    by_hand: list[NewAddress] = []
    for address in addresses:
        config = config_file.parse(texts[path], path=path, new_texts=texts)
        feed = next((feed for feed in config.feeds if feed.known_url == address.known_url), None)
        if feed is None:
            by_hand.append(address)
            continue
        file = config.places[feed.name].path
        if file not in texts:
            text = config_text.read(file)
            texts, old_texts = {**texts, file: text}, {**old_texts, file: text}
        new_text = _edited(config, feed, address, texts)
        if new_text is None:
            by_hand.append(address)
        else:
            texts = {**texts, file: new_text}
    changed_files = [
        ChangedFile(file, old_texts[file], text)
        for file, text in texts.items()
        if text != old_texts[file]
    ]
    return changed_files, by_hand


def _edited(
    config: Config, feed: Subscription, address: NewAddress, texts: Mapping[Path, str]
) -> str | None:
    """Return the text of a feed's file with the address, None if only a person can write it."""
    file, path = config.places[feed.name].path, config.path
    try:
        new_text = _with_address(config, feed, address, texts[file])
        new_texts = {**texts, file: new_text}
        new_config = config_file.parse(new_texts[path], path=path, new_texts=new_texts)
    except (UneditableError, ConfigError):
        return None
    return new_text if _differences(config, new_config) == {feed.url: address.url} else None


def _with_address(config: Config, feed: Subscription, address: NewAddress, file_text: str) -> str:
    place = config.places[feed.name]
    content = ConfigText(file_text, place.path)
    mark = file_text[: len(file_text) - len(content.text)]  # a byte order mark
    if feed.written_url is not None:
        raise UneditableError("the address has variables")
    items = content.root.pairs["feeds"][1]
    text = feed_edits.with_address(content.text, items, place.index, address_scalar(address.url))
    if address.name is not None and not feed.name_given:
        items = ConfigText(text, place.path).root.pairs["feeds"][1]
        text = feed_edits.with_name(text, items, place.index, scalar(address.name))
    return mark + text


def _differences(config: Config, new_config: Config) -> Mapping[str, str]:
    """Return the new addresses by old address; empty if anything else differs."""
    if len(config.feeds) != len(new_config.feeds):
        return {}
    pairs = list(zip(config.feeds, new_config.feeds, strict=True))
    if any(_settings(feed) != _settings(new_feed) for feed, new_feed in pairs):
        return {}
    return {feed.url: new_feed.url for feed, new_feed in pairs if feed.url != new_feed.url}


def _settings(feed: Subscription) -> tuple[object, ...]:
    return (feed.categories, feed.interval, feed.paused, feed.private, feed.rules, feed.selectors)

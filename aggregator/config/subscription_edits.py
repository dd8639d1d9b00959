"""Removing and renaming feeds in the files of the configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aggregator import urls
from aggregator.config import atomic_write, config_file, config_text, feed_edits, yaml_text
from aggregator.config.config_text import ConfigText
from aggregator.config.feed_edits import UneditableError
from aggregator.config.files import present_stamps
from aggregator.config.options import Config
from aggregator.config.yaml_document import Node
from aggregator.errors import ConfigError
from aggregator.model import Subscription

_Edit = Callable[[str, Node, int], str]
_FEEDS = "feeds"


@dataclass(frozen=True, slots=True)
class RewrittenFeed:
    """A feed that was removed or renamed.

    Attributes:
        path: Of the file with the feed.
        line: Of the feed before the change, counted from 1.
    """

    path: Path
    line: int


def remove_feed(path: Path, known_url: str) -> RewrittenFeed:
    """Remove a feed from the configuration at `path`.

    Args:
        known_url: `Subscription.known_url` of the feed.

    Raises:
        ConfigError: A file has problems, can't be read or written, or only a person can change the
            feed; the files are as before.
    """
    return _rewrite(path, known_url, feed_edits.without_item, new_name=None)


def rename_feed(path: Path, known_url: str, new_name: str) -> RewrittenFeed:
    """Write another name of a feed into the configuration at `path`.

    Args:
        known_url: `Subscription.known_url` of the feed.
        new_name: A valid name without a feed.

    Raises:
        ConfigError: As of `remove_feed`.
    """
    edit = partial(feed_edits.with_name, name=yaml_text.scalar(new_name))
    return _rewrite(path, known_url, edit, new_name=new_name)


def _rewrite(path: Path, known_url: str, edit: _Edit, *, new_name: str | None) -> RewrittenFeed:
    """Change a feed in its file; changes by other processes or an editor meanwhile stay."""
    with atomic_write.locked(path):
        while True:
            stamps = present_stamps([path, *config_file.load(path).files])
            text = config_text.read(path)
            config = config_file.parse(text, path=path)
            feed = _feed_at(config, known_url)
            place = config.places[feed.name]
            file_text = text if place.path == path else config_text.read(place.path)
            content = ConfigText(file_text, place.path)
            mark = file_text[: len(file_text) - len(content.text)]  # a byte order mark
            try:
                new_text = mark + edit(content.text, content.root.pairs[_FEEDS][1], place.index)
            except UneditableError as error:
                raise _by_hand(place.path, str(error)) from error
            new_config = _parsed(config, place.path, {path: text, place.path: new_text})
            if _comparable(new_config) != _comparable(_expected_config(config, feed, new_name)):
                raise _by_hand(place.path, "the way the feed is written can't be changed safely")
            if present_stamps(stamps) == stamps:
                atomic_write.write(place.path, new_text)
                line = content.line_of(_FEEDS, place.index) or 1
                return RewrittenFeed(place.path, line)


def _feed_at(config: Config, known_url: str) -> Subscription:
    feed = next((feed for feed in config.feeds if feed.known_url == known_url), None)
    if feed is None:
        raise ConfigError([f"{config.path}: has the feed {urls.masked(known_url)} no more"])
    return feed


def _parsed(config: Config, changed_path: Path, texts: dict[Path, str]) -> Config:
    """Read the configuration with a changed text.

    Args:
        texts: Of config.yaml, and of the changed file.
    """
    try:
        return config_file.parse(texts[config.path], path=config.path, new_texts=texts)
    except ConfigError as error:
        # Line numbers of a text that nobody has seen would only confuse.
        raise _by_hand(changed_path, error.problems[0].partition(": ")[2]) from error


def _by_hand(path: Path, reason: str) -> ConfigError:
    return ConfigError([f"{path}: nothing was changed: {reason}; change the file by hand"])


def _expected_config(config: Config, feed: Subscription, new_name: str | None) -> Config:
    """Return the configuration with another name for a feed, or without the feed."""
    index = config.feeds.index(feed)
    renamed_feeds = []
    if new_name is not None:
        feed = _without_name_as_title(feed)
        renamed_feeds = [replace(feed, name=new_name, name_given=True, named_by_title=False)]
    return replace(
        config, feeds=(*config.feeds[:index], *renamed_feeds, *config.feeds[index + 1 :])
    )


def _comparable(config: Config) -> tuple[Config, Sequence[Subscription]]:
    """Return the parts of a configuration to leave as before.

    Names that are made for feeds without a name depend on the names of other feeds.
    """
    feeds = [_without_name_as_title(feed) for feed in config.feeds]
    feeds = [feed if feed.name_given else replace(feed, name="") for feed in feeds]
    return replace(config, feeds=(), faces={}, secrets=()), feeds


def _without_name_as_title(feed: Subscription) -> Subscription:
    """Return a feed, a private feed without its name in place of a title."""
    return replace(feed, title=None) if feed.private and feed.title == feed.name else feed

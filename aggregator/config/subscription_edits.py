"""Items of `feeds` removed from the files of the configuration, and feeds renamed there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aggregator import urls
from aggregator.config import atomic_write, config_file, config_text, feed_edits, yaml_text
from aggregator.config.config_text import ConfigText
from aggregator.config.feed_edits import UneditableError
from aggregator.config.files import present_stamps
from aggregator.config.options import Config, FeedPlace
from aggregator.config.yaml_document import Node
from aggregator.errors import ConfigError
from aggregator.model import Subscription

_FEEDS = "feeds"


@dataclass(frozen=True, slots=True)
class RewrittenItem:
    """An item of `feeds` that was removed or changed.

    Attributes:
        path: Of the file with the item.
        line: Of the item before the change, counted from 1.
    """

    path: Path
    line: int


@dataclass(frozen=True, slots=True)
class _ItemChange:
    """A change of an item of `feeds`.

    Attributes:
        edit: Returns the text of the file after the change, from the text before and the index of
            the item.
        expected_config: The configuration after the change.
    """

    place: FeedPlace
    edit: Callable[[ConfigText, int], str]
    expected_config: Config


def remove_feed(path: Path, known_url: str) -> RewrittenItem:
    """Remove a feed from the configuration at `path`.

    Args:
        known_url: `Subscription.known_url` of the feed.

    Raises:
        ConfigError: A file has problems, can't be read or written, or only a person can change the
            feed; the files are as before.
    """

    def removal(config: Config) -> _ItemChange:
        feed = _feed_at(config, known_url)
        feeds = tuple(other_feed for other_feed in config.feeds if other_feed != feed)
        expected_config = replace(config, feeds=feeds)
        return _ItemChange(config.places[feed.name], _without_item, expected_config)

    return _rewrite(path, removal)


def remove_opml_list(path: Path, known_address: str) -> RewrittenItem:
    """Remove an OPML list from the configuration at `path`.

    Args:
        known_address: `OpmlList.known_address` of the list.

    Raises:
        ConfigError: As of `remove_feed`.
    """

    def removal(config: Config) -> _ItemChange:
        lists = {opml_list.known_address: opml_list for opml_list in config.opml_lists}
        removed_list = lists.pop(known_address, None)
        if removed_list is None:
            raise _gone(config, "list", known_address)
        expected_config = replace(config, opml_lists=tuple(lists.values()))
        return _ItemChange(removed_list.place, _without_item, expected_config)

    return _rewrite(path, removal)


def rename_feed(path: Path, known_url: str, new_name: str) -> RewrittenItem:
    """Write another name of a feed into the configuration at `path`.

    Args:
        known_url: `Subscription.known_url` of the feed.
        new_name: A valid name without a feed.

    Raises:
        ConfigError: As of `remove_feed`.
    """

    def renaming(config: Config) -> _ItemChange:
        feed = _feed_at(config, known_url)
        renamed_feed = replace(
            _without_name_as_title(feed), name=new_name, name_given=True, named_by_title=False
        )
        feeds = [renamed_feed if known == feed else known for known in config.feeds]
        edit = partial(_with_name, name=new_name)
        expected_config = replace(config, feeds=tuple(feeds))
        return _ItemChange(config.places[feed.name], edit, expected_config)

    return _rewrite(path, renaming)


def _rewrite(path: Path, change_of: Callable[[Config], _ItemChange]) -> RewrittenItem:
    """Change an item in its file; changes by other processes or an editor meanwhile stay."""
    with atomic_write.locked(path):
        while True:
            stamps = present_stamps([path, *config_file.load(path).files])
            text = config_text.read(path)
            change = change_of(config_file.parse(text, path=path))
            place = change.place
            file_text = text if place.path == path else config_text.read(place.path)
            content = ConfigText(file_text, place.path)
            mark = file_text[: len(file_text) - len(content.text)]  # a byte order mark
            try:
                new_text = mark + change.edit(content, place.index)
            except UneditableError as error:
                raise _by_hand(place.path, str(error)) from error
            new_config = _parsed(path, place.path, {path: text, place.path: new_text})
            if _comparable(new_config) != _comparable(change.expected_config):
                raise _by_hand(place.path, "the way it is written can't be changed safely")
            if present_stamps(stamps) == stamps:
                atomic_write.write(place.path, new_text)
                return RewrittenItem(place.path, content.line_of(_FEEDS, place.index) or 1)


def _items(content: ConfigText) -> Node:
    items: Node = content.root.pairs[_FEEDS][1]
    return items


def _without_item(content: ConfigText, index: int) -> str:
    """Return a text without an item; a file that is a list is `[]` without its last item."""
    items = _items(content)
    text = feed_edits.without_item(content.text, items, index)
    if not content.is_list or items.flow or len(items.items) > 1:
        return text
    line_break = yaml_text.line_break(content.text)
    between = "" if text.endswith(line_break) or not text else line_break
    return f"{text}{between}[]{line_break}"


def _with_name(content: ConfigText, index: int, *, name: str) -> str:
    return feed_edits.with_name(content.text, _items(content), index, yaml_text.scalar(name))


def _feed_at(config: Config, known_url: str) -> Subscription:
    feed = next((feed for feed in config.feeds if feed.known_url == known_url), None)
    if feed is None:
        raise _gone(config, "feed", known_url)
    return feed


def _gone(config: Config, noun: str, address: str) -> ConfigError:
    return ConfigError([f"{config.path}: the {noun} {urls.masked(address)} is no longer there"])


def _parsed(path: Path, changed_path: Path, texts: dict[Path, str]) -> Config:
    """Read the configuration at `path` with a changed text.

    Args:
        texts: Of config.yaml, and of the changed file.
    """
    try:
        return config_file.parse(texts[path], path=path, new_texts=texts)
    except ConfigError as error:
        # Line numbers of a text that nobody has seen would only confuse.
        raise _by_hand(changed_path, error.problems[0].partition(": ")[2]) from error


def _by_hand(path: Path, reason: str) -> ConfigError:
    return ConfigError([f"{path}: nothing was changed: {reason}; change the file by hand"])


def _comparable(config: Config) -> tuple[Config, Sequence[Subscription]]:
    """Return the parts of a configuration to leave as before.

    Names that are made for feeds without a name depend on the names of other feeds.
    """
    feeds = [_without_name_as_title(feed) for feed in config.feeds]
    feeds = [feed if feed.name_given else replace(feed, name="") for feed in feeds]
    return replace(config, feeds=(), faces={}, secrets=(), requests={}), feeds


def _without_name_as_title(feed: Subscription) -> Subscription:
    """Return a feed, a private feed without its name in place of a title."""
    return replace(feed, title=None) if feed.private and feed.title == feed.name else feed

"""Items of `feeds` -> options, and the faults of the items.  Pure."""

from dataclasses import dataclass, field

from aggregator.config import option_readers, option_validation, yaml_document
from aggregator.config.config_faults import ConfigFault
from aggregator.config.feed_options import FeedDefaults, FeedOptions, OpmlListOptions
from aggregator.config.files import Folder
from aggregator.config.variables import FilledText

_OPML = "opml"


@dataclass(frozen=True, slots=True)
class FeedItems:
    """The items of `feeds`, by index.

    Attributes:
        feeds, opml_lists: Items without faults.
        addresses, names: Of all feeds with such a value, whatever else is wrong with an item.
        written_addresses: Addresses with variables, as written, also of OPML lists.
    """

    feeds: dict[int, FeedOptions] = field(default_factory=dict)
    opml_lists: dict[int, OpmlListOptions] = field(default_factory=dict)
    addresses: dict[int, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    written_addresses: dict[int, str] = field(default_factory=dict)
    faults: list[ConfigFault] = field(default_factory=list)


def read_feeds(items: object, *, folder: Folder, defaults: FeedDefaults) -> FeedItems:
    """Return the items of `feeds`, up to the one with which there are too many faults.

    Args:
        defaults: Settings of the feeds without their own.
    """
    read = FeedItems()
    try:
        values = option_readers.items_of(items)
    except ValueError as error:
        read.faults.append(ConfigFault(("feeds",), str(error)))
        return read
    for index, value in enumerate(values):
        if len(read.faults) >= yaml_document.MAX_PROBLEMS:
            break
        if isinstance(value, dict) and _OPML in value:
            _add_list(read, index, value, folder, defaults)
            continue
        feed = option_validation.read_feed(value, folder=folder, defaults=defaults)
        if isinstance(feed, FeedOptions):
            read.feeds[index] = feed
            address, name = feed.url, feed.name
        else:
            read.faults.extend(fault.below("feeds", index) for fault in feed)
            address, name = (
                option_validation.readable_value(FeedOptions, key, value, folder=folder)
                for key in ("url", "name")
            )
        if address is not None:
            read.addresses[index] = address
        text = value.get("url") if isinstance(value, dict) else value
        if isinstance(text, FilledText):
            read.written_addresses[index] = text.written_text
        if name is not None:
            read.names[index] = name
    return read


def _add_list(
    read: FeedItems,
    index: int,
    value: dict[str, object],
    folder: Folder,
    defaults: FeedDefaults,
) -> None:
    """Add an item with the key `opml`."""
    opml_list = option_validation.read_opml_list(value, folder=folder, defaults=defaults)
    if isinstance(opml_list, list):
        read.faults.extend(fault.below("feeds", index) for fault in opml_list)
        return
    read.opml_lists[index] = opml_list
    if isinstance(text := value[_OPML], FilledText):
        read.written_addresses[index] = text.written_text

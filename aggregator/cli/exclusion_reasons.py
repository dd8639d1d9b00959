"""Why no list has an entry: the keys of config.yaml that decide, with their lines.  Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aggregator import rules
from aggregator.config import Config, FeedPlace
from aggregator.model import Backlog, Exclusion
from aggregator.model.times import span_text

_VERBS = {
    Exclusion.HIDE: "hidden by",
    Exclusion.KEEP: "hidden, as it does not match",
    Exclusion.PER_DAY: "hidden by",
    Exclusion.BACKLOG: "from the first poll of its feed, and beyond",
    Exclusion.PER_HOUR: "beyond",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of config.yaml and its value.

    Attributes:
        key: Of the file, or of a feed.
        value: As the file may have it.
        place: Where the feed is written, None for a key of the file.
    """

    key: str
    value: str
    place: FeedPlace | None = None


def reason(
    exclusion: Exclusion,
    feed: str,
    config: Config,
    *,
    is_match: Callable[[str], bool],
    line_of: Callable[[Setting], int | None],
) -> str:
    """Return why no list has an entry, in words.

    Args:
        feed: Name of the entry's feed.
        is_match: Whether the entry matches a rule.
        line_of: Returns the line of a setting in config.yaml, None for a default.
    """
    if exclusion is Exclusion.UNSUBSCRIBED or feed not in _names(config):
        return f"its feed is not in {config.path}"
    if exclusion is Exclusion.COPY:
        return "a copy; its original is listed"
    settings = [
        _in_words(setting, line_of(setting), config)
        for setting in _settings(exclusion, feed, config)
        if exclusion is not Exclusion.HIDE or is_match(setting.value)
    ]
    # The file may have changed since the entry was listed.
    return f"{_VERBS[exclusion]} {' and '.join(settings) or 'a rule that is gone'}"


def _names(config: Config) -> list[str]:
    """Return the names of the feeds in the order of the files."""
    return [subscription.name for subscription in config.feeds]


def _in_words(setting: Setting, line: int | None, config: Config) -> str:
    path = setting.place.path if setting.place else config.path
    where = "the default" if line is None else f"{path}:{line}"
    return f"`{setting.key}: {setting.value}`, {where}"


def _settings(exclusion: Exclusion, feed: str, config: Config) -> Iterator[Setting]:
    """Yield the settings that may exclude entries of a feed of the file for a reason."""
    common = config.listing_rules.common
    own_rules = next(item.rules for item in config.feeds if item.name == feed)

    def of_feed(value: str) -> Setting:
        return Setting(str(exclusion), value, config.places[feed])

    match exclusion:
        case Exclusion.HIDE:
            if common.hide:
                yield Setting("hide", common.hide)
            if own_rules.hide:
                yield of_feed(own_rules.hide)
        case Exclusion.KEEP if own_rules.keep:
            yield of_feed(own_rules.keep)
        case Exclusion.PER_DAY if own_rules.per_day:
            yield of_feed(str(own_rules.per_day))
        case Exclusion.BACKLOG:
            # Only the default of feeds that were added later leaves out anything.
            backlog = rules.backlog_of(common, own_rules, is_initial=False)
            if backlog != Backlog():
                text = _in_file(backlog)
                yield of_feed(text) if own_rules.backlog else Setting("backlog", text)
        case Exclusion.PER_HOUR if config.share is not None:
            yield Setting("per_hour", str(config.share))


def _in_file(backlog: Backlog) -> str:
    """Return a backlog as config.yaml has it."""
    if backlog.within is not None:
        return span_text(backlog.within)
    return "all" if backlog.newest is None else str(backlog.newest)

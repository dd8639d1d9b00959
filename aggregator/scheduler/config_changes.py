"""What a config.yaml that was read again changes, for the log.  Pure."""

from collections.abc import Mapping, Sequence
from operator import attrgetter

from aggregator.config import Config
from aggregator.database.feeds.write_subscriptions import SyncResult
from aggregator.model import FeedRules

_NAMES_LOGGED = 5
_NEED_A_RESTART = (
    "title", "base_url", "database", "database_read", "web", "publish", "websub.hub"
)  # fmt: skip

_common_rules = attrgetter("hide", "backlog", "per_hour", "views")


def config_changes(result: SyncResult, former: Config, config: Config) -> str:
    """Return which feeds changed in which way, and whether rules or views did; "" for none."""
    feeds = {
        "added": result.added_feeds,
        "removed": result.removed_feeds,
        "changed": result.changed_feeds,
    }
    parts = [f"{change} {_listing(names)}" for change, names in feeds.items() if names]
    parts += ["rules or views changed"] if _has_other_rules(former, config) else []
    return "; ".join(parts)


def keys_for_restart(in_use: Config, config: Config) -> list[str]:
    """Return the keys of config.yaml that take effect at the next start, if their values differ."""
    return [key for key in _NEED_A_RESTART if attrgetter(key)(in_use) != attrgetter(key)(config)]


def _has_other_rules(former: Config, config: Config) -> bool:
    """Return whether rules or views differ, but for the rules of added and removed feeds."""
    former_rules, rules = _own_rules(former), _own_rules(config)
    return _common_rules(former) != _common_rules(config) or any(
        former_rules[name] != rules[name] for name in former_rules.keys() & rules.keys()
    )


def _own_rules(config: Config) -> Mapping[str, FeedRules]:
    return {feed.name: feed.rules for feed in config.feeds}


def _listing(names: Sequence[str]) -> str:
    """Return the first names, and the number of all others."""
    count = len(names) - _NAMES_LOGGED
    return ", ".join(names[:_NAMES_LOGGED]) + (f" and {count} more" if count > 0 else "")

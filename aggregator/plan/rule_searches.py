"""Searches of rules and views, with the feeds that names in them mean.  Pure."""

from dataclasses import dataclass

from aggregator.search.known_names import KnownNames
from aggregator.search.search_parser import parse_rule
from aggregator.search.syntax_tree import (
    ONE_FEED,
    NameTest,
    Node,
    Resolution,
    within_one_feed,
)
from aggregator.search.tree_facts import name_tests


@dataclass(frozen=True, slots=True)
class RuleSearch:
    """A search of config.yaml, the same for all texts with the same meaning.

    Attributes:
        names: The items of a `Resolution`.
        timezone: IANA name of the zone in which days begin.
    """

    node: Node
    names: frozenset[tuple[NameTest, frozenset[int]]] = frozenset()
    timezone: str = "UTC"

    @property
    def resolution(self) -> Resolution:
        """The feeds that each name in the search means."""
        return dict(self.names)


def rule_search(
    text: str, names: KnownNames, *, timezone: str, only_feed: int | None = None
) -> RuleSearch:
    """Return the search with a text.

    Args:
        text: As `search.parse_rule` reads the text.
        timezone: See `RuleSearch`.
        only_feed: Id of the one feed whose entries may match; None for all feeds.
    """
    node = parse_rule(text)
    meant_feeds = {test: names.feeds(test) for test in name_tests(node)}
    if only_feed is not None:
        meant_feeds[ONE_FEED] = frozenset({only_feed})
        node = within_one_feed(node)
    return RuleSearch(node, frozenset(meant_feeds.items()), timezone)

"""Searches of rules and views, with the feeds that names in them mean.  Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from aggregator import urls
from aggregator.search.search_parser import parse_rule
from aggregator.search.syntax_tree import NameField, NameTest, Node, Resolution, all_of
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


@dataclass(frozen=True)
class KnownNames:
    """Names and titles of feeds and categories; `search_names` finds the same in the database.

    Attributes:
        names: Names of feeds by id.
        titles: Titles of feeds by id, as pages show them.
        categories: Slugs of the categories of feeds by id.
        category_titles: Titles of categories by slug.
        former_names: Ids of feeds by former name.
    """

    names: Mapping[int, str]
    titles: Mapping[int, str]
    categories: Mapping[int, Sequence[str]]
    category_titles: Mapping[str, str]
    former_names: Mapping[str, int] = field(default_factory=dict)

    def search(self, text: str, *, timezone: str, only_feed: int | None = None) -> RuleSearch:
        """Return the search with a text.

        Args:
            text: As `search.parse_rule` reads the text.
            timezone: See `RuleSearch`.
            only_feed: Id of the one feed whose entries may match; None for all feeds.
        """
        node = parse_rule(text)
        names = {test: self._feeds(test) for test in name_tests(node)}
        if only_feed is not None:
            own_test = NameTest(NameField.SOURCE, f"={only_feed}")
            names[own_test] = frozenset({only_feed})
            node = all_of([own_test, node]) or node
        return RuleSearch(node, frozenset(names.items()), timezone)

    def _feeds(self, test: NameTest) -> frozenset[int]:
        if test.field is NameField.SOURCE:
            return frozenset(self._sources(test.value))
        slugs = set(self._categories(test.value))
        return frozenset(
            feed_id for feed_id, of_feed in self.categories.items() if slugs.intersection(of_feed)
        )

    def _sources(self, value: str) -> Iterable[int]:
        names = (value, urls.slug(value))
        for name in names:
            if (feed_id := self._ids.get(name)) is not None:
                return [feed_id]
        if former_ids := {self.former_names[name] for name in names if name in self.former_names}:
            return former_ids
        return [feed_id for feed_id, title in self.titles.items() if _is_in(value, title)]

    def _categories(self, value: str) -> Iterable[str]:
        slugs = {title: slug for slug, title in self.category_titles.items()}
        if matching_titles := urls.matching_categories(value, slugs):
            return [slugs[title] for title in matching_titles]
        return [slug for title, slug in slugs.items() if _is_in(value, title)]

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {name: feed_id for feed_id, name in self.names.items()}


def _is_in(value: str, title: str) -> bool:
    return value.casefold() in title.casefold()

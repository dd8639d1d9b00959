"""Which feeds the names of sources and categories in searches mean.  Pure.

A source is meant by its name, else by a former name, else by a part of the title that is shown.  A
category is meant by its name or slug, else by a part of its name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from aggregator import urls
from aggregator.search.syntax_tree import NameField, NameTest
from aggregator.search.word_forms import folded_letters


@dataclass(frozen=True)
class KnownNames:
    """Names and titles of feeds and categories.

    Attributes:
        names: Names of feeds by id.
        titles: Titles of feeds by id, as pages show them.
        former_names: Ids of feeds by former name.
        category_titles: Titles of categories by slug.
        categories: Slugs of the categories of feeds by id.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    titles: Mapping[int, str] = field(default_factory=dict)
    former_names: Mapping[str, int] = field(default_factory=dict)
    category_titles: Mapping[str, str] = field(default_factory=dict)
    categories: Mapping[int, Iterable[str]] = field(default_factory=dict)

    def feeds(self, test: NameTest) -> frozenset[int]:
        """Return the ids of the feeds that a name means."""
        if test.field is NameField.SOURCE:
            return frozenset(self._sources(test.value))
        slugs = self.category_slugs(test.value)
        return frozenset(
            feed_id for feed_id, of_feed in self.categories.items() if slugs.intersection(of_feed)
        )

    def category_slugs(self, value: str) -> frozenset[str]:
        """Return the slugs of the categories that a name means."""
        slugs = {title: slug for slug, title in self.category_titles.items()}
        titles = urls.matching_categories(value, slugs) or [
            title for title in slugs if is_part_of(title, value)
        ]
        return frozenset(slugs[title] for title in titles)

    def _sources(self, value: str) -> Iterable[int]:
        names = exact_names(value)
        for name in names:
            if (feed_id := self._ids.get(name)) is not None:
                return [feed_id]
        if former_ids := {self.former_names[name] for name in names if name in self.former_names}:
            return former_ids
        return [feed_id for feed_id, title in self.titles.items() if is_part_of(title, value)]

    @cached_property
    def _ids(self) -> Mapping[str, int]:
        return {name: feed_id for feed_id, name in self.names.items()}


def exact_names(value: str) -> tuple[str, str]:
    """Return the names, the best first, of the one source that a value of a search means."""
    return value, urls.slug(value)


def is_part_of(title: str, value: str) -> bool:
    """Return whether a title has a part that differs in nothing but case, accents and width."""
    part = folded_letters(value)
    return part in folded_letters(title) if part else value in title

"""Entries that match rules of config.yaml: new entries in memory, stored ones in the database."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from html import escape
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, func, select

from aggregator.database.chunks import chunks
from aggregator.database.lists.search_query import SearchCompiler
from aggregator.database.schema import contents, entries, resolved_names
from aggregator.model import CleanEntry
from aggregator.search.predicate import Condition, SearchedEntry, compiled
from aggregator.search.search_parser import parse_rule
from aggregator.search.syntax_tree import (
    ONE_FEED,
    NameField,
    NameTest,
    Node,
    Resolution,
    within_one_feed,
)
from aggregator.search.tree_facts import name_tests

_MAX_READ = 500  # stored entries whose full texts are in memory at the same time
_ENTRIES_PER_STATEMENT = 8  # whose texts are read and folded in the time of a statement

_TEXTS = (
    select(
        entries.c.id,
        entries.c.feed_id,
        entries.c.url,
        entries.c.title,
        entries.c.summary,
        entries.c.authors,
        entries.c.categories,
        entries.c.enclosures,
        entries.c.language,
        entries.c.image,
        func.coalesce(contents.c.html, "").label("html"),
    )
    .outerjoin_from(entries, contents, contents.c.entry_id == entries.c.id)
    .where(entries.c.id.in_(bindparam("ids", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """The stored entries from one id to another, of all feeds or of one.

    Attributes:
        feed_id: None for all feeds.
    """

    lowest: int
    highest: int
    feed_id: int | None = None


class RuleMatcher:
    """Finds the entries that match rules, in one transaction.

    Args:
        searched: Entries whose texts are at hand, by id.
        timezone: IANA name of the zone in which days begin.
        span: The index of words finds these entries, if it has the texts that are stored.
    """

    def __init__(
        self,
        connection: Connection,
        searched: Mapping[int, SearchedEntry],
        *,
        timezone: str,
        span: StoredSpan | None = None,
    ) -> None:
        self._connection = connection
        self._searched = dict(searched)
        self._zone = ZoneInfo(timezone)
        self._span = span
        self._resolution: Resolution | None = None
        self._compiler: SearchCompiler | None = None

    def matches(self, rules: Collection[str], ids: Collection[int]) -> dict[str, set[int]]:
        """Return the ids of the entries among `ids` that match each rule."""
        matching_ids: dict[str, set[int]] = {rule: set() for rule in rules}
        if not matching_ids:
            return {}
        remaining_ids = set(ids)
        span = self._span
        if span is not None and len(remaining_ids) > len(matching_ids) * _ENTRIES_PER_STATEMENT:
            in_span = {i for i in remaining_ids if span.lowest <= i <= span.highest}
            for rule in matching_ids:
                matching_ids[rule] = self.ids_in_span(rule, span) & in_span
            remaining_ids -= in_span
        conditions = [(matching_ids[rule], self._condition(rule)) for rule in matching_ids]
        for entry_id, entry in self._searched_entries(remaining_ids):
            for matched_ids, condition in conditions:
                if condition(entry):
                    matched_ids.add(entry_id)
        return matching_ids

    def ids_in_span(self, rule: str, span: StoredSpan) -> set[int]:
        """Return the ids of the entries in a span with a match of a rule, by the index of words."""
        if self._compiler is None:
            resolution = dict(self._names())
            if span.feed_id is not None:
                resolution[ONE_FEED] = frozenset([span.feed_id])
            self._compiler = SearchCompiler(self._connection, resolution, self._zone)
        node = rule_node(rule)
        if span.feed_id is not None:
            node = within_one_feed(node)
        return self._compiler.matching_ids(node, low=span.lowest, high=span.highest)

    def _searched_entries(self, ids: Collection[int]) -> Iterable[tuple[int, SearchedEntry]]:
        """Yield entries by id; keep the texts of few entries for other rules."""
        unread_ids = [entry_id for entry_id in ids if entry_id not in self._searched]
        for start in range(0, len(unread_ids), _MAX_READ):
            part = _stored_entries(self._connection, unread_ids[start : start + _MAX_READ])
            if len(unread_ids) <= _MAX_READ:
                self._searched |= part
            else:
                yield from part.items()
        for entry_id in ids:
            if entry_id in self._searched:
                yield entry_id, self._searched[entry_id]

    def _condition(self, rule: str) -> Condition:
        tests = name_tests(rule_node(rule))
        resolution = self._names() if tests else {}
        feeds_of_names = tuple((test, resolution.get(test, frozenset())) for test in tests)
        return _compiled(rule, self._zone, feeds_of_names)

    def _names(self) -> Resolution:
        if self._resolution is None:
            self._resolution = read_resolution(self._connection)
        return self._resolution


def read_resolution(connection: Connection) -> dict[NameTest, frozenset[int]]:
    """Return the ids of the feeds that the names in rules mean, as stored."""
    return {
        NameTest(NameField(row.field), row.value): frozenset(row.feeds)
        for row in connection.execute(select(resolved_names))
    }


def _stored_entries(connection: Connection, ids: Collection[int]) -> dict[int, SearchedEntry]:
    return {
        row.id: SearchedEntry(
            CleanEntry(
                guid=None,
                url=row.url,
                title=row.title,
                title_html=escape(row.title),
                summary=row.summary,
                content_html=row.html,
                content_hash=b"",
                authors=row.authors,
                categories=row.categories,
                enclosures=row.enclosures,
                language=row.language,
                image=row.image,
            ),
            feed_id=row.feed_id,
            place=row.id,
        )
        for chunk in chunks(sorted(ids))
        for row in connection.execute(_TEXTS, {"ids": chunk})
    }


@lru_cache(maxsize=1024)
def rule_node(rule: str) -> Node:
    """Return the syntax tree of a rule."""
    return parse_rule(rule)


@lru_cache(maxsize=1024)
def _compiled(
    rule: str, zone: tzinfo, feeds_of_names: tuple[tuple[NameTest, frozenset[int]], ...]
) -> Condition:
    return compiled(rule_node(rule), dict(feeds_of_names), zone)

"""Present names of feeds and slugs of categories, by former names and slugs."""

import unicodedata
from collections.abc import Iterable

from sqlalchemy import Connection, select

from aggregator import urls
from aggregator.database.schema import feeds, former_names, lists
from aggregator.search.known_names import exact_names
from aggregator.search.search_parser import parse, with_sources
from aggregator.search.syntax_tree import NameField, NameTest
from aggregator.search.tree_facts import name_tests

_PRESENT = select(former_names.c.name.label("former"), feeds.c.name).join_from(
    former_names, feeds, feeds.c.id == former_names.c.feed_id
)


def present_name(connection: Connection, former: str) -> str | None:
    """Return the present name of the subscription with the former name `former`.

    Another spelling of a present or former name counts as a former name: with capitals, or with
    accents as characters of their own.  None if there is no such subscription, or if a subscription
    has the name now.
    """
    spellings = dict.fromkeys((former, unicodedata.normalize("NFC", former), urls.slug(former)))
    present = present_names(connection, spellings)
    if former in present:
        return None
    statement = _PRESENT.where(former_names.c.name.in_(spellings), feeds.c.subscribed)
    meant_names = {row.former: row.name for row in connection.execute(statement)}
    meant_names |= {name: name for name in present}
    return next((meant_names[name] for name in spellings if name in meant_names), None)


def names_by_former_names(connection: Connection) -> dict[str, str]:
    """Return the present names of subscriptions by former name."""
    statement = _PRESENT.where(feeds.c.subscribed).order_by(former_names.c.name)
    return {row.former: row.name for row in connection.execute(statement)}


def renamed_sources(connection: Connection, tests: Iterable[NameTest]) -> dict[NameTest, str]:
    """Return the present names of sources, by the tests that mean them by a former name."""
    present_names = names_by_former_names(connection)
    return {
        test: present_names[name]
        for test in tests
        for name in exact_names(test.value)
        if name in present_names
    }


def present_slug(connection: Connection, former: str) -> str | None:
    """Return the present slug of the category with the slug `former` in an older version.

    Old slugs had letters and digits alone, so several categories could have the same slug.  None if
    no category had the slug, or a category has it now.
    """
    rows = connection.execute(
        select(lists.c.key, lists.c.title).where(
            lists.c.kind == "category", lists.c.position.is_not(None)
        )
    ).all()
    slugs = [row.key for row in rows]
    candidates = sorted(row.key for row in rows if urls.slug(row.title) == former)
    return candidates[0] if candidates and former not in slugs else None


def present_search(connection: Connection, text: str) -> str | None:
    """Return a search with the present names of sources, None if no name is a former name.

    A present name means the source with the name now, not a source with the name before.
    """
    values = {
        test.value: (test.value, urls.slug(test.value))
        for test in name_tests(parse(text).root)
        if test.field is NameField.SOURCE
    }
    if not values:
        return None
    searched_names = sorted({name for names in values.values() for name in names})
    statement = _PRESENT.where(former_names.c.name.in_(searched_names), feeds.c.subscribed)
    former = {row.former: row.name for row in connection.execute(statement)}
    if not former:
        return None
    present = present_names(connection, searched_names)
    renamed = {
        value: next(former[name] for name in names if name in former)
        for value, names in values.items()
        if not present.intersection(names) and any(name in former for name in names)
    }
    return with_sources(text, renamed) if renamed else None


def present_names(connection: Connection, names: Iterable[str]) -> set[str]:
    """Return which of `names` are names of subscriptions."""
    statement = select(feeds.c.name).where(feeds.c.name.in_(list(names)), feeds.c.subscribed)
    return set(connection.scalars(statement))

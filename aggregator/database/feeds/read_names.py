"""Where former names of feeds, and slugs that categories had before, lead to."""

from sqlalchemy import Connection, select

from aggregator import search, urls
from aggregator.database.schema import categories, feeds, former_names

_PRESENT = select(former_names.c.name.label("former"), feeds.c.name).join_from(
    former_names, feeds, feeds.c.id == former_names.c.feed_id
)


def present_name(connection: Connection, former: str) -> str | None:
    """Return the name of the subscription that was called `former` before.

    None if there is none, or if one is called so now.
    """
    statement = _PRESENT.where(former_names.c.name == former, feeds.c.subscribed)
    row = connection.execute(statement).one_or_none()
    if row is None or _are_present(connection, [former]):
        return None
    present: str = row.name
    return present


def present_slug(connection: Connection, former: str) -> str | None:
    """Return the slug of the category that had the slug `former` when others could have it too.

    It was made of letters and digits alone.  None if no category had it, or one has it now.
    """
    rows = connection.execute(
        select(categories.c.slug, categories.c.name).where(categories.c.feeds > 0)
    ).all()
    slugs = [row.slug for row in rows]
    same = sorted(row.slug for row in rows if urls.slug(row.name) == former)
    return same[0] if same and former not in slugs else None


def present_search(connection: Connection, text: str) -> str | None:
    """Return a search with the present names of its sources, None if it has no former one.

    A name that a source has now is meant as such, whoever had it before.
    """
    values = {
        each.value: (each.value, urls.slug(each.value))
        for each in search.parse(text).filters
        if each.kind is search.Kind.SOURCE
    }
    if not values:
        return None
    asked = sorted({name for names in values.values() for name in names})
    statement = _PRESENT.where(former_names.c.name.in_(asked), feeds.c.subscribed)
    former = {row.former: row.name for row in connection.execute(statement)}
    if not former:
        return None
    present = _are_present(connection, asked)
    renamed = {
        value: next(former[name] for name in names if name in former)
        for value, names in values.items()
        if not present.intersection(names) and any(name in former for name in names)
    }
    return search.with_sources(text, renamed) if renamed else None


def _are_present(connection: Connection, names: list[str]) -> set[str]:
    """Return those of `names` that subscriptions have."""
    statement = select(feeds.c.name).where(feeds.c.name.in_(names), feeds.c.subscribed)
    return set(connection.scalars(statement))

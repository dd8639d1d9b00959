"""Names of feeds: former ones lead to the feed, and titles make new ones."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from aggregator import urls
from aggregator.database.chunks import chunks
from aggregator.database.dialects import upsert
from aggregator.database.lists import write_resolved_names
from aggregator.database.schema import feeds, former_names
from aggregator.plan import PARKED


@dataclass(frozen=True, slots=True)
class TitledFeed:
    """A feed with a title from a document.

    Attributes:
        name: The name so far.
        known_url: See `Subscription.known_url`.
    """

    id: int
    name: str
    known_url: str
    title: str


def remember_names(
    connection: Connection, former: Mapping[str, int], *, in_use: Collection[str]
) -> None:
    """Store the former names of feeds, and forget former names in use again.

    Args:
        former: Ids of feeds by former name.
        in_use: Present names of feeds.
    """
    for chunk in chunks(sorted(in_use)):
        connection.execute(delete(former_names).where(former_names.c.name.in_(chunk)))
    rows = [
        {"name": name, "feed_id": feed_id}
        for name, feed_id in former.items()
        if name not in in_use and PARKED not in name
    ]
    upsert(connection, former_names, rows, key=["name"])


def name_by_titles(connection: Connection, titled_feeds: Iterable[TitledFeed]) -> dict[int, str]:
    """Call feeds after their titles; return the new names by id.

    A present or former name of another subscription is not taken: the new name has digits then.  A
    title with a secret, or without a letter or digit, makes no name.  Transactions with names lock
    `state` first, so no other process takes the same name.
    """
    words_of = {feed: _words(feed.title) for feed in titled_feeds}
    words_of = {feed: words for feed, words in words_of.items() if words not in ("", feed.name)}
    if not words_of:
        return {}
    owners = _owners(connection, sorted(set(words_of.values())))
    new_names: dict[int, str] = {}
    for feed, words in words_of.items():

        def is_used(name: str, own_id: int = feed.id) -> bool:
            if name not in owners:  # with digits, which is rare
                owners.update(_owners(connection, [name]))
            return owners.get(name, own_id) != own_id

        name = urls.unused_name(words, feed.known_url, is_used)
        if name != feed.name:
            new_names[feed.id] = name
            owners[name] = feed.id
    _rename(connection, new_names)
    former_by_id = {feed.id: feed.name for feed in words_of}
    remember_names(
        connection,
        {former_by_id[feed_id]: feed_id for feed_id in new_names},
        in_use=set(new_names.values()),
    )
    write_resolved_names.resolve_again(connection)
    return new_names


def _owners(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Return the ids of the subscriptions to which names belong, present names before former."""
    owners: dict[str, int] = {}
    for statement in (_FORMER_NAMES, _NAMES):
        for chunk in chunks(names):
            rows = connection.execute(statement, {"names": chunk})
            owners |= {row.name: row.id for row in rows}
    return owners


def _words(title: str) -> str:
    """Return the slug of a title; empty for an unusable title."""
    is_usable = urls.masked_input(title) == title and not urls.is_web(title)
    return urls.slug(title) if is_usable else ""


def _rename(connection: Connection, new_names: Mapping[int, str]) -> None:
    """Store new names; feeds outside the file make room."""
    for chunk in chunks(sorted(new_names.values())):
        rows = connection.execute(
            select(feeds.c.id, feeds.c.name).where(feeds.c.name.in_(chunk), ~feeds.c.subscribed)
        )
        park(connection, {row.id: row.name for row in rows})
    changes = [{"feed": feed_id, "new_name": name} for feed_id, name in new_names.items()]
    if changes:
        connection.execute(_SET_NAME, changes)


def park(connection: Connection, names: Mapping[int, str]) -> None:
    """Rename feeds, as other feeds get the names.

    Args:
        names: By id.
    """
    changes = [
        {"feed": feed_id, "new_name": f"{name}{PARKED}{feed_id}"} for feed_id, name in names.items()
    ]
    if changes:
        connection.execute(_SET_NAME, changes)


_NAMES = select(feeds.c.name, feeds.c.id).where(
    feeds.c.name.in_(bindparam("names", expanding=True)), feeds.c.subscribed
)
_FORMER_NAMES = (
    select(former_names.c.name, former_names.c.feed_id.label("id"))
    .join(feeds, feeds.c.id == former_names.c.feed_id)
    .where(former_names.c.name.in_(bindparam("names", expanding=True)), feeds.c.subscribed)
)
_SET_NAME = update(feeds).where(feeds.c.id == bindparam("feed")).values(name=bindparam("new_name"))

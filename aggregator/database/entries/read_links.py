"""Entries by their links."""

from sqlalchemy import Connection, select

from aggregator.database.chunks import chunks
from aggregator.database.schema import entries, entry_keys, feeds
from aggregator.dedup import key_of_link, short_key


def ids_of_link(connection: Connection, url: str) -> list[int]:
    """Return the ids of the entries that link to a page, in order.

    Args:
        url: Of the page, in any of its forms; see `links.canonical`.
    """
    key = key_of_link(url)
    keyed_ids: set[int] = set()
    feeds_with_several: set[int] = set()  # entries with one link, so that none has the key
    for chunk in chunks(connection.scalars(select(feeds.c.id)).all()):
        rows = select(entry_keys.c.feed_id, entry_keys.c.entry_id).where(
            entry_keys.c.feed_id.in_(chunk), entry_keys.c.key == short_key(key)
        )
        for feed_id, entry_id in connection.execute(rows):
            if entry_id is None:
                feeds_with_several.add(feed_id)
            else:
                keyed_ids.add(entry_id)
    candidates = select(entries.c.id, entries.c.url).where(entries.c.url.is_not(None))
    ids = {
        entry_id
        for column, values in ((entries.c.id, keyed_ids), (entries.c.feed_id, feeds_with_several))
        for chunk in chunks(sorted(values))
        for entry_id, stored_url in connection.execute(candidates.where(column.in_(chunk)))
        if key_of_link(stored_url) == key
    }
    return sorted(ids)

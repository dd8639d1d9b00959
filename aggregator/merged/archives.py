"""The archives of a list: closed documents, at least one for each week.

Source: RFC 5005, 4 (archived feeds).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aggregator import dates
from aggregator.database import Connection
from aggregator.database.lists import read_archives, read_lists
from aggregator.dates import Week
from aggregator.merged.addresses import ListRequest, Publication
from aggregator.model import Cursor, ListedEntry, ListScope
from aggregator.publish import Document, Format, room_in_feed

ARCHIVED = 500
"""Entries of one document of an archive; a week with more has several."""


@dataclass(frozen=True, slots=True)
class _ArchivePart:
    """The entries of a document of an archive, and the neighbouring documents.

    Attributes:
        ids: Of the entries, the newest first.
        older, newer: Documents of the same archive; None without such a document.
    """

    ids: Sequence[int]
    older: ListRequest | None
    newer: ListRequest | None = None


def has_archives(scope: ListScope, form: Format) -> bool:
    """Whether a list has archives in a format: lists of several sources have, in Atom alone."""
    return form is Format.ATOM and scope.kind.is_merged


def archive(
    connection: Connection,
    request: ListRequest,
    week: Week,
    publication: Publication,
    head: Document,
    *,
    now: datetime,
) -> Document | None:
    """Return the archive of a week, or a part of it.

    Args:
        request: The document; its week is `week`.
        head: The document of the list without entries.
        now: Decides which weeks are over; aware.

    Returns:
        None if the list never had such an archive.
    """
    if not has_archives(request.scope, request.form) or week > Week.of(now):
        return None
    # The present week also has the entries of the week before, until that week is closed.
    start = dates.open_since(now) if week == Week.of(now) else week.start
    is_open_below = request.before is not None and request.after is None
    part_of = _part_below if is_open_below else _part_above
    part = part_of(connection, request, start, week.end)
    older, newer = part.older, part.newer
    entries = read_lists.entries_by_id(connection, part.ids, fits=room_in_feed().takes)
    if len(entries) < len(part.ids):  # the entries without room are a document of their own
        older = replace(request, before=Cursor(entries[-1].id))
    elif older is None:
        older = _newest_archive(connection, request.scope, before=start)
    if not part.ids and older is None:
        return None
    # Always the next week of the calendar, so a closed archive stays the same.  A week without
    # entries has an empty document that leads on, but no file.
    if newer is None and request.before is None and week.start < dates.open_since(now):
        newer = ListRequest(request.scope, week=week.following)
    return replace(
        head,
        subtitle="",  # as with the icon, a closed archive stays as it is when config.yaml changes
        icon="",
        logo="",
        self_url=publication.url(request),
        archived=True,
        current_url=publication.url(ListRequest(request.scope)),
        prev_archive_url=publication.url(older) if older else None,
        next_archive_url=publication.url(newer) if newer and not publication.files else None,
        entries=entries,
    )


def archive_below(
    connection: Connection, scope: ListScope, entries: Sequence[ListedEntry], *, now: datetime
) -> ListRequest | None:
    """Return the archive after the first page of a list, None without an archive.

    Entries below the page in the present week are in no closed archive yet: an archive begins below
    the last entry of the page.  The address of the archive changes with every new entry, so clients
    that treat archives as immutable miss no entry.

    Args:
        entries: The entries of the page, the newest first.
    """
    open_since, this_week = dates.open_since(now), Week.of(now)
    if entries:
        end_of_page = Cursor(entries[-1].id)
        ids = read_archives.newest_between(
            connection, scope, start=open_since, end=this_week.end, before=end_of_page, limit=1
        )
        if ids:
            return ListRequest(scope, before=end_of_page, week=this_week)
    return _newest_archive(connection, scope, before=open_since)


def _newest_archive(
    connection: Connection, scope: ListScope, *, before: datetime
) -> ListRequest | None:
    """Return the last document of the newest week with entries and a start before a time."""
    week = read_archives.newest_week(connection, scope, before=before)
    if week is None:
        return None
    count = read_archives.count_between(connection, scope, start=week.start, end=week.end)
    if count <= ARCHIVED:
        return ListRequest(scope, week=week)
    size = (count - 1) % ARCHIVED + 1  # the other documents are full, from the oldest upwards
    ids = read_archives.newest_between(
        connection, scope, start=week.start, end=week.end, before=None, limit=size + 1
    )
    return ListRequest(scope, week=week, after=Cursor(ids[size]))


def _part_above(
    connection: Connection, request: ListRequest, start: datetime, end: datetime
) -> _ArchivePart:
    """Return the part of an archive above `request.after`, or the oldest part.

    An archive is cut from the oldest entry upwards.  So the address of the week alone is the oldest
    document: the closed archive of the week before can link to the address.
    """
    oldest_ids = read_archives.oldest_between(
        connection, request.scope, start=start, end=end, after=request.after, limit=ARCHIVED + 1
    )
    is_full = len(oldest_ids) > ARCHIVED
    newer = replace(request, after=Cursor(oldest_ids[ARCHIVED - 1])) if is_full else None
    older = None
    if request.after is not None:
        ids_below = read_archives.newest_between(
            connection,
            request.scope,
            start=start,
            end=end,
            before=Cursor(request.after.id + 1),
            limit=ARCHIVED + 1,
        )
        cursor = Cursor(ids_below[ARCHIVED]) if len(ids_below) > ARCHIVED else None
        older = replace(request, after=cursor, before=None) if ids_below else None
    ids = oldest_ids[:ARCHIVED][::-1]
    if request.before is not None:  # entries that the document without `before` had no room for
        return _ArchivePart([entry_id for entry_id in ids if entry_id < request.before.id], older)
    return _ArchivePart(ids, older, newer)


def _part_below(
    connection: Connection, request: ListRequest, start: datetime, end: datetime
) -> _ArchivePart:
    """Return the part of an archive below `request.before`: of the present week."""
    ids = read_archives.newest_between(
        connection, request.scope, start=start, end=end, before=request.before, limit=ARCHIVED + 1
    )
    cursor = Cursor(ids[ARCHIVED - 1]) if len(ids) > ARCHIVED else None
    return _ArchivePart(ids[:ARCHIVED], replace(request, before=cursor) if cursor else None)

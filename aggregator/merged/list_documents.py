"""A page of a list as a document, and the head of all documents of a list.

Source: RFC 5005, 3 (paged feeds).
"""

from dataclasses import replace
from datetime import datetime
from html import escape

from aggregator import __version__
from aggregator.database import Connection
from aggregator.database.feeds import read_health
from aggregator.database.lists import read_lists
from aggregator.database.state import read_overview
from aggregator.errors import DeadlineError
from aggregator.merged import archives
from aggregator.merged.addresses import ListRequest, Publication
from aggregator.model import Cursor, ListedEntry, ListKind, ListPage, ListScope
from aggregator.publish import Document, Format, room_in_feed, title_of

GENERATOR = f"aggregator {__version__}"
"""Name and version of the program, for documents."""


def document(
    connection: Connection,
    request: ListRequest,
    publication: Publication,
    *,
    now: datetime,
    head: Document | None = None,
    page: ListPage | None = None,
) -> Document | None:
    """Return a document, None without such a list or archive.

    Args:
        now: Decides which weeks are over; aware.
        head: Of `document_head`, None to read it.
        page: Of `entries_for_documents`, None to read as many entries as the request says.
    """
    head = head or document_head(connection, request.scope, publication, now=now)
    if head is None:
        return None
    if request.week is None:
        filled = _page(connection, request, publication, head, now, page)
    else:
        part = archives.archive(connection, request, request.week, publication, head, now=now)
        if part is None:
            return None
        filled = part
    if not publication.prefix_titles:
        return filled
    return replace(
        filled, entries=[with_source_in_title(entry, request.form) for entry in filled.entries]
    )


def document_head(
    connection: Connection, scope: ListScope, publication: Publication, *, now: datetime
) -> Document | None:
    """Return the document of a list without entries, None without such a list."""
    title, subtitle, language = publication.title, "", None
    if scope.kind is ListKind.SOURCE:
        feed = read_health.feed(connection, scope.key, now=now)
        if feed is None:
            return None
        title, language = feed.source.title, feed.source.language
        subtitle = "" if feed.source.private else feed.subtitle
    elif scope.kind.is_named:
        named_list = read_overview.named_list(connection, scope)
        if named_list is None:
            return None
        title, subtitle = f"{title}: {named_list.title}", named_list.description
    elif scope.kind is ListKind.SEARCH:
        title = f"{title}: posts about “{scope.key}”"
    else:
        subtitle = publication.description
    address = publication.list_url(scope)
    return Document(
        id=publication.id_of(scope),
        title=title,
        html_url=address,
        self_url=address,
        subtitle=subtitle,
        language=language,
        generator=GENERATOR,
        icon="" if scope.kind is ListKind.SOURCE else publication.icon,
        logo="" if scope.kind is ListKind.SOURCE else publication.logo,
    )


def entries_for_documents(
    connection: Connection, scope: ListScope, *, before: Cursor | None, limit: int
) -> ListPage:
    """Return the entries of a page of a list, the same for documents in all formats.

    Args:
        before: As for `entries_page`.
    """
    return read_lists.entries_page(
        connection,
        scope=scope,
        limit=limit,
        before=before,
        with_content=True,
        fits=room_in_feed().takes,
    )


def _page(
    connection: Connection,
    request: ListRequest,
    publication: Publication,
    head: Document,
    now: datetime,
    page: ListPage | None,
) -> Document:
    has_archives = archives.has_archives(request.scope, request.form)
    goes_on = not (publication.files and has_archives)
    page = page or entries_for_documents(
        connection, request.scope, before=request.before, limit=request.limit
    )
    if page.ended_early and page.next is None:
        raise DeadlineError("the search takes too long; leave out words, or add a day or a source")
    filled = replace(
        head,
        self_url=publication.url(request),
        hubs=(publication.hub,) if publication.hub and request.is_topic else (),
        entries=page.entries,
    )
    if page.next is not None and goes_on:
        filled = replace(filled, next_url=publication.url(replace(request, before=page.next)))
    if request.before is not None:
        return replace(filled, first_url=publication.url(replace(request, before=None)))
    if not has_archives:
        return filled
    older = archives.archive_below(connection, request.scope, page.entries, now=now)
    return replace(filled, prev_archive_url=publication.url(older) if older else None)


def with_source_in_title(entry: ListedEntry, form: Format) -> ListedEntry:
    """Put the name of an entry's source before its title, or the title Atom makes of its text."""
    prefix = f"{entry.source.title}: "
    if entry.title:
        html = escape(prefix) + entry.title_html
        return replace(entry, title=prefix + entry.title, title_html=html)
    return replace(entry, title=prefix + title_of(entry)) if form is Format.ATOM else entry

"""The merged documents: which entries stand at which address, and what each list is called.

    Wish (list, format, page or week) -> document -> publish.render

The web answers with them, the hub delivers them, the export writes them to files; all three say
the same because they ask here.  Addresses are made from the configuration, never from a request: a
Host header is the client's to choose, and what is made from it ends in shared caches.

Sources: RFC 5005 (3 paged feeds, 4 archived feeds), WebSub, 4 (discovery).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import escape
from urllib.parse import quote, unquote, urlencode

from aggregator import __version__, dates
from aggregator.config import Config
from aggregator.database import Connection
from aggregator.database.feeds import read_health
from aggregator.database.lists import read_archives, read_lists
from aggregator.database.state import read_overview
from aggregator.dates import Week
from aggregator.errors import DeadlineError
from aggregator.model import Cursor, ListedEntry, Scope
from aggregator.publish import Document, Format, room_in_feed, title_of

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
ARCHIVED = 500
"""Entries of one document of an archive; a week with more has several."""

BUDGET = 5_000_000
"""Bytes of the entries of one document: what readers on telephones still take.  A document ends
before the entry that does not fit, and leads on to one that begins with it."""

_GENERATOR = f"aggregator {__version__}"
_EVERYTHING = Scope()
_TOPIC = re.compile(r"(?:/(category|source)/([^/?#]+))?/feed\.(atom|rss|json)")


@dataclass(frozen=True, slots=True)
class Wish:
    """Which document: all that decides its bytes, beside the database.

    Attributes:
        before: Only entries below this place; None: from the top.  With `week` and `after`: what
            the document without it had no room for.
        week: The archive of this week, of everything or a category, as Atom; None: the list.
        after: Of an archive only entries above this place; None: from the oldest one.
    """

    scope: Scope
    form: Format = Format.ATOM
    limit: int = DEFAULT_LIMIT
    before: Cursor | None = None
    week: Week | None = None
    after: Cursor | None = None

    @property
    def is_topic(self) -> bool:
        """Whether its changes are announced (WebSub): the first page of a list, as it is."""
        plain = self.before is None and self.week is None and self.limit == DEFAULT_LIMIT
        return plain and self.scope.search is None


@dataclass(frozen=True, slots=True)
class Publication:
    """What all documents of one instance have in common.

    Attributes:
        base_url: Without a slash at the end.
        id: URI that their ids begin with.
        hub: Address of the WebSub hub that announces changes, None for none.
        prefix_titles: Put each entry's source before its title.
        files: The documents are files: no address has a query, and what is old is cut into pages
            that stay the same when something new comes.
    """

    title: str
    base_url: str
    id: str
    hub: str | None = None
    prefix_titles: bool = False
    files: bool = False

    @classmethod
    def of(cls, config: Config, *, own_hub: bool = False) -> "Publication":
        """Return what the configuration says.

        Args:
            own_hub: Our own hub works, if the configuration wants one.
        """
        hub = config.websub.hub
        if hub == "self":
            hub = f"{config.base_url}{HUB_PATH}" if own_hub else None
        return cls(
            title=config.title,
            base_url=config.base_url,
            id=config.publish.id or f"{config.base_url}/",
            hub=hub,
            prefix_titles=config.publish.prefix_titles,
        )

    def url(self, wish: Wish) -> str:
        """Return the address of a document."""
        return f"{self.base_url}{_file_path(wish) if self.files else path(wish)}"

    def list_url(self, scope: Scope) -> str:
        """Return the address of a list for people."""
        return f"{self.base_url}{list_path(scope)}"

    def id_of(self, scope: Scope) -> str:
        """Return the id of a list: the same for every format, page and archive of it."""
        if scope == _EVERYTHING:
            return self.id
        return self.id.rstrip("/") + list_path(scope)

    def wish_of(self, url: str) -> Wish | None:
        """Return the document at an address that is announced, None for any other address."""
        found = _TOPIC.fullmatch(url.removeprefix(self.base_url))
        if found is None or not url.startswith(self.base_url):
            return None
        kind, name, form = found.groups()
        name = unquote(name or "")
        scope = {
            None: _EVERYTHING,
            "category": Scope(category=name),
            "source": Scope(source=name),
        }[kind]
        wish = Wish(scope, Format(form))
        return wish if self.url(wish) == url else None

    def names(self, categories: Iterable[str]) -> tuple[str, ...]:
        """Return the ids and addresses by which others may call our feeds of many sources.

        Args:
            categories: Their slugs.
        """
        scopes = [_EVERYTHING, *(Scope(category=slug) for slug in categories)]
        urls = (self.url(Wish(scope, form)) for scope in scopes for form in Format)
        return (*map(self.id_of, scopes), *urls)


HUB_PATH = "/hub"


def list_path(scope: Scope) -> str:
    """Return the path of a list for people, below the base URL."""
    if scope.search is not None:
        return f"/search?{_encoded({'q': scope.search})}"
    return _folder(scope) or "/"


def path(wish: Wish) -> str:
    """Return the path of a document, below the base URL."""
    scope, parameters = wish.scope, dict[str, str]()
    if scope.search is not None:
        parameters["q"] = scope.search
    if wish.before is not None:
        parameters["before"] = str(wish.before)
    if wish.after is not None:
        parameters["after"] = str(wish.after)
    if wish.limit != DEFAULT_LIMIT:
        parameters["limit"] = str(wish.limit)
    name = f"feed.{wish.form.suffix}" if wish.week is None else f"archive/{wish.week}.atom"
    return f"{_folder(scope)}/{name}" + (f"?{_encoded(parameters)}" if parameters else "")


def _file_path(wish: Wish) -> str:
    """Return the path of a document where there are no queries."""
    if wish.after is not None:
        rest = "" if wish.before is None else f"-{wish.before}"
        return f"{_folder(wish.scope)}/archive/{wish.week}-after-{wish.after}{rest}.atom"
    if wish.before is None:
        return path(wish)
    if wish.week is not None:
        return f"{_folder(wish.scope)}/archive/{wish.week}-{wish.before}.atom"
    return f"{_folder(wish.scope)}/page/{wish.before}.{wish.form.suffix}"


def _encoded(parameters: Mapping[str, str]) -> str:
    return urlencode(parameters, safe="!$'()*,/:;?@")  # as Flask writes the same addresses


def _folder(scope: Scope) -> str:
    if scope.category is not None:
        return f"/category/{quote(scope.category, safe='')}"
    if scope.source is not None:
        return f"/source/{quote(scope.source, safe='')}"
    return "/search" if scope.search is not None else ""


def document(
    connection: Connection, wish: Wish, publication: Publication, *, now: datetime
) -> Document | None:
    """Return a document, None if there is no such list or archive.

    Args:
        now: Decides which weeks are over; aware.
    """
    empty = _titled(connection, wish.scope, publication, now)
    if empty is None:
        return None
    if wish.week is not None:
        filled = _archive(connection, wish, wish.week, publication, empty, now)
    else:
        filled = _page(connection, wish, publication, empty, now)
    if filled is None or not publication.prefix_titles:
        return filled
    return replace(filled, entries=[_prefixed(entry, wish.form) for entry in filled.entries])


def _titled(
    connection: Connection, scope: Scope, publication: Publication, now: datetime
) -> Document | None:
    """Return the document of a list without its entries."""
    title, subtitle, language = publication.title, "", None
    if scope.category is not None:
        category = read_overview.category(connection, scope.category)
        if category is None:
            return None
        title = f"{title}: {category.name}"
    elif scope.source is not None:
        feed = read_health.feed(connection, scope.source, now=now)
        if feed is None:
            return None
        title, language = feed.source.title, feed.source.language
        subtitle = "" if feed.source.private else feed.subtitle
    elif scope.search is not None:
        title = f"{title}: posts about “{scope.search}”"
    address = publication.list_url(scope)
    return Document(
        id=publication.id_of(scope),
        title=title,
        html_url=address,
        self_url=address,
        subtitle=subtitle,
        language=language,
        generator=_GENERATOR,
    )


def _page(
    connection: Connection, wish: Wish, publication: Publication, empty: Document, now: datetime
) -> Document:
    has_archives = wish.form is Format.ATOM and _has_archives(wish.scope)
    limit, goes_on = wish.limit, not (publication.files and has_archives)
    if publication.files and goes_on and wish.before is None:
        limit = _length_of_first(len(read_lists.ids_of(connection, wish.scope)))
    found = read_lists.page(
        connection,
        scope=wish.scope,
        limit=limit,
        before=wish.before,
        with_content=True,
        takes=room_in_feed(BUDGET).takes,
    )
    if found.ended_early and found.next is None:
        raise DeadlineError("the search takes too long; leave out words, or add a day or a source")
    entries = found.entries
    filled = replace(
        empty,
        self_url=publication.url(wish),
        hubs=(publication.hub,) if publication.hub and wish.is_topic else (),
        entries=entries,
    )
    if found.next is not None and goes_on:
        filled = replace(filled, next_url=publication.url(replace(wish, before=found.next)))
    if wish.before is not None:
        return replace(filled, first_url=publication.url(replace(wish, before=None)))
    if not has_archives:
        return filled
    earlier = _before_the_page(connection, wish.scope, entries, now)
    return replace(filled, prev_archive_url=publication.url(earlier) if earlier else None)


def _length_of_first(entries: int) -> int:
    """Return how many of a list's entries its first file has, so that all others have as many.

    They are cut from the oldest upwards: what is new changes the first one alone, mostly.
    """
    return entries if entries < 2 * DEFAULT_LIMIT else DEFAULT_LIMIT + entries % DEFAULT_LIMIT


def _before_the_page(
    connection: Connection, scope: Scope, entries: Sequence[ListedEntry], now: datetime
) -> Wish | None:
    """Return the archive that follows on the first page of a list.

    What is not on that page, and of no week that is over, has no archive yet: it gets one below
    the last entry of the page.  Its address is another one as soon as anything is new, so that
    nobody who takes archives for immutable ever misses an entry.
    """
    open_since, this = dates.open_since(now), Week.of(now)
    if entries:
        last = Cursor(entries[-1].id)
        more = read_archives.newest_between(
            connection, scope, start=open_since, end=this.end, before=last, limit=1
        )
        if more:
            return Wish(scope, before=last, week=this)
    return _newest_archive(connection, scope, before=open_since)


def _newest_archive(connection: Connection, scope: Scope, *, before: datetime) -> Wish | None:
    """Return the last document of the newest week that began before a time and has entries."""
    week = read_archives.newest_week(connection, scope, before=before)
    if week is None:
        return None
    count = read_archives.count_between(connection, scope, start=week.start, end=week.end)
    if count <= ARCHIVED:
        return Wish(scope, week=week)
    size = (count - 1) % ARCHIVED + 1  # the others are full, from the oldest upwards
    ids = read_archives.newest_between(
        connection, scope, start=week.start, end=week.end, before=None, limit=size + 1
    )
    return Wish(scope, week=week, after=Cursor(ids[size]))


def _archive(
    connection: Connection,
    wish: Wish,
    week: Week,
    publication: Publication,
    empty: Document,
    now: datetime,
) -> Document | None:
    """Return the archive of a week, or a part of it; None if there never was one."""
    if not _has_archives(wish.scope) or week > Week.of(now):
        return None
    # The week that goes on holds what is new of the one before, too, until that is closed.
    start = dates.open_since(now) if week == Week.of(now) else week.start
    is_open_below = wish.before is not None and wish.after is None
    part = _part_below if is_open_below else _part_above
    ids, older, newer = part(connection, wish, start, week.end)
    entries = read_lists.entries_of(connection, ids, takes=room_in_feed(BUDGET).takes)
    if len(entries) < len(ids):  # the rest of these is a document of its own
        older = replace(wish, before=Cursor(entries[-1].id))
    elif older is None:
        older = _newest_archive(connection, wish.scope, before=start)
    if not ids and older is None:
        return None
    # Always the next week of the calendar, so that a closed archive stays the same; where nothing
    # came in that one, it is an empty document which leads further.  Of those there are no files.
    if newer is None and wish.before is None and week.start < dates.open_since(now):
        newer = Wish(wish.scope, week=week.following)
    return replace(
        empty,
        self_url=publication.url(wish),
        archived=True,
        current_url=publication.url(Wish(wish.scope)),
        prev_archive_url=publication.url(older) if older else None,
        next_archive_url=publication.url(newer) if newer and not publication.files else None,
        entries=entries,
    )


_Part = tuple[list[int], Wish | None, Wish | None]
"""The ids of a document of an archive, and the older and newer documents of the same archive."""


def _part_above(connection: Connection, wish: Wish, start: datetime, end: datetime) -> _Part:
    """Return the part of an archive above `wish.after`, or its oldest one.

    An archive is cut from its oldest entry upwards.  So the address of the week alone is its oldest
    document: the archive of the week before, closed and never changed again, can lead to it.
    """
    ids = read_archives.oldest_between(
        connection, wish.scope, start=start, end=end, after=wish.after, limit=ARCHIVED + 1
    )
    newer = replace(wish, after=Cursor(ids[ARCHIVED - 1])) if len(ids) > ARCHIVED else None
    older = None
    if wish.after is not None:
        below = read_archives.newest_between(
            connection,
            wish.scope,
            start=start,
            end=end,
            before=Cursor(wish.after.id + 1),
            limit=ARCHIVED + 1,
        )
        cursor = Cursor(below[ARCHIVED]) if len(below) > ARCHIVED else None
        older = replace(wish, after=cursor, before=None) if below else None
    shown = ids[:ARCHIVED][::-1]
    if wish.before is not None:  # the rest of what was too much for one document
        return [entry_id for entry_id in shown if entry_id < wish.before.id], older, None
    return shown, older, newer


def _part_below(connection: Connection, wish: Wish, start: datetime, end: datetime) -> _Part:
    """Return the part of an archive below `wish.before`: of a week that still takes entries."""
    ids = read_archives.newest_between(
        connection, wish.scope, start=start, end=end, before=wish.before, limit=ARCHIVED + 1
    )
    shown = ids[:ARCHIVED]
    older = replace(wish, before=Cursor(shown[-1])) if len(ids) > ARCHIVED else None
    return shown, older, None


def _has_archives(scope: Scope) -> bool:
    return scope.source is None and scope.search is None


def _prefixed(entry: ListedEntry, form: Format) -> ListedEntry:
    """Put the entry's source before its title, and before the one that Atom makes of its text."""
    before = f"{entry.source.title}: "
    if entry.title:
        html = escape(before) + entry.title_html
        return replace(entry, title=before + entry.title, title_html=html)
    return replace(entry, title=before + title_of(entry)) if form is Format.ATOM else entry

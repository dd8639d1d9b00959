"""The issues of a site: the articles of each past week, an article for each story.

An issue has the entries of the week's archive (RFC 5005), and closes with the archive.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from aggregator import dates, publish
from aggregator.database import Connection
from aggregator.database.lists import read_archives, read_lists
from aggregator.database.stories import read_stories
from aggregator.dates import Week
from aggregator.merged.addresses import Publication
from aggregator.merged.list_documents import GENERATOR
from aggregator.model import Enclosure, EntryId, ListedEntry, ListScope, Source
from aggregator.model.times import EPOCH
from aggregator.publish import Document, Format, Issue, IssueSection, issue_html, room_in_feed

ISSUE_BUDGET = 2_000_000
"""Bytes of the articles of an issue; what has no room is counted."""
MAX_ARTICLES = 500
ISSUES_IN_FEED = 10
"""Issues of a document, fewer where they are long."""
_FOLDER = "/issue"
_WHOLE_LIST = ListScope()


def issue_path(week: Week | None = None) -> str:
    """Return the path of an issue, or of the table of issues, below the base URL."""
    return _FOLDER if week is None else f"{_FOLDER}/{week}"


def issue_feed_path(form: Format) -> str:
    """Return the path of the issues as a feed, below the base URL."""
    return f"{_FOLDER}/feed.{form.suffix}"


def epub_path(week: Week) -> str:
    """Return the path of an issue as a book, below the base URL."""
    return f"{_FOLDER}/{week}.epub"


def issue_weeks(connection: Connection, *, now: datetime, limit: int) -> list[Week]:
    """Return the weeks with an issue, the newest first.

    Args:
        now: Decides which weeks are over; aware.
    """
    weeks = _weeks(connection, now)
    return [week for week, _ in zip(weeks, range(limit), strict=False)]


def _weeks(connection: Connection, now: datetime) -> Iterator[Week]:
    before = dates.open_since(now)
    while (week := read_archives.newest_week(connection, _WHOLE_LIST, before=before)) is not None:
        if week.start < EPOCH:  # entries with impossible dates
            return
        if is_over(connection, week, now=now):
            yield week
        before = week.start


def is_over(connection: Connection, week: Week, *, now: datetime) -> bool:
    """Whether the issue of a week is closed, if the week has any article."""
    return read_archives.is_closed(connection, _WHOLE_LIST, week, now=now)


def issue(
    connection: Connection,
    week: Week,
    publication: Publication,
    *,
    now: datetime,
    texts: bool = True,
) -> Issue | None:
    """Return the issue of a week; None while the week is open, or without articles.

    Args:
        now: Decides whether the week is over; aware.
        texts: False: posts are not read here, and articles have excerpts.
    """
    if not is_over(connection, week, now=now):
        return None
    ids = read_archives.newest_between(
        connection, _WHOLE_LIST, start=week.start, end=week.end, before=None, limit=MAX_ARTICLES
    )
    if not ids:
        return None
    longest = read_stories.longest_entries(connection, ids)
    article_ids = [longest.get(entry_id, entry_id) for entry_id in ids]
    room = room_in_feed(ISSUE_BUDGET)
    entries = read_lists.entries_by_id(connection, article_ids, fits=room.takes)
    entries = [_article(entry, texts=texts) for entry in entries]
    count = read_archives.count_between(connection, _WHOLE_LIST, start=week.start, end=week.end)
    return Issue(
        id=f"{publication.id.rstrip('/')}{issue_path(week)}",
        title=f"{publication.title}: week {week.number} of {week.year}",
        publisher=publication.title,
        url=f"{publication.base_url}{issue_path(week)}",
        epub_url=f"{publication.base_url}{epub_path(week)}",
        closed_at=dates.closed_at(week),
        sections=_sections(entries),
        language=_language(entries),
        missing=max(0, count - len(entries)),
    )


def issues_document(
    connection: Connection, publication: Publication, form: Format, *, now: datetime, texts: bool
) -> Document:
    """Return the newest issues as a feed, each an entry with its whole text.

    Args:
        texts: As for `issue`.
    """
    room, entries = room_in_feed(), []
    for week in issue_weeks(connection, now=now, limit=ISSUES_IN_FEED):
        of_week = issue(connection, week, publication, now=now, texts=texts)
        if of_week is None:
            continue
        entry = _entry(of_week, week, publication)
        if not room.takes(entry):
            break
        entries.append(entry)
    return Document(
        id=f"{publication.id.rstrip('/')}{issue_path()}",
        title=f"{publication.title}: weekly issues",
        html_url=f"{publication.base_url}{issue_path()}",
        self_url=f"{publication.base_url}{issue_feed_path(form)}",
        subtitle=publication.description,
        generator=GENERATOR,
        icon=publication.icon,
        logo=publication.logo,
        entries=entries,
    )


def _article(entry: ListedEntry, *, texts: bool) -> ListedEntry:
    if texts and entry.source.read_here:
        return entry
    return replace(entry, content_html="")


def _sections(entries: list[ListedEntry]) -> list[IssueSection]:
    """Return the articles by category, articles without category last."""
    titles = sorted(
        {entry.source.category or "" for entry in entries},
        key=lambda title: (not title, title.casefold(), title),
    )
    return [
        IssueSection(title, [entry for entry in entries if (entry.source.category or "") == title])
        for title in titles
    ]


def _language(entries: list[ListedEntry]) -> str | None:
    """Return the language of most articles, None if most have none."""
    counts = Counter(entry.language or entry.source.language for entry in entries)
    return counts.most_common(1)[0][0]


def _entry(of_week: Issue, week: Week, publication: Publication) -> ListedEntry:
    """Return an issue as an entry of a feed."""
    changed_at = max(entry.changed_at for entry in of_week.entries)
    count = len(of_week.entries)
    return ListedEntry(
        id=EntryId.first_at(week.end),
        public_id=of_week.id,
        source=Source(
            id=0,
            name="issue",
            title=publication.title,
            feed_url=f"{publication.base_url}{issue_feed_path(Format.ATOM)}",
            site_url=f"{publication.base_url}/",
        ),
        url=of_week.url,
        title=of_week.title,
        title_html=of_week.title,
        summary=f"{count} article{'' if count == 1 else 's'}",
        listed_at=of_week.closed_at,
        first_seen_at=of_week.closed_at,
        changed_at=max(changed_at, of_week.closed_at),
        published_at=of_week.closed_at,
        enclosures=(Enclosure(of_week.epub_url, publish.EPUB_TYPE),),
        language=of_week.language,
        content_html=issue_html(of_week),
    )

"""The issue of a week: the articles of a week in a document, by category."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from aggregator.model import ListedEntry
from aggregator.publish.document import authors, source_of, title_of, web_url

OTHER_TITLE = "Other posts"
"""Heading of the articles without category, where others have one."""


@dataclass(frozen=True, slots=True)
class IssueSection:
    """The articles of a category, the newest first; `title` is empty without category."""

    title: str
    entries: Sequence[ListedEntry]


@dataclass(frozen=True, slots=True)
class Issue:
    """The articles of a week.

    Attributes:
        id: Absolute URI, the same for each form of the issue.
        title: Plain text.
        publisher: Title of the site.
        url, epub_url: Absolute addresses of the issue as a page and as a book.
        closed_at: From then on the issue has the same articles.
        language: Of most articles, None if unknown.
        missing: Number of further articles of the week, which had no room.
    """

    id: str
    title: str
    publisher: str
    url: str
    epub_url: str
    closed_at: datetime
    sections: Sequence[IssueSection]
    language: str | None = None
    missing: int = 0

    @property
    def entries(self) -> list[ListedEntry]:
        """The articles of all sections, in order."""
        return [entry for section in self.sections for entry in section.entries]


def section_title(issue: Issue, section: IssueSection) -> str:
    """Return the heading of a section, empty where the issue has no other section."""
    if section.title:
        return section.title
    return OTHER_TITLE if len(issue.sections) > 1 else ""


def issue_html(issue: Issue) -> str:
    """Return an issue as HTML, for the content of an entry in a feed."""
    parts = []
    for section in issue.sections:
        if title := section_title(issue, section):
            parts.append(f"<h2>{escape(title)}</h2>")
        parts += (
            f"<h3>{title_html(entry)}</h3>\n{article_html(entry)}" for entry in section.entries
        )
    if issue.missing:
        parts.append(f"<p>{missing_text(issue)}</p>")
    return "\n".join(parts)


def title_html(entry: ListedEntry) -> str:
    """Return the title of an article as a link to the publisher's page."""
    title = entry.title_html if entry.title.strip() else escape(title_of(entry))
    url = web_url(entry.url)
    return f'<a href="{escape(url)}">{title}</a>' if url and "<a" not in title else title


def article_html(entry: ListedEntry) -> str:
    """Return an article below its title: source and authors, then the text or the excerpt."""
    source = source_of(entry).title
    names = [name for name in authors(entry) if name != source]
    head = escape(", ".join([source, *names]))
    text = entry.content_html or f"<p>{escape(entry.summary)}</p>"
    return f"<p><small>{head}, {entry.listed_at:%Y-%m-%d}</small></p>\n{text}"


def missing_text(issue: Issue) -> str:
    """Return the sentence about articles without room."""
    return f"The week had {issue.missing} more, which are in the archive."

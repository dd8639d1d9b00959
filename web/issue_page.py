"""The issue of a week as a page, and the table of issues."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from aggregator import merged
from aggregator.dates import Week
from aggregator.model import ListedEntry
from aggregator.publish import Issue
from aggregator.text.post_text import without_targets
from web import presentation
from web.full_post import text_of_page
from web.language import Language
from web.page_contents import Page, PageData
from web.presentation import Keywords, Post
from web.site import site

_ARTICLE_HEADING = 3
MAX_ISSUES = 200
"""Issues in the table."""


@dataclass(frozen=True, slots=True)
class IssueArticle:
    """An article of an issue: the post as lists show it, and the text or excerpt."""

    post: Post
    text: Markup


@dataclass(frozen=True, slots=True)
class ArticlesOfCategory:
    """The articles of a category; `title` is empty without category."""

    title: str
    articles: Sequence[IssueArticle]


def issue_page(data: PageData, week: Week) -> Page | None:
    """Return the page of the issue of a week; None while the week is open, or without articles."""
    of_week = issue_of(data, week)
    if of_week is None:
        return None
    values: dict[str, object] = {
        "week": week,
        "missing": of_week.missing,
        "sections": [
            ArticlesOfCategory(section.title, [_article(entry, data) for entry in section.entries])
            for section in of_week.sections
        ],
    }
    return Page("issue.html", values, index=False, plays_media=True)


def issues_page(data: PageData) -> Page:
    """Return the table of issues, the newest first."""
    weeks = merged.issue_weeks(data.connection, now=data.clock.now, limit=MAX_ISSUES)
    return Page("issues.html", {"weeks": weeks}, index=False)


def issue_of(data: PageData, week: Week) -> Issue | None:
    """Return the issue of a week; None while the week is open, or without articles."""
    return merged.issue(
        data.connection,
        week,
        site().publication,
        now=data.clock.now,
        texts=site().config.page.read_here,
    )


def _article(entry: ListedEntry, data: PageData) -> IssueArticle:
    post = presentation.post(entry, data.clock, Keywords())
    return IssueArticle(post, _text(entry, data.clock.lang))


def _text(entry: ListedEntry, lang: Language) -> Markup:
    if not entry.content_html:
        return Markup("<p>{}</p>").format(escape(entry.summary))
    return text_of_page(
        without_targets(entry.content_html), entry.url, lang, level=_ARTICLE_HEADING
    )

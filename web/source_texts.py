"""The texts about a source: its places, its categories, how often it posts.  Pure."""

from urllib.parse import urlsplit

from markupsafe import Markup, escape

from aggregator import urls
from aggregator.model import FeedHealth
from web.bidi_text import isolated
from web.language import Language

_MAX_SUBTITLE = 160
_MAX_WEEKLY = 20  # posts a week; of more posts the page has the number a day


def further_categories(feed: FeedHealth, lang: Language) -> Markup:
    """Return the names of a source's categories, without the one that it stands below."""
    names = [name for slug, name in feed.categories.items() if slug != feed.source.category_slug]
    return escape(lang.gettext(", ")).join(map(isolated, names))


def shortened(text: str) -> str:
    """Return the beginning of a subtitle, for a table."""
    return text if len(text) <= _MAX_SUBTITLE else f"{text[:_MAX_SUBTITLE].rstrip()}…"


def site_name(url: str | None) -> str:
    """Return the text of a link to a source's site: the host."""
    return urls.host_of(url or "").removeprefix("www.")


def web_link(url: str | None) -> str | None:
    """Return a web address without its password, None for other addresses."""
    return urls.masked(url) if url and urls.is_web(url) else None


def feed_place(url: str) -> str:
    """Return the short address of a feed, without scheme and password."""
    if not urls.is_web(url):
        return url
    parts = urlsplit(urls.masked(url))
    return f"{parts.netloc}{parts.path}".rstrip("/")


def rhythm(per_week: float | None, lang: Language) -> str:
    """Return how often a source posts: "about 4 posts a week", "about 58 posts a day".

    Args:
        per_week: As in `FeedHealth`; None: empty.
    """
    if per_week is None:
        return ""
    if per_week <= 0:
        return lang.gettext("nothing in four weeks")
    if per_week < 1:
        return lang.gettext("less than one post a week")
    if per_week > _MAX_WEEKLY:
        per_day = round(per_week / 7)
        return lang.ngettext("about {n} post a day", "about {n} posts a day", per_day)
    return lang.ngettext("about {n} post a week", "about {n} posts a week", round(per_week))


def rate(per_week: float | None, lang: Language) -> str:
    """Return posts a week for a table: "0.3", "21", a dash if unknown."""
    if per_week is None:
        return "–"
    return lang.number(per_week if per_week < 1 else round(per_week))

"""The feeds that a web page advertises.  Pure.

Source: the autodiscovery convention, `<link rel="alternate" type="application/rss+xml" href>`.
"""

from html.parser import HTMLParser

from aggregator import urls
from aggregator.model import OpmlOutline

_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"}
)
_MAX_PAGE = 1_000_000


def advertised_feeds(page: bytes, *, url: str) -> list[OpmlOutline]:
    """Return the feeds that an HTML page names in its head, in the page's order.

    Feeds of comments stand last: they are rarely what somebody wants.
    """
    parser = _Links(url)
    parser.feed(page[:_MAX_PAGE].decode("utf-8", "replace"))
    unique = {found.url: found for found in reversed(parser.found)}
    ordered = [unique[key] for key in dict.fromkeys(found.url for found in parser.found)]
    return sorted(ordered, key=lambda found: "comment" in f"{found.url} {found.title}".lower())


class _Links(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._base = url
        self.found: list[OpmlOutline] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "base" and values.get("href"):
            self._base = urls.joined(self._base, values["href"])
        if tag not in {"link", "a"} or "alternate" not in values.get("rel", "").lower().split():
            return
        media_type = values.get("type", "").partition(";")[0].strip().lower()
        target = urls.absolute(values.get("href", ""), self._base)
        if media_type in _TYPES and target and urls.is_web(target):
            self.found.append(OpmlOutline(url=target, title=values.get("title") or None))

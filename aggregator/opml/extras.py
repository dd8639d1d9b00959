"""Settings of other feed readers in OPML, by kinds.  Pure.

A kind is a loss that a person has to know of, such as a filter that filters no more.  Attributes of
unknown readers are reported by name; positions, icons and the like are not reported.

Sources: OPML 2.0; FreshRSS's extension (developers/OPML in its documentation), the exports of
tt-rss, RSS Guard, Liferea and RSSOwl.
"""

import re
from collections.abc import Iterator, Mapping

LISTS = "lists of feeds at other addresses"
INNER_FOLDERS = "folders within folders (the outermost one became a category)"
MANY_CATEGORIES = "further categories of feeds that have more than ten"
SPELLINGS = "spellings of folders that differ by capitals or spaces alone"
LONG_NAMES = "ends of names that are too long"
UNKNOWN = "settings of another program"

_KINDS = (
    ("full texts from the pages of posts", r"fullcontent|fulltext|crawler|scraper|contentfilter"),
    ("filters", r"filter(?!s?count)|blocklist|keeplist|block_|keep_|killfile|rule"),
    (
        "headers, cookies, proxies and passwords of requests",
        r"curlopt|user[_-]?agent|cookie|proxy|user[_-]?name|password|^auth(?!or)|header",
    ),
    ("scripts that make or change a feed", r"post[_-]?process|script|xmlurltype|converter|command"),
    ("how long and how many posts are kept", r"purge|max[_-]?age|max[_-]?item|retention|archive"),
    ("intervals of updates", r"ttl|interval|refresh|autoupdate|scandelay"),
    ("priorities, and what is hidden or muted", r"priority|hidden|hide|muted?$|disabled|important"),
    ("how posts are told apart", r"unicitycriteria"),
    ("labels and tags", r"^label|^tags?$"),
    ("preferences of the program", r"^pref-"),
)
_KIND_OF = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)
_ORDINARY = frozenset(
    "text title type xmlurl htmlurl url description language version category created iscomment "
    "isbreakpoint value href target rel".split()
)
_INSIGNIFICANT = re.compile(
    r"^(?:xmlns|data-)|(?:^|[_:.-])(?:id|ids|uid|guid|uuid|key|slug|version)$|[a-z]id$|sort|order|position|"
    r"icon|image|logo|thumb|colou?r|expand|collaps|open|select|view|layout|style|count|unread|"
    r"date|time$|updated|modified|etag|hash|status|error|link|comment|author|text|title|desc|lang|"
    r"xpath|^json|schema|encoding|format|width|height|email|site|home"
)
_UNSET_VALUES = frozenset({"", "0", "false", "no", "off", "none", "null", "default", "main", "id"})
_SCRAPED = re.compile(r"^\s*(?:html|xml|json)\+|xpath|dotnotation|scrap", re.IGNORECASE)
_LIST = re.compile(r"\.opml(?:$|[?#])", re.IGNORECASE)


def is_scraped(attributes: Mapping[str, str]) -> bool:
    """Whether an outline is a page from which the other reader makes a feed by rules.

    Args:
        attributes: The outline's attributes, with names in lower case.
    """
    return bool(_SCRAPED.search(attributes.get("type", "")))


def kinds(attributes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the kinds of an outline's settings that this program does not take over.

    Args:
        attributes: The outline's attributes, with names in lower case.

    Yields:
        Each kind once, with the name of the attribute for `UNKNOWN`, else "".
    """
    if _is_list(attributes):
        yield LISTS, ""
    yielded = set()
    for name, value in attributes.items():
        if name in _ORDINARY or value.strip().lower() in _UNSET_VALUES:
            continue
        kind = _kind(name)
        if kind is not None and kind not in yielded:
            yielded.add(kind)
            yield kind, name if kind is UNKNOWN else ""


def _is_list(attributes: Mapping[str, str]) -> bool:
    if attributes.get("xmlurl", "").strip():
        return False
    kind, address = attributes.get("type", "").strip().lower(), attributes.get("url", "").strip()
    is_included = kind == "include" or (kind == "link" and bool(_LIST.search(address)))
    return bool(address and is_included) or any(
        _local(name) == "opmlurl" and value.strip() for name, value in attributes.items()
    )


def _kind(attribute: str) -> str | None:
    local = _local(attribute)
    for kind, pattern in _KIND_OF:
        if pattern.search(local):
            return kind
    is_known = local == "opmlurl" or attribute.startswith(("xmlns", "xml:"))
    return None if is_known or _INSIGNIFICANT.search(local) else UNKNOWN


def _local(attribute: str) -> str:
    return attribute.rpartition(":")[2]

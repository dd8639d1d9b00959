"""What the formats demand of every document, a row a rule, and what a document breaks of it.

What the schema of Atom says (elements, how often, attributes) is in data/publish/atom.rng.

Sources: RFC 4287 (Atom), RFC 5005 (archives), RSS 2.0.11 and the RSS Advisory Board's profile, JSON
Feed 1.1.
"""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from lxml import etree

from aggregator import urls
from aggregator.publish import Format
from tests.listed import ATOM, CONTENT, links

MEDIA = "{http://search.yahoo.com/mrss/}"
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
ENTRY, SOURCE, ITEM = f"{ATOM}entry", f"{ATOM}entry/{ATOM}source", "channel/item"
LANGUAGE = r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*"
DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def children(element: ET.Element | None, *names: str) -> bool:
    """Whether `element` has exactly one child of every name."""
    return element is not None and all(len(element.findall(name)) == 1 for name in names)


def each(path: str, check: Callable[[ET.Element], object]) -> Callable[[ET.Element], bool]:
    return lambda root: all(check(one) for one in root.findall(path))


def is_address(text: object) -> bool:
    """Whether a text is an absolute IRI, as every attribute and element of that kind has to be."""
    return (
        isinstance(text, str) and urls.is_absolute(text) and not re.search(r'[\s<>"{}|\\^`]', text)
    )


SCHEMA = etree.RelaxNG(etree.parse(Path(__file__).parent / "data" / "publish" / "atom.rng"))
# https://www.iana.org/assignments/link-relations, of what we have a use for
RELATIONS = {"self", "alternate", "enclosure", "replies", "hub", "first", "next", "current",
             "prev-archive", "next-archive"}  # fmt: skip

ATOM_MUSTS: dict[str, Callable[[ET.Element], object]] = {
    "appendix B: the schema": lambda feed: SCHEMA.validate(etree.fromstring(ET.tostring(feed))),
    "4.1 nothing foreign but Media RSS, iTunes and history": lambda feed: all(
        str(one.tag).startswith((ATOM, MEDIA, ITUNES, HISTORY)) for one in feed.iter()
    ),
    "4.1.1 feed: one self link (WebSub, 4)": lambda feed: (
        [link.get("rel") for link in feed.findall(f"{ATOM}link")].count("self") == 1
    ),
    "4.1.1 feed: an author, or every entry has one": each(
        ENTRY, lambda one: one.findall(f"{ATOM}author")
    ),
    "4.1.2 entry: content or an alternate link": each(
        ENTRY, lambda one: one.findall(f"{ATOM}content") or "alternate" in links(one)
    ),
    "4.1.1, 4.1.2 at most one alternate link": lambda feed: all(
        [link.get("rel") for link in one.findall(f"{ATOM}link")].count("alternate") <= 1
        for one in (feed, *feed.findall(ENTRY), *feed.findall(SOURCE))
    ),
    "3.2 person: a name that is not empty": lambda feed: all(
        (one.text or "").strip() for one in feed.iter(f"{ATOM}name")
    ),
    "3.3 dates: RFC 3339, T and Z": lambda feed: all(
        RFC3339.fullmatch(one.text or "")
        for name in ("updated", "published")
        for one in feed.iter(f"{ATOM}{name}")
    ),
    "4.2.2 category: a term that is not empty": each(
        f"{ENTRY}/{ATOM}category", lambda one: one.get("term")
    ),
    "4.2.6 ids: absolute, and unique among entries": lambda feed: (
        all(urls.is_absolute(one.text or "") for one in feed.iter(f"{ATOM}id"))
        and len({one.findtext(f"{ATOM}id") for one in feed.findall(ENTRY)})
        == len(feed.findall(ENTRY))
    ),
    "4.2.7 link: an address, a registered relation, length a number": lambda feed: all(
        is_address(link.get("href"))
        and link.get("rel") in RELATIONS
        and re.fullmatch(r"[^/\s]+/[^/\s]+(\s*;.*)?", link.get("type") or "a/b")
        and (link.get("length") or "0").isdigit()
        for link in feed.iter(f"{ATOM}link")
    ),
    "4.2.14 title: has a text in a feed and a source": lambda feed: all(
        (one.findtext(f"{ATOM}title") or "").strip() for one in (feed, *feed.findall(SOURCE))
    ),
    "4.2.14 title: not empty in an entry": each(
        ENTRY, lambda one: (one.findtext(f"{ATOM}title") or "").strip()
    ),
    "Media RSS: a thumbnail has an address": each(
        f"{ENTRY}/{MEDIA}thumbnail", lambda one: is_address(one.get("url"))
    ),
    "RFC 5005, 4: an archive names the current document": lambda feed: (
        feed.find(f"{HISTORY}archive") is None or "current" in links(feed)
    ),
    "4.2.11 an entry has its source, with id, title, updated": each(
        ENTRY,
        lambda one: (
            children(one, f"{ATOM}source")
            and children(one.find(f"{ATOM}source"), f"{ATOM}id", f"{ATOM}title", f"{ATOM}updated")
        ),
    ),
}


# What RSS 2.0.11 knows of channels and items, and has a use here; attributes by element.
RSS_NAMES = {
    "rss": {"channel"},
    "channel": {"title", "link", "description", "language", "lastBuildDate", "generator", "item"},
    "item": {"title", "link", "description", "category", "comments", "enclosure", "guid", "pubDate",
             "source"},
}  # fmt: skip
RSS_ATTRIBUTES = {
    "rss": {"version"},
    "enclosure": {"url", "length", "type"},
    "guid": {"isPermaLink"},
    "source": {"url"},
}

RSS_MUSTS: dict[str, Callable[[ET.Element], object]] = {
    "rss: version 2.0, one channel": lambda rss: (
        rss.get("version") == "2.0" and children(rss, "channel")
    ),
    "nothing of RSS that RSS does not know": lambda rss: (
        all(
            child.tag.startswith("{") or child.tag in RSS_NAMES.get(one.tag, ())
            for one in rss.iter()
            for child in one
        )
        and all(
            set(one.attrib) <= RSS_ATTRIBUTES.get(one.tag, set())
            for one in rss.iter()
            if not one.tag.startswith("{")
        )
    ),
    "channel: one title, link, description": each(
        "channel", lambda one: children(one, "title", "link", "description")
    ),
    "channel: at most one language, lastBuildDate, generator": each(
        "channel",
        lambda one: all(
            len(one.findall(name)) <= 1 for name in ("language", "lastBuildDate", "generator")
        ),
    ),
    "language: a tag": each("channel/language", lambda one: re.fullmatch(LANGUAGE, one.text or "")),
    "link, comments: addresses that can be followed": lambda rss: all(
        urls.is_web(one.text or "") and is_address(one.text)
        for name in ("link", "comments")
        for one in rss.iter(name)
    ),
    "guid: not empty": lambda rss: all((one.text or "").strip() for one in rss.iter("guid")),
    "category: not empty": lambda rss: all(
        (one.text or "").strip() for one in rss.iter("category")
    ),
    "media:thumbnail: an address": lambda rss: all(
        is_address(one.get("url")) for one in rss.iter(f"{MEDIA}thumbnail")
    ),
    "channel: one atom:link to itself": lambda rss: (
        [one.get("rel") for one in rss.findall(f"channel/{ATOM}link")].count("self") == 1
    ),
    "item: a title or a description": each(
        ITEM, lambda one: one.findtext("title") or one.findtext("description")
    ),
    "item: nothing twice but categories and creators": each(
        ITEM,
        lambda one: all(
            len(one.findall(child.tag)) == 1
            for child in one
            if child.tag not in {"category", f"{DUBLIN_CORE}creator"}
        ),
    ),
    "item: a creator": each(ITEM, lambda one: one.findall(f"{DUBLIN_CORE}creator")),
    "titles and channel's description: the same as HTML": lambda rss: (
        not any(
            re.search(r"<[a-zA-Z/!?]", one.text or "")
            for path in ("channel/title", "channel/description", f"{ITEM}/title")
            for one in rss.findall(path)
        )
    ),
    "dc:creator: not empty": lambda rss: all(
        (one.text or "").strip() for one in rss.iter(f"{DUBLIN_CORE}creator")
    ),
    "item: description before content:encoded": each(
        ITEM,
        lambda one: (
            [child.tag for child in one if child.tag in {"description", f"{CONTENT}encoded"}]
            != [f"{CONTENT}encoded", "description"]
        ),
    ),
    "enclosure: url, length in digits, type": each(
        f"{ITEM}/enclosure",
        lambda one: (
            is_address(one.get("url"))
            and (one.get("length") or "").isdigit()
            and re.fullmatch(r"[^/\s]+/[^/\s]+(\s*;.*)?", one.get("type") or "")
        ),
    ),
    "guid: unique, not called an address": lambda rss: (
        len({one.text for one in rss.iter("guid")}) == len(list(rss.iter("item")))
        and {one.get("isPermaLink") for one in rss.iter("guid")} <= {"false"}
    ),
    "dates: RFC 822 with four digits of year, GMT": lambda rss: all(
        re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", one.text or "")
        and parsedate_to_datetime(one.text or "")
        for name in ("pubDate", "lastBuildDate")
        for one in rss.iter(name)
    ),
    "source: an absolute url and a title": each(
        f"{ITEM}/source", lambda one: urls.is_absolute(one.get("url") or "") and one.text
    ),
}


# The members of JSON Feed 1.1 that we have a use for, with what they hold; those without "?" have
# to be there.  Objects may have members of their own that begin with "_".
JSON_SHAPES: dict[str, dict[str, str]] = {
    "feed": {"version": "text", "title": "text", "home_page_url?": "url", "feed_url?": "url",
             "description?": "text", "next_url?": "url", "language?": "language",
             "hubs?": "list of hub", "items": "list of item"},
    "hub": {"type": "text", "url": "url"},
    "item": {"id": "text", "url?": "url", "title?": "text", "content_html?": "text",
             "content_text?": "text", "summary?": "text", "image?": "url",
             "date_published?": "date", "date_modified?": "date",
             "authors?": "list of author", "tags?": "list of text", "language?": "language",
             "attachments?": "list of attachment"},
    "author": {"name": "text"},
    "attachment": {"url": "url", "mime_type": "type", "size_in_bytes?": "number",
                   "duration_in_seconds?": "number"},
}  # fmt: skip
JSON_VALUES: dict[str, Callable[[Any], object]] = {
    "text": lambda value: isinstance(value, str),
    "url": is_address,
    "date": RFC3339.fullmatch,
    "language": lambda value: re.fullmatch(LANGUAGE, value),
    "type": lambda value: re.fullmatch(r"[^/\s]+/[^/\s]+(\s*;.*)?", value),
    "number": lambda value: type(value) is int and value >= 0,
}


def has_shape(value: Any, shape: str) -> bool:
    """Whether a value is of a kind, with all that belongs to it and nothing else."""
    if shape.startswith("list of "):
        return isinstance(value, list) and all(has_shape(one, shape[8:]) for one in value)
    if shape in JSON_VALUES:
        return bool(JSON_VALUES[shape](value))
    members = {name.rstrip("?"): kind for name, kind in JSON_SHAPES[shape].items()}
    own = {name for name in value if name.startswith("_")}
    return (
        {name for name in JSON_SHAPES[shape] if not name.endswith("?")} <= set(value)
        and set(value) - own <= set(members)
        and all(has_shape(value[name], members[name]) for name in value if name not in own)
    )


JSON_MUSTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "members: those of JSON Feed, of their kinds": lambda feed: has_shape(feed, "feed"),
    "version": lambda feed: feed["version"] == "https://jsonfeed.org/version/1.1",
    "title: not empty": lambda feed: feed["title"],
    "next_url is not feed_url": lambda feed: feed.get("next_url") != feed["feed_url"],
    "items: ids that are unique": lambda feed: (
        len({item["id"] for item in feed["items"]}) == len(feed["items"])
    ),
    "items: content_html or content_text": lambda feed: all(
        ("content_html" in item) != ("content_text" in item) for item in feed["items"]
    ),
    "items: authors, who have a name": lambda feed: all(
        item["authors"] and all(author["name"] for author in item["authors"])
        for item in feed["items"]
    ),
    "extensions: an object under _, with a title and addresses": lambda feed: all(
        item["_source"]["title"]
        and all(
            urls.is_absolute(item["_source"].get(key, "x:y")) for key in ("url", "feed_url", "id")
        )
        for item in feed["items"]
    ),
}


def broken(form: Format, data: bytes) -> list[str]:
    """Return the rules that a document breaks.

    Raises:
        Exception: It is not even well-formed, by two strict parsers.
    """
    if form is Format.JSON:
        feed = json.loads(data.decode(), parse_constant=lambda name: 1 / 0)
        return [rule for rule, kept in JSON_MUSTS.items() if not _keeps(kept, feed)]
    etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    root = ET.fromstring(data)
    musts = ATOM_MUSTS if form is Format.ATOM else RSS_MUSTS
    return [rule for rule, kept in musts.items() if not _keeps(kept, root)]


def _keeps(kept: Callable[[Any], object], document: Any) -> bool:
    try:
        return bool(kept(document))
    except (KeyError, TypeError, ValueError):  # it lacks what the rule looks at
        return False

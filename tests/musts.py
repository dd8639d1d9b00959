"""What the formats demand of every document, a row a rule, and what a document breaks of it.

Sources: RFC 4287 (Atom), RFC 5005 (archives), RSS 2.0.11 and the RSS Advisory Board's profile, JSON
Feed 1.1.
"""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from lxml import etree

from aggregator import urls
from aggregator.publish import Format
from tests.listed import ATOM, CONTENT, links

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
MEDIA = "{http://search.yahoo.com/mrss/}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
ENTRY, SOURCE, ITEM = f"{ATOM}entry", f"{ATOM}entry/{ATOM}source", "channel/item"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def children(element: ET.Element, *names: str) -> bool:
    """Whether `element` has exactly one child of every name."""
    return all(len(element.findall(name)) == 1 for name in names)


def each(path: str, check: Callable[[ET.Element], object]) -> Callable[[ET.Element], bool]:
    return lambda root: all(check(one) for one in root.findall(path))


def is_address(text: str | None) -> bool:
    """Whether a text is an absolute IRI, as every attribute and element of that kind has to be."""
    return (
        bool(text) and urls.is_absolute(text or "") and not re.search(r'[\s<>"{}|\\^`]', text or "")
    )


ATOM_MUSTS: dict[str, Callable[[ET.Element], object]] = {
    "4.1.1 feed: one id, title, updated": lambda feed: children(
        feed, f"{ATOM}id", f"{ATOM}title", f"{ATOM}updated"
    ),
    "4.1.1 feed: at most one subtitle, generator": lambda feed: all(
        len(feed.findall(f"{ATOM}{name}")) <= 1 for name in ("subtitle", "generator")
    ),
    "2 xml:lang: a language tag": lambda feed: all(
        re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", one.get(LANG) or "x")
        for one in feed.iter()
    ),
    "4.1 nothing but Atom, Media RSS and history, in places for them": lambda feed: all(
        str(one.tag).startswith((ATOM, MEDIA, HISTORY)) for one in feed.iter()
    ),
    "4.1.1 entries come last in a feed": lambda feed: (
        f"{ATOM}entry" not in [one.tag for one in feed][: len(feed) - len(feed.findall(ENTRY))]
    ),
    "4.1.1 feed: one self link (WebSub, 4)": lambda feed: (
        [link.get("rel") for link in feed.findall(f"{ATOM}link")].count("self") == 1
    ),
    "4.1.1 feed: an author, or every entry has one": each(
        ENTRY, lambda one: one.findall(f"{ATOM}author")
    ),
    "4.1.2 entry: one id, title, updated, source": each(
        ENTRY,
        lambda one: children(one, f"{ATOM}id", f"{ATOM}title", f"{ATOM}updated", f"{ATOM}source"),
    ),
    "4.1.2 entry: at most one published, summary, content": each(
        ENTRY,
        lambda one: all(
            len(one.findall(f"{ATOM}{name}")) <= 1 for name in ("published", "summary", "content")
        ),
    ),
    "4.1.2 entry: content or an alternate link": each(
        ENTRY, lambda one: one.findall(f"{ATOM}content") or "alternate" in links(one)
    ),
    "4.1.2 entry: at most one alternate link": each(
        ENTRY,
        lambda one: (
            [link.get("rel") for link in one.findall(f"{ATOM}link")].count("alternate") <= 1
        ),
    ),
    "3.1.1 text constructs: text or html, no children": each(
        f"{ENTRY}/*[@type='html']", lambda one: len(one) == 0
    ),
    "3.2 person: one name": each(f"{ENTRY}/{ATOM}author", lambda one: children(one, f"{ATOM}name")),
    "3.3 dates: RFC 3339, T and Z": lambda feed: all(
        RFC3339.fullmatch(one.text or "")
        for name in ("updated", "published")
        for one in feed.iter(f"{ATOM}{name}")
    ),
    "4.2.2 category: a term": each(f"{ENTRY}/{ATOM}category", lambda one: one.get("term")),
    "4.2.6 ids: absolute, and unique among entries": lambda feed: (
        all(urls.is_absolute(one.text or "") for one in feed.iter(f"{ATOM}id"))
        and len({one.findtext(f"{ATOM}id") for one in feed.findall(ENTRY)})
        == len(feed.findall(ENTRY))
    ),
    "4.2.7 link: an address, a media type, length a number": lambda feed: all(
        is_address(link.get("href"))
        and re.fullmatch(r"[^/\s]+/[^/\s]+(\s*;.*)?", link.get("type") or "a/b")
        and (link.get("length") or "0").isdigit()
        for link in feed.iter(f"{ATOM}link")
    ),
    "4.2.14 title: has a text in a feed and a source": lambda feed: all(
        (one.findtext(f"{ATOM}title") or "").strip() for one in (feed, *feed.findall(SOURCE))
    ),
    "Media RSS: a thumbnail has an address": each(
        f"{ENTRY}/{MEDIA}thumbnail", lambda one: is_address(one.get("url"))
    ),
    "RFC 5005, 4: an archive names the current document": lambda feed: (
        feed.find(f"{HISTORY}archive") is None or "current" in links(feed)
    ),
    "4.2.11 source: id, title, updated": each(
        SOURCE, lambda one: children(one, f"{ATOM}id", f"{ATOM}title", f"{ATOM}updated")
    ),
}


RSS_MUSTS: dict[str, Callable[[ET.Element], object]] = {
    "rss: version 2.0, one channel": lambda rss: (
        rss.get("version") == "2.0" and children(rss, "channel")
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
    "item: nothing of RSS twice but category": each(
        ITEM,
        lambda one: all(
            len(one.findall(child.tag)) == 1
            for child in one
            if not child.tag.startswith("{") and child.tag != "category"
        ),
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
            is_address(one.get("url")) and (one.get("length") or "").isdigit() and one.get("type")
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


def no_nulls(value: object) -> bool:
    if isinstance(value, dict):
        return all(no_nulls(one) for one in value.values())
    if isinstance(value, list):
        return all(no_nulls(one) for one in value)
    return value is not None


JSON_MUSTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "version": lambda feed: feed["version"] == "https://jsonfeed.org/version/1.1",
    "title": lambda feed: feed["title"],
    "next_url is not feed_url": lambda feed: feed.get("next_url") != feed["feed_url"],
    "hubs: type and url": lambda feed: all(
        set(hub) == {"type", "url"} for hub in feed.get("hubs", [])
    ),
    "addresses are absolute": lambda feed: all(
        is_address(one[key])
        for one in (feed, *feed["items"])
        for key in ("home_page_url", "feed_url", "next_url", "url", "image")
        if key in one
    ),
    "texts are texts": lambda feed: all(
        isinstance(one[key], str)
        for one in (feed, *feed["items"])
        for key in ("title", "description", "content_html", "content_text", "summary", "language")
        if key in one
    ),
    "items: an id, a string, unique": lambda feed: (
        all(isinstance(item["id"], str) for item in feed["items"])
        and len({item["id"] for item in feed["items"]}) == len(feed["items"])
    ),
    "items: content_html or content_text": lambda feed: all(
        ("content_html" in item) != ("content_text" in item) for item in feed["items"]
    ),
    "items: dates of RFC 3339": lambda feed: all(
        RFC3339.fullmatch(item[key])
        for item in feed["items"]
        for key in ("date_published", "date_modified")
        if key in item
    ),
    "items: authors have a name": lambda feed: all(
        author["name"] for item in feed["items"] for author in item.get("authors", [])
    ),
    "attachments: url and mime_type, size a number": lambda feed: all(
        is_address(one["url"]) and one["mime_type"] and isinstance(one.get("size_in_bytes", 0), int)
        for item in feed["items"]
        for one in item.get("attachments", [])
    ),
    "extensions: an object under _": lambda feed: all(
        isinstance(item["_source"], dict) for item in feed["items"]
    ),
    "what is not known is left out": no_nulls,
}


def broken(form: Format, data: bytes) -> list[str]:
    """Return the rules that a document breaks.

    Raises:
        Exception: It is not even well-formed, by two strict parsers.
    """
    if form is Format.JSON:
        feed = json.loads(data.decode(), parse_constant=lambda name: 1 / 0)
        return [rule for rule, kept in JSON_MUSTS.items() if not kept(feed)]
    etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    root = ET.fromstring(data)
    musts = ATOM_MUSTS if form is Format.ATOM else RSS_MUSTS
    return [rule for rule, kept in musts.items() if not kept(root)]

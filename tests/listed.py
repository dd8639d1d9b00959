"""Entries, sources and documents to publish: plain ones, and all the difficult ones at once."""

import html
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aggregator.model import Enclosure, ListedEntry, Origin, Source
from aggregator.publish import Document

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOSTILE = "a\x00\x08\x0b\x1fb ]]> <c> & &amp; \ud800 \ufffe\uffff \U0001f600 \u202eRTL 'q' \"q\""


def source(name: str = "lamp", **changes: Any) -> Source:
    plain = Source(
        id=1,
        name=name,
        title="Lamp & Ledger",
        feed_url=f"https://{name}.example/feed.xml",
        site_url=f"https://{name}.example/",
    )
    return replace(plain, **changes)


def entry(number: int = 1, **changes: Any) -> ListedEntry:
    plain = ListedEntry(
        id=number << 20,
        public_id=f"https://lamp.example/?p={number}",
        source=source(),
        url=f"https://lamp.example/posts/{number}",
        title=f"Post {number}",
        title_html=f"Post {number}",
        summary=f"What post {number} says.",
        listed_at=NOON - timedelta(hours=number),
        first_seen_at=NOON,
        changed_at=NOON + timedelta(minutes=number),
        content_html=f"<p>All of post {number}.</p>",
    )
    return replace(plain, **changes)


def document(*entries: ListedEntry, **changes: Any) -> Document:
    plain = Document(
        id="tag:posts.example,2026:/",
        title="Recent posts",
        html_url="https://posts.example/",
        self_url="https://posts.example/feed",
        entries=entries,
    )
    return replace(plain, **changes)


FULL = entry(
    1,
    public_id="https://lamp.example/?p=1&#038;x=ä",
    title="On lamps & <ledgers>",
    title_html="On <em>lamps</em> &amp; &lt;ledgers&gt;",
    updated_at=NOON + timedelta(hours=2, microseconds=987_654),
    authors=("Ada Quill", "Bo Wick"),
    categories=("Light", "Öl & Wachs"),
    enclosures=(
        Enclosure("https://lamp.example/1.mp3?a=1&b=2", "audio/mpeg", 48_000_000),
        Enclosure("https://lamp.example/1.bin"),
    ),
    language="de-CH",
    comments_url="https://lamp.example/posts/1#comments",
    source=source(
        feed_id="tag:lamp.example,2001:feed",
        language="de",
        rights="© Lamp & Ledger",
        updated_at=NOON + timedelta(days=9),
    ),
)
HOSTILE_ENTRY = entry(
    2,
    title=HOSTILE,
    title_html=html.escape(HOSTILE),
    summary=HOSTILE,
    content_html=f"<p>{html.escape(HOSTILE)}</p>]]>",
    authors=(HOSTILE,),
    categories=(HOSTILE,),
    language=HOSTILE,
    enclosures=(Enclosure("https://lamp.example/\x00\ud800<&>\"'", HOSTILE, 0),),
    source=source("wick", title=HOSTILE, feed_url="https://me:secret@wick.example/feed"),
)
IMAGE_ONLY = entry(
    3,
    url="mailto:ada@lamp.example",
    title="",
    title_html="",
    summary="",
    content_html='<img src="https://lamp.example/3.png" alt="">',
    source=source(author="Ada Quill"),
)
BARE = entry(
    4,
    public_id="tag:posts.example,2026:0123456789abcdef0123456789abcdef",
    url=None,
    title="",
    title_html="",
    summary="",
    content_html=None,
    source=source("notes", title="Notes", feed_url="samples/notes.xml", site_url=None),
)
COPIED = entry(
    5,
    public_id="tag:brook.example,2020:5",
    image="https://brook.example/5.jpg?a&b",
    source=source("planet", title="Planet", feed_id="tag:planet.example,2020:/", author="Pia"),
    origin=Origin(
        "Brook <&> Notes",
        "tag:brook.example,2020:/",
        "https://brook.example/feed",
        "https://brook.example/",
        "CC0",
    ),
)
DIFFICULT = document(
    FULL,
    HOSTILE_ENTRY,
    IMAGE_ONLY,
    BARE,
    COPIED,
    next_url="https://posts.example/feed?before=4194304&limit=4",
    subtitle="Lamps, ledgers & notes",
    language="en_US",
    hubs=("https://hub.example/", "https://hub2.example/"),
    generator="Aggregator 1.0",
)


def links(element: ET.Element) -> dict[str | None, str | None]:
    return {link.get("rel"): link.get("href") for link in element.findall(f"{ATOM}link")}

"""The feeds of the benchmark: the same for the same seed, of the size and shape of real ones.

An entry is about 5 kB: a title, a summary, and a body of paragraphs with links, images and lists.
"""

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape

SEED = 20261123
ENTRIES = 20
START = datetime(2026, 11, 1, tzinfo=UTC)

_SYLLABLES = (
    "an ar be bo ca con da de di do el en er es fa for ga ge ha he in is ka la le li lo ma me mi "
    "mo na ne ni no o pa pe pro ra re ri ro sa se si so ta te ti to tra u va ve vi"
).split()


def _words(count: int) -> list[str]:
    chance = random.Random(SEED)
    return ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(count)]


_VOCABULARY = _words(4000)


def _sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(_VOCABULARY, k=chance.randint(6, 18))).capitalize() + "."


def _paragraph(chance: random.Random, feed: int) -> str:
    """Return a paragraph with about as much markup as real feeds have.

    Measured on 1,250 real entries: 20 tags, 9 attributes and 2.4 entities in 1,000 characters;
    these have 22, 5.5 and fewer entities, and cost feedparser about as much a kilobyte.
    """
    first, second = _sentence(chance), _sentence(chance)
    link = f'<a href="https://bench.example/{feed}/{chance.randint(1, 999)}">{first[:24]}</a>'
    kind = chance.random()
    if kind < 0.15:
        return (
            f'<figure><img src="/img/{feed}-{chance.randint(1, 99)}.jpg" width="640" '
            f'height="480" alt="{first}"><figcaption>{second}</figcaption></figure>'
        )
    if kind < 0.3:
        points = "".join(f"<li><strong>{part}</strong> {link}</li>" for part in second.split()[:3])
        return f"<ul>{points}</ul>"
    if kind < 0.4:
        return f'<h2>{first[:30]}</h2><p style="margin:0">{second}<br>{first}</p>'
    return (
        f'<p class="text">{first} {second} <em>{first[:20]}</em> {link}, {_sentence(chance)} '
        f"<span>{second[:12]}</span> it&#8217;s {first} &amp; {second}</p>"
    )


def item(feed: int, number: int) -> str:
    """Return one entry as RSS."""
    chance = random.Random(f"{SEED}/{feed}/{number}")
    body = ""
    while len(body) < 4300:
        body += _paragraph(chance, feed) + "\n"
    at = START + timedelta(hours=number, seconds=feed % 3600)
    title = " ".join(chance.choices(_VOCABULARY, k=7)).capitalize()
    return (
        f"<item><title>{title} &amp; more</title><link>https://bench.example/{feed}/{number}</link>"
        f'<guid isPermaLink="false">bench-{feed}-{number}</guid>'
        f"<pubDate>{format_datetime(at)}</pubDate><dc:creator>{_sentence(chance)[:20]}</dc:creator>"
        f"<category>{chance.choice(_VOCABULARY)}</category>"
        f"<description>{escape(_sentence(chance))}</description>"
        f"<content:encoded><![CDATA[{body}]]></content:encoded></item>\n"
    )


def document(feed: int, *, newest: int = ENTRIES, built: int = 0) -> bytes:
    """Return feed number `feed` with the entries up to `newest`.

    Args:
        built: Changes lastBuildDate and nothing else.
    """
    items = "".join(item(feed, number) for number in range(newest, newest - ENTRIES, -1))
    at = format_datetime(START + timedelta(days=2, minutes=built))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>'
        f"<title>Bench {feed}</title><link>https://bench.example/{feed}</link>"
        f"<description>Feed {feed}</description><lastBuildDate>{at}</lastBuildDate>\n"
        f"{items}</channel></rss>"
    ).encode()

"""What old revisions compute stays as it is: literal outcomes, whatever the program does today."""

import pytest

from aggregator.database.migrations.frozen import indexed_texts
from aggregator.database.migrations.frozen.canonical_links import canonical, site_of
from aggregator.database.migrations.frozen.character_references import unescape
from aggregator.database.migrations.frozen.entry_identity import key_numbers
from aggregator.database.migrations.frozen.folded_words import words
from aggregator.database.migrations.frozen.story_fingerprints import packed, story_keys

LINKS = {
    "https://www.lantern.example/2026/tide/index.html?utm_source=x&b=2&a=1#top": (
        "lantern.example/2026/tide?a=1&b=2"
    ),
    "http://m.lantern.example:80/amp/tide.amp.html;jsessionid=5": "lantern.example/tide.html",
    "HTTPS://lantern.example:8443/a/../%7Eb/./c%2fd/": "lantern.example:8443/~b/c%2Fd",
    "https://lämpchen.example/ä?q=%C3%A4+b&sid=7": (
        "xn--lmpchen-5wa.example/%C3%A4?q=%C3%A4+b&sid=7"
    ),
    "https://lantern.example/#!/boats?amp=1": "lantern.example#!/boats?amp=1",
    "https://lantern.example/x?sid=a1234567890123456789b&outputType=amp": "lantern.example/x",
    "https://[::1": "https://[::1",
    "tag:lantern.example,2026:1": "tag:lantern.example,2026:1",
}
SITES = {
    "https://feeds.lantern.co.uk/x": "lantern.co.uk",
    "https://quay.github.io./x": "quay.github.io",
    "http://127.0.0.1:8080/x": "127.0.0.1",
    "http://[::1]:8080/x": "::1",
    "http://localhost/x": "localhost",
    "feeds/local.xml": "",
    "https://[::1": "",
}
TEXT = "<p>The ferry to the island left at dawn with nobody aboard &amp; came back full.</p>"


@pytest.mark.parametrize("url", LINKS)
def test_links_have_the_canonical_form_of_their_revision(url):
    assert canonical(url) == LINKS[url]


@pytest.mark.parametrize("url", SITES)
def test_sites_are_those_of_their_revision(url):
    assert site_of(url) == SITES[url]


@pytest.mark.parametrize(
    ("guid", "url", "title", "numbers"),
    [
        (
            "urn:x:1",
            "https://lantern.example/1",
            "Tide",
            {-4802480292028683357, 6507208488506706724, 283686952306183},
        ),
        ("https://old.example/?p=1#b", None, "", {5208133190866742717, 283686952306183}),
        (
            None,
            "https://lantern.example/1",
            "Ébbe \ud800",
            {-4802480292028683357, 3336635754749939010, -1487628496841087141, 283686952306183},
        ),
        (None, None, "", {283686952306183}),
    ],
    ids=["a urn", "an address with a fragment", "no guid", "nothing"],
)
def test_keys_of_entries_are_the_numbers_of_their_revision(guid, url, title, numbers):
    assert key_numbers(guid, url, title, bytes(range(16))) == numbers


@pytest.mark.parametrize(
    ("url", "title", "html", "keys"),
    [
        (
            "https://lantern.example/2026/ferry",
            "The ferry is back",
            TEXT,
            (-232768302, -2039786003, -1915989926, -1676541067),
        ),
        ("https://lantern.example/", "Ferry", "<p>Short.</p>", ()),
        (
            None,
            "フェリーが戻った",
            "<p>島へのフェリーは夜明けに出て、満員で戻った。</p>",
            (-284820537, -1797181481, -1300820005),
        ),
        (None, "", "<i>x</i>" * 300 + TEXT, (1018126597,)),
    ],
    ids=["all of it", "a front page and no text", "unspaced", "much markup"],
)
def test_keys_of_stories_are_the_numbers_of_their_revision(url, title, html, keys):
    assert story_keys(url, title, html) == keys


def test_keys_of_stories_are_packed_as_little_endian_numbers():
    assert packed((1, -2)) == b"\x01\0\0\0\xfe\xff\xff\xff"


def test_texts_are_indexed_in_the_form_of_their_revision():
    assert indexed_texts.words("<p>A<b>b</b> &amp; c</p>") == " Ab & c "
    assert indexed_texts.spaced("a東京b") == "a 東 京 b"
    assert indexed_texts.normal("o\ufb03ce\u00ad №5") == "office  No 5"
    assert unescape("&eacute;&#x41;&#99999999999;&nbsp") == "éA\ufffd\xa0"


def test_words_are_those_of_their_revision():
    texts = {
        "Crème “brûlée” Łódź, Straße": "creme brulee lodz strasse",
        "Ёлка й \u0301и\u0306 σοφός": "елка й й σοφοσ",
        "العَرَبِيَّة ﬁ ２０२६": "العربية fi 2026",
        "iPhone発売 선거 ที่ไทย": "iphone 発 売 선 거 ที่ ไ ท ย",
        "हिन्दी C++ foo_bar 🐋": "हिन्दी c foo bar",
    }

    assert {text: " ".join(words(text)) for text in texts} == texts

"""URLs: absolute, normalized, masked, and slugs."""

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies
from yarl import URL

from aggregator import urls
from tests.cpu_time import cpu_limit

BASE = "https://example.org/blog/feed.xml"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("post", "https://example.org/blog/post"),
        ("/post", "https://example.org/post"),
        ("//other.example/x", "https://other.example/x"),
        (" https://a.example/\n", "https://a.example/"),
        ("https://a.example/a b", "https://a.example/a%20b"),
        ("mailto:ann@example.org", "mailto:ann@example.org"),
        ("mailto:nobody", None),
        ("javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("\x01javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("ftp://example.org/", None),
        ("http://", None),
        ("http://[::1", None),
        ("http://example.org:99999/", None),
        ("https://a.example/\ud800", "https://a.example/\ufffd"),
        ("|date >/tmp/x", "https://example.org/blog/|date%20>/tmp/x"),
        ("", None),
        ("x" * 5000, None),
    ],
)
def test_a_link_is_absolute_http_https_or_mailto_or_none(url, expected):
    assert urls.absolute(url, BASE) == expected


@given(strategies.text())
def test_no_text_makes_a_link_of_another_kind(text):
    link = urls.absolute(text, BASE)

    assert link is None or link.lower().startswith(("http://", "https://", "mailto:"))
    assert link is None or not any(character.isspace() for character in link)


@given(strategies.text())
def test_functions_on_urls_take_any_text(text):
    urls.is_web(text), urls.is_absolute(text), urls.host_of(text), urls.masked(text)
    urls.joined(BASE, text), urls.joined(text, BASE), urls.slug(text)
    assert urls.normalized(urls.normalized(text)) == urls.normalized(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://Example.ORG/a", "https://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("https://example.org/a#b", "https://example.org/a"),
        ("https://example.org/a/../b", "https://example.org/b"),
        ("https://example.org/%7Eann", "https://example.org/~ann"),
        ("https://example.org", "https://example.org/"),
    ],
)
def test_spellings_of_one_address_are_equal(one, other):
    assert urls.normalized(one) == urls.normalized(other)


def test_addresses_that_differ_in_meaning_stay_apart():
    assert urls.normalized("https://example.org/a?b=1") != urls.normalized(
        "https://example.org/a?b=2"
    )
    assert urls.normalized("https://example.org/a") != urls.normalized("https://example.org/a/")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:secret@example.org/x", "https://***@example.org/x"),
        ("https://token@example.org/x", "https://***@example.org/x"),
        ("https://example.org/x@y", "https://example.org/x@y"),
        ("samples/a.xml", "samples/a.xml"),
        ("http://ann:sec:ret@pass@[::1", "http://***@[::1"),
        ("https://example.org/f?a=1&token=s3cret", "https://example.org/f?a=1&token=***"),
        ("https://example.org/f?api_key=s3;x=1#a", "https://example.org/f?api_key=***;x=1#a"),
        ("https://example.org/f?access-token=s3", "https://example.org/f?access-token=***"),
        ("https://example.org/?p=1&monkeys=3", "https://example.org/?p=1&monkeys=3"),
        ("postgresql://me:secret@db/feeds", "postgresql://***@db/feeds"),
        ("//me:secret@host/x", "//***@host/x"),
    ],
)  # fmt: skip
def test_secrets_are_masked(url, shown):
    assert urls.masked(url) == shown


@given(strategies.text())
def test_no_password_survives_the_mask(text):
    assert "s3cret" not in urls.masked_text(
        f"{text} http://user:s3cret@example.org/?token=s3cret {text}"
    )


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("The Boss Mind", "the-boss-mind"),
        ("Künste & Co.", "künste-co"),
        ("技術", "技術"),
        ("!", ""),
    ],
)
def test_slugs_keep_letters_of_every_script(text, slug):
    assert urls.slug(text) == slug


_SEGMENTS = strategies.lists(
    strategies.sampled_from(["a", "b.c", ".", "..", "", "~x", "%41", "@", "_", "-", "A", "é", ";"])
)
ADDRESSES = strategies.builds(
    lambda scheme, host, port, path, query: f"{scheme}://{host}{port}/{'/'.join(path)}{query}",
    strategies.sampled_from(["http", "https", "HTTP", "ftp"]),
    strategies.sampled_from(
        ["a.example", "1.2.3.4", "010.1", "xn--a.b", "a-b.c", "A.b", "a.", "a..b"]
    ),
    strategies.sampled_from(
        ["", ":80", ":443", ":8080", ":0", ":59999", ":65535", ":99999", ":08"]
    ),
    _SEGMENTS,
    strategies.sampled_from(["", "?", "?a=b&c", "?a+b", "?%20", "#", "?x#y"]),
)


@given(ADDRESSES | strategies.text("htps:/.a1-?%"))
def test_a_plain_address_is_what_taking_it_apart_would_find(url):
    if urls.is_plain(url):
        parts = urlsplit(url)
        assert (urls.is_web(url), parts.scheme in {"http", "https"}) == (True, True)
        assert (urls.host_of(url), urls.port_of(url)) == (parts.hostname, parts.port)
        assert urls.normalized(url) == str(URL(url)) == url
        assert urls.absolute(url, BASE) == urls.masked(url) == url
        assert not re.search(r"[^!-~]", url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "http://blog.a-b.example:8080/feeds/all.atom.xml",
        "http://1.2.3.4/x/?a=b",
    ],
)
def test_addresses_as_most_feeds_have_them_are_plain(url):
    assert urls.is_plain(url)


def test_an_address_too_long_to_be_one_is_not_plain():
    assert not urls.is_plain("https://example.org/" + "x" * 5000)


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("https://example.org/", None),
        ("https://example.org:8443/x", 8443),
        ("https://EXAMPLE.org:8443/x y", 8443),
        ("http://[::1]:81/", 81),
        ("http://a:99999/", None),
        ("samples/a.xml", None),
    ],
)
def test_the_port_is_the_one_that_the_address_names(url, port):
    assert urls.port_of(url) == port


CATEGORIES = [
    *("C", "C++", "C#", "F", "F#", "A", "A+", ".NET", "Net", "Q&A", "Q A", "AI/ML", "AI ML"),
    *("🎮", "🎵", "🎮!", "🎮 Play", "Play", "!!!", "???", "/", "...", "-", "Новости", "Новости!"),
    *("新闻", "新聞", "C sharp", "C++/CLI", "x" * 200, "x" * 200 + "!", "👨\u200d👩", "👨👩"),
]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("C", "c"),
        ("C++", "c-plus-plus"),
        ("F#", "f-sharp"),
        ("C++/CLI", "c-plus-plus-cli"),
        ("R+D", "r-d"),
        ("#python", "python"),
        ("Node.js", "node-js"),
        ("News & Views", "news-views"),
        ("Новости", "новости"),
        ("新闻", "新闻"),
        ("🎮", "🎮"),
        ("🎮 Play", "play"),
    ],
)
def test_a_category_that_is_alone_has_a_slug_that_can_be_read(name, slug):
    assert urls.category_slugs([name]) == {name: slug}


def test_different_categories_have_different_slugs_whatever_their_order():
    slugs = urls.category_slugs(CATEGORIES)

    assert len(set(slugs.values())) == len(CATEGORIES)
    assert all(slugs.values())
    assert not any(character in "/?#." for slug in slugs.values() for character in slug)
    assert urls.category_slugs(reversed(CATEGORIES)) == slugs
    plain = ("C", "Net", "AI ML", "Q A", "Play", "C sharp", "Новости", "🎮")
    assert [slugs[name] for name in plain] == [
        *("c", "net", "ai-ml", "q-a", "play", "c-sharp", "новости", "🎮"),
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("News", "NEWS", " news "),
        ("Old News", "old-news", "Old   news", "old_news"),
        ("Straße", "STRASSE"),
        ("Ｃ++", "c++"),
        ("Café", "Cafe\u0301"),
    ],
)
def test_spellings_of_one_category_share_its_slug(names):
    assert len(set(urls.category_slugs(names).values())) == 1


def test_a_category_is_named_by_its_name_or_its_slug():
    slugs = urls.category_slugs(["C", "C++", "News & Views"])

    assert urls.matching_categories("c++", slugs) == ["C++"]
    assert urls.matching_categories("c-plus-plus", slugs) == ["C++"]
    assert urls.matching_categories("c", slugs) == ["C"]
    assert urls.matching_categories("News-Views", slugs) == ["News & Views"]
    assert urls.matching_categories("D", slugs) == []


@given(strategies.text(strategies.characters(max_codepoint=127)))
def test_slugs_of_ascii_are_those_of_any_script(text):
    assert urls.slug(text) == urls.slug(f"{text} é").removesuffix("é").removesuffix("-")


def test_a_host_that_no_dns_knows_costs_no_time():
    with cpu_limit(1):
        for number in range(200):
            urls.normalized(f"http://{number}.{'ü.' * 2000}/")

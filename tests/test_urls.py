"""URLs: absolute, normal, masked, and slugs."""

import time

import pytest
from hypothesis import given, strategies

from aggregator import urls

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
    assert urls.normal(urls.normal(text)) == urls.normal(text)


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
    assert urls.normal(one) == urls.normal(other)


def test_addresses_that_differ_in_meaning_stay_apart():
    assert urls.normal("https://example.org/a?b=1") != urls.normal("https://example.org/a?b=2")
    assert urls.normal("https://example.org/a") != urls.normal("https://example.org/a/")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:secret@example.org/x", "https://***@example.org/x"),
        ("https://token@example.org/x", "https://***@example.org/x"),
        ("https://example.org/x@y", "https://example.org/x@y"),
        ("samples/a.xml", "samples/a.xml"),
    ],
)
def test_users_and_passwords_are_masked(url, shown):
    assert urls.masked(url) == shown


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


def test_a_host_that_no_dns_knows_costs_no_time():
    started = time.perf_counter()

    for number in range(200):
        urls.normal(f"http://{number}.{'ü.' * 2000}/")

    assert time.perf_counter() - started < 1

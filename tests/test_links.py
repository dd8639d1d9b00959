"""Canonical links, and links without tracking parameters."""

import re
from pathlib import Path

import pytest
from hypothesis import given, strategies

from aggregator import links, urls
from tests.test_urls import ADDRESSES


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/2026/a-post",
        "https://EXAMPLE.org:443/2026/a-post/",
        "https://www.example.org/2026/a-post/index.html",
        "https://m.example.org/2026/a-post",
        "https://amp.example.org/2026/a-post/amp/",
        "https://example.org/amp/2026/a-post?amp=1",
        "https://example.org/2026/%61-post?outputType=amp",
        "https://example.org/2026/a-post?utm_source=rss&fbclid=x&mc_eid=1#comments",
        "https://example.org/2025/../2026/./a-post",
        "https://example.org/%2e%2E/2026/a-post/.",
    ],
)
def test_the_addresses_of_one_page_have_one_canonical_form(url):
    assert links.canonical(url) == "example.org/2026/a-post"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%c3%a4"),
        ("https://example.org/~a/(b)", "https://example.org/%7Ea/%28b%29"),
        ("https://example.org/?q=caf%C3%A9+b&u=/c", "https://example.org/?u=%2fc&q=café%20b"),
    ],
)
def test_encodings_of_one_address_are_equal(one, other):
    assert links.canonical(one) == links.canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/?p=1", "https://example.org/?p=2"),
        ("https://example.org/a%2Fb", "https://example.org/a/b"),
        ("https://example.org/?p=1%262", "https://example.org/?p=1&2"),
        ("https://example.org/?q=c%2B", "https://example.org/?q=c+"),
        ("https://example.org/?q=%2541", "https://example.org/?q=A"),
        ("https://example.org/a?ref=main", "https://example.org/a?ref=next"),
        ("https://example.org/a?id=1&page=2", "https://example.org/a?id=1"),
        ("https://example.org/#!/post/1", "https://example.org/#!/post/2"),
        ("https://example.org/amp", "https://example.org/ampere"),
        ("https://example.org/A", "https://example.org/a"),
        ("https://example.org:8080/a", "https://example.org/a"),
        ("https://a.example.org/x", "https://example.org/x"),
    ],
)
def test_what_selects_content_stays_in_the_canonical_form(one, other):
    assert links.canonical(one) != links.canonical(other)


def test_a_host_keeps_the_name_that_would_leave_nothing_but_a_suffix():
    assert links.canonical("https://m.example/a") == "m.example/a"
    assert links.canonical("https://www.com/a") == "www.com/a"


@pytest.mark.parametrize("url", ["mailto:a@b.c", "not a url", "http://[broken/", "file:///etc"])
def test_what_is_no_web_address_is_its_own_canonical_form(url):
    assert links.canonical(url) == url


@given(strategies.text(alphabet="htps:/.?&=#%amwx1ü ", max_size=40))
def test_a_canonical_form_is_made_of_any_text_and_spelling_does_not_matter(text):
    forms = {links.canonical(f"{scheme}://example.org/{text}") for scheme in ("http", "https")}

    assert len(forms) == 1


@pytest.mark.parametrize(
    ("published", "shown"),
    [
        ("https://example.org/a?utm_source=rss&p=1&fbclid=x", "https://example.org/a?p=1"),
        ("https://example.org/a?utm_source=rss", "https://example.org/a"),
        ("https://example.org/a?utm_source=rss#comments", "https://example.org/a#comments"),
        ("https://example.org/a#xtor=RSS-1", "https://example.org/a"),
        ("https://example.org/a;jsessionid=1A2B?p=1", "https://example.org/a?p=1"),
        ("https://example.org/a?PHPSESSID=abc&id=3", "https://example.org/a?id=3"),
        (
            "https://example.org/a?sid=0123456789abcdef0123456789abcdef&t=5",
            "https://example.org/a?t=5",
        ),
        ("HTTPS://WWW.Example.org/./A?b=%20", "HTTPS://WWW.Example.org/./A?b=%20"),
        ("https://example.org/article?sid=77", "https://example.org/article?sid=77"),
        ("https://example.org/?ref=a&source=b&via=c", "https://example.org/?ref=a&source=b&via=c"),
        ("https://example.org/?a=1&&b=2", "https://example.org/?a=1&&b=2"),
    ],
)
def test_links_stay_as_published_less_the_tracking(published, shown):
    assert links.without_tracking(published) == shown


@given(ADDRESSES | strategies.text("htps:/.a1-?%&=;#mwutm_"))
def test_without_tracking_the_canonical_form_is_the_same(url):
    assert links.canonical(links.without_tracking(url)) == links.canonical(url)
    assert links.without_tracking(links.without_tracking(url)) == links.without_tracking(url)


@given(
    ADDRESSES
    | strategies.builds(
        lambda host, path: f"https://{host}/{path}",
        strategies.sampled_from(["a.example", "www.a.example", "m.a.example", "wwwa.example"]),
        strategies.sampled_from(["", "a/", "a", "a/amp", "amp/a", "index.html", "a/index", "a.amp",
                                 "camp", "a/amp/", "ampere/a"]),
    )
)  # fmt: skip
def test_the_short_way_to_a_canonical_form_gives_what_the_long_one_does(url):
    long_way = links.canonical(url.replace("://", "://user@", 1))

    assert links.canonical(url) == long_way or not urls.is_plain(url)


def test_every_tracking_parameter_is_in_the_docs():
    text = (Path(__file__).parents[1] / "docs" / "links.md").read_text("utf-8")
    documented = set(re.findall(r"`([^`]+)`", text))

    assert documented >= links.TRACKING | urls.SESSIONS | {
        f"{prefix}*" for prefix in links.TRACKING_PREFIXES
    }

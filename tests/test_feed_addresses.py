"""Addresses of feeds as people and programs write them."""

import pytest

from aggregator import urls
from aggregator.text import references
from aggregator.urls import feed_addresses
from tests.cpu_time import cpu_limit


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("feed://blog.example/rss", "http://blog.example/rss"),
        ("FEED://Blog.example/rss", "http://Blog.example/rss"),
        ("feed:blog.example/rss", "http://blog.example/rss"),
        ("feed:https://blog.example/rss", "https://blog.example/rss"),
        ("feed:http://blog.example/rss", "http://blog.example/rss"),
        ("feed://https://blog.example/rss", "https://blog.example/rss"),
        ("feeds://blog.example/rss", "https://blog.example/rss"),
        ("feed://me:secret@nas/rss", "http://me:secret@nas/rss"),
        ("itpc://pod.example/cast", "http://pod.example/cast"),
        ("pcast://pod.example/cast", "http://pod.example/cast"),
        ("podcast:https://pod.example/cast", "https://pod.example/cast"),
        ("rss://blog.example", "http://blog.example"),
        ("web+feed:https://blog.example/rss", "https://blog.example/rss"),
        ("ext+rss://blog.example/rss", "http://blog.example/rss"),
        ("feed/https://blog.example/rss", "https://blog.example/rss"),
        ("https%3A%2F%2Fblog.example%2Frss%3Fa%3D1", "https://blog.example/rss?a=1"),
        ("blog.example/rss", "https://blog.example/rss"),
        ("www.blog.example:8080/rss?a=b", "https://www.blog.example:8080/rss?a=b"),
        ("localhost:8000/rss", "http://localhost:8000/rss"),
        ("192.0.2.7/rss", "http://192.0.2.7/rss"),
        ("//blog.example/rss", "https://blog.example/rss"),
        ("HTTPS://blog.example/rss", "https://blog.example/rss"),
        ("http:/blog.example/rss", "http://blog.example/rss"),
        ("https:///blog.example/rss", "https://blog.example/rss"),
        ("http//blog.example/rss", "http://blog.example/rss"),
        ("http://https://blog.example/rss", "https://blog.example/rss"),
        ("http:\\\\blog.example\\rss?a=\\", "http://blog.example/rss?a=\\"),
        (" \n https://blog.example/rss\t ", "https://blog.example/rss"),
        ("https://blog.example/\n      rss", "https://blog.example/rss"),
        ("https://blog.example/a b", "https://blog.example/a%20b"),
        ("\ufeffhttps://blog.example/rss\u200b", "https://blog.example/rss"),
        ("<https://blog.example/rss>", "https://blog.example/rss"),
        ("https://blog.example/?a=1&amp;b=2", "https://blog.example/?a=1&b=2"),
        ("https://grün.example/", "https://xn--grn-ioa.example/"),
        ("https://grün.example:8443/ж?q=ä", "https://xn--grn-ioa.example:8443/%D0%B6?q=%C3%A4"),
        ("https://blog.example/%d0%b6/ж", "https://blog.example/%d0%b6/%D0%B6"),
        ("grün.example/rss", "https://xn--grn-ioa.example/rss"),
        ("https://mirror.example/http://blog.example/", None),
        ("https://blog.example/rss?sig=a%2Fb~c", None),
    ],
)
def test_an_address_is_read_as_what_it_means(written, url):
    assert feed_addresses.web_url(written) == (url or written)


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", "feed:", "feed://", "https:", "https://", "https:///rss", "http://[::1/"),
        *("newsletter:me@blog.example", "me@blog.example", "mailto:me@blog.example"),
        *("webcal://blog.example/a.ics", "ftp://blog.example/rss", "file:///etc/passwd"),
        *("javascript:alert(1)", "exec:/bin/feed", "query:unread", "tag:blog.example,2026:a"),
        *("feed:newsletter:me@blog.example", "feed:///etc/passwd", "plain words", "words"),
        *("feed.xml", "list.opml", "folder/feed.xml", "https://blog.example:99999/rss"),
        f"https://{'ü' * 300}.example/",
    ],
)
def test_what_is_not_an_address_of_the_web_means_none(written):
    assert feed_addresses.web_url(written) is None


@pytest.mark.parametrize(
    "address",
    ["https://me:secret@blog.example/rss", "https://blog.example/rss?token=secret&page=1"],
)
def test_an_address_that_this_program_masked_is_known_again(address):
    assert not feed_addresses.is_masked(address)
    assert feed_addresses.is_masked(urls.masked(address))
    assert feed_addresses.is_masked(urls.masked(address).replace("*", "%2A"))


@pytest.mark.parametrize("part", ["http:", "feed:", "a.", "https://", " ", "&amp;", "\\", "ü."])
def test_an_endless_address_takes_no_time(part):
    with cpu_limit(1):
        assert feed_addresses.web_url(part * 1_000_000) is None


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("?a=1&region=eu&copy=2&lt=3&para", "?a=1&region=eu&copy=2&lt=3¶"),
        ("?a=1&amp;region=eu&AMP;x", "?a=1&region=eu&x"),
        ("?a=1&notin;b&notit;c&not;d&not-e", "?a=1∉b&notit;c¬d¬-e"),
        ("&#38;&#x26;&#38a=&#128;&#0;", "&&&a=€\ufffd"),
        ("&unknown;&;&&=&#;&", "&unknown;&;&&=&#;&"),
        ("&hellip;&hellip", "…&hellip"),
    ],
)
def test_references_in_attributes_are_read_as_browsers_read_them(written, value):
    assert references.attribute_value(written) == value

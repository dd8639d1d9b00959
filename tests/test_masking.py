"""Secrets of addresses: what is masked, and what is left so that an address still works."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import config, urls
from aggregator.cli import logs
from aggregator.errors import ConfigError
from tests.configured import PATH, parsed, problems
from tests.cpu_time import cpu_limit
from tests.running import command, write_config
from tests.selection import slow_after, slow_but

BROKEN_PASSWORDS = ("hun#ter", "hun/ter", "hun?ter", "hun@ter", "hun:ter", "a/b@c", "hun'ter",
                    'hun"ter', "hun ter", "hun\\ter", "#hunter", "hun[ter", "hun<ter", "10#x",
                    "ü/ü", "a?b=c&d", "//x", "a://b", "12/hunter")  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        *("token", "key", "sig", "auth", "pw", "pwd", "pass", "password", "secret", "signature"),
        *("apikey", "api_key", "api-key", "api.key", "apiKey", "APIKey", "APIkey", "APIKEY"),
        *("X-Plex-Token", "user_api_key", "X-Amz-Signature", "X-Amz-Security-Token"),
        *("X-Goog-Credential", "X_YZ_Q_T_Auth", "access_token", "accessToken", "accesstoken"),
        *("feed.reader.session.token", "oauth_consumer_key", "oauth2_token", "token2", "jwt"),
        *("AWSAccessKeyId", "Key-Pair-Id", "sharedAccessSignature", "clientSecret", "passkey"),
        *("rsskey", "feedtoken", "torrent_pass", "os_password", "passwd", "passphrase"),
        *("PHPSESSID", "JSESSIONID", "user%5Bpassword%5D", "auth[token]", "api%5Fkey", "%74oken"),
        *("otp", "sessionid", "session_id", "psk", "invite_code", "stream.sessid"),
        *("Ocp-Apim-Subscription-Key", "private_token", "access_code", "ToKeN", "sort_key"),
    ],
)
def test_a_value_is_masked_if_its_name_says_that_it_is_secret(name):
    for lead in ("?", "?a=1&", "?a=1;", "#", "#a=1&"):
        url = f"https://example.org/feed{lead}{name}=hunter2"

        assert urls.masked(url) == urls.masked_text(url) == url.replace("hunter2", "***")
    assert urls.masked(f"https://example.org/?{name}=hunter2&n=5") == (
        f"https://example.org/?{name}=***&n=5"
    )


@pytest.mark.parametrize(
    "name",
    [
        *("author", "authors", "authority", "tag", "design", "designer", "keyword", "keywords"),
        *("keys", "keyboard", "monkey", "turkey", "compass", "passage", "passenger", "assign"),
        *("signal", "sigma", "secretary", "tokenizer", "key_word", "keyWord", "bypass", "pwned"),
        *("id", "feed", "q", "format", "channel_id", "user", "username", "page", "code", "hash"),
        *("cat", "n", "a-b-c", "post_type", "lang", "sid", "ключ", "x" * 300, "oath", "authuser"),
    ],
)
def test_an_address_whose_parameters_only_select_stays_as_it_is(name):
    url = f"https://example.org/feed?{name}=hunter2&n=5"

    assert urls.masked(url) == urls.masked_text(url) == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h.example/?token=a&b", "https://h.example/?token=***"),
        ("https://h.example/?token=a#b", "https://h.example/?token=***"),
        ("https://h.example/?token=a;b&c=1", "https://h.example/?token=***&c=1"),
        ("https://h.example/?token=a b", "https://h.example/?token=***"),
        ("https://h.example/?token='a'", "https://h.example/?token=***"),
        ("https://h.example/?a=1?token=x", "https://h.example/?a=1?token=***"),
        ("https://h.example/?token=&a=1", "https://h.example/?token=&a=1"),
        (
            "https://bridge.example/?format=Atom&url=https%3A%2F%2Fme%3Apw%40h.example%2Ff",
            "https://bridge.example/?format=Atom&url=***",
        ),
        (
            "https://bridge.example/?url=https%3A%2F%2Fh.example%2F%3Ftoken%3Dx&n=1",
            "https://bridge.example/?url=***&n=1",
        ),
        (
            "https://bridge.example/?url=https%3A%2F%2Fh.example%2F%3Fpage%3D1",
            "https://bridge.example/?url=https%3A%2F%2Fh.example%2F%3Fpage%3D1",
        ),
        ("https://proxy.example/https://me:pw@h.example/", "https://proxy.example/https://***@h.example/"),
    ],
)  # fmt: skip
def test_all_of_a_secret_is_masked_and_what_follows_it_stays(url, shown):
    assert urls.masked(url) == shown


@pytest.mark.parametrize("password", BROKEN_PASSWORDS)
def test_a_password_is_masked_whatever_characters_are_in_it(password):
    for url in (f"https://me:{password}@example.org/feed", f"//me:{password}@example.org/feed"):
        assert urls.masked(url).endswith("//***@example.org/feed")
    assert urls.masked_input(f"https:/me:{password}@example.org/f").endswith("***@example.org/f")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/@ann",
        "https://example.org:8080/@ann/feed",
        "http://nas:1200/mastodon/acct/ann@social.example/statuses",
        "http://[2001:db8::1]:8080/@ann",
        "http://localhost/@ann",
        "https://example.org/feed?mail=ann@example.org",
        "https://example.org/feed#@ann",
        "tag:ann@example.org,2020:a",
        "mailto:ann@example.org",
        "feeds/ann@home.xml",
        "http://[::1/x@y",
    ],
)
def test_an_at_sign_that_names_no_user_hides_nothing(url):
    assert urls.masked(url) == urls.masked_text(url) == urls.masked_input(url) == url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no http://a:b@c/d nor http://e/?key=f", "no http://***@c/d nor http://e/?key=***"),
        ("http://e/?key=f; next poll 12:00", "http://e/?key=***; next poll 12:00"),
        (
            "see http://e/?key=f, or (http://e/?key=f).",
            "see http://e/?key=***, or (http://e/?key=***).",
        ),
        ('"http://a:b@c/d", then x@y', '"http://***@c/d", then x@y'),
        ("<a href='http://a:b@c/'>x@y</a>", "<a href='http://***@c/'>x@y</a>"),
        ("a//b@c, then http://d:e/f@g", "a//b@c, then http://***@g"),
        ("GET /feed?token=x HTTP/1.1", "GET /feed?token=*** HTTP/1.1"),
        ("http://a.example: 404, see x@y", "http://a.example: 404, see x@y"),
    ],
)
def test_addresses_are_masked_where_they_stand_in_a_text(text, shown):
    assert urls.masked_text(text) == shown


def test_an_at_sign_that_was_encoded_by_mistake_is_one():
    assert urls.masked("https://me:hunter2%40example.org/f") == "https://***%40example.org/f"
    assert urls.masked("https://example.org/f%40x") == "https://example.org/f%40x"


def test_what_was_meant_as_an_address_is_masked_too():
    assert urls.masked_input("me:hunter2@example.org/f") == "***@example.org/f"
    assert urls.masked_input("https//me:hunter2@example.org") == "***@example.org"
    assert urls.masked_input("ann@example.org") == "ann@example.org"


@given(st.text())
def test_masking_twice_is_masking_once(text):
    for mask in (urls.masked, urls.masked_text):
        once = mask(f"http://me:{text}@example.org/?token={text}")

        assert mask(once) == once


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    slow_after(
        4, ["?token=", "//a:b@", "&", "://u:p", "//", "://", "?", ";", "&a", "&token=%", "@", "="]
    ),
)
def test_masking_takes_time_in_proportion_to_the_length(part):
    text = part * (400_000 // len(part))
    with cpu_limit(5):
        urls.masked(text), urls.masked_text(text)


# ------------------------------------------------------------------ config.yaml


@pytest.mark.parametrize(
    "key",
    slow_but(
        ["url", "interval"], ["url", "name", "interval", "timezone", "category", "distrust_304"]
    ),
)
@pytest.mark.parametrize(
    "start", ["https://", "//", "feed:https://", "https:/", "url:https://", ""]
)
def test_no_password_stands_in_what_is_wrong_with_a_value(key, start):
    for password in BROKEN_PASSWORDS:
        settings = {"url": "a.xml", key: f"{start}me:{password}s3cret@example.org/f f"}

        said = problems_if_any(json.dumps({"feeds": [settings]}, ensure_ascii=False))

        assert "s3cret" not in said
        assert password not in said


def problems_if_any(text: str) -> str:
    try:
        config.parse(text, path=PATH)
    except ConfigError as error:
        return "\n".join(map(logs.escaped, error.problems))
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "https://me:hunter2@example.org/: x",
        "hosts: {'https://me:hunter2@example.org/': {}}",
        "hosts: {'me:hunter2@example.org/': {}}",
        "network: {allow: ['https://me:hunter2@example.org']}",
        "base_url: https://me:hunter2@example.org/ x",
        "database: mysql://me:hunter2@example.org/x",
        "websub: {hub: 'ftp://me:hunter2@example.org/'}",
        "title: !https://me:hunter2@example.org/ x",
        "stories: {'https://me:hunter2@example.org/': perhaps}",
        "feeds: ['https://example.org/?X-Plex-Token=hunter2 x']",
        "feeds: ['feed:https://example.org/?token=hunter2']",
        "feeds: ['//example.org/?token=hunter2']",
    ],
)
def test_no_secret_stands_in_what_is_wrong_with_the_file(text):
    assert "hunter2" not in "\n".join(problems(text))


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["import"], ["add", "a.xml"], ["poll"], ["explain"]])
@pytest.mark.parametrize(
    "password", slow_after(1, ["hunter2", "a hunter2", 'a"hunter2', "<hunter2>"])
)
def test_no_password_stands_in_what_is_wrong_with_an_argument(tmp_path, arguments, password):
    write_config(tmp_path, [])

    done = command(tmp_path, *arguments, f"https://me:{password}@example.org/")

    assert done.returncode == 2
    assert "***@example.org" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_title_that_is_an_address_makes_no_name_with_a_password():
    text = "feeds: [{url: a.xml, title: 'https://me:hunter2@example.org/'}]"

    (feed,) = parsed(text).feeds

    assert "hunter2" not in feed.name
    assert feed.title == "https://***@example.org/"

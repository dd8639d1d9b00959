"""`request` in config.yaml: what a feed and its host have, and what is a fault."""

import pytest

from aggregator import config, urls
from aggregator.config import header_parsers
from aggregator.config.opml_lists import with_opml_lists
from aggregator.model import FeedRequest, OpmlOutline, Proxy
from tests.configured import parsed, problem, problems

FEED = "https://feeds.a.example/x.xml"


def request_of(text, url=FEED):
    return parsed(text).requests.get(url)


def feed(request, url=FEED):
    return f"feeds:\n  - url: {url}\n    request: {request}\n"


def test_a_feed_has_headers_and_a_user_agent_of_its_own():
    text = feed("{headers: {X-Api-Key: a b, accept-language: de}, user_agent: me/1}")

    assert request_of(text) == FeedRequest(
        (("X-Api-Key", "a b"), ("accept-language", "de")), "me/1"
    )


@pytest.mark.parametrize("request_text", ["", "{}", "{headers: }", "{headers: {}, user_agent: }"])
def test_a_request_without_values_is_one_like_every_other(request_text):
    read = parsed(feed(request_text))

    assert (read.requests, read.feeds[0].request_digest) == ({}, None)


def test_a_feed_goes_before_its_host_and_headers_are_put_together():
    text = (
        "hosts:\n"
        "  a.example: {request: {headers: {A: wide, B: wide, C: wide}, user_agent: wide/1}}\n"
        "  feeds.b.example: {request: {headers: {A: b}}}\n"
        "feeds:\n"
        f"  - url: {FEED}\n"
        "    request: {headers: {b: near}}\n"
        "  - https://a.example/\n"
        "  - https://nota.example/\n"
        "  - https://b.example/\n"
        "  - https://www.feeds.b.example/\n"
    )

    read = parsed(text)

    wide = (("A", "wide"), ("B", "wide"), ("C", "wide"))
    assert read.requests == {
        FEED: FeedRequest((("A", "wide"), ("b", "near"), ("C", "wide")), "wide/1"),
        "https://a.example/": FeedRequest(wide, "wide/1"),
        "https://www.feeds.b.example/": FeedRequest((("A", "b"),)),
    }
    assert (
        config.request_at("https://x.a.example/", read.hosts, read.network).user_agent == "wide/1"
    )


def test_a_file_has_no_request():
    assert request_of(feed("{headers: {A: b}}", "a.xml"), "a.xml") is None


def test_the_digest_tells_requests_apart_and_holds_no_header():
    requests = [
        FeedRequest((("A", "secret-1"),)),
        FeedRequest((("A", "secret-2"),)),
        FeedRequest((("A", "secret-1"),), "x"),
        FeedRequest((("A", "secret-1"), ("B", "secret-1"))),
    ]
    digests = {request.digest for request in requests}

    assert len(digests) == len(requests)
    assert "secret" not in repr(requests)
    assert (
        FeedRequest((("b", "1"), ("A", "2"))).digest == FeedRequest((("a", "2"), ("B", "1"))).digest
    )


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "connection", "If-None-Match", "IF-MODIFIED-SINCE", "If-X", "Accept-Encoding"),
        *("Content-Length", "content-type", "A-IM", "Transfer-Encoding", "TE", "Upgrade"),
        *("Proxy-Authorization", "Keep-Alive", "Trailer", "Expect", "Range"),
    ],
)
def test_a_header_that_the_program_sets_itself_is_a_fault(name):
    fault = problem(feed(f"{{headers: {{{name}: x}}}}"))

    assert fault == (
        f"3:25: feeds[0].request.headers.{name}: "
        "is a header that only the program itself can set; remove it"
    )


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ("{A: s3cret}, user_agnt: x", "3:37: feeds[0].request.user_agnt: unknown key; did"),
        ("{User-Agent: s3cret}", "3:25: feeds[0].request.headers.User-Agent: has a key of its own"),
        ("{A: s3cret, a: s3cret}", "3:36: feeds[0].request.headers.a: is the same header as A"),
        ("{A s3cret: x}", "3:24: feeds[0].request.headers: has a name that is not one of a header"),
        ("{'A:s3cret': x}", "3:24: feeds[0].request.headers: has a name that is not one of a head"),
        ("{Ä: s3cret}", "3:24: feeds[0].request.headers: has a name that is not one of a header"),
        ("{'': s3cret}", "3:24: feeds[0].request.headers: has a name that is not one of a header"),
        ("[A s3cret]", "3:24: feeds[0].request.headers: must be followed by indented headers"),
        ("'A: s3cret'", "3:24: feeds[0].request.headers: must be followed by indented headers"),
        ("{A: }", "3:28: feeds[0].request.headers.A: empty; write a value, or remove the line"),
        ("{A: '  '}", "3:28: feeds[0].request.headers.A: empty; write a value, or remove the lin"),
        ("{A: [s3cret]}", "3:28: feeds[0].request.headers.A: must be one value, not a list"),
        ('{A: "s3cret\\r\\nB: c"}', "3:28: feeds[0].request.headers.A: has a character that no he"),
        ('{A: "s3cret\\n"}', "3:28: feeds[0].request.headers.A: has a character that no header"),
        ('{A: "s3cret\\0"}', "3:28: feeds[0].request.headers.A: has a character that no"),
        ('{A: "s3cret\\t"}', "3:28: feeds[0].request.headers.A: has a character that no"),
        ("{A: s3crét}", "3:28: feeds[0].request.headers.A: has a character"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_headers_is_told_with_its_place_and_without_a_value(headers, fault):
    said = problem(feed(f"{{headers: {headers}}}"))

    assert said.startswith(fault)
    assert "s3cret" not in said


def test_a_header_and_their_number_have_limits():
    long = header_parsers.MAX_VALUE
    assert problem(feed(f"{{headers: {{A: {'x' * (long + 1)}}}}}")).endswith(
        "is 4,097 characters long; write at most 4,096"
    )
    assert request_of(feed(f"{{headers: {{A: {'x' * long}}}}}"))
    many = ", ".join(f"H{number}: x" for number in range(header_parsers.MAX_HEADERS + 1))
    assert "has 51 headers; write at most 50" in problem(feed(f"{{headers: {{{many}}}}}"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("headers: {A: b}", '1:1: headers: unknown key; "headers" belongs under "request"'),
        ("request: {user_agent: x}", "1:1: request: unknown key"),
        (feed("x"), "3:14: feeds[0].request: must be followed by indented settings"),
        (feed("{insecure: true}"), "3:15: feeds[0].request.insecure: unknown key; known here are"),
        ("hosts: {a.example: {request: {header: {A: b}}}}",
         '1:31: hosts.a.example.request.header: unknown key; did you mean "headers"?'),
        ("hosts: {a.example: {request: {headers: {Host: b}}}}",
         "1:41: hosts.a.example.request.headers.Host: is a header that only the program"),
        (feed('{user_agent: "a\\r\\nb"}'), "3:27: feeds[0].request.user_agent: has a character"),
    ],
)  # fmt: skip
def test_a_request_that_is_misplaced_or_misspelled_is_told(text, fault):
    assert problem(text).startswith(fault)


def test_variables_in_headers_are_filled_in_and_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("TOKEN", "abcd-from-outside")
    (tmp_path / "key").write_text("efgh-from-a-file\n")
    text = feed("{headers: {X: '${TOKEN}', Y: 'Bearer ${file:key}'}}")

    read = config.parse(text, path=tmp_path / "config.yaml")

    assert read.requests[FEED].headers == (
        ("X", "abcd-from-outside"), ("Y", "Bearer efgh-from-a-file"),
    )  # fmt: skip
    assert read.secrets == ("abcd-from-outside", "efgh-from-a-file")
    assert urls.masked_text("a abcd-from-outside efgh-from-a-file") == "a *** ***"
    assert "from-" not in repr(read)


def test_a_variable_cannot_add_a_header(monkeypatch):
    monkeypatch.setenv("TOKEN", "a\r\nHost: b")

    assert problem(feed("{headers: {X: '${TOKEN}'}}")).endswith(
        "X: has a character that no header may have (U+000D)"
    )


def test_a_header_in_the_file_is_secret_by_its_name():
    text = feed(
        "{headers: {Authorization: Bearer literal-token-1, X-Api-Key: literal-key-2, "
        "Cookie: 'a=literal-cookie-3; b=literal-cookie-4; c=english', "
        "Accept-Language: harbour-language}}"
    )

    assert parsed(text).secrets == (
        "Bearer literal-token-1", "literal-token-1", "literal-key-2",
        "literal-cookie-3", "literal-cookie-4",
    )  # fmt: skip
    assert urls.masked_text("literal-token-1 harbour-language") == "*** harbour-language"


@pytest.mark.parametrize(
    ("user_agent", "remark"),
    [
        ("Mozilla/5.0 (X11) Firefox/130.0", "names a browser"),
        ("Mozilla/5.0 (compatible; me; +https://me.example)", "names a browser"),
        ("reader/1.0", "has no address to write to"),
        ("reader/1.0 (+https://me.example/robot)", None),
        ("reader/1.0 (me@mail.example)", None),
    ],
)
def test_a_user_agent_that_hides_the_robot_gets_one_remark(user_agent, remark):
    hosts = f"{{a.example: {{request: {{user_agent: '{user_agent}'}}}}}}"
    text = f"hosts: {hosts}\nfeeds: [{FEED}, https://a.example/2]"
    notes = [note for note in config.notes(parsed(text)) if "user_agent" in note]

    assert [note.partition("; ")[0] for note in notes] == (
        [f"feeds[0] (feeds-a-example): user_agent {remark}"] if remark else []
    )


def test_a_secret_that_is_sent_unencrypted_gets_a_remark():
    text = feed("{headers: {Accept-Language: de, X-Api-Key: hello-there}}", "http://b.example/")
    notes = [note for note in config.notes(parsed(text)) if "unencrypted" in note]

    assert notes == ["feeds[0] (b-example): X-Api-Key is sent unencrypted; write https://"]
    for url in ("https://b.example/", "http://nas.local/", "http://127.0.0.1/"):
        assert not [n for n in config.notes(parsed(feed("{headers: {Authorization: x}}", url)))
                    if "unencrypted" in n]  # fmt: skip


def test_two_hosts_of_one_site_are_still_one_key():
    text = "hosts: {www.a.example: {}, a.example: {}}"

    assert "is the same site as" in problems(text)[0]


# ------------------------------------------------------------------------------ proxies

TOR = Proxy("socks5", "127.0.0.1", 9050)


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("socks5://127.0.0.1:9050", TOR),
        ("SOCKS5H://127.0.0.1:9050/", TOR),
        ("http://Proxy.Example:3128", Proxy("http", "proxy.example", 3128)),
        ("https://me:p%40ss%3a@[fd00::1]:8443", Proxy("https", "fd00::1", 8443, "me", "p@ss:")),
        ("http://прокси.example:1", Proxy("http", "xn--h1adldfi.example", 1)),
    ],
)
def test_a_proxy_has_a_scheme_a_host_and_a_port(text, proxy):
    assert parsed(f"network: {{proxy: '{text}'}}").network.proxy == proxy


@pytest.mark.parametrize("text", ["", "''", "off", "no", "'${PROXY:-}'"])
def test_a_network_may_have_no_proxy(text, monkeypatch):
    monkeypatch.delenv("PROXY", raising=False)
    read = parsed(f"network: {{proxy: {text}}}\nfeeds: [{FEED}]")

    assert (read.network.proxy, read.requests) == (None, {})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("proxy.example:3128", '"proxy.example:3128" is not complete; write http:// or socks5://'),
        ("me:s3cret@proxy.example:1", '"***@proxy.example:1" is not complete; write http:// or'),
        ("socks4://a.example:1", '"socks4://a.example:1" can\'t be used; write http://, https://'),
        ("ftp://me:s3cret@a.example:1", '"ftp://***@a.example:1" can\'t be used; write http://, '),
        ("http://a.example", '"http://a.example" has no port; write http://a.example:3128'),
        ("socks5://a.example", '"socks5://a.example" has no port; write socks5://a.example:9050'),
        ("http://me:s3/cret@a.example:1", "ends with its port; leave out everything behind, and"),
        ("http://a.example:1/path", "ends with its port; leave out everything behind, and write"),
        ("http://:1", '"http://:1" is not an address; write http://host:port'),
        ("http://a.example:99999", '"http://a.example:99999" is not an address; write http://ho'),
        ("http://:s3cret@a.example:1", "has a password without a user; write both, as user:pass"),
        (f"socks5://me:{'s3cret' * 50}@a.example:1", "has a user or password of more than 255 by"),
        ("[a]", "must be one value, not a list"),
    ],
)
def test_what_is_wrong_with_a_proxy_is_told_without_its_password(text, fault):
    for before, where in (("network: {proxy: ", "network.proxy"),
                          ("feeds:\n  - url: a.xml\n    request: {proxy: ",
                           "feeds[0].request.proxy")):  # fmt: skip
        said = problem(f"{before}{text if text == '[a]' else repr(text)}}}")

        assert f" {where}: {fault}" in said
        assert "s3cret" not in said and "cret" not in said


def test_the_nearest_proxy_wins_and_off_means_none():
    read = parsed(
        "network: {proxy: 'http://wide.example:1'}\n"
        "hosts:\n"
        "  a.example: {request: {proxy: 'http://of.host.example:2'}}\n"
        "  b.example: {request: {proxy: off}}\n"
        "feeds:\n"
        "  - https://c.example/\n"
        "  - https://a.example/\n"
        "  - {url: 'https://a.example/2', request: {proxy: 'http://of.feed.example:3'}}\n"
        "  - {url: 'https://a.example/3', request: {proxy: off}}\n"
        "  - https://b.example/\n"
        "  - {url: 'https://c.example/4', request: {headers: {A: b}}}\n"
        "  - a.xml\n"
    )

    ports = [read.requests[feed.url].proxy.port if feed.by_proxy else None for feed in read.feeds]
    assert ports == [1, 2, 3, None, None, 1, None]
    digests = [feed.request_digest for feed in read.feeds]
    assert [digest is None for digest in digests] == [port is None for port in ports]
    assert len(set(digests)) == 5
    assert config.request_at("https://d.example/", read.hosts, read.network).proxy.port == 1


def test_the_password_of_a_proxy_is_secret(monkeypatch):
    monkeypatch.setenv("PROXY", "socks5://me:from-outside-1@a.example:1")
    monkeypatch.setenv("PASSWORD", "from-outside-2")
    read = parsed(
        "network: {proxy: '${PROXY}'}\n"
        "feeds:\n"
        "  - url: https://b.example/\n"
        "    request: {proxy: 'http://me:${PASSWORD}@a.example:2'}\n"
        "  - url: https://c.example/\n"
        "    request: {proxy: 'http://me:literal-3@a.example:2'}\n"
    )

    assert set(read.secrets) == {"from-outside-1", "from-outside-2", "literal-3"}
    assert "outside" not in repr(read)
    assert "literal-3" not in repr(read)


def test_our_own_hub_needs_direct_requests():
    text = "network: {proxy: 'http://a.example:1'}\nwebsub: {hub: %s}"

    assert problem(text % "self").startswith("2:15: websub.hub: self needs direct requests; ")
    assert parsed(text % "https://hub.example/").network.proxy


def test_an_opml_list_and_its_feeds_go_by_the_proxy_without_headers_of_hosts():
    read = parsed(
        "network: {proxy: 'http://wide.example:1'}\n"
        "hosts:\n"
        "  a.example: {request: {headers: {A: b}, proxy: 'http://of.host.example:2'}}\n"
        "feeds:\n"
        "  - opml: https://lists.example/a.opml\n"
    )
    outlines = [OpmlOutline("https://a.example/1"), OpmlOutline("https://b.example/2")]

    listed = with_opml_lists(read, {"https://lists.example/a.opml": outlines})

    ports = {url: request.proxy.port for url, request in listed.requests.items()}
    assert ports == {
        "https://lists.example/a.opml": 1, "https://a.example/1": 2, "https://b.example/2": 1,
    }  # fmt: skip
    assert not any(request.headers for request in listed.requests.values())
    assert [feed.by_proxy for feed in listed.feeds] == [True, True]

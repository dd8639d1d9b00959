"""Whatever a client asks, in whatever words: an answer, and never a fault of ours."""

import re
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.selection import fuzz_examples, slow_after
from tests.web_fixtures import Site, full_site, post_path

fuzzed = settings(
    max_examples=fuzz_examples(80), deadline=None, suppress_health_check=list(HealthCheck)
)

PARAMETERS = (
    "q",
    "before",
    "after",
    "limit",
    "skip",
    "view",
    "raw",
    "source",
    "category",
    "v",
    "in",
)
HEADERS = (
    "Accept", "Accept-Encoding", "Accept-Language", "A-IM", "Authorization", "Content-Length",
    "Content-Type", "Cookie", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "Range",
    "Forwarded", "Host", "Origin", "Sec-Fetch-Dest", "User-Agent", "X-Forwarded-For",
    "X-Forwarded-Host",
)  # fmt: skip
# What is worth finding together, rather than one byte in a million.
PIECES = (
    "after:", "before:", "source:", "category:", "author:", "-", '"', "2249", "1690", "9999-12-31",
    "0001", "0000", "2026-13", "lamp", "tide", "trade", "the-sea", "news", "9223372036854775807",
    "-9223372036854775808", "1", "200", "1e9", "titles", "document", "feed", "gzip", "br", "*", ",",
    ";", "q=", "q=nan", "q=inf", "q=-1", "=", "W/", '"x"', "en", "de-CH", "zh-Hant-TW", "x-" * 99,
    "seen=1.2.3.4", "seen=9999999999999.9999999999999.9999999999999.9999999999999", "bytes=0-1",
    "Mon, 23 Nov 2026 10:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59",
    "2026-W48", "9999-W52", "0001-W01", ".atom", "feed.rss", "%", "%00", "\0", "\ud800", "ß", "İ",
    "海", "\u202e", "\u0301", "'", " OR ", "(", ")", "/", "..", "app.en.js",
)  # fmt: skip
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=8).map("".join)
in_addresses = st.one_of(texts.map(lambda text: text.encode(errors="surrogatepass")), st.binary())
NAMED = {
    "form": st.sampled_from([b"atom", b"rss", b"json"]),
    "name": st.one_of(st.sampled_from([b"lamp", b"tide", b"app.en.js"]), in_addresses),
    "slug": st.one_of(st.sampled_from([b"trade", b"the-sea"]), in_addresses),
    "kind": st.sampled_from([b"category", b"view", b"list"]),  # empty, the path would name a host
    "key": st.one_of(st.sampled_from([b"trade", b"the-sea"]), in_addresses),
    "week": st.one_of(st.sampled_from([b"2026-W48", b"0001-W01", b"9999-W52"]), in_addresses),
}
PLACE = re.compile(r"<(?:[^<>]*:)?(\w+)>")
in_headers = texts.map(
    lambda text: text.translate(dict.fromkeys(map(ord, "\r\n\0"))).encode("latin-1", "ignore")
).map(lambda data: data.decode("latin-1"))


@pytest.fixture(scope="module", params=slow_after(1, ["plain", "limited, with deltas"]))
def fuzzed_site(request, tmp_path_factory) -> Site:
    site = full_site(tmp_path_factory.mktemp("fuzz"))
    if request.param == "plain":
        return site
    publish = {"limit_clients": "on", "deltas": "on"}
    return Site(tmp_path_factory.mktemp("limited"), publish=publish)


@fuzzed
@given(data=st.data())
def test_no_address_parameter_or_header_leads_to_a_fault(fuzzed_site, data):
    rules = sorted(rule.rule for rule in fuzzed_site.app.url_map.iter_rules())
    path = PLACE.sub(
        lambda place: quote_from_bytes(data.draw(NAMED.get(place[1], in_addresses)), safe=""),
        data.draw(st.sampled_from(rules)),
    )
    queries = data.draw(st.lists(st.tuples(st.sampled_from(PARAMETERS), in_addresses), max_size=4))
    query = "&".join(f"{name}={quote_from_bytes(value)}" for name, value in queries)
    headers = data.draw(st.dictionaries(st.sampled_from(HEADERS), in_headers, max_size=4))
    method = data.draw(st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS", "POST"]))

    answer = fuzzed_site.client.open(f"{path}?{query}", method=method, headers=headers)

    assert answer.status_code < 500
    answer.close()


@fuzzed
@given(
    kind=st.sampled_from([b"", b"all/", b"category/", b"view/", b"source/", b"search/"]),
    key=in_addresses,
)
def test_no_list_in_the_address_of_a_post_leads_to_a_fault(fuzzed_site, kind, key):
    path = f"{post_path(fuzzed_site)}?in={quote_from_bytes(kind + key)}"

    assert fuzzed_site.client.get(path).status_code in {200, 404}


@pytest.mark.parametrize("path", ["/search", "/search/feed.atom", "/updates.json"])
@pytest.mark.parametrize(
    "year", slow_after(3, ["0001", "1500", "1690", "1693", "2248", "2249", "9999"])
)
@pytest.mark.parametrize("operator", ["after", "before"])
def test_a_search_may_name_any_year(full, path, year, operator):
    everything = (operator == "after") == (year < "2000")

    answer = full.client.get(path, query_string={"after": "1", "q": f"{operator}:{year}"})

    assert answer.status_code == 200
    if path == "/search":
        assert ("e-content" in answer.text or "h-entry" in answer.text) == everything

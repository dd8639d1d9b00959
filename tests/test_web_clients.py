"""What one client sends costs nobody else anything, and shows nobody what is private."""

import random
import time
import tracemalloc
from pathlib import Path

import pytest

import web
from tests.web_fixtures import Site, entry
from web.limits import Limiter
from web.request_limits import MAX_QUERY

# --------------------------------------------------------------------- what a request may cost

LISTS = {
    "Accept": "a/b;q=0.5,",
    "Accept-Encoding": "a,",
    "Accept-Language": "a;q=0.5,",
    "A-IM": "feed;x,",
    "Cookie": 'a="\\101";',
    "If-None-Match": 'W/"a",',
    "If-Modified-Since": "(1 ",
    "Range": "1-2,",
    "X-Forwarded-For": "1.2.3.4,",
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("path", ["/", "/feed.atom?x=1"])
def test_no_header_costs_by_its_length(tmp_path, name, path):
    site = Site(tmp_path, publish={"deltas": "on", "limit_clients": "on"})
    site.client.get(path.partition("?")[0])
    long = LISTS[name] * (250_000 // len(LISTS[name]))

    spent = time.process_time()
    answer = site.client.get(path, headers={name: long})
    spent = time.process_time() - spent

    assert answer.status_code == 200
    assert spent < 0.05, f"{name}: {spent:.3f} s"  # without a bound up to 0.4


@pytest.mark.parametrize("path", ["/", "/feed.atom", "/search"])
def test_a_query_has_a_bounded_length(site, path):
    answer = site.client.get(f"{path}?x=" + "y" * MAX_QUERY)

    assert answer.status_code == 414
    assert answer.text.count("\n") == 1
    assert site.client.get(f"{path}?x=" + "y" * (MAX_QUERY - 10)).status_code == 200


def test_a_long_list_of_known_versions_is_read(site):
    tag = site.client.get("/feed.atom").headers["ETag"]
    known = ", ".join([f'"{number:032x}"' for number in range(100)] + [tag])

    assert site.client.get("/feed.atom", headers={"If-None-Match": known}).status_code == 304


def test_what_clients_send_is_not_remembered(tmp_path):
    site = Site(tmp_path, publish={"limit_clients": "on"})
    site.subscribe()
    site.record("lamp", entry(1))
    for path in ("/feed.atom", "/"):
        site.client.get(path)
    letters = random.Random(1).randbytes(50_000).hex()

    tracemalloc.start()
    try:
        for number in range(60):
            agent = {"User-Agent": f"{number}{letters}", "X-Forwarded-For": f"{number},{letters}"}
            site.client.get(f"/feed.atom?x={number}{letters[:7000]}", headers=agent)
            site.client.get(f"/?x={number}{letters[:7000]}", headers=agent)
        ours = [tracemalloc.Filter(True, str(Path(web.__file__).with_name("*")))]
        taken = tracemalloc.take_snapshot().filter_traces(ours).statistics("filename")
    finally:
        tracemalloc.stop()

    assert sum(each.size for each in taken) < 1_000_000


def test_ten_thousand_clients_are_remembered_and_no_more():
    limiter = Limiter()

    for number in range(12_000):
        limiter.wait(f"client {number}", "/feed.atom", "x")

    assert len(limiter._got) == 10_000
    assert {len(key) for key in limiter._got} == {16}
    assert limiter.wait("client 11999", "/feed.atom", "x") is not None
    assert limiter.wait("client 11999", "/feed.atom", "y") is None
    assert limiter.wait("client 1", "/feed.atom", "x") is None

"""What one client sends costs nobody else anything, and shows nobody what is private."""

import random
import tracemalloc
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app

import web
from tests.cpu_time import cpu_limit
from tests.running import eventually, free_port, get, running, write_config
from tests.selection import slow_after
from tests.web_fixtures import Site, entry
from web import create_app
from web.client_limits import ClientLimiter
from web.request_limits import MAX_QUERY

PRIVATE = ["http://127.0.0.1:8080", "http://localhost", "http://nas.local/news", "http://10.1.2.3"]

# ------------------------------------------------------------- who may read a private instance


@pytest.mark.parametrize("base_url", [*PRIVATE, "https://posts.example"])
@pytest.mark.parametrize(
    "path", slow_after(1, ["/feed.atom", "/feed.json?limit=1", "/sources.opml", "/feed.rss"])
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_scripts_of_other_sites_read_public_feeds_only(tmp_path, base_url, path, method):
    site = Site(tmp_path, base_url=base_url)

    for _ in range(2):  # the second answer comes from memory
        answer = site.client.open(path, method=method, headers={"Origin": "https://evil.example"})

        opened = [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert bool(opened) is (base_url not in PRIVATE)
        assert answer.status_code == 200


OURS = ["localhost", "localhost:8080", "LOCALHOST.", "127.0.0.1", "127.0.0.1:1", "127.8.9.10",
        "[::1]", "[::1]:8080", "posts.example", "Posts.Example:443", "posts.example.",
        ""]  # fmt: skip
OTHERS = ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
          "posts.example.evil.example", "localhost@evil.example", "evil.example, localhost", "x",
          "[::1].evil.example", "[::2]", "192.168.1.5", "0.0.0.0", "2130706433", "localhost:x", ":",
          "[", "a" * 2000, "é", " localhost", "localhost/..", "localhost\t"]  # fmt: skip


def asked(app, host: str | None, path: str = "/") -> tuple[int, str]:
    environ = EnvironBuilder(path).get_environ()
    if host is None:
        del environ["HTTP_HOST"]
    else:
        environ["HTTP_HOST"] = host
    body, status, _ = run_wsgi_app(app.wsgi_app, environ, buffered=True)
    return int(status.split()[0]), b"".join(body).decode()


@pytest.mark.parametrize("listens_on", ["127.0.0.1", "::1", "localhost", "127.0.0.53"])
def test_a_loopback_server_answers_its_own_names_alone(site, listens_on):
    app = create_app(site.config, site.engine, listens_on=listens_on)

    assert {host: asked(app, host)[0] for host in OURS} == dict.fromkeys(OURS, 200)
    assert {host: asked(app, host)[0] for host in OTHERS} == dict.fromkeys(OTHERS, 421)
    assert asked(app, None)[0] == 200  # no browser
    assert asked(app, "evil.example", "/feed.atom")[0] == 421
    assert asked(app, "localhost", "/feed.atom")[0] == 200
    assert asked(app, "evil.example", "/feed.atom")[0] == 421  # nor from memory


def test_the_refusal_is_one_line_that_says_what_to_do(site):
    app = create_app(site.config, site.engine, listens_on="127.0.0.1")

    said = asked(app, "evil.example<b>\x1b[31m")[1]

    assert said.count("\n") == 1
    assert '"evil.example<b>[31m" is not a name of this server' in said
    assert "base_url" in said


@pytest.mark.parametrize("base_url", ["https://posts.example", "https://posts.example/é"])
def test_probes_ask_a_loopback_server_by_any_name(tmp_path, base_url):
    site = Site(tmp_path, base_url=base_url)
    app = create_app(site.config, site.engine, listens_on="127.0.0.1")

    assert asked(app, "host.docker.internal:8080", "/healthz")[0] == 200
    assert asked(app, "host.docker.internal:8080", "/metrics")[0] == 200
    assert asked(app, "host.docker.internal:8080", "/metrics/../status")[0] == 421


@pytest.mark.parametrize("listens_on", ["0.0.0.0", "::", "192.168.1.5", "nas.local", None])
def test_a_server_that_others_reach_answers_every_name(site, listens_on):
    app = create_app(site.config, site.engine, listens_on=listens_on)

    assert {host: asked(app, host)[0] for host in OTHERS} == dict.fromkeys(OTHERS, 200)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("listens_on", "status"),
    [("127.0.0.1", 421), pytest.param("0.0.0.0", 200, marks=pytest.mark.slow)],
)
def test_the_running_program_knows_where_it_listens(tmp_path, listens_on, status):
    write_config(tmp_path, [], web=f"{{host: {listens_on}, port: 0}}")

    with running(tmp_path) as (_, address):
        address = address.replace("0.0.0.0", "127.0.0.1")
        assert get(address)[0] == 200
        assert get(address, Host="evil.example")[0] == status
        assert get(f"{address}/healthz", Host="evil.example")[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 421), ("0.0.0.0", 200)])
def test_granian_s_processes_know_where_they_listen(tmp_path, host, status):
    write_config(tmp_path, [])

    arguments = ("serve", "--server", "granian", "--host", host)
    with running(tmp_path, *arguments, "--port", str(free_port())) as (_, address):
        address = address.replace("0.0.0.0", "127.0.0.1")
        eventually(lambda: get(f"{address}/healthz")[0] == 200)
        assert get(address)[0] == 200
        assert get(address, Host="evil.example")[0] == status


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
@pytest.mark.parametrize("path", slow_after(1, ["/", "/feed.atom?x=1"]))
def test_no_header_costs_by_its_length(tmp_path, name, path):
    site = Site(tmp_path, publish={"deltas": "on", "limit_clients": "on"})
    site.client.get(path.partition("?")[0])
    long = LISTS[name] * (250_000 // len(LISTS[name]))

    with cpu_limit(0.1):  # without a bound up to 0.4
        answer = site.client.get(path, headers={name: long})

    assert answer.status_code == 200


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


@pytest.mark.slow
def test_what_clients_send_is_not_remembered(tmp_path):
    site = Site(tmp_path, publish={"limit_clients": "on"})
    site.subscribe()
    site.record("lamp", entry(1))
    for path in ("/feed.atom", "/"):
        site.client.get(path)
    letters = random.Random(1).randbytes(50_000).hex()

    tracemalloc.start()
    try:
        for number in range(15):
            agent = {"User-Agent": f"{number}{letters}", "X-Forwarded-For": f"{number},{letters}"}
            site.client.get(f"/feed.atom?x={number}{letters[:7000]}", headers=agent)
            site.client.get(f"/?x={number}{letters[:7000]}", headers=agent)
        ours = [tracemalloc.Filter(True, str(Path(web.__file__).with_name("*")))]
        taken = tracemalloc.take_snapshot().filter_traces(ours).statistics("filename")
    finally:
        tracemalloc.stop()

    assert sum(each.size for each in taken) < 200_000


@pytest.mark.slow
def test_ten_thousand_clients_are_remembered_and_no_more():
    limiter = ClientLimiter()

    def asks_again(number: int, version: str = "x") -> bool:
        name = f"client {number}, whose name is long: {'x' * 1000}"
        return limiter.wait(name, "/feed.atom", version) is not None

    tracemalloc.start()
    try:
        assert not any(asks_again(number) for number in range(12_000))
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert size < 6_000_000  # half of what the names alone would take
    assert sum(asks_again(number) for number in reversed(range(12_000))) == 10_000
    assert not asks_again(11_999, "y")

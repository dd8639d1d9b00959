"""One conditional GET: what is sent, what comes back, where redirects lead; and local files."""

import asyncio
import base64
import os
import warnings

import pytest

from aggregator.fetch import Fetcher
from aggregator.model import Validators
from tests.feedserver import Canary, FeedServer
from tests.fetching import AGENT, failure, fetch, reason, settings
from tests.running import eventually

FEED = b"<rss version='2.0'><channel><title>News</title></channel></rss>"


@pytest.fixture
def server():
    with FeedServer() as running:
        running.put("/feed.xml", FEED)
        yield running


# ------------------------------------------------------------------ the request


def test_an_answer_is_a_body_with_headers_in_lower_case(server):
    server.put("/feed.xml", FEED, headers={"Content-Type": "application/rss+xml"})

    fetched = fetch(server.url("/feed.xml"))

    assert (fetched.status, fetched.body, fetched.size) == (200, FEED, len(FEED))
    assert fetched.url == server.url("/feed.xml")
    assert fetched.moved_to is None
    assert fetched.headers["content-type"] == "application/rss+xml"


def test_a_poll_is_one_request_with_the_headers_of_a_polite_robot(server):
    fetch(server.url("/feed.xml#part"))

    (request,) = server.requests
    assert request.path == "/feed.xml"
    assert request.headers["user-agent"] == AGENT
    assert request.headers["accept"].startswith("application/atom+xml, application/rss+xml")
    assert request.headers["accept-encoding"] == "gzip, deflate, br"
    assert set(request.headers) == {
        "host", "user-agent", "accept", "accept-encoding", "connection",
    }  # fmt: skip


def test_a_lost_connection_is_not_tried_again(server):
    server.raw("/feed.xml", lambda sock: None)

    assert reason(server.url("/feed.xml")) == "connection closed before an answer"
    assert len(server.requests) == 1


def test_cookies_are_not_kept(server):
    server.put("/feed.xml", FEED, headers={"Set-Cookie": "id=1; Path=/"})

    async def twice():
        async with Fetcher(settings()) as fetcher:
            await fetcher.fetch(server.url("/feed.xml"))
            await fetcher.fetch(server.url("/feed.xml"))

    asyncio.run(twice())

    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/f?sig=a%2Fb%2Bc+d%20e&x=~%7E", "/f?sig=a%2Fb%2Bc+d%20e&x=~%7E"),
        ("/ä?q=ö", "/%C3%A4?q=%C3%B6"),
        ("/a b", "/a%20b"),
        ("", "/"),
        ("#part", "/"),
    ],
)
def test_a_url_is_sent_as_it_is_written_where_it_can_be(server, written, sent):
    server.put(sent, FEED)

    fetch(server.url(written))

    assert server.requests[0].path == sent


def test_capitals_in_scheme_and_host_make_no_difference(server):
    url = server.url("/feed.xml").replace("http:", "HTTP:")

    assert fetch(url).body == FEED


def test_user_and_password_become_basic_authentication_and_are_shown_nowhere(server):
    url = server.url("/feed.xml").replace("http://", "http://jörg:p%40ss:word@")

    fetched = fetch(url)

    sent = server.requests[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "jörg:p@ss:word"
    assert fetched.url == fetched.validators.url == server.url("/feed.xml")


def test_an_error_does_not_repeat_a_password(server):
    error = failure(server.url("/nothing").replace("http://", "http://me:secret@"))

    assert str(error) == f"http://***@127.0.0.1:{server.port}/nothing: 404 Not Found"


# --------------------------------------------------------------------- validators


def test_validators_come_back_byte_for_byte(server):
    server.put("/feed.xml", FEED, etag='W/"a,  b"', last_modified="yesterday, 25:61")

    first = fetch(server.url("/feed.xml"))
    second = fetch(server.url("/feed.xml"), first.validators)

    assert first.validators == Validators(server.url("/feed.xml"), 'W/"a,  b"', "yesterday, 25:61")
    assert server.requests[1].headers["if-none-match"] == 'W/"a,  b"'
    assert server.requests[1].headers["if-modified-since"] == "yesterday, 25:61"
    assert (second.status, second.body, second.size) == (304, b"", 0)
    assert second.validators == first.validators


@pytest.mark.parametrize(
    "etag",
    [
        "unquoted",
        '""',
        '"ÄÖ"'.encode().decode("latin-1"),
        '"a\tb"',
        '"\xff\xfe"',
        '"é"',
        "x" * 9000,
    ],
)
def test_a_strange_etag_comes_back_byte_for_byte_or_not_at_all(server, etag):
    server.put("/feed.xml", FEED, etag=etag, conditional=False)

    validators = fetch(server.url("/feed.xml")).validators
    fetch(server.url("/feed.xml"), validators)

    assert server.requests[1].headers.get("if-none-match") in {etag, None}
    assert (validators.etag is None) == ("if-none-match" not in server.requests[1].headers)


def test_an_etag_in_utf_8_comes_back(server):
    etag = '"ÄÖ"'.encode().decode("latin-1")
    server.put("/feed.xml", FEED, etag=etag)

    assert fetch(server.url("/feed.xml"), fetch(server.url("/feed.xml")).validators).status == 304


@pytest.mark.parametrize("etag", ['"a\r\nX-Evil: 1"', '"\x00"', '"\udcff"', "x" * 70_000, ""])
def test_a_stored_validator_that_cannot_be_sent_is_not_sent(server, etag):
    url = server.url("/feed.xml")

    assert fetch(url, Validators(url, etag, "Thu, 01 Jan 2026 00:00:00 GMT")).status == 200
    assert "if-none-match" not in server.requests[0].headers
    assert "x-evil" not in server.requests[0].headers
    assert server.requests[0].headers["if-modified-since"] == "Thu, 01 Jan 2026 00:00:00 GMT"


def test_validators_go_to_no_other_url(server):
    fetch(server.url("/feed.xml"), Validators(server.url("/other.xml"), '"1"', "then"))
    fetch(server.url("/feed.xml"), Validators(None, '"1"', "then"))

    assert not any("if-none-match" in request.headers for request in server.requests)
    assert not any("if-modified-since" in request.headers for request in server.requests)


def test_a_200_replaces_both_validators_and_a_missing_one_is_forgotten(server):
    url = server.url("/feed.xml")
    server.put("/feed.xml", FEED, etag='"2"')

    assert fetch(url, Validators(url, '"1"', "then")).validators == Validators(url, '"2"', None)


def test_a_304_keeps_the_validators_that_it_does_not_renew(server):
    url = server.url("/feed.xml")
    server.put("/feed.xml", status=304, headers={"ETag": '"2"'})

    fetched = fetch(url, Validators(url, '"1"', "then"))

    assert fetched.validators == Validators(url, '"2"', "then")


def test_a_304_that_nobody_asked_for_is_an_error(server):
    server.put("/feed.xml", status=304)

    error = failure(server.url("/feed.xml"))

    assert (error.reason, error.status) == ("unexpected answer 304", 304)


# ---------------------------------------------------------------------- redirects


@pytest.mark.parametrize(
    ("statuses", "moved"),
    [([301], True), ([308], True), ([301, 308], True), ([302], False), ([303], False),
     ([307], False), ([301, 302], False), ([307, 301], False)],
)  # fmt: skip
def test_a_feed_has_moved_only_if_every_redirect_is_for_good(server, statuses, moved):
    paths = [f"/{number}" for number in range(len(statuses))] + ["/feed.xml"]
    for path, there, status in zip(paths, paths[1:], statuses, strict=False):
        server.redirect(path, there, status)

    fetched = fetch(server.url("/0"))

    assert fetched.body == FEED
    assert fetched.url == server.url("/feed.xml")
    assert fetched.moved_to == (server.url("/feed.xml") if moved else None)


def test_a_feed_that_needs_a_password_has_not_moved_to_an_address_without_it(server):
    server.redirect("/old", "/feed.xml")

    assert fetch(server.url("/old").replace("//", "//me:secret@", 1)).moved_to is None


def test_validators_after_a_redirect_belong_to_the_url_that_answered(server):
    server.put("/feed.xml", FEED, etag='"1"')
    server.redirect("/old", "/feed.xml")

    first = fetch(server.url("/old"))
    second = fetch(server.url("/old"), first.validators)

    assert first.validators.url == server.url("/feed.xml")
    assert second.status == 304
    assert second.moved_to == server.url("/feed.xml")
    sent = [(request.path, "if-none-match" in request.headers) for request in server.requests[2:]]
    assert sent == [("/old", False), ("/feed.xml", True)]


@pytest.mark.parametrize(
    ("location", "path"),
    [("feed.xml?a=1", "/dir/feed.xml?a=1"), ("../feed.xml", "/feed.xml"), ("?b", "/dir/x?b"),
     (" /f\teed.xml#part ", "/feed.xml"), ("/ä b", "/%C3%A4%20b")],
)  # fmt: skip
def test_a_location_is_relative_to_where_it_came_from(server, location, path):
    server.redirect("/dir/x", location.encode().decode("latin-1"))
    server.put(path, FEED)

    assert fetch(server.url("/dir/x")).url == server.url(path)


def test_five_redirects_are_followed_and_a_sixth_is_too_many(server):
    for number in range(6):
        server.redirect(f"/{number}", f"/{number + 1}")
    server.put("/6", FEED)

    assert fetch(server.url("/1")).url == server.url("/6")
    assert reason(server.url("/0")) == "too many redirects"


def test_a_redirect_loop_ends_at_once(server):
    server.redirect("/a", "/b", 302)
    server.redirect("/b", "/a", 302)

    error = failure(server.url("/a"))

    assert (error.reason, error.status) == ("too many redirects", 302)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "gopher://127.0.0.1/", "javascript:alert(1)", "mailto:a@b.example",
     "http://[::1", "http://a:99999/", "data:text/xml,<rss/>", "x" * 5000],
)  # fmt: skip
def test_a_redirect_to_nowhere_is_an_error(server, location):
    server.redirect("/old", location)

    words = reason(server.url("/old"))

    assert words == "a redirect to something that is not an http or https address"


def test_a_redirect_without_location_is_an_error(server):
    server.put("/old", status=301)

    assert reason(server.url("/old")) == "a redirect that does not say where to"


def test_an_error_behind_a_redirect_says_so(server):
    server.redirect("/old", "/gone")
    server.put("/gone", status=410)

    error = failure(server.url("/old"))

    assert (error.reason, error.status) == ("after a redirect: 410 Gone", 410)


def test_a_password_stays_with_its_origin(server):
    """CVE-2018-20060, CVE-2023-43804, PYSEC-2018-28, PYSEC-2023-74."""
    with FeedServer() as elsewhere:
        elsewhere.put("/feed.xml", FEED)
        server.redirect("/a", "/b", 302)
        server.redirect("/b", elsewhere.url("/feed.xml").replace("//", "//you:yours@"), 302)

        fetch(server.url("/a").replace("//", "//me:secret@", 1))

        assert ["authorization" in request.headers for request in server.requests] == [True, True]
        (request,) = elsewhere.requests
        secrets = {"authorization", "proxy-authorization", "referer", "cookie"}
        assert not secrets & set(request.headers)


def test_the_body_of_a_redirect_is_not_read(server):
    server.raw(
        "/old",
        lambda sock: (
            sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: /feed.xml\r\n\r\n" + b"x" * 10_000),
            server.pause(900),
        ),
    )

    assert fetch(server.url("/old"), timeout=900, read_timeout=900).body == FEED


# -------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/passwd", "javascript:alert(1)", "data:,x", "feed:x"]
)
def test_only_http_and_https_are_polled(url):
    assert reason(url) == "only http and https addresses are polled"


@pytest.mark.parametrize(
    "url",
    ["http://", "http://[::1", "http://a:99999/", "http://a:b/", "http://a b/",
     "http://\x00/", "http://[1::v]/", "http://[fe80::1%25eth0]/", "http://%31/", "http://\udc80/",
     "http://1.2.3.4.5/", "http://a<b>/", "http://@/"],
)  # fmt: skip
def test_an_address_that_makes_no_sense_is_not_a_valid_one(url):
    assert reason(url) == "not a valid address"


# ----------------------------------------------------------------------- local files


def test_a_path_is_read_from_the_folder_of_the_configuration(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "feed.xml").write_bytes(FEED)

    first = fetch("sub/feed.xml", files=tmp_path)
    second = fetch("sub/feed.xml", first.validators, files=tmp_path)

    assert (first.status, first.url, first.body, first.size) == (
        200, "sub/feed.xml", FEED, len(FEED),
    )  # fmt: skip
    assert (second.status, second.body) == (304, b"")
    assert second.validators == first.validators


def test_a_file_that_changed_is_read_again(tmp_path):
    (tmp_path / "feed.xml").write_bytes(FEED)
    first = fetch("feed.xml", files=tmp_path)
    (tmp_path / "feed.xml").write_bytes(FEED + b"\n")

    assert fetch("feed.xml", first.validators, files=tmp_path).status == 200


@pytest.mark.parametrize(
    "path", ["../secret.xml", "link.xml", "sub/../../secret.xml", "/etc/passwd", "//etc/passwd"]
)
def test_no_path_leads_out_of_the_folder(tmp_path, path):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret.xml").write_bytes(FEED)
    (folder / "link.xml").symlink_to(tmp_path / "secret.xml")

    assert reason(path, files=folder) == "the file is outside the folder of config.yaml"


@pytest.mark.parametrize("path", ["none.xml", "none/none.xml", "feed.xml/x", "a\x00b"])
def test_a_missing_file_is_told(tmp_path, path):
    (tmp_path / "feed.xml").write_bytes(FEED)

    assert reason(path, files=tmp_path) == "no such file beside config.yaml"


def test_pipes_folders_and_devices_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    assert reason("pipe", files=tmp_path) == "not a regular file"
    assert reason(".", files=tmp_path) == "not a regular file"


def test_a_file_has_the_limits_of_an_answer(tmp_path):
    (tmp_path / "large.xml").write_bytes(b"x" * 2001)
    (tmp_path / "blank.xml").write_bytes(b" \n")

    assert reason("large.xml", files=tmp_path, max_size=2000) == "too large (limit 2 kB)"
    assert reason("blank.xml", files=tmp_path) == "the file is empty"


def test_without_a_folder_no_file_is_read():
    assert reason("feed.xml") == "only http and https addresses are polled"


# -------------------------------------------------------------------------- many


@pytest.mark.slow
def test_three_hundred_fetches_at_once_leave_nothing_behind(server):
    server.put("/feed.xml", FEED, delay=0.1)

    async def many():
        async with Fetcher(settings()) as fetcher:
            return await asyncio.gather(
                *(fetcher.fetch(server.url("/feed.xml")) for _ in range(300))
            )

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = asyncio.run(many())

    assert {result.body for result in results} == {FEED}


def test_a_fetch_can_be_given_up_at_any_time(server):
    server.raw("/hang", lambda sock: server.pause(900))

    async def cancelled():
        async with Fetcher(settings(timeout=900, read_timeout=900)) as fetcher:
            task = asyncio.create_task(fetcher.fetch(server.url("/hang")))
            await asyncio.to_thread(eventually, lambda: server.requests, every=0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return task.cancelled()

    assert asyncio.run(asyncio.wait_for(cancelled(), 60))


def test_a_fetcher_that_is_not_open_fetches_nothing():
    with Canary("127.0.0.1") as canary, pytest.raises(RuntimeError):
        asyncio.run(Fetcher(settings()).fetch(f"http://127.0.0.1:{canary.port}/"))

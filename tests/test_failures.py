"""Why polls fail: the kind of each failure, and what pages say of each."""

from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.errors import ParseError
from aggregator.model import Constraint, Failure, FailureKind, FeedHealth, Source
from aggregator.reading.worker_task import read_document
from tests.feedserver import FeedServer
from tests.fetching import failure
from tests.worlds import NOW
from web.failure_texts import check_reason, defect_sentence, failure_sentence
from web.language import available, language

ENGLISH = language("en")
URL = "https://lamp.example/feed"
SOURCE = Source(id=1, name="lamp", title="Lamp", feed_url=URL)
WALLS = (
    FailureKind.BOT_CHECK,
    FailureKind.FIREWALL,
    FailureKind.CONSENT_PAGE,
    FailureKind.LOGIN_PAGE,
    FailureKind.PARKED_DOMAIN,
    FailureKind.DEFAULT_PAGE,
    FailureKind.SUSPENDED,
    FailureKind.MAINTENANCE,
)
FAILING = FeedHealth(SOURCE, failures=2, last_polled_at=NOW, error="x", next_reason="later")


@pytest.fixture
def server():
    with FeedServer() as running:
        yield running


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, FailureKind.EMPTY),
        (300, FailureKind.HTTP_ERROR),
        (401, FailureKind.UNAUTHORIZED),
        (403, FailureKind.FORBIDDEN),
        (404, FailureKind.NOT_FOUND),
        (410, FailureKind.REMOVED),
        (418, FailureKind.HTTP_ERROR),
        (429, FailureKind.THROTTLED),
        (500, FailureKind.SERVER_ERROR),
        (503, FailureKind.SERVER_ERROR),
        (520, FailureKind.SERVER_ERROR),
        (999, FailureKind.HTTP_ERROR),
    ],
)
def test_a_status_tells_the_kind_of_the_failure(server, status, kind):
    server.put("/feed.xml", "<rss/>", status=status)

    assert failure(server.url("/feed.xml")).kind == kind


@pytest.mark.parametrize(
    ("status", "field", "value"),
    [
        (403, "cf-mitigated", "challenge"),
        (503, "CF-Mitigated", "Challenge"),
        (429, "x-vercel-mitigated", "challenge"),
        (405, "x-amzn-waf-action", "captcha"),
        (403, "x-dd-b", "1"),
    ],
)
def test_a_check_for_browsers_is_known_by_the_field_of_its_service(server, status, field, value):
    server.put("/feed.xml", "<html>Wait", status=status, headers={field: value})

    assert failure(server.url("/feed.xml")).kind == FailureKind.BOT_CHECK


@pytest.mark.parametrize(
    "fields", [{"cf-mitigated": "none"}, {"server": "cloudflare"}, {"x-datadome": "protected"}]
)
def test_a_field_of_a_service_that_checks_nobody_changes_nothing(server, fields):
    server.put("/feed.xml", "<html><h1>Forbidden</h1>", status=403, headers=fields)

    assert failure(server.url("/feed.xml")).kind == FailureKind.FORBIDDEN


def test_a_host_that_refuses_connections_is_no_host_without_a_name(server):
    url = server.url("/feed.xml")
    server.__exit__(None, None, None)

    assert failure(url).kind == FailureKind.REFUSED
    assert failure("http://nobody.invalid/feed").kind in {
        FailureKind.UNKNOWN_HOST,
        FailureKind.NO_NAME_SERVER,  # of a machine without a network
    }
    assert failure("http://x y/").kind == FailureKind.BAD_ADDRESS
    assert failure("missing.xml").kind in {FailureKind.FILE, FailureKind.BAD_ADDRESS}


def test_a_slow_server_a_large_answer_and_endless_redirects_have_kinds(server):
    server.put("/slow", "<rss/>", delay=2)
    server.put("/large", "x" * 5_000)
    server.put("/round", "", status=302, headers={"Location": "/round"})

    assert failure(server.url("/slow"), timeout=0.3).kind == FailureKind.TIMEOUT
    assert failure(server.url("/large"), max_size=1_000).kind == FailureKind.TOO_LARGE
    assert failure(server.url("/round")).kind == FailureKind.REDIRECTS


def rejected(body: bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        read_document(body, {"content-type": "text/html"}, "https://lamp.example/blog")
    return caught.value


def test_a_web_page_in_place_of_a_feed_is_told_with_the_feed_that_it_names():
    link = b'<link rel=alternate type="application/rss+xml" href="/rss">'
    page = b"<!doctype html><html><head>" + link + b"</head><body>Hello</body></html>"

    with_feed, without_feed = rejected(page), rejected(b"<!doctype html><html><p>Hello</html>")

    assert with_feed.kind == without_feed.kind == FailureKind.WEB_PAGE
    assert with_feed.named_feed == "https://lamp.example/rss"
    assert without_feed.named_feed is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html><head><title>Just a moment...</title></head><body>Checking</body></html>",
        b"<html><script src='/cdn-cgi/challenge-platform/h/b/orchestrate/x'></script></html>",
        b"<html><link rel=stylesheet href=/.within.website/x/xess/xess.min.css></html>",
        b"<html><meta name=robots content=noindex><script src=/_Incapsula_Resource?SWJIYLWA=7>",
        b"<html><meta http-equiv=refresh content='0;/.well-known/sgcaptcha/?r=%2F'></html>",
    ],
)
def test_a_check_in_place_of_a_feed_is_no_web_page(body):
    assert rejected(body).kind == FailureKind.BOT_CHECK


def test_a_post_about_checks_is_no_check():
    page = b"<html><p>Just a moment... we wrote about captchas</html>"

    assert rejected(page).kind == FailureKind.WEB_PAGE


@pytest.mark.parametrize("body", [b"{}", b"<opml/>", b"Hello"])
def test_a_document_of_another_kind_is_not_a_feed(body):
    assert rejected(body).kind == FailureKind.NOT_A_FEED


def test_an_error_keeps_its_kind_on_the_way_from_a_worker():
    import pickle

    error = ParseError(URL, "no", FailureKind.WEB_PAGE, "https://x/", "nginx")
    error = pickle.loads(pickle.dumps(error))

    assert (error.kind, error.named_feed) == (FailureKind.WEB_PAGE, "https://x/")
    assert error.service == "nginx"


# --------------------------------------------------------------------- in words


@pytest.mark.parametrize("tag", available())
def test_each_kind_has_a_sentence_of_its_own_in_each_language(tag):
    lang = language(tag)
    sentences = [failure_sentence(Failure(kind, 502), lang) for kind in FailureKind]
    sentences.append(
        failure_sentence(Failure(FailureKind.WEB_PAGE, 200, "https://x.example/"), lang)
    )
    sentences += [failure_sentence(Failure(kind, 403, None, "Lamp"), lang) for kind in WALLS]

    assert len(set(sentences)) == len(FailureKind) + 1 + len(WALLS)
    assert all("Lamp" in sentence for sentence in sentences[-len(WALLS) :])
    assert all(sentence.endswith((".", "。")) for sentence in sentences)
    assert "502" in failure_sentence(Failure(FailureKind.SERVER_ERROR, 502), lang)
    if not tag.startswith("en"):
        english = {failure_sentence(Failure(kind, 502), ENGLISH) for kind in FailureKind}
        assert not english & set(sentences)


@pytest.mark.parametrize(
    ("name", "minutes", "text"),
    [
        ("ttl", 15, "The feed asks to be checked every 15 minutes (ttl)."),
        ("updatePeriod", 24 * 60, "The feed asks to be checked every day (updatePeriod)."),
        ("freshness", 60, "The server asks for checks every hour (Cache-Control)."),
        ("Retry-After", 60, "The server asked for a pause."),
        ("429", 60, "The server asked for fewer requests."),
        ("host", 60, "lamp.example asked for fewer requests."),
        (
            "skipHours",
            60,
            (
                "The feed asks not to be checked at certain hours or on certain days "
                "(skipHours, skipDays)."
            ),
        ),
    ],
)
def test_the_reason_of_the_next_check_is_a_sentence(name, minutes, text):
    until = NOW + timedelta(minutes=minutes)
    feed = replace(
        FAILING, failures=0, error=None, constraints=(Constraint(name, "", until, "later"),)
    )

    assert check_reason(feed, ENGLISH) == text


def test_a_reason_that_we_chose_is_told_only_after_failures():
    fine = replace(FAILING, failures=0, error=None, next_reason="the interval in config.yaml")

    assert check_reason(fine, ENGLISH) is None
    assert check_reason(FAILING, ENGLISH) == "Checked less often after 2 failures."
    assert (
        check_reason(replace(FAILING, not_before=NOW), ENGLISH) == "The server asked for a pause."
    )
    assert (
        check_reason(replace(FAILING, failures=0), ENGLISH) == "This machine seems to be offline."
    )


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (
            b"<rss><channel><item><title>A</title></item>\n<item><title>B",
            "; its last post is left out.",
        ),
        (b"<rss><channel><item><title>A</title></item>\n", "The document ends too early."),
        (
            b"<rss><channel>\n<item><title>A & B</title></item></channel></rss>",
            "The document has a mistake in line 2, but could be read.",
        ),
    ],
)
def test_a_defect_of_a_document_is_a_sentence_in_each_language(document, text):
    feed = read_document(document, {}, URL).feed
    assert feed is not None
    note = feed.head.note or ""

    sentences = [defect_sentence(note, language(tag)) for tag in available()]

    assert (defect_sentence(note, ENGLISH) or "").endswith(text)
    assert None not in sentences
    assert len(set(sentences)) == len(available()) - 1  # American English has it from English
    assert defect_sentence("something else", ENGLISH) is None

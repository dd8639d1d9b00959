"""`aggregator doctor`: what is wrong with feeds, what to do, the patch, and the letter."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from aggregator import urls
from aggregator.cli.doctor_findings import LETTER_KINDS, Finding, advice_of
from aggregator.cli.owner_letter import Robot, letter_of
from aggregator.model import Failure, FailureKind, Subscription
from aggregator.reading.autodiscovery import advertised_feeds
from aggregator.urls import feed_forms
from bench.walls import answers
from tests.feedserver import FeedServer
from tests.running import command, one_line, rss, write_config
from tests.worlds import NOW

FEED = rss([("a1", "One", NOW), ("a2", "Two", NOW)], title="Lamp")
LINK = '<link rel=alternate type="application/rss+xml" href="{}">'
CHALLENGE = next(each.answer for each in answers() if each.name == "cloudflare-managed-challenge")
HOSTS = "{allow: [127.0.0.0/8]}"


@pytest.fixture(scope="module")
def servers():
    """Servers at several hosts, as a host has three requests a run."""
    with (
        FeedServer("127.0.0.1") as first,
        FeedServer("127.0.0.2") as second,
        FeedServer("127.0.0.3") as third,
        FeedServer("127.0.0.4") as fourth,
    ):
        for server in (first, second, third, fourth):
            server.put("/good", FEED)
        yield first, second, third, fourth


def diagnosed(folder: Path, *arguments: str) -> dict:
    done = command(folder, "doctor", "--json", *arguments)
    assert done.returncode == 0
    return json.loads(done.stdout)


def finding_of(folder: Path, name: str) -> dict:
    (finding,) = diagnosed(folder, name)["feeds"]
    return finding


@pytest.mark.slow
def test_all_failing_feeds_are_asked_politely_and_the_patch_can_be_applied(servers, tmp_path):
    page, wall, moved, _ = servers
    page.put("/page", f"<!doctype html><html><head>{LINK.format('/good')}</head><body>Hello</body>")
    wall.put("/feed", CHALLENGE.body, status=403, headers=CHALLENGE.headers)
    moved.redirect("/old", "/good")
    path = write_config(
        tmp_path,
        [
            f"{page.url('/page')}   # the page",
            f'{{name: walled, url: "{wall.url("/feed")}"}}',
            f"url: {moved.url('/old')}  # moved\n    name: mover\n  # a comment",
            f"{{name: fine, url: {moved.url('/good')}}}",
        ],
        network=HOSTS,
    )
    before = path.read_text()
    command(tmp_path, "poll")
    counts = [len(server.requests) for server in servers]
    stored = (tmp_path / "aggregator.db").read_bytes()

    done = command(tmp_path, "doctor")
    named = command(tmp_path, "doctor", "mover", "--json")

    asked = [len(server.requests) - count for server, count in zip(servers, counts, strict=True)]
    assert (done.returncode, done.stderr) == (0, "")
    assert asked == [2, 1, 2, 0]  # the page and its feed; the wall; by name: a redirect and its end
    assert (tmp_path / "aggregator.db").read_bytes() == stored
    assert (
        "  403 Forbidden: a check for people in browsers (Cloudflare); 1 request, " in done.stdout
    )
    assert "What it is: Cloudflare answers for the site with a check for browsers" in done.stdout
    assert "`aggregator doctor walled --letter` writes the letter." in " ".join(done.stdout.split())
    assert "fine:" not in done.stdout
    for program, arguments in (("patch", ["-p1"]), ("git", ["apply"])):
        patched = _patched(tmp_path, program, arguments, done.stdout)
        assert patched == before.replace(page.url("/page"), page.url("/good"))
    (finding,) = json.loads(named.stdout)["feeds"]
    assert finding["new_url"] == moved.url("/good")
    assert finding["advice"].startswith("remove it, as fine has that address")


def _patched(folder: Path, program: str, arguments: list[str], patch: str) -> str:
    """Return config.yaml after the patch, from all of the output, was applied to a copy."""
    copy = folder / program
    copy.mkdir()
    shutil.copy(folder / "config.yaml", copy)
    subprocess.run(
        [program, *arguments], cwd=copy, input=patch, text=True, check=True, capture_output=True
    )
    return (copy / "config.yaml").read_text()


def test_a_feed_with_posts_keeps_them_as_the_patch_writes_its_name(servers, tmp_path):
    *_, server = servers
    server.put("/blog/feed", FEED)
    write_config(tmp_path, [server.url("/blog/feed")], network=HOSTS)
    command(tmp_path, "poll")
    server.redirect("/blog/feed", "/good", 308)

    result = diagnosed(tmp_path, server.url("/blog/feed"))

    (finding,) = result["feeds"]
    assert finding["what"] == f"The feed has moved for good to {server.url('/good')}."
    assert result["patch"].splitlines()[-3:] == [
        f"-  - {server.url('/blog/feed')}",
        f"+  - url: {server.url('/good')}",
        "+    name: lamp",
    ]
    patched = _patched(tmp_path, "patch", ["-p1"], result["patch"])
    (tmp_path / "config.yaml").write_text(patched)
    plan = json.loads(command(tmp_path, "plan", "--json").stdout)
    assert not plan["feeds"]["added"]
    assert not plan["feeds"]["removed"]


def test_a_missing_feed_is_looked_for_on_the_front_page(servers, tmp_path):
    server = servers[0]
    server.put("/", f"<html><head>{LINK.format('/good')}</head><p>Front</html>")
    write_config(tmp_path, [f"{{name: lamp, url: {server.url('/rss.xml')}}}"], network=HOSTS)

    finding = finding_of(tmp_path, "lamp")

    assert (finding["failure"], finding["status"], finding["requests"]) == ("not-found", 404, 3)
    assert finding["new_url"] == server.url("/good")


def test_the_feed_of_wordpress_is_tried_where_the_page_names_none(servers, tmp_path):
    server = servers[1]
    server.put("/notes/", '<html><head><title>N</title></head><img src="/wp-content/a.png"></html>')
    server.put("/notes/feed/", FEED)
    write_config(tmp_path, [f"{{name: notes, url: {server.url('/notes/')}}}"], network=HOSTS)

    finding = finding_of(tmp_path, "notes")

    assert finding["failure"] == "web-page"
    assert (finding["new_url"], finding["posts"]) == (server.url("/notes/feed/"), 2)


def test_a_host_has_three_requests_and_the_remaining_feeds_their_last_polls(servers, tmp_path):
    server = servers[2]
    feeds = [f"{{name: f{number}, url: {server.url(f'/{number}')}}}" for number in range(5)]
    for number in range(5):
        server.put(f"/{number}", "no", status=500)
    write_config(tmp_path, feeds, network=HOSTS)
    command(tmp_path, "poll")
    count = len(server.requests)

    findings = diagnosed(tmp_path)["feeds"]

    assert len(server.requests) - count == 3
    assert [finding["requests"] for finding in findings] == [1, 1, 1, 0, 0]
    assert findings[4]["failure"] == "server-error"
    assert findings[4]["not_asked"] == (
        "127.0.0.3 has had its 3 requests of this run; name the feed to ask it"
    )


def test_a_pause_that_the_server_asked_for_holds_unless_a_person_names_the_feed(servers, tmp_path):
    server = servers[3]
    server.put("/busy", "", status=429, headers={"Retry-After": "7200"})
    server.put("/gone", "", status=410)
    feeds = [
        f"{{name: busy, url: {server.url('/busy')}}}",
        f"{{name: gone, url: {server.url('/gone')}}}",
    ]
    write_config(tmp_path, feeds, network=HOSTS)
    command(tmp_path, "poll", "gone")
    command(tmp_path, "poll", "busy")
    count = len(server.requests)

    findings = {each["feed"]: each for each in diagnosed(tmp_path)["feeds"]}

    assert len(server.requests) == count
    assert "wants to be left alone until" in findings["busy"]["not_asked"]
    assert findings["gone"]["advice"] == "remove it: `aggregator remove gone`"
    assert finding_of(tmp_path, "busy")["requests"] == 1


def test_a_page_without_a_feed_is_asked_for_as_many_posts_as_a_poll_expects(servers, tmp_path):
    server = servers[2]
    item = '<li><h3><a href="/{0}">Post {0}</a></h3></li>'
    server.put("/recent", f"<ul>{''.join(map(item.format, range(6)))}</ul>")
    select = "{item: li, title: h3, link: a@href}"
    write_config(
        tmp_path,
        [f"{{name: recent, title: R, url: {server.url('/recent')}, select: {select}}}"],
        network=HOSTS,
    )
    command(tmp_path, "poll")
    fine = finding_of(tmp_path, "recent")
    server.put("/recent", f"<ul>{item.format(1)}</ul>")

    finding = finding_of(tmp_path, "recent")

    assert (fine["failure"], fine["posts"], fine["reason"]) == (None, 6, "200 with a page")
    assert finding["failure"] == "page-changed"
    assert "`aggregator preview recent`" in finding["advice"]


def test_a_challenge_is_left_as_it_is(servers, tmp_path):
    server = servers[1]
    server.put("/feed", CHALLENGE.body, status=403, headers=CHALLENGE.headers)
    write_config(tmp_path, [f"{{name: walled, url: {server.url('/feed')}}}"], network=HOSTS)
    count = len(server.requests)

    finding = finding_of(tmp_path, "walled")

    requests = server.requests[count:]
    assert (finding["failure"], finding["service"]) == ("bot-check", "Cloudflare")
    assert [request.path for request in requests] == ["/feed"]
    assert requests[0].headers["user-agent"].startswith("aggregator/")
    assert "cookie" not in requests[0].headers


def test_the_letter_has_time_address_status_and_the_page_about_the_robot(servers, tmp_path):
    server = servers[1]
    server.put("/feed", CHALLENGE.body, status=403, headers=CHALLENGE.headers)
    write_config(
        tmp_path,
        [f"{{name: walled, url: {server.url('/feed')}}}"],
        network=HOSTS,
        base_url="https://planet.example",
        page="{contact: mailto:ann@planet.example}",
    )

    done = command(tmp_path, "doctor", "walled", "--letter")

    letter = done.stdout.partition("Subject:")[2]
    assert f"    Address:    {server.url('/feed')}\n" in letter
    assert "    Answer:     403 Forbidden: a check for people in browsers (Cloudflare)\n" in letter
    assert "    Time:       20" in letter
    assert "https://planet.example/about/robot" in " ".join(letter.split())
    assert letter.rstrip().endswith("ann@planet.example")


def test_a_letter_without_a_public_page_does_not_name_the_page():
    feed = Subscription("lamp", "https://lamp.example/feed?token=abcdef123456")
    finding = Finding(feed, "403 Forbidden", NOW, 1, 403, Failure(FailureKind.FORBIDDEN, 403))
    robot = Robot("Recent posts", "aggregator/1.0", None, None)

    letter = letter_of(finding, robot, NOW)

    assert letter is not None
    assert "robot" not in letter
    assert "https://lamp.example/feed?token=***" in letter
    assert all(len(line) <= 78 for line in letter.splitlines())


@pytest.mark.parametrize("kind", sorted(LETTER_KINDS))
def test_each_letter_says_what_is_wrong_and_asks_for_one_thing(kind):
    feed = Subscription("lamp", "https://lamp.example/feed")
    finding = Finding(feed, "no feed", NOW, 1, 403, Failure(kind, 403, None, "Lampwall"))
    page = "https://planet.example/about/robot"

    letter = letter_of(finding, Robot("Recent posts", "aggregator/1.0", page, None), None)

    assert letter is not None
    assert letter.startswith("Subject: The feed of lamp.example can't be read\n\nHello,\n\n")
    assert letter.isascii() or "’" in finding.sentence
    assert "ould you" in letter or "Has the " in letter
    assert finding.sentence.split()[0] in letter
    assert page in letter


def test_nobody_is_asked_for_what_nobody_can_mend():
    feed = Subscription("lamp", "https://lamp.example/feed")
    robot = Robot("Recent posts", "aggregator/1.0", None, None)
    parked = Finding(feed, "parked", NOW, 1, 200, Failure(FailureKind.PARKED_DOMAIN, 200))

    assert letter_of(parked, robot, None) is None
    assert letter_of(Finding(feed, "200 with a feed", NOW, 1, 200, posts=3), robot, None) is None


@pytest.mark.parametrize("kind", FailureKind)
def test_there_is_advice_on_each_kind_of_failure(kind):
    feed = Subscription("lamp", "https://lamp.example/feed")
    finding = Finding(feed, "x", NOW, 1, 403, Failure(kind, 403))

    advice = advice_of(finding, in_patch=False, subscribed_as=None)

    assert advice
    assert "{" not in advice
    assert finding.sentence.endswith(".")


def test_a_secret_in_an_address_never_comes_into_the_patch(servers, tmp_path):
    server = servers[0]
    server.put("/page2", f"<html><head>{LINK.format('/good')}</head><p>x</html>")
    server.put("/page3", f"<html><head>{LINK.format('/good?token=abcdef123456')}</head><p>x</html>")
    feeds = [
        "https://other.example/feed?token=abcdef123456",
        f"{{name: two, url: {server.url('/page2')}}}",
    ]
    write_config(tmp_path, feeds, network=HOSTS)

    patch = diagnosed(tmp_path, "two")["patch"]
    write_config(tmp_path, [f"{{name: three, url: {server.url('/page3')}}}"], network=HOSTS)
    result = diagnosed(tmp_path, "three")

    assert server.url("/good") in patch
    assert "abcdef123456" not in patch
    assert result["patch"] is None
    assert result["feeds"][0]["advice"].endswith("by hand")
    assert "abcdef123456" not in json.dumps(result)


def test_doctor_needs_a_feed_or_polls(servers, tmp_path):
    write_config(tmp_path, [servers[0].url("/good")], network=HOSTS)

    assert one_line(command(tmp_path, "doctor"), 2).startswith("nothing was polled yet")
    assert "no such feed" in one_line(command(tmp_path, "doctor", "zebra"), 2)
    command(tmp_path, "poll")
    done = command(tmp_path, "doctor")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no feed is failing\n")


@pytest.mark.parametrize(
    ("url", "feed"),
    [
        *(
            (each.answer.url, each.label.removeprefix("web-page -> "))
            for each in answers()
            if each.name in {"youtube-channel", "youtube-playlist", "subreddit"}
        ),
        (
            "https://youtube.com/user/lamps",
            "https://www.youtube.com/feeds/videos.xml?user=lamps",
        ),
        ("https://old.reddit.com/user/keeper", "https://old.reddit.com/user/keeper/.rss"),
        ("https://www.reddit.com/r/gardening/.rss", None),
        ("https://www.youtube.com/feeds/videos.xml?channel_id=UC1234567890", None),
        ("https://lamp.example/r/gardening", None),
    ],
)
def test_the_feeds_of_some_sites_follow_from_the_address(url, feed):
    assert feed_forms.feed_of_page(url) == feed


def test_the_labelled_pages_lead_to_the_labelled_feeds():
    moves = [each for each in answers() if each.label.startswith("web-page -> ")]
    proposals = {}
    for each in moves:
        url, body = each.answer.url, each.answer.body
        feeds = [feed.url for feed in advertised_feeds(body, url)]
        form = feed_forms.feed_of_page(url)
        feeds += [form] if form else feed_forms.feeds_of_wordpress(url)
        proposals[each.name] = f"web-page -> {feeds[0]}"

    assert proposals == {each.name: each.label for each in moves}
    assert len(moves) == 5


def test_other_addresses_of_a_feed_follow_from_its_own():
    assert feed_forms.with_https("http://lamp.example:80/a?b") == "https://lamp.example/a?b"
    assert feed_forms.with_https("http://lamp.example:8080/") is None
    assert feed_forms.with_https("https://lamp.example/") is None
    assert feed_forms.root_of("https://lamp.example/a/b?c#d") == "https://lamp.example/"
    assert feed_forms.feeds_of_wordpress("https://lamp.example/notes") == (
        "https://lamp.example/notes/feed/",
        "https://lamp.example/feed/",
    )
    assert feed_forms.feeds_of_wordpress("https://lamp.example/feed/") == ()
    assert urls.is_web(feed_forms.root_of("http://[::1]:80/x"))

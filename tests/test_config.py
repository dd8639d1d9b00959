"""config.yaml: what may be written, what is said about mistakes, how feeds are added to it."""

import dataclasses
import os
import re
import stat
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import config
from aggregator.config import document, schema, values
from aggregator.errors import ConfigError
from aggregator.model import OpmlOutline, Order, Subscription

DATA = Path(__file__).parent / "data" / "config"
ROOT = Path(__file__).parents[1]
PATH = Path("config.yaml")
HOUR = timedelta(hours=1)


def parsed(text: str, *, path: Path = PATH) -> config.Config:
    return config.parse(text, path=path)


def problems(text: str, *, path: Path = PATH) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, path=path)
    return list(caught.value.problems)


def problem(text: str) -> str:
    """Return the only problem, without the file's name."""
    (only,) = problems(text)
    return only.removeprefix("config.yaml:")


def one_feed(url: str, *, path: Path = PATH) -> str:
    """Return the problem with a feed's address, without place and key."""
    (only,) = problems(f"feeds:\n  - {url}\n", path=path)
    return only.partition("feeds[0]: ")[2]


# --------------------------------------------------------------------- a right file


def test_every_key_is_read_as_it_is_meant():
    path = DATA / "every-key.yaml"

    read = config.load(path)

    assert read == config.Config(
        path=path,
        title="Evening reading",
        base_url="https://feeds.example.org/reading",
        timezone="Europe/Berlin",
        database=f"sqlite:///{DATA}/data/reading.db?timeout=10",
        web=config.Web(host="0.0.0.0", port=8081),
        poll=config.Poll(
            interval=timedelta(hours=2),
            timeout=timedelta(seconds=45),
            max_size=5 * 2**20,
            concurrency=8,
            host_delay=timedelta(0),
            workers=3,
        ),
        network=config.Network(allow=("127.0.0.1", "10.0.0.0/8", "nas.local", "::1")),
        hosts={
            "example.org": config.Host(delay=timedelta(minutes=1), concurrency=2),
            "example.com": config.Host(),
        },
        retention=config.Retention(keep=timedelta(days=30), min_entries=20),
        stories=config.Stories(off_in=("Business",)),
        publish=config.Publish(
            id="tag:feeds.example.org,2026:/",
            prefix_titles=True,
            noindex=False,
            limit_clients=True,
        ),
        websub=config.WebSub(hub="https://hub.example.org/"),
        order=Order.ARRIVAL,
        feeds=(
            Subscription(
                name="news-example-org",
                url="https://news.example.org/feed.xml",
                interval=timedelta(hours=2),
                interval_given=True,
            ),
            Subscription(
                name="the-example",
                url="https://www.example.com/atom",
                title="Example: the blog",
                category="Business",
                interval=timedelta(minutes=90),
                name_given=True,
                interval_given=True,
                distrust_304=True,
                timezone="Asia/Tokyo",
            ),
            Subscription(
                name="local",
                url="samples/local.xml",
                interval=timedelta(hours=2),
                interval_given=True,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("feeds: [a.xml]", False),
        ("poll:\nfeeds: [a.xml]", False),
        ("poll: {timeout: 5s}\nfeeds: [a.xml]", False),
        ("poll: {interval: 1h}\nfeeds: [a.xml]", True),
        ("feeds:\n  - {url: a.xml, interval: 1h}", True),
    ],
)
def test_an_interval_that_stands_in_the_file_is_told_from_the_default(text, given):
    (feed,) = parsed(text).feeds

    assert (feed.interval, feed.interval_given) == (HOUR, given)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hosts: {https://a.example/: {}}", '1:9: hosts.https://a.example/: "https://a.example/"'),
        ("hosts: {a b: {}}", '1:9: hosts.a b: "a b" is no host; write example.org'),
        (
            "hosts: {a.example: {dely: 5s}}",
            'hosts.a.example.dely: unknown key; did you mean "delay"?',
        ),
        ("hosts: {a.example: {delay: 5}}", "1:28: hosts.a.example.delay: 5 of what?"),
        ("hosts: {a.example: 5s}", "hosts.a.example: must be followed by indented settings"),
        (
            "feeds:\n  - {url: a.xml, distrust_304: maybe}",
            '"maybe" is neither; write true or false',
        ),
    ],
)
def test_what_is_wrong_with_a_host_is_said_where_it_stands(text, problem):
    with pytest.raises(ConfigError) as raised:
        parsed(text)

    assert problem in str(raised.value)


def test_what_the_file_does_not_say_has_its_documented_default(tmp_path):
    read = parsed("title: Mine", path=tmp_path / "config.yaml")

    assert read == config.Config(
        path=tmp_path / "config.yaml",
        title="Mine",
        base_url="http://127.0.0.1:8080",
        timezone="UTC",
        database=f"sqlite:///{tmp_path}/aggregator.db",
        web=config.Web("127.0.0.1", 8080),
        poll=config.Poll(
            interval=HOUR,
            timeout=timedelta(seconds=30),
            max_size=10_000_000,
            concurrency=32,
            host_delay=timedelta(seconds=5),
            workers=max(1, os.cpu_count() or 1),
        ),
        network=config.Network(()),
        retention=config.Retention(timedelta(days=365), 100),
        feeds=(),
    )


def test_the_repositorys_own_file_is_right_and_has_nothing_to_remark():
    read = config.load(ROOT / "config.yaml")

    assert config.notes(read) == []
    assert [feed.name for feed in read.feeds[:2]] == ["recent-posts", "boss-mind"]
    assert read.feeds[1].interval == timedelta(minutes=30)
    assert (ROOT / read.feeds[0].url).is_file()


@pytest.mark.parametrize(
    "text", ["feeds:", "feeds: []", "feeds: ~", "title: x", "feeds:\n# none\n"]
)
def test_a_file_without_feeds_is_right(text):
    assert parsed(text).feeds == ()


def test_a_section_whose_lines_are_all_commented_out_keeps_its_defaults():
    read = parsed("poll:\n  # interval: 2h\nweb:\nnetwork:\n  allow:\nretention:\n")

    assert read.poll == config.Poll()
    assert read.network == config.Network()


def test_text_needs_no_quotes_where_yaml_would_take_it_for_something_else():
    read = parsed("title: 2026\nfeeds: [{url: https://a.example/, category: no, name: 1e3}]")

    assert read.title == "2026"
    assert (read.feeds[0].category, read.feeds[0].name) == ("no", "1e3")


def test_blank_values_of_a_feed_are_as_good_as_none():
    read = parsed(
        "feeds:\n  - url: https://a.example/f\n    title:\n    category: ''\n    interval:"
    )

    assert read.feeds == (Subscription(name="a-example", url="https://a.example/f"),)


def test_anchors_aliases_and_merge_keys_are_understood():
    read = parsed(
        "feeds:\n"
        "  - &slow {url: https://a.example/, interval: 1d, category: Slow}\n"
        "  - {<<: *slow, url: https://b.example/, category: Other}\n"
    )

    assert read.feeds[1].interval == timedelta(days=1)
    assert read.feeds[1].category == "Other"


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter():
    read = parsed("\ufefftitle: Mine\r\nfeeds:\r\n  - https://a.example/f\r\n")

    assert read.title == "Mine"
    assert read.feeds[0].url == "https://a.example/f"


def test_a_configuration_can_not_be_changed_by_accident():
    read = parsed("title: x")

    with pytest.raises(AttributeError):
        read.title = "y"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        read.web.port = 1  # type: ignore[misc]
    hash(read)


# --------------------------------------------------------------------- values


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("15m", 900),
        ("1h", 3600),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("90 min", 5400),
        ("1.5h", 5400),
        ("1 hour 5 minutes", 3900),
        ("1D", 86_400),
        ("'45 secs'", 45),
    ],
)
def test_a_span_of_time_is_written_as_people_do(written, seconds):
    read = parsed(f"poll: {{interval: {written}}}")

    assert read.poll.interval == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("90", "90 of what? Write a unit: 90s, 90m or 90h"),
        ("1.5", "1.5 of what? Write a unit: 1.5s, 1.5m or 1.5h"),
        ("1y", '"y" is no unit of time; use s, m, h, d or w'),
        ("1 fortnight", '"fortnight" is no unit of time; use s, m, h, d or w'),
        ("-5m", '"-5m" is no span of time; write 30s, 15m, 1h, 1h30m or 1d'),
        ("PT1H", '"PT1H" is no span of time; write 30s, 15m, 1h, 1h30m or 1d'),
        ("1h30", '"1h30" is no span of time; write 30s, 15m, 1h, 1h30m or 1d'),
        ("soon", '"soon" is no span of time; write 30s, 15m, 1h, 1h30m or 1d'),
        ("0.5s", '"0.5s" is out of range; write 1s to 365d'),
        ("999999999w", '"999999999w" is out of range; write 1s to 365d'),
        ("''", '"" is no span of time; write 30s, 15m, 1h, 1h30m or 1d'),
        ("", "empty; write a value, or remove the line"),
        ("[1h]", "must be one value, not a list"),
        ("{h: 1}", "must be one value, not a group of settings"),
    ],
)
def test_what_is_no_span_of_time_is_refused_with_what_to_write(written, said):
    assert problem(f"poll:\n  interval: {written}\n").partition("poll.interval: ")[2] == said


@given(st.integers(min_value=0, max_value=10**8))
def test_a_span_reads_as_it_was_written(seconds):
    length = timedelta(seconds=seconds)

    assert values.duration(values.span(length), least=timedelta(0), most=length) == length


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("10MB", 10_000_000),
        ("512kB", 512_000),
        ("10MiB", 10 * 2**20),
        ("512 KiB", 512 * 2**10),
        ("5_000_000", 5_000_000),
        ("5000000", 5_000_000),
        ("1.5 MB", 1_500_000),
        ("1G", 10**9),
        ("2000 bytes", 2000),
    ],
)
def test_a_size_has_decimal_or_binary_units_or_is_bytes(written, size):
    assert parsed(f"poll: {{max_size: {written}}}").poll.max_size == size


@pytest.mark.parametrize(
    "written", ["big", "10TB", "-1MB", "1e6", "999", "2GB", "0", "MB", "1.2.3"]
)
def test_what_is_no_sensible_size_is_refused_with_what_to_write(written):
    assert "; write " in problem(f"poll: {{max_size: {written}}}")


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("web.port", "65536"),
        ("web.port", "http"),
        ("web.port", "8080.0"),
        ("web.port", "-1"),
        ("poll.concurrency", "0"),
        ("poll.workers", "auto"),
        ("poll.workers", "true"),
        ("retention.min_entries", "-1"),
        ("retention.keep", "forever"),
        ("poll.timeout", "2h"),
        ("poll.host_delay", "5"),
    ],
)
def test_what_is_out_of_range_is_refused_with_the_range(key, written):
    section, name = key.split(".")

    said = problem(f"{section}:\n  {name}: {written}\n")

    assert said.startswith(f"2:{len(name) + 5}: {key}: ")
    assert "rite " in said


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "localhost", "feeds.example.org"])
def test_the_web_listens_on_an_address_or_a_host_name(host):
    assert parsed(f"web: {{host: '{host}'}}").web.host == host
    assert parsed("web: {host: '[::1]'}").web.host == "::1"


@pytest.mark.parametrize("host", ["*", "http://localhost", "a b", "127.0.0.1:80", "1.2.3", "-x"])
def test_the_web_can_not_listen_on_what_is_no_address(host):
    assert "is no address; write " in problem(f"web: {{host: '{host}'}}")


def test_without_a_base_url_the_port_of_the_web_is_in_it():
    assert parsed("web: {port: 9000}").base_url == "http://127.0.0.1:9000"
    assert parsed("web: {port: 0}").base_url == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://feeds.example.org/", "https://feeds.example.org"),
        ("http://10.0.0.1:8080/news//", "http://10.0.0.1:8080/news"),
        ("HTTP://Example.org", "HTTP://Example.org"),
    ],
)
def test_the_base_url_ends_without_a_slash(written, read):
    assert parsed(f"base_url: {written}").base_url == read


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("feeds.example.org", "write http:// or https:// before it"),
        ("localhost:8080", "write http:// or https:// before it"),
        ("ftp://example.org", "is no web address"),
        ("https://", "is no web address"),
        ("https://example.org:99999", "is no web address"),
        ("https://example.org/?q=1", "leave out everything from ? or # on"),
        ("'https://example.org/#top'", "leave out everything from ? or # on"),
        ("https://me:secret@example.org/", "leave out user and password"),
    ],
)
def test_a_base_url_that_makes_no_links_is_refused(written, said):
    assert said in problem(f"base_url: {written}")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_kept_as_its_name(zone):
    assert parsed(f"timezone: {zone}").timezone == zone


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("europe/berlin!", "did you mean Europe/Berlin?"),
        ("America/New York", "did you mean America/New_York?"),
        ("America", "is no time zone"),
        ("../UTC", "is no time zone"),
        ("/etc/localtime", "is no time zone"),
        ("'+02:00'", "write UTC or Europe/Berlin"),
    ],
)
def test_what_is_no_time_zone_is_refused_with_the_nearest_one(written, hint):
    assert hint in problem(f"timezone: {written}")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("sqlite:///feeds.db", "sqlite:////srv/reading/feeds.db"),
        ("sqlite:///../feeds.db", "sqlite:////srv/feeds.db"),
        ("sqlite:////var/lib/feeds.db", "sqlite:////var/lib/feeds.db"),
        ("sqlite+pysqlite:///f.db?timeout=5", "sqlite+pysqlite:////srv/reading/f.db?timeout=5"),
        ("postgresql://me:secret@db/feeds", "postgresql://me:secret@db/feeds"),
        ("postgresql+psycopg:///feeds", "postgresql+psycopg:///feeds"),
    ],
)
def test_a_relative_path_of_the_database_is_relative_to_the_file(written, read):
    assert parsed(f"database: {written}", path=Path("/srv/reading/config.yaml")).database == read


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("sqlite://", "in memory is lost at every start"),
        ("sqlite:///", "in memory is lost at every start"),
        ("'sqlite:///:memory:'", "in memory is lost at every start"),
        ("sqlite:///file:x?mode=memory&uri=true", "in memory is lost at every start"),
        ("sqlite:///file:x.db?uri=true", "write sqlite:/// and the path of a file"),
        ("sqlite://feeds.db", "write sqlite:/// and the path of a file"),
        ("sqlite+aiosqlite:///feeds.db", "write sqlite:///aggregator.db"),
        ("sqlite+other:///feeds.db", "without a driver"),
        ("postgres://db/feeds", "write postgresql:// instead of postgres://"),
        ("mysql://me:secret@db/feeds", '"mysql://***@db/feeds" can\'t be used'),
        ("feeds.db", "write sqlite:///aggregator.db"),
    ],
)
def test_a_database_that_can_not_be_used_is_refused(written, said):
    assert said in problem(f"database: {written}")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("'fd00::/8'", "fd00::/8"),
        ("'::1'", "::1"),
        ("NAS.local", "nas.local"),
        ("localhost", "localhost"),
        ("büro.example", "büro.example"),
    ],
)
def test_private_addresses_are_allowed_by_address_network_or_name(written, read):
    assert parsed(f"network: {{allow: [{written}]}}").network.allow == (read,)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("10.0.0.1/8", "write 10.0.0.0/8"),
        ("10.0.0.0/99", "is no network"),
        ("nas.local/8", "is no network"),
        ("'http://nas.local/'", "write the host alone: nas.local"),
        ("'nas.local:8080'", "any port is allowed; write nas.local"),
        ("'*.local'", "write each host by its name"),
        ("127.0.0.01", "is neither address nor host"),
        ("1.2.3", "is neither address nor host"),
        ("'fe80::1%eth0'", "is neither address nor host"),
        ("''", "empty"),
    ],
)
def test_what_can_not_be_allowed_is_refused_with_what_to_write(written, hint):
    said = problem(f"network:\n  allow: [127.0.0.1, {written}]\n")

    assert said.startswith("2:22: network.allow[1]: ")
    assert hint in said


def test_a_single_allowed_address_must_stand_in_a_list_all_the_same():
    assert "must be a list" in problem("network: {allow: 127.0.0.1}")


# --------------------------------------------------------------------- feeds


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/feed.xml",
        "http://me:secret@example.org:8080/feed?a=1&b=2",
        "HTTPS://Example.org/Feed",
        "http://[::1]:8080/feed",
        "https://bücher.example/feed",
        "samples/feed.xml",
        "./feed.RSS",
        "my feeds/feed.atom",
        "www.example.org/feed.xml",
    ],
)
def test_a_feed_is_a_web_address_or_a_path_below_the_file(url):
    assert parsed(f"feeds:\n  - '{url}'\n  - url: ' other.json '").feeds[0].url == url


def test_a_path_without_a_known_ending_is_a_feed_if_the_file_exists(tmp_path):
    (tmp_path / "my.blog").write_text("")

    read = parsed("feeds: [my.blog]", path=tmp_path / "config.yaml")

    assert read.feeds[0].url == "my.blog"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("www.example.org/feed", "add https:// if it is on the web"),
        ("localhost", "add https:// if it is on the web"),
        ("example.org:8080/feed", 'write "https://example.org:8080/feed"'),
        ("localhost:8080", 'write "https://localhost:8080"'),
        ("//example.org/feed", 'write "https://example.org/feed"'),
        ("feed://example.org/feed", 'write "https://example.org/feed"'),
        ("feed:http://example.org/feed", 'write "http://example.org/feed"'),
        ("file:///srv/feed.xml", "copy the file into the folder of config.yaml"),
        ("/srv/feed.xml", "copy the file into the folder of config.yaml"),
        ("~/feed.xml", "copy the file into the folder of config.yaml"),
        ("../feed.xml", "leaves the folder of config.yaml"),
        ("a/../../feed.xml", "leaves the folder of config.yaml"),
        ("'a\\b.xml'", "write / instead of \\"),
        ("ftp://example.org/feed.xml", '"ftp:" can\'t be polled'),
        ("javascript:alert(1)", '"javascript:" can\'t be polled'),
        ("C:/feeds/feed.xml", '"C:" can\'t be polled'),
        ("http://", "is no address; write https://host/path"),
        ("https:example.org", "is no address; write https://host/path"),
        ("http://example.org:99999/", "is no address; write https://host/path"),
        ("http://[::1/feed", "is no address; write https://host/path"),
        ("https://me:secret@example.org/a b", '"https://***@example.org/a b" has a space in it'),
        ("'<rss><channel/></rss>'", "is a document; save it as a file"),
        ('"a\\nb.xml"', "is a document; save it as a file"),
        ('"https://example.org/\\0"', "has a control character (U+0000)"),
        ("Planet Python", "is neither an http(s) URL nor a file beside config.yaml"),
        ("''", "empty; write the feed's address"),
        ("https://example.org/" + "x" * 5000, "is 5,020 characters long"),
    ],
)
def test_what_can_not_be_polled_is_refused_with_what_to_write(written, said):
    assert said in one_feed(written)


@pytest.mark.parametrize(
    ("item", "name"),
    [
        ("https://www.example.org/feed.xml", "example-org"),
        ("{url: https://example.org/, title: 'The Boss  Mind!'}", "the-boss-mind"),
        ("{url: https://example.org/, title: '???'}", "example-org"),
        ("{url: https://example.org/, title: Жизнь и судьба}", "жизнь-и-судьба"),
        ("samples/Recent Posts.xml", "recent-posts"),
        ("---.xml", "feed"),
        ("'http://[::1]:8080/'", "1"),
        ("{url: https://example.org/, name: Boss.Mind_2}", "Boss.Mind_2"),
        ("{url: https://example.org/, title: " + "ab " * 60 + "}", "ab-" * 26 + "ab"),
    ],
)
def test_a_feed_without_a_name_gets_one_from_its_title_or_host(item, name):
    (feed,) = parsed(f"feeds: [{item}]").feeds

    assert feed.name == name
    assert feed.name_given == ("name:" in item)


def test_made_names_that_collide_differ_by_their_address_and_stay_the_same():
    text = (
        "feeds:\n"
        "  - https://example.org/a\n"
        "  - https://example.org/b\n"
        "  - {url: https://c.example/, title: Taken}\n"
        "  - {url: https://d.example/, name: taken}\n"
    )

    names = [feed.name for feed in parsed(text).feeds]

    assert names == ["example-org", "example-org-47fc38", "taken-59fbb6", "taken"]
    assert names == [feed.name for feed in parsed(text).feeds]


def test_a_given_name_that_looks_like_a_made_one_only_makes_the_other_longer():
    text = (
        "feeds:\n  - https://example.org/a\n  - https://example.org/b\n"
        "  - {url: https://c.example/, name: example-org-47fc38}\n"
    )

    names = [feed.name for feed in parsed(text).feeds]

    assert len(set(names)) == 3
    assert names[1].startswith("example-org-")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Boss Mind", "write boss-mind"),
        ("a/b", "write a-b"),
        ("'..'", "may only have letters, digits, - _ and ."),
        ("x" * 81, "is 81 characters long; write at most 80"),
        ('"a\\tb"', "write a-b"),
    ],
)
def test_a_name_that_can_not_stand_in_an_address_is_refused(written, said):
    assert said in problem(f"feeds: [{{url: https://a.example/, name: {written}}}]")


def test_stories_are_on_or_off_as_a_whole_or_for_categories():
    assert parsed("title: x").stories == config.Stories()
    assert parsed("stories: On").stories == config.Stories()
    assert parsed("stories: off").stories == config.Stories(on=False)
    assert parsed("stories: {Jobs: off, News: on}").stories == config.Stories(off_in=("Jobs",))


def test_what_is_neither_on_nor_off_is_named_where_it_stands():
    assert problem("stories: never") == (
        '1:10: stories: "never" is neither on nor off; write one of them'
    )
    assert problem("stories:\n  Jobs: off\n  News: maybe\n") == (
        '3:9: stories.News: "maybe" is neither on nor off; write one of them'
    )
    assert problem("stories: [Jobs]") == "1:10: stories: must be one value, not a list"


def test_check_remarks_on_stories_of_a_category_that_no_feed_is_in():
    feed = "feeds: [{url: 'https://example.org/feed', category: Jobs}]"

    assert config.notes(parsed(f"stories: {{jobs: off}}\n{feed}")) == []
    assert config.notes(parsed(f"stories: {{Jbos: off}}\n{feed}")) == [
        'stories: no feed is in the category "Jbos"; did you mean Jobs?'
    ]


def test_a_category_needs_something_to_make_its_address_from():
    said = problem("feeds: [{url: https://a.example/, category: '!!!'}]")

    assert said == '1:45: feeds[0].category: "!!!" has neither letter nor digit; write a word'


def test_a_feed_that_stands_twice_is_refused_however_it_is_spelt():
    text = (
        "feeds:\n"
        "  - http://example.org/feed\n"
        "  - HTTP://EXAMPLE.org:80/feed#top\n"
        "  - feed.xml\n"
        "  - url: ./feed.xml\n"
    )

    assert problems(text) == [
        "config.yaml:3:5: feeds[1]: the same feed as feeds[0] in line 2; remove one",
        "config.yaml:5:10: feeds[3].url: the same feed as feeds[2] in line 4; remove one",
    ]


def test_a_name_that_is_given_twice_is_refused():
    text = (
        "feeds:\n  - {url: https://a.example/, name: x}\n  - {url: https://b.example/, name: x}\n"
    )

    assert problem(text) == (
        '3:37: feeds[1].name: "x" is the name of feeds[0] in line 2; write another'
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("feeds: https://example.org/", "1:8: feeds: must be a list"),
        ("feeds: {a: https://example.org/}", "1:8: feeds: must be a list"),
        ("feeds: [[https://example.org/]]", "1:9: feeds[0]: must be an address or settings"),
        ("feeds:\n  -\n", "2:4: feeds[0]: empty; write a feed's address, or remove the dash"),
        ("feeds:\n  - title: x\n", "2:5: feeds[0].url: missing; every feed needs one"),
        ("feeds:\n  - url:\n", "2:9: feeds[0].url: empty; write a value, or remove the line"),
        ("feeds:\n  - url: [a.xml]\n", "2:10: feeds[0].url: must be one value, not a list"),
    ],
)
def test_what_is_no_list_of_feeds_is_refused(text, said):
    assert problem(text).startswith(said)


# --------------------------------------------------------------------- places and words


def test_all_problems_are_told_at_once_in_the_order_of_the_file(monkeypatch):
    monkeypatch.chdir(DATA)

    with pytest.raises(ConfigError) as caught:
        config.load(Path("mistakes.yaml"))

    assert "\n".join(caught.value.problems) + "\n" == Path("mistakes.txt").read_text()


def test_no_problem_speaks_the_language_of_a_library():
    said = (DATA / "mistakes.txt").read_text()

    for jargon in ("Input should", "value_error", "Value error", "dataclass", "keyword", "None"):
        assert jargon not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("feeds: []\nfeed: []", '2:1: feed: unknown key; did you mean "feeds"?'),
        ("Title: x", '1:1: Title: unknown key; did you mean "title"?'),
        ("poll: {time_out: 1s}", '1:8: poll.time_out: unknown key; did you mean "timeout"?'),
        ("port: 80", '1:1: port: unknown key; "port" belongs under "web"'),
        ('"\\e[2J": x', r"1:1: \x1b[2J: unknown key; known here are title"),
        ("web: {8080: x}", "1:7: web.8080: unknown key; known here are host, port"),
        (
            "feeds: [{url: a.xml, xyz: 1}]",
            "1:22: feeds[0].xyz: unknown key; known here are url, name, title, category, interval",
        ),
        (
            "retention: {xyz: }",
            "1:13: retention.xyz: unknown key; known here are keep, min_entries",
        ),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(text, said):
    assert problem(text).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a\ntitle: b", "2:1: title: stands here twice, first in line 1; keep one"),
        ("web:\n  port: 1\n  port: 2", "3:3: web.port: stands here twice, first in line 2"),
        ("feeds:\n- {url: a.xml, url: b.xml}", "2:16: feeds[0].url: stands here twice"),
        ("? [a]\n: b", "1:3: a key must be a word"),
        ("title: !secret x", "1:8: title: the tag '!secret' means nothing here; remove it"),
        ("title: !!python/object:os.system x", "1:8: title: the tag "),
        ("web: {<<: x}", "1:11: web.<<: only a mapping can be merged"),
    ],
)
def test_what_yaml_allows_but_nobody_means_is_refused(text, said):
    assert problem(text).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a: b", '1:9: a ":" too much; put text with ": " in quotes, align keys'),
        ("web:\n\tport: 1", "2:1: a tab; indent with spaces"),
        ("title: @me", "1:8: text can't begin with @; put it in quotes"),
        ("title: 'x", "1:8: this quotation mark is never closed"),
        ("feeds: [a.xml,\n  b.xml", "1:8: this list is never closed, or a comma is missing"),
        ("web: {port: 1", "1:6: these settings are never closed, or a comma is missing"),
        ("feeds: [*.xml]", "1:10: `*` and `&` mean something in YAML; put the text in quotes"),
        ('title: "\\q"', "1:9: `\\` means something in double quotes; use single quotes"),
        ("title: 'it's'", "1:12: does not fit the lines above; check the indentation"),
        ("feeds:\n  - a.xml\n b: c", "3:2: does not fit the lines above; check the indentation"),
        ("title: x\n---\ntitle: y", "2:1: a second document begins here; keep one"),
        ("title: *x", "1:8: *x stands for nothing above"),
        ("feeds: &x [*x]", "1:12: *x would contain itself"),
        ("title: \x07", "1:8: the character U+0007 can't stand in a text file; remove it"),
        ("title: x\nweb: \ud800", "2:6: the character U+D800 can't stand in a text file"),
        ("- title: x", "1:1: must be `key: value` lines"),
        ("Recent posts", "1:1: must be `key: value` lines"),
        ("%YAML 3.0\n---\nx: y", "1:1: not valid YAML: found incompatible YAML document"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(text, said):
    assert problem(text).startswith(said)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "~", "\ufeff"])
def test_an_empty_file_is_told_from_one_without_feeds(text):
    assert problems(text) == ["config.yaml: empty; write at least one setting (see docs/config.md)"]


def test_the_slower_parser_of_yaml_reads_the_same(monkeypatch):
    texts = [path.read_text() for path in (DATA / "every-key.yaml", ROOT / "config.yaml")]
    fast = [parsed(text) for text in texts]
    monkeypatch.setattr(document, "_Loader", yaml.SafeLoader)

    assert [parsed(text) for text in texts] == fast
    assert problem("title: 'x").startswith("1:8: this quotation mark is never closed")
    assert problem("title: a: b").startswith('1:9: a ":" too much')


# ------------------------------------------------- values alone, and values with their places

_WORDS = ("feeds:", "title:", "url:", "name:", "- ", "-", "x", "https://a.example/", "1h", "~",
          ": ", "\n", "\n", "\n  ", "\n    ", "{", "}", "[", "]", ", ", "'", '"', "&a ", "*a",
          "!!str ", "!x ", "<<: ", "? ", "---", "...", "#", "|\n", ">-\n", "\t", "%", "ü",
          "\\")  # fmt: skip
_SCALARS = st.sampled_from(["", "~", "null", "x", "a b", "1h", "30", "no", "<<", "*x", "é: [", "#"])
_TREES = st.recursive(
    _SCALARS | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_SCALARS, inner, max_size=4),
    max_leaves=12,
)


def assert_values_are_those_of_the_tree(text: str) -> None:
    values = document.values(text)
    if values is not None:
        root, said = document.compose(text, path=PATH)
        assert (root.value, said) == (values, [])


@given(st.lists(st.sampled_from(_WORDS), max_size=25).map("".join))
@settings(max_examples=500, deadline=None)
def test_any_text_has_the_values_of_its_tree_or_needs_the_tree(text):
    assert_values_are_those_of_the_tree(text)


@given(_TREES, st.booleans(), st.sampled_from([None, '"', "'", "|"]))
@settings(deadline=None)
def test_any_document_has_the_values_of_its_tree(tree, flow, style):
    assert_values_are_those_of_the_tree(
        yaml.safe_dump(tree, default_flow_style=flow, default_style=style, allow_unicode=True)
    )


_ODD = st.sampled_from(
    ["", "[a, b]", "{a: b}", "x", "https://a.example/", "-5", "'", "&a 1h", "*a"]
)
_ITEMS = st.dictionaries(
    st.sampled_from(["url", "name", "title", "category", "interval", "intervall", "<<"]),
    _ODD | st.sampled_from(["https://b.example/x", "one", "1h", "30", "HTTPS://A.example/#x"]),
    max_size=4,
).map(lambda item: "{" + ", ".join(f"{key}: {value}" for key, value in item.items()) + "}")


@given(st.lists(_ITEMS | _ODD, max_size=6), st.sampled_from(["", "title: x", "poll: {timeout: 0}"]))
@settings(max_examples=200, deadline=None)
def test_what_is_read_or_said_is_the_same_as_with_every_place_known(items, first):
    text = "\n".join([first, "feeds:", *(f"  - {item}" for item in items)])

    def outcome() -> object:
        try:
            return config.parse(text, path=PATH)
        except ConfigError as error:
            return error.problems

    quick = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "values", lambda text: None)
        assert outcome() == quick


@pytest.mark.parametrize(
    "feed",
    [
        "https://h{n}.example.org/feed.xml",
        "{{url: 'https://h{n}.example.org/', name: f{n}}}",
        'url: https://h{n}.example.org/x\n    title: "No {n}"\n    category: C {n}  # a comment',
    ],
    ids=["text", "braces", "lines"],
)
def test_a_right_file_is_read_without_asking_for_places(feed, monkeypatch):
    text = "poll: {interval: 2h}\nfeeds:\n" + "".join(f"  - {feed.format(n=n)}\n" for n in range(9))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("composed")

    monkeypatch.setattr(document, "compose", refuse)

    assert len(parsed(text).feeds) == 9


# --------------------------------------------------------------------- hostile and large files


def test_aliases_that_stand_for_billions_of_values_are_refused_at_once():
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 30)]
    text = "l0: &l0 [lol, lol, lol]\n" + "\n".join(levels)
    start = time.monotonic()

    (said,) = problems(text)

    assert "aliases (*) that stand for far too much" in said
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("nested", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000])
def test_a_file_nested_without_end_is_refused_and_does_not_crash(nested):
    assert "nested too deep for a configuration" in problem(nested)


def test_twenty_thousand_feeds_load_in_less_than_a_second():
    text = "feeds:\n" + "".join(
        f"  - url: https://host{n}.example.org/feed.xml\n    name: feed-{n}\n"
        f"    title: Feed number {n}\n    category: Category {n % 20}\n    interval: 1h\n"
        for n in range(20_000)
    )
    start = time.process_time()

    read = parsed(text)

    assert len(read.feeds) == 20_000
    assert time.process_time() - start < 3  # 0.5 s; 2 s with every place worked out


# --------------------------------------------------------------------- the file itself


def test_a_missing_file_is_told_in_one_line(tmp_path):
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "none.yaml")

    assert str(caught.value) == (
        f"{tmp_path}/none.yaml: no such file; write one (see docs/config.md) "
        "or name another with --config"
    )


def test_a_folder_is_told_in_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"a folder; name the file in it with --config .*\.yaml"):
        config.load(tmp_path)


def test_a_file_that_is_not_utf_8_is_told_with_the_place(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes("title: x\nfeeds: [{title: Büro}]".encode("latin-1"))

    with pytest.raises(ConfigError, match=r"config\.yaml:2:18: not UTF-8; save the file as UTF-8"):
        config.load(path)


def test_a_path_that_is_none_is_told_in_one_line(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match=r"config\.yaml: can't be read: Not a directory"):
        config.load(tmp_path / "file" / "config.yaml")
    with pytest.raises(ConfigError, match="can't be read: embedded null byte"):
        config.load(Path("a\0b"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_told_in_one_line(tmp_path):
    path = tmp_path / "config.yaml"
    path.touch(mode=0)

    with pytest.raises(ConfigError, match="can't be read: Permission denied"):
        config.load(path)


# --------------------------------------------------------------------- remarks


def test_a_short_interval_of_a_feed_on_the_web_is_remarked_on():
    read = parsed(
        "feeds:\n  - {url: https://a.example/, interval: 10m}\n"
        "  - {url: https://b.example/, interval: 30m}\n"
    )

    (remark,) = config.notes(read)

    assert remark.startswith("feeds[0] (a-example): polls every 10m; ")


def test_a_short_interval_for_all_feeds_is_remarked_on_once():
    read = parsed("poll: {interval: 1m}\nfeeds: [https://a.example/, https://b.example/]")

    assert [remark.partition(":")[0] for remark in config.notes(read)] == ["poll.interval"]


def test_many_remarks_of_one_kind_are_cut_short():
    items = "".join(f"  - {{url: https://h{n}.example/, interval: 1m}}\n" for n in range(1000))

    remarks = config.notes(parsed(f"feeds:\n{items}"))

    assert len(remarks) == 6
    assert remarks[-1] == "feeds: 995 more remarks of this kind"


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("title: x", "feeds: none yet"),
        ("web: {host: 0.0.0.0}", "base_url: others reach the pages (0.0.0.0)"),
        ("network: {allow: [0.0.0.0/0]}", "network.allow[0]: 0.0.0.0/0 allows every address"),
        ("feeds: [none.xml]", "feeds[0] (none): there is no file none.xml"),
        ("feeds: [www.example.org/feed.xml]", "add https:// if it is on the web"),
        (
            "feeds: [{url: a.xml, category: Old News}, {url: b.xml, category: old-news}]",
            'feeds[1] (b): category "old-news" is the same page as "Old News"',
        ),
    ],
)
def test_what_is_right_but_perhaps_not_meant_is_remarked_on(text, remark):
    remarks = config.notes(parsed(text))

    assert len([found for found in remarks if remark in found]) == 1


# --------------------------------------------------------------------- adding feeds

NEW = OpmlOutline("https://new.example/feed", "New: one # here", "Tech")
BARE = OpmlOutline("https://bare.example/feed")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            "title: x\nfeeds:\n  - https://a.example/\n",
            "title: x\nfeeds:\n  - https://a.example/\n{two}",
            id="block list",
        ),
        pytest.param(
            "feeds:\n- https://a.example/  # first\n\n# the end\ntitle: x\n",
            "feeds:\n- https://a.example/  # first\n{none}\n# the end\ntitle: x\n",
            id="not indented, with comments",
        ),
        pytest.param(
            "feeds:\n    -   url: https://a.example/\n        title: A\n\n    # - off.xml\n",
            "feeds:\n    -   url: https://a.example/\n        title: A\n{four}\n    # - off.xml\n",
            id="indented widely, with an item commented out",
        ),
        pytest.param(
            "feeds:\n  - a.xml",
            "feeds:\n  - a.xml\n{two}".removesuffix("\n"),
            id="no line end at the end",
        ),
        pytest.param("title: x\n", "title: x\nfeeds:\n{two}", id="no feeds key"),
        pytest.param("title: x", "title: x\nfeeds:\n{two}", id="no feeds key, no line end"),
        pytest.param(
            "title: x\n# end\n...\n", "title: x\nfeeds:\n{two}# end\n...\n", id="document end"
        ),
        pytest.param("feeds:  # none\ntitle: x\n", "feeds:  # none\n{two}title: x\n", id="empty"),
        pytest.param("feeds: []\ntitle: x\n", "feeds:\n{two}title: x\n", id="empty brackets"),
        pytest.param("feeds: [ ] # none\n", "feeds: # none\n{two}", id="empty with comment"),
        pytest.param("feeds: ~\n", "feeds:\n{two}", id="null"),
        pytest.param("feeds: [a.xml]\n", "feeds: [a.xml, {flow}]\n", id="list in brackets"),
        pytest.param(
            "feeds: [\n  a.xml,\n  b.xml,  # last\n]\n",
            "feeds: [\n  a.xml,\n  b.xml,\n  {lines},  # last\n]\n",
            id="list in brackets over lines",
        ),
        pytest.param("{title: x}\n", "{title: x, feeds: [{flow}]}\n", id="all in braces"),
        pytest.param(
            "{feeds: [], title: x}", "{feeds: [{flow}], title: x}", id="all in braces, empty list"
        ),
        pytest.param(
            "feeds:\n  - url: |\n      a.xml\n\n  # end\n",
            "feeds:\n  - url: |\n      a.xml\n{two}\n  # end\n",
            id="block of text",
        ),
        pytest.param(
            "feeds:\n  - &a {url: a.xml, category: C}\n  - url: b.xml\n    <<: *a\ntitle: x\n",
            "feeds:\n  - &a {url: a.xml, category: C}\n  - url: b.xml\n    <<: *a\n{two}title: x\n",
            id="alias at the end",
        ),
        pytest.param(
            "feeds:\n  -\n    url: a.xml\n", "feeds:\n  -\n    url: a.xml\n{two}", id="dash"
        ),
    ],
)
def test_feeds_are_added_at_the_end_and_nothing_else_changes(before, after):
    block = (
        "- url: https://new.example/feed\n"
        '  title: "New: one # here"\n'
        "  category: Tech\n"
        "- https://bare.example/feed\n"
    )
    wide = block.replace("- ", "-   ").replace("\n  ", "\n    ")
    flow = (
        '{url: "https://new.example/feed", title: "New: one # here", category: "Tech"}',
        '"https://bare.example/feed"',
    )
    expected = (
        after.replace("{none}", block)
        .replace("{two}", indented(block, 2))
        .replace("{four}", indented(wide, 4))
        .replace("{flow}", ", ".join(flow))
        .replace("{lines}", ",\n  ".join(flow))
    )
    if not before.endswith("\n"):
        expected = expected.removesuffix("\n")

    appended = config.append(before, [NEW, BARE], path=PATH)

    assert appended.text == expected
    assert [feed.url for feed in appended.added] == [NEW.url, BARE.url]
    windows = config.append(before.replace("\n", "\r\n"), [NEW, BARE], path=PATH)
    if "\n" in before:
        assert windows.text == expected.replace("\n", "\r\n")


def indented(block: str, width: int) -> str:
    return "".join(f"{' ' * width}{line}" for line in block.splitlines(keepends=True))


def test_feeds_can_be_added_to_the_repositorys_own_file():
    text = (ROOT / "config.yaml").read_text()

    appended = config.append(text, [NEW, BARE], path=ROOT / "config.yaml")

    assert appended.text.startswith(text.rstrip("\n"))
    assert [feed.name for feed in appended.added] == ["new-one-here", "bare-example"]


def test_feeds_that_are_subscribed_already_are_left_out_and_told():
    text = "feeds: [HTTP://Example.org:80/feed, a.xml]"
    known = [OpmlOutline("http://example.org/feed"), OpmlOutline("./a.xml")]

    appended = config.append(text, [*known, BARE, BARE], path=PATH)

    assert [feed.url for feed in appended.added] == [BARE.url]
    assert appended.known == (*known, BARE)
    assert config.append(text, known, path=PATH).text == text


def test_a_byte_order_mark_is_kept():
    appended = config.append("\ufefftitle: Ü\n", [BARE], path=PATH)

    assert appended.text == "\ufefftitle: Ü\nfeeds:\n  - https://bare.example/feed\n"


@pytest.mark.parametrize(
    "text",
    ["network: {allow: &hosts [a.xml]}\nfeeds: *hosts\n", "feeds: [ # none\n]\n"],
)
def test_a_list_that_can_not_be_extended_is_left_alone(text):
    with pytest.raises(ConfigError, match=r"^config\.yaml: nothing was added: .*by hand$"):
        config.append(text, [BARE], path=PATH)


def test_a_feed_that_can_not_be_subscribed_to_is_not_added():
    with pytest.raises(
        ConfigError, match=r"nothing was added: feeds\[0\]: \"ftp:\" can't be polled"
    ):
        config.append("title: x", [OpmlOutline("ftp://example.org/f")], path=PATH)


def test_nothing_is_added_to_a_file_with_problems():
    with pytest.raises(ConfigError, match=r"config\.yaml:1:1: titel: unknown key"):
        config.append("titel: x", [BARE], path=PATH)


@pytest.mark.parametrize(
    "title",
    [
        *("a: b # c", "a:", ":a", "#x", "- x", "[x]", "{x}", "!x", "&x", "*x", "%x", "@x", "`x"),
        *("yes", "No", "null", "123", "1e3", "2026-11-23", "~", "|", ">", "?", "=", "<<"),
        *("'x'", '"x"', "it's", 'say "hi"', "\\n", "a\u2028b", "x\ufeffy", "a  b"),
        *("🎉 party", "👩\u200d👩\u200d👧", "Жизнь", "日本語"),
    ],
)
@pytest.mark.parametrize("before", ["feeds:\n  - a.xml\n", "feeds: [a.xml]\n"])
def test_any_title_survives_being_written(title, before):
    appended = config.append(before, [OpmlOutline("https://a.example/", title, title)], path=PATH)

    plain = " ".join(title.split())
    assert appended.added[0].title == plain
    assert yaml.safe_load(appended.text)["feeds"][1]["title"] == plain


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=4))
def test_whatever_titles_and_categories_are_the_file_stays_right(texts):
    outlines = [
        OpmlOutline(f"https://h{n}.example/?q=1&r={n}", title, category)
        for n, (title, category) in enumerate(texts)
    ]

    appended = config.append("title: x\nfeeds:\n- a.xml # ü\n", outlines, path=PATH)

    read = yaml.safe_load(appended.text)["feeds"][1:]
    assert [item if isinstance(item, str) else item["url"] for item in read] == [
        outline.url for outline in outlines
    ]


def test_a_title_without_end_is_clipped():
    appended = config.append("title: x", [OpmlOutline("https://a.example/", "x" * 9999)], path=PATH)

    assert len(appended.added[0].title or "") == values.MAX_TITLE


# --------------------------------------------------------------------- writing the file


def test_the_file_is_replaced_and_keeps_its_mode_and_line_ends(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("title: old")
    path.chmod(0o640)

    config.write(path, "title: ü\r\n")

    assert path.read_bytes() == "title: ü\r\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert config.read(path) == "title: ü\r\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_its_target_is_replaced(tmp_path):
    (tmp_path / "etc").mkdir()
    target = tmp_path / "etc" / "real.yaml"
    target.write_text("title: old")
    link = tmp_path / "config.yaml"
    link.symlink_to(target)

    config.write(link, "title: new")

    assert link.is_symlink()
    assert target.read_text() == "title: new"


def test_a_new_file_can_be_read_by_others(tmp_path):
    config.write(tmp_path / "config.yaml", "title: new")

    assert stat.S_IMODE((tmp_path / "config.yaml").stat().st_mode) == 0o644


def test_a_file_that_can_not_be_written_is_told_in_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"config\.yaml: can't be written: No such file"):
        config.write(tmp_path / "none" / "config.yaml", "title: x")


def test_whoever_reads_while_the_file_is_written_sees_a_whole_one(tmp_path):
    path = tmp_path / "config.yaml"
    texts = ["title: " + letter * 190 + "\n" for letter in "ab"]
    config.write(path, texts[0])
    code = (
        "import sys; from pathlib import Path; from aggregator import config\n"
        "for n in range(200): config.write(Path(sys.argv[1]), sys.argv[2 + n % 2])"
    )
    with subprocess.Popen([sys.executable, "-c", code, path, *texts]) as writer:
        seen = {path.read_text()}
        while writer.poll() is None:
            seen.add(path.read_text())

    assert writer.returncode == 0
    assert seen <= set(texts)


# --------------------------------------------------------------------- the documentation

EXAMPLE = re.compile(r"```yaml\n(.*?)```(?:\n+[^`\n]+\n+```text\n(.*?)```)?", re.DOTALL)


def test_the_examples_in_the_documentation_do_what_it_says():
    examples = EXAMPLE.findall((ROOT / "docs" / "config.md").read_text())

    assert len(examples) == 8
    for text, said in examples:
        if said:
            assert "\n".join(problems(text)) + "\n" == said
        else:
            parsed(text)


def test_an_order_is_by_publication_or_by_arrival():
    assert parsed("order: Published").order is Order.PUBLISHED
    assert problems("order: newest") == [
        'config.yaml:1:8: order: "newest" is neither; write published or arrival'
    ]


def test_the_zone_of_a_feed_is_a_zone():
    (problem,) = problems("feeds: [{url: 'https://a.example/', timezone: CEST}]")

    assert "feeds[0].timezone" in problem
    assert '"CEST" is no time zone' in problem


def test_the_documentation_names_every_key():
    documented = (ROOT / "docs" / "config.md").read_text()
    sections = {"web": config.Web, "poll": config.Poll, "network": config.Network}
    keys = [
        f"{name}.{field.name}"
        for name, section in {**sections, "retention": config.Retention}.items()
        for field in dataclasses.fields(section)
    ]
    keys += ["title", "base_url", "timezone", "database", "stories", "order", "feeds"]
    keys += [f"hosts.NAME.{field.name}" for field in dataclasses.fields(config.Host)]
    keys += [f"feeds[].{field.name}" for field in dataclasses.fields(schema.Feed)]

    assert [key for key in keys if f"| `{key}` |" not in documented] == []


def test_paths_start_where_the_file_stands_also_if_it_is_a_link(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "config.yaml").write_text("feeds: [my.blog]")
    (tmp_path / "config.yaml").symlink_to(tmp_path / "etc" / "config.yaml")
    (tmp_path / "my.blog").write_text("")

    read = config.load(tmp_path / "config.yaml")

    assert read.folder == tmp_path
    assert read.database == f"sqlite:///{tmp_path}/aggregator.db"


# ---------------------------------------------------------------------- merged feeds


@pytest.mark.parametrize("text", ["feeds", "/feed", "tag:", "a b:c", "''"])
def test_the_id_of_the_merged_feeds_is_an_absolute_uri_or_none(text):
    if text == "''":
        assert parsed(f"publish: {{id: {text}}}").publish.id is None
        return
    (problem,) = problems(f"publish: {{id: '{text}'}}")

    assert problem.endswith("is no absolute URI; write tag:feeds.example.org,2026:/ or https://...")


@pytest.mark.parametrize("text", ["1", "maybe", "y", "On Off"])
def test_a_switch_is_on_or_off(text):
    (problem,) = problems(f"publish: {{noindex: {text}}}")

    assert problem.endswith("is neither on nor off; write one of them")


@pytest.mark.parametrize("text", ["me", "hub.example.org", "ftp://hub.example.org/"])
def test_a_hub_is_an_address_or_ourselves(text):
    assert parsed("websub: {hub: Self}").websub.hub == "self"
    (problem,) = problems(f"websub: {{hub: {text}}}")

    assert problem.endswith("is no hub; write https://hub.example.org/ or self")

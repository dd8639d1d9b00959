"""config.yaml: what may be written, and how each value is read."""

import os
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import config
from aggregator.config import Face, reached_at_port, value_parsers
from aggregator.errors import ConfigError
from aggregator.model import Order, PictureMode, Subscription
from aggregator.model.times import span_text
from aggregator.pictures.picture_header import PictureFormat
from aggregator.pictures.svg import cleaned_svg
from tests.configured import parsed, problem, problems
from web.language import available

DATA = Path(__file__).parent / "data" / "config"
ROOT = Path(__file__).parents[1]
HOUR = timedelta(hours=1)


def test_every_key_is_read_as_it_is_meant():
    path = DATA / "every-key.yaml"
    face = cleaned_svg((DATA / "face.svg").read_bytes()).data

    assert config.load(path) == config.Config(
        path=path,
        faces={"https://www.example.com/atom": Face(face, PictureFormat.SVG)},
        title="Evening reading",
        base_url="https://feeds.example.org/reading",
        timezone="Europe/Berlin",
        language="de",
        database=f"sqlite:///{DATA}/data/reading.db?timeout=10",
        web=config.WebOptions(host="0.0.0.0", port=8081),
        poll=config.PollOptions(
            interval=timedelta(hours=2),
            timeout=timedelta(seconds=45),
            max_size=5 * 2**20,
            concurrency=8,
            host_delay=timedelta(0),
            workers=3,
        ),
        network=config.NetworkOptions(allow=("127.0.0.1", "10.0.0.0/8", "nas.local", "::1")),
        hosts={
            "feeds.example.org": config.HostOptions(delay=timedelta(minutes=1), concurrency=2),
            "www.example.com": config.HostOptions(),
        },
        retention=config.RetentionOptions(timedelta(days=30), min_entries=20, max_entries=500),
        stories=config.StoriesOptions(off_in=("Business",)),
        page=config.PageOptions(
            read_here=False,
            pictures=PictureMode.LEAD,
            pictures_size=2_000_000_000,
            description="What we read in the evening",
            contact="mailto:reader@example.org",
            imprint="https://xn--xample-9ua.org/imprint",
        ),
        publish=config.PublishOptions(
            id="tag:feeds.example.org,2026:/",
            prefix_titles=True,
            noindex=False,
            limit_clients=True,
            deltas=True,
        ),
        websub=config.WebSubOptions(hub="https://hub.example.org/"),
        order=Order.ARRIVAL,
        per_hour=30,
        feeds=(
            Subscription(
                name="news-example-org",
                url="https://news.example.org/feed.xml",
                named_by_title=True,
                interval=timedelta(hours=2),
                interval_given=True,
                read_here=False,
                pictures=PictureMode.LEAD,
            ),
            Subscription(
                name="the-example",
                url="https://www.example.com/atom",
                title="Example: the blog",
                categories=("Business",),
                interval=timedelta(minutes=90),
                name_given=True,
                interval_given=True,
                distrust_304=True,
                timezone="Asia/Tokyo",
                stories=False,
                pictures=PictureMode.ALL,
            ),
            Subscription(
                name="local",
                url="samples/local.xml",
                named_by_title=True,
                interval=timedelta(hours=2),
                interval_given=True,
                read_here=False,
                pictures=PictureMode.LEAD,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        ("feeds: [a.xml]", ["off"]),
        ("page: {pictures: lead}\nfeeds: [a.xml, {url: b.xml, pictures: all}]", ["lead", "all"]),
        ("page: {pictures: all}\nfeeds: [{url: b.xml, pictures: no}]", ["off"]),
    ],
)
def test_pictures_of_a_feed_are_those_of_all_feeds_unless_it_says_so(text, modes):
    assert [feed.pictures for feed in parsed(text).feeds] == modes


def test_a_wrong_choice_of_pictures_names_the_right_ones():
    assert problem("page: {pictures: some}\nfeeds: [a.xml]") == (
        '1:18: page.pictures: "some" is none of them; write off, lead or all'
    )


@pytest.mark.parametrize(
    ("database", "folder"),
    [
        ("sqlite:///data/a.db", "data/pictures"),
        ("sqlite:////var/lib/a.db?timeout=5", "/var/lib/pictures"),
        ("postgresql://user@host/name", "pictures"),
    ],
)
def test_pictures_lie_beside_the_database_or_the_file(database, folder):
    config = parsed(f"database: {database}\nfeeds: [a.xml]", path=DATA / "config.yaml")

    assert config.picture_folder == DATA / folder


@pytest.mark.parametrize(
    ("database", "file", "folder"),
    [
        (None, "sqlite:////data/aggregator.db", "/data/pictures"),
        ("sqlite:///a/b.db", "sqlite:////data/a/b.db", "/data/a/pictures"),
        ("sqlite:////var/lib/a.db", "sqlite:////var/lib/a.db", "/var/lib/pictures"),
        ("postgresql://user@host/name", "postgresql://user@host/name", "/data/pictures"),
    ],
)
def test_a_variable_names_the_folder_of_database_and_pictures(monkeypatch, database, file, folder):
    monkeypatch.setenv("AGGREGATOR_DATA", "/data/")
    given = f"database: {database}\n" if database else ""

    config = parsed(f"{given}feeds: [a.xml]", path=DATA / "config.yaml")

    assert (config.database, config.picture_folder) == (file, Path(folder))
    assert config.folder == DATA  # of the files that config.yaml names


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
        ("hosts: {a b: {}}", '1:9: hosts.a b: "a b" is not a host; write example.org'),
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
        language="en",
        database=f"sqlite:///{tmp_path}/aggregator.db",
        web=config.WebOptions("127.0.0.1", 8080),
        poll=config.PollOptions(
            interval=HOUR,
            timeout=timedelta(seconds=30),
            max_size=10_000_000,
            concurrency=32,
            host_delay=timedelta(seconds=5),
            workers=max(1, os.cpu_count() or 1),
        ),
        network=config.NetworkOptions(()),
        retention=config.RetentionOptions(timedelta(days=365), 100),
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

    assert read.poll == config.PollOptions()
    assert read.network == config.NetworkOptions()


def test_text_needs_no_quotes_where_yaml_would_take_it_for_something_else():
    read = parsed("title: 2026\nfeeds: [{url: https://a.example/, category: no, name: 1e3}]")

    assert read.title == "2026"
    assert (read.feeds[0].categories, read.feeds[0].name) == (("no",), "1e3")


def test_blank_values_of_a_feed_are_as_good_as_none():
    read = parsed(
        "feeds:\n  - url: https://a.example/f\n    title:\n    category: ''\n    interval:"
    )

    (feed,) = read.feeds
    assert feed == Subscription("a-example", "https://a.example/f", named_by_title=True)


def test_anchors_aliases_and_merge_keys_are_understood():
    read = parsed(
        "feeds:\n"
        "  - &slow {url: https://a.example/, interval: 1d, category: Slow}\n"
        "  - {<<: *slow, url: https://b.example/, category: Other}\n"
    )

    assert read.feeds[1].interval == timedelta(days=1)
    assert read.feeds[1].categories == ("Other",)


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
        ("1y", '"y" is not a unit of time; use s, m, h, d or w'),
        ("1 fortnight", '"fortnight" is not a unit of time; use s, m, h, d or w'),
        ("-5m", '"-5m" is not a span of time; write 30s, 15m, 1h, 1h30m or 1d'),
        ("PT1H", '"PT1H" is not a span of time; write 30s, 15m, 1h, 1h30m or 1d'),
        ("1h30", '"1h30" is not a span of time; write 30s, 15m, 1h, 1h30m or 1d'),
        ("soon", '"soon" is not a span of time; write 30s, 15m, 1h, 1h30m or 1d'),
        ("0.5s", '"0.5s" is out of range; write 1s to 365d'),
        ("999999999w", '"999999999w" is out of range; write 1s to 365d'),
        ("''", '"" is not a span of time; write 30s, 15m, 1h, 1h30m or 1d'),
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

    assert (
        value_parsers.duration(span_text(length, units=4), minimum=timedelta(0), maximum=length)
        == length
    )


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
    assert "is not an address; write " in problem(f"web: {{host: '{host}'}}")


def test_without_a_base_url_the_port_of_the_web_is_in_it():
    assert parsed("web: {port: 9000}").base_url == "http://127.0.0.1:9000"
    assert parsed("web: {port: 0}").base_url == "http://127.0.0.1:8080"
    assert reached_at_port(parsed("title: Quay"), 9001).base_url == "http://127.0.0.1:9001"


def test_a_base_url_of_the_file_stays_as_written_with_another_port():
    config = parsed("base_url: http://127.0.0.1:8080")

    assert reached_at_port(config, 9001).base_url == "http://127.0.0.1:8080"


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
        ("ftp://example.org", "is not a web address"),
        ("https://", "is not a web address"),
        ("https://example.org:99999", "is not a web address"),
        ("https://example.org/?q=1", "leave out everything from ? or # on"),
        ("'https://example.org/#top'", "leave out everything from ? or # on"),
        ("https://me:secret@example.org/", "leave out user and password"),
    ],
)
def test_a_base_url_that_makes_no_links_is_refused(written, said):
    assert said in problem(f"base_url: {written}")


@pytest.mark.parametrize(
    ("written", "tag"), [("de", "de"), ("PT_br", "pt-BR"), ("zh-hans", "zh-Hans"), ("en", "en")]
)
def test_a_language_is_one_of_those_of_the_pages(written, tag):
    assert parsed(f"language: {written}").language == tag


def test_another_language_is_refused_with_those_there_are():
    assert '"tlh" is none of them; write ar, de, en,' in problem("language: tlh")
    assert tuple(sorted(available())) == value_parsers.LANGUAGES


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_a_time_zone_is_kept_as_its_name(zone):
    assert parsed(f"timezone: {zone}").timezone == zone


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("europe/berlin!", "did you mean Europe/Berlin?"),
        ("America/New York", "did you mean America/New_York?"),
        ("America", "is not a time zone"),
        ("../UTC", "is not a time zone"),
        ("/etc/localtime", "is not a time zone"),
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
        ("'[::1]'", "::1"),
        ("'127.0.0.1:8080'", "127.0.0.1:8080"),
        ("'10.0.0.0/8:8080'", "10.0.0.0/8:8080"),
        ("'fd00::/8:8080'", "fd00::/8:8080"),
        ("'[fd00::/8]:8080'", "fd00::/8:8080"),
        ("'[::1]:9000'", "[::1]:9000"),
        ("'NAS.local:8080'", "nas.local:8080"),
    ],
)
@pytest.mark.parametrize("section", ["network", "websub"])
def test_private_addresses_are_allowed_by_address_network_or_name(section, written, read):
    config = parsed(f"{section}: {{allow: [{written}]}}")

    assert getattr(config, section).allow == (read,)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("10.0.0.1/8", "write 10.0.0.0/8"),
        ("10.0.0.0/99", "is not a network"),
        ("nas.local/8", "is not a network"),
        ("'http://nas.local/'", "write the host alone: nas.local"),
        ("'nas.local:0'", "has a port out of range; write 1 to 65535"),
        ("'nas.local:65536'", "has a port out of range"),
        ("'nas.local:http'", "or one with a port: nas.local:8080"),
        ("'nas.local:'", "or one with a port: nas.local:8080"),
        ("'[::1:80'", "is neither address nor host"),
        ("'10.0.0.1/8:80'", "write 10.0.0.0/8"),
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


def test_an_order_is_by_publication_or_by_arrival():
    assert parsed("order: Published").order is Order.PUBLISHED
    assert problems("order: newest") == [
        'config.yaml:1:8: order: "newest" is neither; write published or arrival'
    ]


@pytest.mark.parametrize("text", ["feeds", "/feed", "tag:", "a b:c", "''"])
def test_the_id_of_the_merged_feeds_is_an_absolute_uri_or_none(text):
    if text == "''":
        assert parsed(f"publish: {{id: {text}}}").publish.id is None
        return
    (problem,) = problems(f"publish: {{id: '{text}'}}")

    assert problem.endswith(
        "is not an absolute URI; write tag:feeds.example.org,2026:/ or https://..."
    )


@pytest.mark.parametrize("text", ["1", "maybe", "y", "On Off"])
def test_a_switch_is_on_or_off(text):
    (problem,) = problems(f"publish: {{noindex: {text}}}")

    assert problem.endswith("is neither on nor off; write one of them")


@pytest.mark.parametrize("text", ["me", "hub.example.org", "ftp://hub.example.org/"])
def test_a_hub_is_an_address_or_ourselves(text):
    assert parsed("websub: {hub: Self}").websub.hub == "self"
    (problem,) = problems(f"websub: {{hub: {text}}}")

    assert problem.endswith("is not a hub; write https://hub.example.org/ or self")


# --------------------------------------------------------------------- the documentation

EXAMPLE = re.compile(r"```yaml\n(.*?)```(?:\n+[^`\n]+\n+```text\n(.*?)```)?", re.DOTALL)


def test_the_examples_in_the_documentation_do_what_it_says(monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "hunter2-of-the-database")
    monkeypatch.setenv("MEMBERS_TOKEN", "hunter2-of-the-members")
    monkeypatch.setenv("TOKEN", "hunter2-of-the-team")
    reference = (ROOT / "docs" / "config.md").read_text().partition("## Every key")[2]
    examples = EXAMPLE.findall(reference)

    assert len(examples) >= 23
    for text, said in examples:
        if said:
            assert "\n".join(problems(text)) + "\n" == said
        else:
            parsed(text)


def test_the_whole_files_in_the_documentation_are_valid_without_remarks(tmp_path, monkeypatch):
    for name in ("DATABASE_PASSWORD", "MEMBERS_KEY", "GIT_TOKEN"):
        monkeypatch.setenv(name, "hunter2-of-a-secret")
    (tmp_path / "faces").mkdir()
    (tmp_path / "teams").mkdir()
    (tmp_path / "teams" / "data.yaml").write_text("- https://sqlite.org/news.rss\n")
    shutil.copy(DATA / "face.svg", tmp_path / "faces" / "ada.svg")
    (tmp_path / "planet.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "welcome.md").write_text("# Welcome")
    head = (ROOT / "docs" / "config.md").read_text().partition("## Every key")[0]

    files = [parsed(text, path=tmp_path / "config.yaml") for text, _ in EXAMPLE.findall(head)]

    assert [read.title for read in files] == ["Ada's reading", "Planet Harbour", "Security watch"]
    assert [note for read in files for note in config.notes(read)] == []
    assert "https://sqlite.org/news.rss" in [feed.url for feed in files[-1].feeds]


def test_the_examples_of_the_readme_and_of_the_repositorys_own_file_are_right():
    ((example, _),) = EXAMPLE.findall((ROOT / "README.md").read_text())
    own_text = (ROOT / "config.yaml").read_text()
    switched_on = re.sub(r"^# ( *(?:- \{|\w+:))", r"\1", own_text, flags=re.MULTILINE)

    assert [view.name for view in parsed(example).views] == ["security"]
    read = parsed(switched_on, path=ROOT / "config.yaml")
    assert (read.hide, read.web, len(read.views)) == (
        'tag:sponsored OR title:"(ad)"', config.WebOptions(), 1,
    )  # fmt: skip

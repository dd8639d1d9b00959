"""Values of config.yaml from outside: the environment, files with secrets."""

import json
import os
from dataclasses import replace
from html import escape
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from aggregator import config, urls
from aggregator.cli import static_site
from aggregator.cli.web_address import listening
from aggregator.cli.web_process import WebProcess
from aggregator.config import count_unread
from aggregator.config.files import Folder, stamp_of
from aggregator.database import open_database
from aggregator.database.picture_tables import entry_pictures
from aggregator.database.schema import contents, entries, feeds
from aggregator.model import FeedHead, Outcome
from tests.configured import parsed, problem, problems
from tests.feedserver import FeedServer
from tests.running import command, eventually, get, rss, write_config
from tests.web_fixtures import Site, entry

TOKEN = "t0k-7b/41 \u00e9&x"


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("UNSET", "OTHER"):
        monkeypatch.delenv(name, raising=False)
    values = {"WORD": "harbour", "EMPTY": "", "YAML": "[a, b]: c # d", "N": "45m", "TEN": "10"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("${WORD}", "harbour"),
        ("The ${WORD} of ${WORD}s", "The harbour of harbours"),
        ("${UNSET:-a text}", "a text"),
        ("${EMPTY:-a text}", "a text"),
        ("${WORD:-a text}", "harbour"),
        ("a${EMPTY}b", "ab"),
        ("a${UNSET:-}b", "ab"),
        ("${YAML}", "[a, b]: c # d"),
        ("$${WORD} ${WORD} $WORD $$", "${WORD} harbour $WORD $$"),
        ("$$${WORD}", "$${WORD}"),
    ],
)
def test_a_variable_is_filled_in_as_text(written, title):
    assert parsed(f"title: '{written}'").title == title


def test_every_kind_of_value_may_have_variables():
    read = parsed(
        "web: {host: '${HOST:-0.0.0.0}', port: '80${TEN}'}\n"
        "poll: {interval: '${N}'}\n"
        "stories: {News: '${OFF:-off}'}\n"
        "hide: 'title:${WORD}'\n"
        "views: [{name: a, search: '${WORD}'}]\n"
        "feeds:\n"
        "  - {url: a.xml, category: ['${WORD}', b], per_day: '${TEN}', private: '${NO:-false}'}\n"
    )

    assert (read.web.host, read.web.port) == ("0.0.0.0", 8010)
    assert read.poll.interval.total_seconds() == 45 * 60
    assert (read.hide, read.views[0].search) == ("title:harbour", "harbour")
    assert read.feeds[0].categories == ("harbour", "b")
    assert read.feeds[0].rules.per_day == 10


@pytest.mark.parametrize("text", ["web: ${YAML}", "feeds: ${YAML}", "network: {allow: '${YAML}'}"])
def test_what_is_filled_in_is_never_yaml(text):
    assert "must be" in problem(text)


def test_a_key_has_no_variables():
    assert "unknown key" in problem("${WORD}: x")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("title: a ${UNSET}",
         "1:10: title: ${UNSET} has no value; set UNSET in the environment of the program, or"),
        ("feeds: ['https://me:${UNSET}@a.example/']", "1:21: feeds[0]: ${UNSET} has no value"),
        ("feeds:\n  - url: a.xml\n    title: >\n      a\n      b ${UNSET}",
         "5:9: feeds[0].title: ${UNSET} has no value"),
        ("feeds: ${UNSET}", "1:8: feeds: ${UNSET} has no value"),
        ("web: {port: '${UNSET}'}", "1:14: web.port: ${UNSET} has no value"),
        ("stories: {News: '${UNSET}'}", "1:18: stories.News: ${UNSET} has no value"),
        ("database: x${file:/no/such/file}", '1:12: database: there is no file "/no/such/file"'),
        ("database: ${file:}", "1:11: database: ${file:} names no file; write ${file:/run/secrets"),
        ("title: ab ${", "1:11: title: ${ is never closed; write ${NAME}, ${NAME:-text} or"),
        ("title: ab ${WORD", "1:11: title: ${ is never closed"),
        ("title: ${}", "1:8: title: ${} is not a variable; write ${NAME}"),
        ("title: ${1a}", "1:8: title: ${1a} is not a variable"),
        ("title: ${A B}", "1:8: title: ${A B} is not a variable"),
        ("title: ${A-b}", "1:8: title: ${A-b} is not a variable"),
        ("title: a ${UNSET:-${WORD}}", "1:10: title: ${UNSET:-${WORD} has a variable within"),
        ("title: $${x} ${UNSET}", "1:14: title: ${UNSET} has no value"),
        ("hide: '${WORD} (b'", '1:16: hide: "(" is never closed'),
        ("hide: '(${WORD} ${WORD}'", '1:8: hide: "(" is never closed'),
    ],
)  # fmt: skip
def test_a_fault_has_its_place_within_the_value(text, fault):
    assert problem(text).startswith(fault)


def test_all_faults_are_told_at_once():
    text = "title: ${UNSET} ${OTHER}\nbase_url: x\nfeeds: ['https://a.example/${UNSET}', '${2}']"

    places = [line.partition(" ")[0] for line in problems(text)]

    assert places == [f"config.yaml:{place}:" for place in ("1:8", "1:17", "2:11", "3:28", "3:40")]


def test_a_value_that_is_wrong_when_filled_in_is_a_fault_of_the_value():
    assert problem("poll: {interval: '${WORD}'}").startswith(
        '1:18: poll.interval: "harbour" is not a span of time'
    )


def test_a_secret_is_read_from_a_file_which_is_watched(tmp_path):
    (tmp_path / "token").write_text("abc\n")
    (tmp_path / "windows").write_bytes(b"def\r\n")
    text = f"title: ${{file:token}} ${{file:{tmp_path}/windows}}"

    read = config.parse(text, path=tmp_path / "config.yaml")

    assert read.title == "abc def"
    assert set(read.stamps) == {tmp_path / "token", tmp_path / "windows"}


def test_a_file_that_is_saved_between_two_readings_is_noticed(tmp_path):
    folder = Folder(tmp_path)
    (tmp_path / "token").write_text("first")
    stamp = stamp_of(tmp_path / "token")
    folder.read_secret("token")
    (tmp_path / "token").write_text("the second")
    folder.read_secret("token")

    assert folder.stamps == {tmp_path / "token": stamp}


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "not UTF-8"), (b"a" * 100_001, "larger")],
)
def test_a_file_that_can_not_be_a_secret_is_a_fault(tmp_path, content, fault):
    (tmp_path / "token").write_bytes(content)

    assert fault in problem_in(tmp_path, "title: ${file:token}")


def test_a_missing_file_is_waited_for(tmp_path):
    with pytest.raises(config.config_file.ConfigError) as caught:
        config.parse("title: ${file:token}", path=tmp_path / "config.yaml")

    assert caught.value.stamps == {tmp_path / "token": None}


def problem_in(folder, text):
    with pytest.raises(config.config_file.ConfigError) as caught:
        config.parse(text, path=folder / "config.yaml")
    (only,) = caught.value.problems
    return only


def test_a_variable_that_is_not_text_is_a_fault(monkeypatch):
    monkeypatch.setitem(os.environ, "LATIN", os.fsdecode(b"caf\xe9"))

    assert "${LATIN} is not UTF-8" in problem("title: ${LATIN}")


# ------------------------------------------------------------------ without the environment


def test_check_leaves_out_values_with_variables_that_are_not_set(tmp_path):
    write_config(
        tmp_path, ["'https://a.example/${UNSET}'"], title="${WORD}", database="${file:none}"
    )

    done = command(tmp_path, "check", "--without-env")

    assert done.returncode == 0
    assert done.stdout == (
        "config.yaml: fine; 2 values were left out, with variables that are not set\n"
    )
    assert command(tmp_path, "check").returncode == 2


@pytest.mark.parametrize(
    "wrong", ["title: ${1}", "title: ${UNSET", "base_url: x", "titel: ${UNSET}"]
)
def test_check_without_the_environment_tells_every_other_fault(tmp_path, wrong):
    path = tmp_path / "config.yaml"
    path.write_text(f"{wrong}\nfeeds: ['https://a.example/${{UNSET}}']")

    with pytest.raises(config.config_file.ConfigError) as caught:
        count_unread(path)

    assert len(caught.value.problems) == 1


# ------------------------------------------------------------------ secrets


FEED = "https://members.a.example/${TOKEN}/feed.xml"


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", TOKEN.replace(" ", "%20").replace("\u00e9", "%C3%A9"))
    site = Site(tmp_path, feeds=[{"url": FEED, "category": "Trade"}])
    site.subscribe()
    return site


@pytest.mark.slow
def test_what_is_filled_into_an_address_stands_nowhere(site):
    (feed,) = site.config.feeds
    head = FeedHead(title="Circle", site_url=feed.url, feed_id=feed.url, rights="", note="")
    site.record(feed.name, entry(1), head=head)
    site.record(
        "circle",
        outcome=Outcome.FAILED,
        status=None,
        failures=1,
        head=head,
        moved_to=f"{feed.url}/new",
    )
    paths = ["/", "/category/trade", "/source/circle", "/sources", "/status", "/sources.opml",
             "/metrics", "/feed.atom", "/feed.rss", "/feed.json"]  # fmt: skip

    texts = [site.client.get(path).text for path in paths]
    texts += [
        file.data.decode("utf-8", "replace")
        for file in static_site.files(site.config, site.engine, frozenset(static_site.FORMATS))
    ]

    secret = os.environ["TOKEN"]
    assert [text for text in texts if secret in text or secret.replace("&", "&amp;") in text] == []
    assert "members.a.example/***/feed.xml" in site.client.get("/status").text


@pytest.mark.slow
def test_the_process_of_the_pages_knows_the_secrets(site):
    (feed,) = site.config.feeds
    site.record(feed.name, entry(1), moved_to=f"{feed.url}/new")
    served = replace(site.config, database=site.engine.url.render_as_string(hide_password=False))
    with listening(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/status"
        web = WebProcess(served, listener)
        web.start()
        try:
            assert "members.a.example/***/feed.xml/new" in get(address)[2].decode()
            web.take_over(replace(served, secrets=("feed.xml/new",)))
            eventually(lambda: "members.a.example/***/***" in get(address)[2].decode())
        finally:
            web.stop()


def test_relative_links_of_a_feed_with_a_secret_in_its_path_do_not_show_the_secret(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("TOKEN", "pq-5519-zz")
    document = (
        "<rss version='2.0'><channel><title>A</title><item><title>One</title><guid>1</guid>"
        "<link>one</link><enclosure url='one.mp3' type='audio/mpeg' length='1'/>"
        "<description>&lt;p&gt;&lt;a href='more'&gt;More&lt;/a&gt; &lt;a href='/top'&gt;Top"
        "&lt;/a&gt; &lt;img src='one.png'&gt;&lt;/p&gt;</description></item></channel></rss>"
    )
    with FeedServer() as server:
        server.put("/pq-5519-zz/a", document)
        write_config(tmp_path, [f"'{server.url('/${TOKEN}/a')}'"])
        assert command(tmp_path, "poll").stdout == "a: 1 new, 0 updated\n"
        top = server.url("/top")

    with open_database(f"sqlite:///{tmp_path / 'aggregator.db'}").connect() as connection:
        (entry_row,) = connection.execute(select(entries)).all()
        html = str(connection.scalar(select(contents.c.html)))
        pictures = connection.scalars(select(entry_pictures.c.entry_id)).all()
    assert (entry_row.url, entry_row.enclosures, pictures) == (None, (), [])
    assert "5519" not in html
    assert f'href="{top}"' in html
    assert "More" in html


@pytest.mark.slow
def test_commands_show_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN", "pq-5519-zz")
    with FeedServer() as server:
        server.put("/pq-5519-zz/loop", b"", status=302, headers={"Location": "/pq-5519-zz/loop"})
        server.put(
            "/pq-5519-zz/page",
            b'<html><head><link rel="alternate" type="application/rss+xml" href="feed">'
            b"</head><body>A page of pq-5519-zz</body></html>",
        )
        server.put("/pq-5519-zz/a", rss([("a1", "One", None)], title="A"))
        pages = ("a", "none", "loop", "page")
        write_config(tmp_path, [f"'{server.url('/${TOKEN}/')}{page}'" for page in pages])
        done = [command(tmp_path, "poll", "--json")]
        names = [str(json.loads(line)["feed"]) for line in done[0].stdout.splitlines()]
        done += [
            command(tmp_path, *arguments)
            for arguments in (["feeds"], ["feeds", "--json"], ["explain", names[0]], ["check"],
                              ["explain", names[1]], ["plan"], ["plan", "--json"],
                              ["export", "out"])
        ]  # fmt: skip

    with open_database(f"sqlite:///{tmp_path / 'aggregator.db'}").connect() as connection:
        named = connection.scalars(select(feeds.c.failure).where(feeds.c.failures > 0)).all()
    assert [each.named_feed for each in named if each.named_feed] == [server.url("/***/feed")]
    texts = [part for each in done for part in (each.stdout, each.stderr)]
    texts += [
        file.read_text("utf-8", "replace")
        for file in (tmp_path / "out").rglob("*")
        if file.is_file()
    ]
    assert {each.returncode for each in done} == {0}
    assert [text for text in texts if "pq-5519-zz" in text] == []


@pytest.mark.parametrize("name", [{}, {"name": "circle"}])
def test_a_feed_keeps_its_entries_when_the_value_of_a_variable_changes(tmp_path, monkeypatch, name):
    monkeypatch.setenv("TOKEN", "first-value-1")
    listed = [{"url": FEED, **name}, {"url": "https://members.a.example/other"}]
    site = Site(tmp_path, feeds=listed)
    site.subscribe()
    (feed, _) = site.config.feeds
    site.record(feed.name, entry(1), entry(2))

    monkeypatch.setenv("TOKEN", "second-value-2")
    changed = config.load(site.config.path)
    site.subscribe(*changed.feeds)

    assert [each.name for each in changed.feeds] == [each.name for each in site.config.feeds]
    with site.engine.connect() as connection:
        rows = connection.execute(select(feeds).order_by(feeds.c.id)).all()
    assert [(row.name, row.entries, row.subscribed) for row in rows] == [
        (name.get("name", "title-of-members-a-example"), 2, True),
        (site.config.feeds[1].name, 0, True),
    ]  # fmt: skip
    assert rows[0].url == "https://members.a.example/second-value-2/feed.xml"


def test_a_feed_keeps_its_entries_when_its_secret_becomes_a_variable_and_back(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("TOKEN", "third-value-3")
    site = Site(tmp_path, feeds=[{"url": FEED.replace("${TOKEN}", "third-value-3")}])
    site.subscribe()
    (literal,) = site.config.feeds
    site.record(literal.name, entry(1))
    variable = replace(literal, written_url=FEED)

    for subscription in (variable, literal):
        site.subscribe(subscription)
        with site.engine.connect() as connection:
            (row,) = connection.execute(select(feeds)).all()
        assert (row.entries, row.subscribed, row.written_url) == (1, True, subscription.written_url)


@pytest.mark.parametrize(
    "token", ["\u00fc!token*9", "\u00e4=b+c/d", "\u00e9'(x)|y;z", "%C3%A9%41bc!d&", "a%20b%2fc~[d]"]
)
@pytest.mark.parametrize("address", [FEED, "https://members.a.example/feed.xml?issue=${TOKEN}&n=1"])
@pytest.mark.parametrize("spelled", [str, urls.normalized, urls.in_ascii, unquote])
def test_a_secret_is_masked_however_an_address_spells_it(monkeypatch, token, address, spelled):
    monkeypatch.setenv("TOKEN", token)
    (feed,) = parsed(f"feeds: ['{address}']").feeds

    assert urls.masked(spelled(feed.url)) == address.replace("${TOKEN}", "***")
    assert urls.masked_text(f"see {escape(spelled(feed.url))}") == (
        f"see {escape(address.replace('${TOKEN}', '***'))}"
    )


@pytest.mark.parametrize(
    "token", ["hunter2k:99999", "hunter2k secret", "hunter2k.example", "//hunter2k"]
)
@pytest.mark.parametrize(
    "text", ["feeds: ['${TOKEN}']", "feeds: ['url:${TOKEN}']", "database: '${TOKEN}'",
             "websub: {hub: '${TOKEN}'}", "feeds: ['https://h.example/ ${TOKEN}']"],
)  # fmt: skip
def test_no_part_of_a_secret_stands_in_what_is_wrong_with_its_address(monkeypatch, token, text):
    monkeypatch.setenv("TOKEN", token)

    for line in problems(text):
        assert "hunter2k" not in line


def test_a_short_text_is_not_masked_within_words(monkeypatch):
    monkeypatch.setenv("TOKEN", "qwx")
    monkeypatch.setenv("OTHER", "zqvk")

    feeds_of = parsed("feeds: ['https://a.example/${TOKEN}/${OTHER}']").feeds

    assert feeds_of[0].known_url == "https://a.example/${TOKEN}/${OTHER}"
    assert urls.masked_text("qwx zqvk zqvks") == "qwx *** zqvks"


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("database: 'postgresql://${USER}:${PW}@${HOST}/${NAME}?sslpassword=${KEY}'", "PW KEY"),
        ("database: 'postgresql://${USER}@${HOST}:5432/${NAME}'", ""),
        ("database: 'sqlite:///${NAME}.db'", ""),
        ("database: '${WHOLE}'", "WHOLE"),
        ("database_read: 'postgresql://${USER}:${PW}@${HOST}/${NAME}'", "PW"),
        ("feeds: ['${SCHEME}://${USER}:${PW}@a.example/${NAME}?k=${KEY}']", "USER PW NAME KEY"),
        ("feeds: [{url: '${WHOLE}', title: '${NAME}'}]", "WHOLE"),
        ("title: '${NAME}'\nbase_url: 'https://${HOST}'", ""),
    ],
)
def test_secrets_are_what_is_filled_into_addresses_but_for_names_of_databases(
    monkeypatch, text, secrets
):
    values = {
        "USER": "gull-user", "PW": "gull-pw-1", "HOST": "gull.example", "NAME": "gull-name",
        "KEY": "gull-key-1", "SCHEME": "https", "WHOLE": "postgresql://a:gull-pw-2@b/c",
    }  # fmt: skip
    if "feeds" in text:
        values["WHOLE"] = "https://a.example/gull-path"
    for name, value in values.items():
        monkeypatch.setenv(name, value)

    assert set(parsed(text).secrets) == {values[name] for name in secrets.split()}

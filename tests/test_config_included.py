"""Files with feeds that config.yaml includes."""

import asyncio
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggregator import config
from aggregator.cli import main
from aggregator.config.files import Pattern
from aggregator.errors import ConfigError
from aggregator.model import OpmlOutline
from aggregator.scheduler import service
from tests.feedserver import FeedServer
from tests.pollers import new_scheduler
from tests.running import eventually, get, rss, running
from tests.worlds import sqlite_database

INCLUDE = "include: [feeds/*.yaml]\n"
OUTLINE = OpmlOutline("https://new.example/feed", "New", ("Tech",))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a folder for included files."""
    (tmp_path / "feeds").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**texts: str) -> None:
    """Write config.yaml, and included files by the beginnings of their names."""
    for name, text in texts.items():
        path = "config.yaml" if name == "config" else f"feeds/{name}.yaml"
        Path(path).write_text(text)


def loaded() -> config.Config:
    return config.load(Path("config.yaml"))


def problems() -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded()
    return list(caught.value.problems)


def names() -> list[str]:
    return [feed.name for feed in loaded().feeds]


def test_included_feeds_stand_before_those_of_the_file_in_alphabetical_order(folder):
    write(
        config=INCLUDE + "feeds: [{url: https://a.example/, name: own}]",
        b="- {url: https://b.example/, name: b}\n- {url: https://c.example/, name: c}",
        a="feeds:\n  - {url: https://d.example/, name: a}\n",
    )

    assert names() == ["a", "b", "c", "own"]


def test_a_file_that_two_patterns_mean_is_included_once_and_config_yaml_never(folder):
    write(
        config="include: ['*.yaml', feeds/a.yaml, feeds/*]\nfeeds: [https://own.example/]",
        a="[https://a.example/]",
    )

    assert names() == ["a-example", "own-example"]


def test_settings_of_an_included_file_stand_for_its_feeds_without_their_own(folder):
    write(
        config=INCLUDE + "poll: {interval: 2h}\n",
        team="""
category: [Team, Berlin]
interval: 30m
hide: tag:ad
paused: true
pictures: all
feeds:
  - https://a.example/
  - {url: https://b.example/, category: Other, interval: 3h, hide: tag:spam, paused: false}
""",
        others="[https://c.example/]",
    )

    others, default, own = loaded().feeds

    assert (others.interval.seconds, others.categories, others.paused) == (7200, (), False)
    assert (default.interval.seconds, default.categories) == (1800, ("Team", "Berlin"))
    assert (default.rules.hide, default.paused, default.pictures) == ("tag:ad", True, "all")
    assert (own.interval.seconds, own.categories) == (10800, ("Other",))
    assert (own.rules.hide, own.paused, own.pictures) == ("tag:spam", False, "all")


def test_paths_and_variables_in_an_included_file_mean_what_they_mean_in_config_yaml(
    folder, monkeypatch
):
    monkeypatch.setenv("TOKEN", "s3cret-token")
    Path("token").write_text("another-secret\n")
    Path("local.xml").write_text("<rss/>")
    write(
        config=INCLUDE,
        a="- https://a.example/${TOKEN}\n- https://b.example/${file:token}\n- local.xml\n",
    )

    read = loaded()

    assert [feed.url for feed in read.feeds] == [
        "https://a.example/s3cret-token",
        "https://b.example/another-secret",
        "local.xml",
    ]
    assert read.feeds[0].written_url == "https://a.example/${TOKEN}"
    assert read.secrets == ("s3cret-token", "another-secret")
    assert config.count_unread(Path("config.yaml")) == 0
    monkeypatch.delenv("TOKEN")
    assert config.count_unread(Path("config.yaml")) == 1
    (problem,) = problems()
    assert problem.startswith("feeds/a.yaml:1:21: feeds[0]: ${TOKEN} has no value; ")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- https://a.example/\n- url: https://b.example/\n  interval: 5 mins ago\n",
         "3:13: feeds[1].interval: "),
        ("feeds:\n  - https://a.example/\n  - url: https://b.example/\n    interval: soon\n",
         "4:15: feeds[1].interval: "),
        ("interval: soon\nfeeds: [https://a.example/]", "1:11: interval: "),
        ("- https://a.example/\n- https://A.example/\n",
         "2:3: feeds[1]: the same feed as feeds[0] in line 1; remove one"),
        ("url: https://a.example/\nfeeds: []", '1:1: url: unknown key; "url" belongs to a feed'),
        ("include: [x.yaml]\nfeeds: []",
         '1:1: include: unknown key; "include" belongs in config.yaml'),
        ("catgory: x\nfeeds: []", '1:1: catgory: unknown key; did you mean "category"?'),
        ("category: x", "1:1: must be a list of feeds, or settings"),
        ("https://a.example/", "1:1: must be a list of feeds, or settings"),
        ("private: true\nfeeds: [https://a.example/]",
         "2:9: feeds[0]: needs a title or name"),
        ("feeds: https://a.example/", "1:8: feeds: must be a list"),
        ("- url: https://a.example/\n  url: https://b.example/\n", "2:3: "),
        ("- a: b: c\n", "1:"),
        ("# nothing yet\n", " empty; "),
    ],
)  # fmt: skip
def test_a_mistake_names_the_file_the_line_and_the_column(folder, text, fault):
    write(config=INCLUDE + "feeds: [https://own.example/]", team=text)

    (problem,) = problems()

    assert problem.startswith(f"feeds/team.yaml:{fault}")


def test_the_mistakes_of_all_files_are_told_at_once(folder):
    write(config=INCLUDE + "port: 1\nfeeds: []", a="- 5\n", b="- [", c="- url: ''\n")

    places = [problem.partition(": ")[0] for problem in problems()]

    assert places == ["config.yaml:2:1", "feeds/a.yaml:1:3", "feeds/c.yaml:1:8", "feeds/b.yaml:2:1"]


def test_a_feed_in_two_files_is_a_mistake_that_names_both(folder):
    write(
        config=INCLUDE + "feeds:\n  - {url: https://a.example/, name: x}\n",
        a="- https://b.example/\n- https://c.example/\n",
        b="\n- url: https://a.example/#top\n- url: https://C.example/\n- {url: d.xml, name: x}\n",
    )

    same_as_a, same_name, same_as_b = problems()

    same = "the same feed as feeds[{}] in feeds/{}; remove one"
    assert same_as_a == f"config.yaml:3:11: feeds[0].url: {same.format(0, 'b.yaml:2')}"
    assert same_name == (
        'config.yaml:3:37: feeds[0].name: "x" is the name of feeds[2] in feeds/b.yaml:4; '
        "write another"
    )
    assert same_as_b == f"feeds/b.yaml:3:8: feeds[1].url: {same.format(1, 'a.yaml:2')}"


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("teams.yaml", 'there is no file "teams.yaml"'),
        ("feeds", '"feeds" is a folder; write feeds/*.yaml'),
        ("config.yaml", '"config.yaml" is this file; name another'),
        ("feeds/**/*.yaml", '"feeds/**/*.yaml" looks into any folder; write each'),
        ("~/feeds.yaml", '"~/feeds.yaml" is not a path from here'),
        ("https://a.example/x.yaml", '"https://a.example/x.yaml" is not a path'),
    ],
)
def test_a_wrong_pattern_is_a_mistake_of_config_yaml(folder, pattern, fault):
    write(config=f"title: x\ninclude:\n  - '{pattern}'\n")

    (problem,) = problems()

    assert problem.startswith(f"config.yaml:3:5: include[0]: {fault}")


@pytest.mark.parametrize("pattern", ["feeds/pipe.yaml", "feeds/lost.yaml", "feeds/l*.yaml"])
def test_what_is_not_a_file_is_a_mistake_and_blocks_nothing(folder, pattern):
    os.mkfifo("feeds/pipe.yaml")
    Path("feeds/lost.yaml").symlink_to("nowhere.yaml")
    write(config=f"include: ['{pattern}']")

    (problem,) = problems()

    name = pattern.replace("l*", "lost")
    assert problem.startswith(
        f'config.yaml:1:11: include[0]: "{name}" leads to no file, or may not'
    )


def test_a_pattern_leaves_folders_and_pipes_out(folder):
    os.mkfifo("feeds/pipe.yaml")
    Path("feeds/folder.yaml").mkdir()
    write(config=INCLUDE, team="- https://a.example/\n")

    assert names() == ["a-example"]


def test_a_pattern_without_files_is_a_remark(folder):
    write(config=INCLUDE)
    Path("feeds/.team.yaml").write_text("not: [valid")  # as an editor leaves files behind

    assert 'include[0]: no file matches "feeds/*.yaml" yet' in config.notes(loaded())


def test_remarks_name_the_included_file(folder):
    write(config=INCLUDE, team="- https://a.example/\n- {url: https://b.example/, interval: 5m}\n")

    (remark,) = config.notes(loaded())

    assert remark.startswith("feeds/team.yaml: feeds[1] (b-example): polls every 5m; ")


def test_others_may_not_read_the_secrets_of_an_included_file(folder):
    write(config=INCLUDE, team="- https://ann:geheim99@a.example/\n")
    Path("feeds/team.yaml").chmod(0o644)

    (remark,) = config.notes(loaded())

    assert remark.startswith("feeds/team.yaml: others on this machine can read it")


def test_the_line_of_a_setting_is_that_of_the_feed_or_of_all_feeds_of_its_file(folder):
    write(
        config=INCLUDE + "hide: x\n",
        team="# ours\nhide: a\nfeeds:\n  - https://a.example/\n  - url: b.xml\n    hide: b\n",
    )
    read = loaded()

    lines = [config.line_of_feed(place, "hide") for place in read.places.values()]

    assert lines == [2, 6]
    assert {place.path for place in read.places.values()} == {Path("feeds/team.yaml")}
    assert config.line_of_feed(read.places["b"], "keep") is None


# ------------------------------------------------------------------ adding feeds


def add() -> Path:
    """Add a feed, and return the path of the file that has the feed."""
    appended = config.append_to_file(Path("config.yaml"), [OUTLINE])
    assert [feed.url for feed in appended.feeds] == [OUTLINE.url]
    assert [feed.url for feed in loaded().feeds][-1] == OUTLINE.url
    return appended.path


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("- https://a.example/  # first\n", "- https://a.example/  # first\n{0}"),
        (
            "category: Team\nfeeds:\n  - https://a.example/\n# the end\n",
            "category: Team\nfeeds:\n  - https://a.example/\n  {0}# the end\n",
        ),
    ],
)
def test_a_feed_is_added_to_the_included_file_that_has_all_feeds(folder, text, added):
    write(config=INCLUDE + "title: x\n", team=text)

    assert add() == Path("feeds/team.yaml")
    indent = "    " if "  {0}" in added else "  "
    feed = f"- url: {OUTLINE.url}\n{indent}title: New\n{indent}category: Tech\n"
    assert Path("feeds/team.yaml").read_text() == added.format(feed)
    assert Path("config.yaml").read_text() == INCLUDE + "title: x\n"


@pytest.mark.parametrize(
    ("own", "included"),
    [
        ("feeds: [https://own.example/]\n", {"a": "[https://a.example/]"}),
        ("", {"a": "[https://a.example/]", "b": "[https://b.example/]"}),
        ("", {}),
    ],
)
def test_a_feed_is_added_to_config_yaml_else(folder, own, included):
    write(config=INCLUDE + own, **included)

    assert add() == Path("config.yaml")
    assert {path.stem: path.read_text() for path in Path("feeds").iterdir()} == included


def test_a_feed_of_an_included_file_is_not_added_again(folder):
    write(config=INCLUDE + "feeds: [https://own.example/]\n", a=f"[{OUTLINE.url}]")

    appended = config.append_to_file(Path("config.yaml"), [OUTLINE])

    assert (appended.feeds, appended.duplicates) == ((), (OUTLINE,))


def test_the_command_says_to_which_file_a_feed_was_added(folder):
    write(config=INCLUDE, team="- https://a.example/\n")

    done = CliRunner().invoke(main, ["add", "--no-check", OUTLINE.url])

    assert done.output == f"added {OUTLINE.url} to feeds/team.yaml\n"


# ------------------------------------------------------------------ watching


def test_included_files_and_patterns_are_watched_also_while_a_file_is_wrong(folder):
    write(config="include: [feeds/*.yaml, team.yaml]\n", a="[")
    with pytest.raises(ConfigError) as caught:
        loaded()
    before = caught.value.stamps

    assert Path("feeds/a.yaml") in before
    write(a="[https://a.example/]")
    Path("team.yaml").write_text("[]")
    after = config.present_stamps(before)
    assert {key for key in before if after[key] != before[key]} == {
        Path("feeds/a.yaml"),
        Pattern(Path(), "team.yaml"),
    }


def test_only_files_that_match_change_the_stamp_of_a_pattern(folder):
    write(config=INCLUDE, a="[https://a.example/]")
    stamps = loaded().stamps

    Path("feeds/notes.txt").write_text("x")
    Path("feeds/.a.yaml.swp").write_text("x")
    assert config.present_stamps(stamps) == stamps
    write(b="[]")
    assert config.present_stamps(stamps) != stamps


def swap(folder: Path, **texts: str) -> None:
    """Write files into the folder as Kubernetes updates a ConfigMap."""
    version = folder / f"..{len(list(folder.iterdir()))}"
    version.mkdir()
    for name, text in texts.items():
        (version / f"{name}.yaml").write_text(text)
        os.utime(version / f"{name}.yaml", (1, 1))
    (folder / "..data_tmp").symlink_to(version.name)
    (folder / "..data_tmp").replace(folder / "..data")
    for name in texts:
        if not (folder / f"{name}.yaml").is_symlink():
            (folder / f"{name}.yaml").symlink_to(f"..data/{name}.yaml")
    for path in folder.glob("[a-z]*.yaml"):
        if not path.exists():
            path.unlink()


def test_a_running_scheduler_follows_files_that_come_change_and_go(folder, caplog, monkeypatch):
    monkeypatch.setattr(service, "_RELOAD", 0.1)
    caplog.set_level(logging.INFO, "aggregator")
    poll = "poll: {interval: 1h, workers: 1}\n"
    feed = "- {{url: {0}.xml, name: {0}}}\n"
    swap(folder / "feeds", a=feed.format("a"))
    write(config=INCLUDE + poll)
    database = sqlite_database(folder)
    scheduler = new_scheduler(loaded(), database)
    steps = {
        "added a, b": lambda: swap(folder / "feeds", a=feed.format("a"), b=feed.format("b")),
        "added c; removed b": lambda: swap(
            folder / "feeds", a=feed.format("a"), b=feed.format("c")
        ),
        "removed c": lambda: swap(folder / "feeds", a=feed.format("a")),
    }

    async def follow():
        stop = asyncio.Event()
        running = asyncio.create_task(scheduler.run(stop))
        async with asyncio.timeout(60):
            for words, step in steps.items():
                step()
                while words not in caplog.text:
                    await asyncio.sleep(0.02)
            stop.set()
            await running

    asyncio.run(follow())
    database.dispose()
    assert "removed a" not in caplog.text


@pytest.mark.slow
def test_the_program_follows_files_of_a_config_map_and_keeps_polling_while_one_is_wrong(folder):
    settings = "web: {port: 0}\nnetwork: {allow: [127.0.0.1]}\npoll: {host_delay: 0s, workers: 1}\n"
    with FeedServer() as server:
        for name in "ab":
            server.put(f"/{name}", rss([(name, f"Post of {name}", datetime.now(UTC))]))
        feed = f"- {server.url('/a')}\n"
        swap(folder / "feeds", team="[]")
        write(config=INCLUDE + settings)
        with running(folder) as (process, address):
            swap(folder / "feeds", team=feed)
            eventually(lambda: b"Post of a" in get(f"{address}/")[2])

            swap(folder / "feeds", team="- [\n")
            assert process.stderr is not None
            while "feeds/team.yaml:2:1: " not in (line := process.stderr.readline()):
                assert line
            assert eventually(lambda: get(f"{address}/readyz")[0] == 503)

            swap(folder / "feeds", team=feed, other=f"- {server.url('/b')}\n")
            eventually(lambda: b"Post of b" in get(f"{address}/")[2])
            assert b"Post of a" in get(f"{address}/")[2]
            assert eventually(lambda: get(f"{address}/readyz")[0] == 200)

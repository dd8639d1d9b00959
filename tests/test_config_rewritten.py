"""Feeds that are removed from config.yaml, or get another name there."""

import stat
from pathlib import Path

import pytest

from aggregator import config
from aggregator.config import subscription_edits
from aggregator.errors import ConfigError

DATA = Path(__file__).parent / "data" / "config"
BLOCK = """\
# ours
title: x
feeds:
  - a.xml  # first
  # about b
  - url: b.xml
    title: B
    # interval: 1h

  # about c
  - c.xml
"""
BRACKETS = "feeds: [\n  a.xml, # A\n  b.xml,\n  {url: c.xml, title: C}  # last\n]\n"
DASHES = "feeds:\n  -\n    url: a.xml\n  - # my - feed\n    url: |\n      b.xml\n\n  - c.xml"
MERGED = "feeds:\n- &a {url: a.xml, category: A}\n- <<: *a\n  url: b.xml\n- c.xml\n"
NAMED = "feeds:\n- a.xml\n- name: 'b'  # its key\n  url: b.xml\n- name:\n  url: c.xml\n"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path("config.yaml")


@pytest.mark.parametrize(
    ("before", "url", "after"),
    [
        (BLOCK, "a.xml", BLOCK.replace("  - a.xml  # first\n", "")),
        (
            BLOCK,
            "b.xml",
            BLOCK.replace("  - url: b.xml\n    title: B\n    # interval: 1h\n", ""),
        ),
        (BLOCK, "c.xml", BLOCK.replace("  - c.xml\n", "")),
        ("feeds:\n- a.xml\n- b.xml", "b.xml", "feeds:\n- a.xml\n"),
        ("title: x\nfeeds:\n- a.xml\n", "a.xml", "title: x\nfeeds:\n"),
        ("feeds: [a.xml, b.xml, c.xml]\n", "a.xml", "feeds: [b.xml, c.xml]\n"),
        ("feeds: [a.xml, b.xml, c.xml]\n", "b.xml", "feeds: [a.xml, c.xml]\n"),
        ("feeds: [a.xml, b.xml, c.xml]\n", "c.xml", "feeds: [a.xml, b.xml]\n"),
        ("feeds: [a.xml,]\n", "a.xml", "feeds: []\n"),
        ("{feeds: [a.xml, b.xml], title: x}", "b.xml", "{feeds: [a.xml], title: x}"),
        (BRACKETS, "a.xml", BRACKETS.replace("  a.xml, # A\n", "")),
        (BRACKETS, "b.xml", BRACKETS.replace("  b.xml,\n", "")),
        (BRACKETS, "c.xml", BRACKETS.replace("  {url: c.xml, title: C}  # last\n", "")),
        (DASHES, "a.xml", DASHES.replace("  -\n    url: a.xml\n", "")),
        (DASHES, "b.xml", DASHES.replace("  - # my - feed\n    url: |\n      b.xml\n", "")),
        (DASHES, "c.xml", DASHES.replace("  - c.xml", "")),
        (MERGED, "b.xml", "feeds:\n- &a {url: a.xml, category: A}\n- c.xml\n"),
        (NAMED, "b.xml", "feeds:\n- a.xml\n- name:\n  url: c.xml\n"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_feed_is_removed_with_its_lines_and_nothing_else_changes(
    before, url, after, line_end, path
):
    write(path, before, line_end)

    config.remove_feed(path, url)

    assert config.read(path) == after.replace("\n", line_end)


@pytest.mark.parametrize(
    ("before", "url", "after"),
    [
        (
            BLOCK,
            "a.xml",
            BLOCK.replace("- a.xml  # first\n", "- url: a.xml  # first\n    name: new\n"),
        ),
        (BLOCK, "b.xml", BLOCK.replace("url: b.xml\n", "url: b.xml\n    name: new\n")),
        (BLOCK, "c.xml", BLOCK.replace("- c.xml\n", "- url: c.xml\n    name: new\n")),
        ("feeds:\n- a.xml", "a.xml", "feeds:\n- url: a.xml\n  name: new"),
        ("feeds: [a.xml, b.xml]", "b.xml", "feeds: [a.xml, {url: b.xml, name: new}]"),
        (BRACKETS, "a.xml", BRACKETS.replace("a.xml,", "{url: a.xml, name: new},")),
        (BRACKETS, "c.xml", BRACKETS.replace("c.xml,", "c.xml, name: new,")),
        (DASHES, "a.xml", DASHES.replace("a.xml\n", "a.xml\n    name: new\n")),
        (DASHES, "b.xml", DASHES.replace("b.xml\n", "b.xml\n    name: new\n")),
        (MERGED, "b.xml", MERGED.replace("b.xml\n", "b.xml\n  name: new\n")),
        (NAMED, "b.xml", NAMED.replace("'b'", "new")),
        (NAMED, "c.xml", NAMED.replace("name:\n", "name: new\n")),
        ("feeds:\n- &x b.xml\n", "b.xml", "feeds:\n- url: &x b.xml\n  name: new\n"),
        ("feeds:\n- 'a.xml'\n", "a.xml", "feeds:\n- url: 'a.xml'\n  name: new\n"),
        ("feeds:\n- {name: a, url: a.xml}\n", "a.xml", "feeds:\n- {name: new, url: a.xml}\n"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_feed_gets_another_name_and_nothing_else_changes(before, url, after, line_end, path):
    write(path, before, line_end)

    config.rename_feed(path, url, "new")

    assert config.read(path) == after.replace("\n", line_end)


def write(path: Path, text: str, line_end: str = "\n") -> None:
    path.write_bytes(text.replace("\n", line_end).encode())


def test_a_name_that_yaml_could_read_as_something_else_stands_in_quotes(path):
    write(path, "feeds:\n- a.xml\n")

    config.rename_feed(path, "a.xml", "2026")

    assert path.read_text() == 'feeds:\n- url: a.xml\n  name: "2026"\n'


def test_the_result_names_the_file_and_the_line(path):
    write(path, BLOCK)

    removed = config.remove_feed(path, "b.xml")

    assert (removed.path, removed.line) == (path, 6)


def test_mode_byte_order_mark_and_variables_stay(path, monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter2-of-ours")
    first = "\ufefffeeds:\n- url: https://a.example/?t=${TOKEN}\n"
    write(path, f"{first}  name: a\n- {{url: b.xml, name: b}}\n")
    path.chmod(0o640)

    config.remove_feed(path, "b.xml")
    config.rename_feed(path, "https://a.example/?t=${TOKEN}", "new")

    assert path.read_bytes().decode() == f"{first}  name: new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    config.remove_feed(path, "https://a.example/?t=${TOKEN}")
    assert path.read_bytes().decode() == "\ufefffeeds:\n"


def test_a_feed_of_an_included_file_is_changed_there(path):
    write(path, "include: [more/*.yaml]\nfeeds: [own.xml]\n")
    Path("more").mkdir()
    write(Path("more/a.yaml"), "# a team's\n- a.xml\n- b.xml\n")
    write(Path("more/b.yaml"), "category: C\nfeeds:\n- c.xml\n")

    removed = config.remove_feed(path, "a.xml")
    config.rename_feed(path, "c.xml", "new")

    assert (removed.path, removed.line) == (Path("more/a.yaml"), 2)
    assert Path("more/a.yaml").read_text() == "# a team's\n- b.xml\n"
    assert Path("more/b.yaml").read_text() == "category: C\nfeeds:\n- url: c.xml\n  name: new\n"
    assert path.read_text() == "include: [more/*.yaml]\nfeeds: [own.xml]\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [("# a team's\n- a.xml\n", "# a team's\n[]\n"), ("- a.xml\r\n# tail", "# tail\r\n[]\r\n"),
     ("- a.xml", "[]\n"), ("[a.xml]\n", "[]\n"), ("category: C\nfeeds: \n- a.xml\n", None)],
)  # fmt: skip
def test_the_last_feed_of_an_included_file_leaves_a_list_without_feeds(path, before, after):
    write(path, "include: [a.yaml]\nfeeds: [own.xml]\n")
    Path("a.yaml").write_bytes(before.encode())

    config.remove_feed(path, "a.xml")

    assert Path("a.yaml").read_bytes().decode() == (after or "category: C\nfeeds: \n")
    assert [feed.url for feed in config.load(path).feeds] == ["own.xml"]


def test_headers_and_pictures_leave_with_their_feed(path):
    Path("face.svg").write_bytes((DATA / "face.svg").read_bytes())
    write(
        path,
        "feeds:\n- a.xml\n- url: https://b.example/\n  picture: face.svg\n"
        "  request: {headers: {X-Token: hunter2-of-ours}}\n",
    )

    config.rename_feed(path, "https://b.example/", "b")
    config.remove_feed(path, "https://b.example/")

    assert path.read_text() == "feeds:\n- a.xml\n"


def test_an_opml_list_is_removed_and_lists_and_feeds_behind_stay(path):
    write(path, "feeds:\n- a.xml\n- opml: b.opml\n  category: B\n- opml: c.opml\n- d.xml\n")

    removed = config.remove_opml_list(path, "b.opml")
    config.remove_feed(path, "a.xml")

    assert removed.line == 3
    assert path.read_text() == "feeds:\n- opml: c.opml\n- d.xml\n"
    with pytest.raises(ConfigError, match=r"^config\.yaml: the list b\.opml is no longer there$"):
        config.remove_opml_list(path, "b.opml")


def test_names_that_are_made_for_other_feeds_may_follow(path):
    write(path, "feeds:\n- https://a.example/1\n- https://a.example/2\n")
    names = [feed.name for feed in config.load(path).feeds]

    config.remove_feed(path, "https://a.example/1")

    (feed,) = config.load(path).feeds
    assert (feed.name, feed.url) == ("a-example", "https://a.example/2")
    assert names[1] != names[0] == "a-example"


def test_the_name_of_a_private_feed_stays_its_title(path):
    write(path, "feeds:\n- {url: a.xml, name: a, private: true}\n")

    config.rename_feed(path, "a.xml", "new")

    assert [(feed.name, feed.title) for feed in config.load(path).feeds] == [("new", "new")]


@pytest.mark.parametrize(
    ("text", "url", "reason"),
    [
        ("feeds: &y [a.xml]\nnetwork: {allow: *y}\n", "a.xml", "can't be changed safely"),
        ("network: {allow: &y [a.xml]}\nfeeds: *y\n", "a.xml", "the list of feeds is an alias"),
        ("feeds:\n- &a a.xml\n- {url: b.xml, title: *a}\n", "a.xml", "*a stands for nothing above"),
    ],
)
def test_a_feed_that_can_not_be_removed_safely_is_left_to_a_person(text, url, reason, path):
    write(path, text)

    with pytest.raises(ConfigError) as caught:
        config.remove_feed(path, url)

    (line,) = caught.value.problems
    assert line.startswith("config.yaml: nothing was changed: ")
    assert reason in line
    assert line.endswith("; change the file by hand")
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("feeds:\n- &x {url: a.xml}\n- {<<: *x, url: b.xml}\n", 'feeds[1].name: "new" is the'),
        ("page: &x {description: d}\nfeeds: [{url: a.xml, name: &n a, title: *n}]\n", "*n stands"),
    ],
)
def test_a_feed_that_can_not_be_renamed_safely_is_left_to_a_person(text, reason, path):
    write(path, text)

    with pytest.raises(ConfigError, match="nothing was changed: ") as caught:
        config.rename_feed(path, "a.xml", "new")

    assert reason in str(caught.value)
    assert path.read_text() == text


def test_what_an_editor_saves_meanwhile_stays(path, monkeypatch):
    write(path, BLOCK)
    edit = subscription_edits.feed_edits.without_item

    def saved_meanwhile(text, items, index):
        if "ours" in text:
            write(path, BLOCK.replace("ours", "saved"))
        return edit(text, items, index)

    monkeypatch.setattr(subscription_edits.feed_edits, "without_item", saved_meanwhile)
    config.remove_feed(path, "a.xml")

    assert path.read_text() == BLOCK.replace("ours", "saved").replace("  - a.xml  # first\n", "")


def test_a_feed_that_is_gone_by_now_is_told(path):
    write(path, BLOCK)

    with pytest.raises(ConfigError, match=r"^config\.yaml: the feed x\.xml is no longer there$"):
        config.remove_feed(path, "x.xml")

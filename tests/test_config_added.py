"""Feeds that are added to config.yaml, and how the file is written."""

import fcntl
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import config
from aggregator.config import appending, value_parsers
from aggregator.errors import ConfigError
from aggregator.model import OpmlOutline, PageKind, PageSelectors
from tests.configured import PATH
from tests.selection import examples

ROOT = Path(__file__).parents[1]

NEW = OpmlOutline("https://new.example/feed", "New: one # here", ("Tech",))
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
    assert [feed.url for feed in appended.feeds] == [NEW.url, BARE.url]
    windows = config.append(before.replace("\n", "\r\n"), [NEW, BARE], path=PATH)
    if "\n" in before:
        assert windows.text == expected.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "feeds:\n- a.xml  # first\n",
            (
                "feeds:\n- a.xml  # first\n- url: https://page.example/\n  category: [Tech, News]\n"
                '  select:\n    item: ".posts li"\n    title: h3\n    link: a@href\n'
            ),
        ),
        (
            "feeds: [a.xml]\n",
            (
                'feeds: [a.xml, {url: "https://page.example/", category: ["Tech", "News"], '
                'select: {item: ".posts li", title: "h3", link: "a@href"}}]\n'
            ),
        ),
    ],
)
def test_a_page_is_added_with_its_selectors(before, after):
    page = OpmlOutline(url="https://page.example/", categories=("Tech", "News"))
    selectors = PageSelectors(PageKind.HTML, ".posts li", title="h3", link="a@href")

    appended = config.append(before, [page], pages={page.url: selectors}, path=PATH)

    assert appended.text == after.replace("link: a@href", 'link: "a@href"')
    assert appended.feeds[0].selectors == selectors


def indented(block: str, width: int) -> str:
    return "".join(f"{' ' * width}{line}" for line in block.splitlines(keepends=True))


def test_feeds_can_be_added_to_the_repositorys_own_file():
    text = (ROOT / "config.yaml").read_text()

    appended = config.append(text, [NEW, BARE], path=ROOT / "config.yaml")

    assert appended.text.startswith(text.rstrip("\n"))
    assert [feed.name for feed in appended.feeds] == ["new-one-here", "bare-example"]


def test_feeds_that_are_subscribed_already_are_left_out_and_told():
    text = "feeds: [HTTP://Example.org:80/feed, a.xml]"
    known = [OpmlOutline("http://example.org/feed"), OpmlOutline("./a.xml")]

    appended = config.append(text, [*known, BARE, BARE], path=PATH)

    assert [feed.url for feed in appended.feeds] == [BARE.url]
    assert appended.duplicates == (*known, BARE)
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
    appended = config.append(
        before, [OpmlOutline("https://a.example/", title, (title,))], path=PATH
    )

    plain = " ".join(title.split())
    assert appended.feeds[0].title == plain
    assert yaml.safe_load(appended.text)["feeds"][1]["title"] == plain


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=4))
def test_whatever_titles_and_categories_are_the_file_stays_right(texts):
    outlines = [
        OpmlOutline(f"https://h{n}.example/?q=1&r={n}", title, (category,))
        for n, (title, category) in enumerate(texts)
    ]

    appended = config.append("title: x\nfeeds:\n- a.xml # ü\n", outlines, path=PATH)

    read = yaml.safe_load(appended.text)["feeds"][1:]
    assert [item if isinstance(item, str) else item["url"] for item in read] == [
        outline.url for outline in outlines
    ]


def test_a_title_without_end_is_clipped():
    appended = config.append("title: x", [OpmlOutline("https://a.example/", "x" * 9999)], path=PATH)

    assert len(appended.feeds[0].title or "") == value_parsers.MAX_TITLE


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


@pytest.mark.slow
def test_of_several_that_add_feeds_at_the_same_time_all_are_added(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("feeds:\n  - https://a.example/\n")
    outlines = [OpmlOutline(f"https://x{number}.example/") for number in range(20)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda outline: config.append_to_file(path, [outline]), outlines))

    assert {feed.url for feed in config.load(path).feeds} == {
        "https://a.example/",
        *(outline.url for outline in outlines),
    }
    assert list(tmp_path.iterdir()) == [path]


def test_to_add_feeds_to_a_link_to_itself_is_told_in_one_line(tmp_path):
    path = tmp_path / "config.yaml"
    path.symlink_to(path)

    with pytest.raises(ConfigError, match="can't be read: Too many levels of symbolic links"):
        config.append_to_file(path, [BARE])


def test_what_an_editor_saves_while_feeds_are_added_stays(tmp_path, monkeypatch):
    path = tmp_path / "config.yaml"
    path.write_text("title: old\n")
    append = appending.append

    def saved_meanwhile(text, outlines, **arguments):
        if "old" in text:
            path.write_text("title: saved\n")
        return append(text, outlines, **arguments)

    monkeypatch.setattr(appending, "append", saved_meanwhile)
    config.append_to_file(path, [BARE])

    read = config.load(path)
    assert (read.title, [feed.url for feed in read.feeds]) == ("saved", [BARE.url])


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


@pytest.mark.slow
def test_whoever_reads_while_the_file_is_written_sees_a_whole_one(tmp_path):
    path = tmp_path / "config.yaml"
    texts = ["title: " + letter * 190 + "\n" for letter in "ab"]
    config.write(path, texts[0])

    def write() -> None:
        for text in texts * 15:
            config.write(path, text)

    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        seen = {path.read_text()}
        while not writing.done():
            seen.add(path.read_text())

    writing.result()
    assert seen <= set(texts)


def test_what_a_writer_that_was_killed_left_is_removed_and_nothing_else(tmp_path):
    path = tmp_path / "config.yaml"
    left = tmp_path / ".config.yaml.aggregator-new.abcdefgh"
    under_way = tmp_path / ".config.yaml.aggregator-new.ijklmnop"
    of_others = [tmp_path / ".config.yaml.swp", tmp_path / ".other.yaml.aggregator-new.abcdefgh"]
    for each in (left, under_way, *of_others):
        each.touch()

    with under_way.open() as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        config.write(path, "feeds: []\n")

    assert path.read_text() == "feeds: []\n"
    assert sorted(tmp_path.iterdir()) == sorted([path, under_way, *of_others])

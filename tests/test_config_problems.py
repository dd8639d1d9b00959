"""Mistakes in config.yaml: told all at once, with their places, in plain words."""

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import config
from aggregator.config import yaml_document
from aggregator.errors import ConfigError
from tests.configured import PATH, parsed, problem, problems
from tests.cpu_time import cpu_limit
from tests.running import forked, give_up_rights_of_root
from tests.selection import examples, slow_after, slow_but

UNNAMED = "needs a title or name; one made from the address would show it"
DATA = Path(__file__).parent / "data" / "config"
ROOT = Path(__file__).parents[1]


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
            "1:22: feeds[0].xyz: unknown key; known here are url, name, title, picture, request",
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
        ("web: {port: -1}", 'web.port: "-1" is out of range; write 0 to 65535'),
        ("web: {port: -}", "web.port: "),
        ("web: {port: 1-1}", 'web.port: "1-1" is not a whole number; write 0 to 65535'),
        (
            "feeds:\n- url:https://a.example/x",
            'feeds[0]: a space is missing; write url: "https://a.example/x"',
        ),
    ],
)
def test_what_is_nearly_right_is_told_what_is_wrong_with_it(text, said):
    assert said in problem(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a: b", '1:9: a ":" too much; put text with ": " in quotes, align keys'),
        ("web:\n\tport: 1", "2:1: U+0009 (tab) is not a space; remove it, or write a space"),
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: a\ntimezone UTC\n\n# much later\n\nfeeds: []", "2:1: a key without"),
        ("timezone UTC\nfeeds: []", "1:1: a key without"),
        ("timezone UTC  # of our town\nfeeds: []", "1:1: a key without"),
        ("timezone UTC\n# nothing yet\nfeeds: []", "1:1: a key without"),
        ("feeds  # ours\n  - a.xml", "1:1: a key without"),
        ("web:\n  host ::1  # all\n  port: 1\nfeeds: []", "2:3: a key without"),
        ("feeds:\n  - url a.xml  # ours\n    title: B", "2:5: a key without"),
        ("title: a\n}\nfeeds: []", "2:1: does not fit"),
        ("title: a\npoll\n  interval: 1h", "2:1: a key without"),
        ("web:\n  host ::1\n  port: 1", "2:3: a key without"),
        ("title: a\nfeeds\n  - a.xml", "2:1: a key without"),
        ("feeds:\n  - url: a.xml\n    title B\n    category: c", "3:5: a key without"),
        ("feeds:\n  - url a.xml\n    title: B", "2:5: a key without"),
        ("feeds:\n  - url: a.xml\n    title: B\n  - url b.xml\n    title: C", "4:5: a key without"),
        ("title:a\nfeeds: []", "1:1: a space is missing behind"),
        ("title: a\ntimezone:UTC\nfeeds: []", "2:1: a space is missing behind"),
        ("feeds:\n  - url:a.xml\n    title: b", "2:5: a space is missing behind"),
        ("feeds:\n  - https://a.example/\n  https://b.example/", "3:3: an address without `- `"),
        (
            'title: "a\nfeeds:\n  - url: "a.xml"',
            "1:8: this quotation mark is closed only in line 3",
        ),
        ("title: 'a\nx:\n- 'a.xml'", "1:8: this quotation mark is closed only in line 3"),
        ("feeds:\n  - url: a.xml\n     title: b", "3:11: does not fit the line above"),
        ("poll:\n  interval: 1h\n timeout: 3s", "3:2: does not fit the lines above"),
        ("feeds:\n  - a b\n    c\n  - d.xml", "2:5: feeds[0]: "),
    ],
)
def test_the_line_to_mend_is_the_one_where_the_mistake_was_made(text, said):
    assert problem(text).startswith(said)


@pytest.mark.parametrize(
    ("text", "repetition"),
    [
        (
            "feeds:\n- {url: a.xml, interval: x}\n- {url: ./a.xml, per_day: x}",
            "3:9: feeds[1].url: the same feed as feeds[0] in line 2; remove one",
        ),
        (
            "feeds:\n- {url: 'ftp://x', name: a}\n- {name: a}",
            '3:10: feeds[1].name: "a" is the name of feeds[0] in line 2; write another',
        ),
        (
            "order: x\nviews:\n- {name: a, search: (}\n- {name: a}\n- {name: ' '}",
            '4:10: views[1].name: "a" is the name of views[0]; write another',
        ),
        (
            "hosts:\n  www.a.example: {delay: x}\n  a.example: {}\n  'a b': {}",
            '3:3: hosts.a.example: "a.example" is the same site as "www.a.example"; keep one',
        ),
        (
            "feeds: [{url: a.xml, category: ['', a, [], A]}]",
            '1:44: feeds[0].category[3]: "A" is the same category as "a"; remove one',
        ),
        (
            "stories: {'a': x, b: off, B: on}",
            '1:30: stories.B: "B" is the same category as "b"; remove one',
        ),
        (
            "feeds:\n- private: true\n  url: a.xml\n  interval: x",
            f"2:12: feeds[0].private: {UNNAMED}",
        ),
    ],
)
def test_a_repetition_is_reported_beside_other_faults(text, repetition):
    lines = problems(text)

    assert f"config.yaml:{repetition}" in lines
    assert len(lines) > 1


def test_each_wrong_item_of_a_value_is_reported():
    text = "stories: {a: x, b: y}\nfeeds: [{url: a.xml, category: ['', []]}]"

    assert [line.split(": ")[1] for line in problems(text)] == [
        "stories.a", "stories.b", "feeds[0].category[0]", "feeds[0].category[1]",
    ]  # fmt: skip


def test_a_text_over_several_lines_says_how_far_it_goes():
    said = problem("feeds:\n  - a b\n    c\n  - d.xml")

    assert "this text goes on to line 3" in said


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "~", "\ufeff"])
def test_an_empty_file_is_told_from_one_without_feeds(text):
    assert problems(text) == ["config.yaml: empty; write at least one setting (see docs/config.md)"]


def test_the_slower_parser_of_yaml_reads_the_same(monkeypatch):
    paths = (DATA / "every-key.yaml", ROOT / "config.yaml")
    fast = [parsed(path.read_text(), path=path) for path in paths]
    monkeypatch.setattr(yaml_document, "_Loader", yaml.SafeLoader)

    assert [parsed(path.read_text(), path=path) for path in paths] == fast
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
    values = yaml_document.values(text)
    if values is not None:
        root, said = yaml_document.compose(text, path=PATH)
        assert (root.value, said) == (values, [])


@given(st.lists(st.sampled_from(_WORDS), max_size=25).map("".join))
@settings(max_examples=examples(500), deadline=None)
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
@settings(max_examples=examples(200), deadline=None)
def test_what_is_read_or_said_is_the_same_as_with_every_place_known(items, first):
    text = "\n".join([first, "feeds:", *(f"  - {item}" for item in items)])

    def outcome() -> object:
        try:
            return config.parse(text, path=PATH)
        except ConfigError as error:
            return error.problems

    quick = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_document, "values", lambda text: None)
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

    monkeypatch.setattr(yaml_document, "compose", refuse)

    assert len(parsed(text).feeds) == 9


# --------------------------------------------------------------------- hostile and large files


def test_aliases_that_stand_for_billions_of_values_are_refused_at_once():
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 30)]
    text = "l0: &l0 [lol, lol, lol]\n" + "\n".join(levels)
    with cpu_limit(2):
        (said,) = problems(text)

    assert "aliases (*) that stand for far too much" in said


@pytest.mark.parametrize("nested", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000])
def test_a_file_nested_without_end_is_refused_and_does_not_crash(nested):
    assert "nested too deep for a configuration" in problem(nested)


@pytest.mark.slow
@pytest.mark.parametrize("count", slow_after(1, [4_000, 20_000]))
def test_thousands_of_feeds_load_in_less_than_a_second(count):
    text = "feeds:\n" + "".join(
        f"  - url: https://host{n}.example.org/feed.xml\n    name: feed-{n}\n"
        f"    title: Feed number {n}\n    category: Category {n % 20}\n    interval: 1h\n"
        for n in range(count)
    )
    with cpu_limit(count / 5_000):
        read = parsed(text)

    assert len(read.feeds) == count


# --------------------------------------------------------------------- the file itself


def test_a_missing_file_is_told_in_one_line(tmp_path):
    with pytest.raises(ConfigError) as caught:
        config.load(tmp_path / "none.yaml")

    assert str(caught.value) == (
        f"{tmp_path}/none.yaml: no such file; write one with `aggregator init`, "
        "or name another with --config"
    )


def test_a_folder_is_told_in_one_line(tmp_path):
    with pytest.raises(ConfigError, match=r"a folder; name the file in it with --config .*\.yaml"):
        config.load(tmp_path)


def test_a_pipe_without_a_writer_keeps_nobody_waiting_and_one_with_a_writer_is_read(tmp_path):
    path = tmp_path / "config.yaml"
    os.mkfifo(path)
    reader, writer = os.pipe()
    os.write(writer, b"feeds: []")
    os.close(writer)

    with pytest.raises(ConfigError, match="empty"):
        config.load(path)
    assert config.load(Path(f"/dev/fd/{reader}")).feeds == ()
    os.close(reader)


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


def test_a_file_that_may_not_be_read_is_told_in_one_line(tmp_path):
    path = tmp_path / "config.yaml"
    path.touch(mode=0)

    def load() -> None:
        give_up_rights_of_root()
        with pytest.raises(ConfigError, match="can't be read: Permission denied"):
            config.load(path)

    assert forked(load) == 0


def test_paths_start_where_the_file_stands_also_if_it_is_a_link(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "config.yaml").write_text("feeds: [my.blog]")
    (tmp_path / "config.yaml").symlink_to(tmp_path / "etc" / "config.yaml")
    (tmp_path / "my.blog").write_text("")

    read = config.load(tmp_path / "config.yaml")

    assert read.folder == tmp_path
    assert read.database == f"sqlite:///{tmp_path}/aggregator.db"


# ----------------------------------------------------------------- files without end

MANY_KEYS = ",".join(f"k{number}: 1" for number in range(3000))
ENDLESS = {
    "zones": "feeds:\n" + "- {url: a.xml, timezone: America/X}\n" * 1500,
    "unknown keys": "".join(f"intervall{number}: 1\n" for number in range(6000)),
    "addresses": "feeds:\n" + "".join(f"- foo{number}\n" for number in range(100_000)),
    "same feeds": "feeds:\n" + "- https://a.example/x\n" * 50_000,
    "same keys": "feeds: []\n" * 50_000,
    "tags": "feeds: [" + "!x a.xml," * 50_000 + "]\n",
    "aliases of a mapping": f"a: &a {{{MANY_KEYS}}}\nfeeds:\n" + "- *a\n" * 10_000,
    "merged mappings": f"a: &a {{{MANY_KEYS}}}\nfeeds:\n" + "- {<<: *a}\n" * 10_000,
    "laughs": "a: &a [x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [*a{n - 1 if n else ''},*a{n - 1 if n else ''}]\n" for n in range(30)
    ),
    "brackets": "[" * 500_000,
    "nested keys": "".join(" " * n + "a:\n" for n in range(1000)),
    "a long key": f"? {'k' * 3_000_000}\n: 1\n",
    "a long tag": f"title: !{'t' * 3_000_000} x\n",
    "a long alias": f"title: *{'t' * 3_000_000}\n",
    "a long value": f"title: {'t' * 3_000_000}\n",
    "keys of a section": "web:\n" + "".join(f"  key{number}: 1\n" for number in range(100_000)),
    "categories": "stories:\n" + "".join(f"  c{number}: maybe\n" for number in range(20_000)),
    "exceptions": f"network: {{allow: [{','.join(f'a*{n}' for n in range(100_000))}]}}\n",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", slow_but(["zones", "laughs", "brackets", "a long alias"], ENDLESS))
def test_a_file_of_any_kind_is_told_about_in_bounded_time_and_lines(kind):
    """50 kB of time zones, each a little wrong, took a minute."""
    with cpu_limit(10):
        found = problems(ENDLESS[kind])

    assert len(found) <= 51
    assert max(map(len, found)) < 500


def test_the_first_fifty_problems_are_told_and_how_many_more_there_are():
    found = problems("".join(f"titel{number:02}: x\n" for number in range(70)))

    assert len(found) == 51
    assert [line.split(":")[1] for line in found[:50]] == [str(number) for number in range(1, 51)]
    assert found[50] == "config.yaml: 20 more problems; mend these first"


@pytest.mark.slow
def test_the_first_twenty_problems_say_what_was_probably_meant():
    zones = "".join(f"- {{url: {n}.xml, timezone: Europe/Berlim}}\n" for n in range(30))
    found = problems(f"feeds:\n{zones}")

    assert ["did you mean Europe/Berlin?" in line for line in found] == [True] * 20 + [False] * 10
    assert found[20].endswith("is not a time zone; write UTC or Europe/Berlin")


def test_a_file_larger_than_any_configuration_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    with path.open("wb") as stream:
        stream.truncate(20_000_001)

    with pytest.raises(ConfigError) as caught:
        config.load(path)

    assert caught.value.problems == (f"{path}: larger than 20 MB; no configuration is",)

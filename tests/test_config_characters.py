"""Characters in config.yaml that nobody sees, or takes for others: they are named, with place."""

import unicodedata

import pytest

from aggregator import config
from aggregator.model import OpmlOutline
from tests.configured import PATH, parsed, problem, problems

NO_BREAK, ZERO_WIDTH, MARK = "\u00a0", "\u200b", "\u200e"
UNSEEN = [NO_BREAK, ZERO_WIDTH, MARK, "\u00ad", "\u2009", "\u202f", "\u3000", "\u2060", "\u202e",
          "\u2066", "\u3164", "\U000e0041", "\u180e", "\ufe0f"]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "feeds:\n  - https://a.example/x^\n",
        "feeds:\n  - https://a.example/^x\n",
        "feeds:\n  - ^https://a.example/x\n",
        "feeds:\n  - https://a.example/\n  -^https://b.example/\n",
        "feeds:\n  -^https://a.example/\n",
        "feeds:\n^^- https://a.example/\n",
        "feeds:\n  - url: https://a.example/\n^^^^title: x\n",
        "feeds:\n  - url: 'https://a.example/'^\n",
        "title:^x\nfeeds: []\n",
        "title^: x\n",
        "ti^tle: x\n",
        "^title: x\n",
        "poll:\n  interval: 1h^\n",
        "poll:\n  interval:^1h\n  timeout: 3s\n",
        "poll: {interval: 1^h}\n",
        "web: {host: 127.0.0.1^}\n",
        "base_url: https://a.example^/\n",
        "database: sqlite:///a.db^\n",
        "feeds: [{url: a.xml, name: x^}]\n",
        "feeds: [{url: a.xml, timezone: UTC^}]\n",
        "hosts: {a.example^: {delay: 1s}}\n",
        "network: {allow: [nas.local^]}\n",
    ],
)
def test_what_nobody_sees_is_named_where_it_stands(text):
    place = text.index("^")
    line = text.count("\n", 0, place) + 1
    column = place - text.rfind("\n", 0, place)

    for character in UNSEEN:
        said = problems(text.replace("^", character))[0]

        assert f"U+{ord(character):04X} ({unicodedata.name(character).lower()})" in said
        assert said.startswith(f"config.yaml:{line}:{column}: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title： x\nfeeds: []", '1:6: U+FF1A (fullwidth colon) is not ":"; write ":"'),
        ("title∶x\nfeeds: []", '1:6: U+2236 (ratio) is not ":"; write ":"'),
        ("title: x\n－ a.xml\nfeeds: []", '2:1: U+FF0D (fullwidth hyphen-minus) is not "-"'),
        ("title: “a: b”", "1:8: U+201C (left double quotation mark) is not a quotation mark"),
        ("“title: x”\nfeeds: []", "1:1: “title: unknown key; U+201C (left double"),
        ("web:\n\tport: 1", "2:1: U+0009 (tab) is not a space"),
        ("feeds:\n-\ta.xml", "2:2: U+0009 (tab) is not a space"),
        ("# a\u2028\ntitle: b\u2028c", "1:4: the character U+2028 (line separator) can't stand"),
        ("feeds:\n  - a.xml\x85", "2:10: the character U+0085 can't stand in a text file"),
        ("title: x\ufeff", "1:9: the character U+FEFF (byte order mark) can't stand in a text"),
    ],
)
def test_what_looks_like_a_sign_of_yaml_is_named(text, said):
    assert problems(text)[0].removeprefix("config.yaml:").startswith(said)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("feeds: [“https://a.example/”]", "1:9: feeds[0]: "),
        ("feeds:\n  – https://a.example/\n  – https://b.example/", "2:3: feeds: must be a list"),
        ("feeds: ['https：//a.example/']", "1:15: feeds[0]: "),
        ("feeds: [{url: a.xml, name: ‘x’}]", "1:28: feeds[0].name: "),
        ("web: {port: ８０８０}", "1:13: web.port: "),
    ],
)
def test_a_value_that_is_wrong_because_of_a_look_alike_says_so(text, named):
    said = problem(text)

    assert said.startswith(named)
    assert " is not " in said
    assert "U+" in said


@pytest.mark.parametrize(
    "text",
    [
        "title: Le Monde\u00a0: actualités",
        "title: ニュース：技術",
        "title: “Recent” posts",
        "feeds: [{url: a.xml, title: علی‌رضا, category: می‌خواهم}]",
        "feeds: ['https://fa.example/علی‌رضا']",
        "feeds: ['https://ja.example/ＣＤ', 'https://de.example/„Haus“']",
        "feeds: [{url: a.xml, title: 👩‍💻 ❤️}]",
    ],
)
def test_what_belongs_to_a_language_is_right(text):
    if "Monde" in text:
        text = f"title: '{text.removeprefix('title: ')}'"

    notes = config.notes(parsed(text))

    assert not any("U+" in note for note in notes)


def test_what_nobody_sees_in_a_title_or_category_is_remarked_on():
    text = f"title: a{ZERO_WIDTH}\nfeeds: [{{url: a.xml, title: “b”, category: c\u00ad}}]"

    notes = [note for note in config.notes(parsed(text)) if "U+" in note]

    quote = "U+201C (left double quotation mark) is not a quotation mark of YAML"
    assert notes == [
        "title: U+200B (zero width space) can't be seen; remove it",
        f'feeds[0] (b): title: {quote}; write " or leave it out',
        "feeds[0] (b): category: U+00AD (soft hyphen) can't be seen; remove it",
    ]


# ------------------------------------------------------------------ variables


@pytest.mark.parametrize(
    ("written", "title"),
    [("$${x}", "${x}"), ("a $5 {b}", "a $5 {b}"), ("$$${x}", "$${x}"), ("$${", "${"), ("$$", "$$")],
)
def test_two_dollars_before_a_brace_are_one(written, title):
    assert parsed(f"title: '{written}'").title == title


def test_a_feed_is_added_with_the_address_that_it_has():
    outline = OpmlOutline(url="https://a.example/?q=${x}", title="${y}")

    for text in ("feeds: []\n", "feeds: [b.xml]\n"):
        appended = config.append(text, [outline], path=PATH)

        assert (appended.feeds[0].url, appended.feeds[0].title) == (outline.url, "${y}")

"""What config.yaml says about lists: rules, limits, the backlog and views."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator import config
from aggregator.config.scalar_places import place_in_scalar
from aggregator.model import Backlog, CommonRules, FeedRules, View
from tests.configured import parsed, problem, problems
from tests.selection import examples

ROOT = Path(__file__).parents[1]

RULES = """\
timezone: Europe/Berlin
per_hour: 20
hide: 'tag:sponsored OR title:"(ad)"'
backlog: 7d
views:
  - {name: security, title: Security, search: '(cve OR "zero day") -source:vendor'}
  - name: sound
    search: has:audio
    description: " What  can be heard "
feeds:
  - a.xml
  - url: b.xml
    name: bee
    keep: tag:energy
    hide: |
      title:"week in review"
    per_day: 5
    backlog: 10
    paused: yes
"""


def test_the_rules_of_a_file_are_read():
    read = parsed(RULES)
    listing = read.listing_rules

    assert listing.common == CommonRules(
        hide='tag:sponsored OR title:"(ad)"',
        backlog=Backlog(within=timedelta(days=7)),
        per_hour=20,
        timezone="Europe/Berlin",
    )
    assert listing.feeds == {
        "bee": FeedRules("tag:energy", 'title:"week in review"\n', 5, Backlog(newest=10))
    }
    assert listing.views == (
        View("security", "Security", '(cve OR "zero day") -source:vendor'),
        View("sound", "sound", "has:audio", "What can be heard"),
    )
    assert [feed.paused for feed in read.feeds] == [False, True]


def test_a_file_without_rules_has_the_usual_ones():
    assert parsed("feeds: [a.xml]").listing_rules.common == CommonRules()
    assert parsed("feeds: [a.xml, b.xml]").listing_rules.common == CommonRules(per_hour=500)
    assert parsed("feeds:\n- {url: a.xml, paused: }\n").listing_rules.feeds == {}
    assert parsed("views:\n").listing_rules.views == ()


@pytest.mark.parametrize(
    ("text", "backlog"),
    [
        ("all", Backlog()),
        ("ALL", Backlog()),
        ("0", Backlog(newest=0)),
        ("1_000", Backlog(newest=1000)),
        ("7d", Backlog(within=timedelta(days=7))),
        ("1.5 weeks", Backlog(within=timedelta(days=10.5))),
    ],
)
def test_a_backlog_is_all_or_a_number_or_a_span(text, backlog):
    assert parsed(f"backlog: {text}").backlog == backlog


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hide:", "1:6: hide: empty; write a value, or remove the line"),
        ("hide: ' '", "1:7: hide: empty; write a search, or leave the line out"),
        ("hide: [a, b]", "1:7: hide: must be one value, not a list"),
        ('hide: "a\\x01"', "1:7: hide: has a control character (U+0001); remove it"),
        ("hide: a ${UNSET}", "1:9: hide: ${UNSET} has no value; set UNSET in the environment"),
        ("backlog: some", '1:10: backlog: "some" is not a backlog; write all, a number of'),
        ("backlog: 2x", '1:10: backlog: "x" is not a unit of time; use s, m, h, d or w'),
        ("backlog: -1", '1:10: backlog: "-1" is not a backlog; write all, a number of'),
        ("backlog: 1.5", '1:10: backlog: "1.5" is not a whole number; write 0 to 1000000'),
        ("feeds: [{url: a.xml, per_day: 0}]",
         '1:31: feeds[0].per_day: "0" is out of range; write 1 to 10000'),
        ("feeds: [{url: a.xml, paused: often}]",
         '1:30: feeds[0].paused: "often" is neither; write true or false'),
        ("feeds: [{url: a.xml, keep: }]",
         "1:28: feeds[0].keep: empty; write a value, or remove the line"),
        ("feeds: [{url: a.xml, keep: ''}]",
         "1:28: feeds[0].keep: empty; write a search, or leave the line out"),
        ("feeds: [{url: a.xml, hide: ' '}]",
         "1:28: feeds[0].hide: empty; write a search, or leave the line out"),
        ("feeds: [{url: a.xml, per_day: }]",
         "1:31: feeds[0].per_day: empty; write a value, or remove the line"),
        ("feeds: [{url: a.xml, backlog: ''}]",
         '1:31: feeds[0].backlog: "" is not a backlog; write all, a number of posts, or 7d'),
        ("views: {a: b}", "1:8: views: must be a list; write each after `- `, or in [brackets]"),
        ("views: [a]", "1:9: views[0]: must be followed by indented settings"),
        ("views: [{name: a}]", "1:9: views[0].search: missing; every view needs one"),
        ("views: [{search: a}]", "1:9: views[0].name: missing; every view needs one"),
        ("views: [{name: a b, search: a}]",
         '1:16: views[0].name: "a b" may only have letters, digits, - _ and .; write a-b'),
        ("views: [{name: a, search: }]",
         "1:27: views[0].search: empty; write a value, or remove the line"),
        ("views: [{name: a, serach: b, search: c}]",
         '1:19: views[0].serach: unknown key; did you mean "search"?'),
        ("views: [{name: a, search: b}, {name: a, search: c}]",
         '1:38: views[1].name: "a" is the name of views[0]; write another'),
        ("keep: a", '1:1: keep: unknown key; "keep" belongs under "retention" or to a feed'),
        ("paused: on", '1:1: paused: unknown key; "paused" belongs to a feed'),
        ("search: on", '1:1: search: unknown key; "search" belongs under "views"'),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place_and_advice(text, fault):
    assert problem(text).startswith(fault)


def test_the_line_of_a_key_is_read_from_the_file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("\ufeff" + RULES)
    read = config.load(path)

    assert config.line_of(read, "hide") == 3
    assert config.line_of(read, "feeds", 1, "per_day") == 17
    assert config.line_of(read, "views", 1, "search") == 8
    assert config.line_of(read, "feeds", 0, "hide") is None
    assert config.line_of(read, "feeds", 7, "hide") is None
    path.write_text("a: b: c")
    assert config.line_of(read, "hide") is None


# ------------------------------------------------------------------ places in a text


def place(written: str, index: int) -> str:
    """Return what stands in the file at a character of a value."""
    text = f"a: b\nkey: {written}\nlast: c\n"
    node = next(value for key, value in yaml.compose(text).value if key.value == "key")
    at = place_in_scalar(text, node.start_mark.index, node.end_mark.index, node.value, index)
    return text[at : at + 4]


@pytest.mark.parametrize(
    ("written", "index", "at"),
    [
        ("one two", 4, "two\n"),
        ("one\n  two", 4, "two\n"),
        ("one\n\n  two", 4, "two\n"),
        ("'it''s two'", 5, "two'"),
        ("'it''s two'", 2, "''s "),
        ('"it\\x27s \\"two"', 5, '\\"tw'),
        ('"a \\\n  two"', 2, 'two"'),
        ('"a\n\n\n  two"', 3, 'two"'),
        ('"two"', 3, '"\nla'),
        ("&a 'two'", 0, "two'"),
        ("!!str two", 0, "two\n"),
        ("|\n  one\n   two\n", 5, "two\n"),
        (">-\n  one\n  two\n", 4, "two\n"),
        (">2  # folded\n\n   one\n  two\n", 6, "two\n"),
    ],
)
def test_a_part_of_a_value_stands_in_the_file(written, index, at):
    assert place(written, index) == at


def test_the_text_behind_an_alias_stands_at_the_alias():
    text = "a: *b\n"

    assert place_in_scalar(text, 3, 5, "one two", 4) == 3


@settings(max_examples=examples(300))
@given(
    st.text(st.sampled_from("ab'\"\\:#-é\t\n 🎮"), min_size=1, max_size=20),
    st.sampled_from(["'", '"', "|", ">", None]),
    st.integers(8, 40),
)
def test_every_visible_character_of_a_value_stands_in_the_file(value, style, width):
    text = yaml.dump({"key": value}, default_style=style, width=width, allow_unicode=True)
    node = yaml.compose(text).value[-1][1]

    assert node.value == value
    for index, character in enumerate(value):
        at = place_in_scalar(text, node.start_mark.index, node.end_mark.index, value, index)
        if not character.isspace():
            assert text[at] in {character, "\\"}
            assert text[at] == character or text[at : at + 2] != "\\ "


# ------------------------------------------------------------------ the language of searches


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("hide: ads (", '1:11: hide: "(" is never closed'),
        ("hide: 'it''s (ads'", '1:14: hide: "(" is never closed'),
        ('hide: "\\x61ds (b"', '1:15: hide: "(" is never closed'),
        ("hide: >-\n  ads\n  OR\n\n  (b\n", '5:3: hide: "(" is never closed'),
        ("hide: |\n  all\n  ads OR\n", "3:7: hide: OR needs a word on both sides"),
        ("hide: $${x} (b", '1:13: hide: "(" is never closed'),
        ("a: &a 'x ('\nhide: *a", '2:7: hide: "(" is never closed'),
        ("views: [{name: a, search: ads )}]", '1:31: views[0].search: ")" is never opened'),
        (
            "feeds:\n  - url: a.xml\n    keep: 'title:'\n",
            "3:12: feeds[0].keep: title: needs a value directly after the colon",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_a_mistake_at_its_place_in_the_file(text, fault):
    (found,) = [line for line in problems(text) if "a: unknown" not in line]

    assert found == f"config.yaml:{fault}"


def test_each_rule_with_a_mistake_is_reported():
    text = "hide: (\nviews:\n- {name: a, search: ')'}\nfeeds:\n- {url: a.xml, hide: (, keep: (}"

    assert [line.split(": ")[1] for line in problems(text)] == [
        "hide", "views[0].search", "feeds[0].hide", "feeds[0].keep",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "remarks"),
    [
        ("hide: ads -ads", ["hide: no post can match, so this hides none"]),
        ("hide: ads OR -ads", ["hide: every post matches, so no list has a post"]),
        (
            "hide: category:Sae OR category:ea -category:air",
            [
                'hide: no feed is in the category "Sae"; did you mean Sea?',
                'hide: no feed is in the category "air"',
            ],
        ),
        (
            "hide: ads or sponsored",
            ['hide: "or" is a word like others; between alternatives OR is written in capitals'],
        ),
        (
            "views: [{name: v, search: before:2026 after:2027}]",
            ["views[0] (v): search: no post can match"],
        ),
        ("views: [{name: v, search: a OR -a}]", ["views[0] (v): search: every post matches"]),
        (
            "hide: title:x OR ads\nviews: [{name: v, search: ads whale}]",
            ["views[0] (v): search: hide leaves out every post that matches"],
        ),
        ("hide: -title:x\nviews: [{name: v, search: ads whale}]", []),
    ],
)
def test_check_remarks_on_rules_that_say_nothing_or_too_much(text, remarks):
    assert config.notes(parsed(f"{text}\nfeeds: [{{url: README.md, category: Sea}}]\n",
                               path=ROOT / "config.yaml")) == remarks  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "remarks"),
    [
        ("hide: b -b", ["hide: no post can match, so this hides none"]),
        ("hide: b OR -b", ["hide: every post matches, so no list has a post of this feed"]),
        ("keep: b -b", ["keep: no post can match"]),
        ("keep: b OR -b", ["keep: every post matches"]),
        ("keep: b, hide: b", ["keep: hide of this feed leaves out every post that matches"]),
        ("keep: ads b", ["keep: hide at the top of the file leaves out every post that matches"]),
        ("hide: title:ads", ["hide: hide at the top of the file leaves out the same posts"]),
        ("hide: title:ads OR b", []),
        (
            "keep: title:ads -b",
            ["keep: hide at the top of the file leaves out every post that matches"],
        ),
        ("keep: category:Air", ['keep: no feed is in the category "Air"']),
        ("per_day: 480", ["per_day: never that many are listed, as per_hour is 20"]),
        ("per_day: 479, keep: b, hide: c", []),
    ],
)
def test_check_remarks_on_the_rules_of_a_feed(rules, remarks):
    text = (
        "hide: ads\nper_hour: 20\nfeeds:\n"
        f"- {{url: README.md, {rules}}}\n- {{url: LICENSE, category: Sea}}\n"
    )

    assert config.notes(parsed(text, path=ROOT / "config.yaml")) == [
        f"feeds[0] (readme): {remark}" for remark in remarks
    ]

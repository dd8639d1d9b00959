"""The accent colour of the pages is readable in both themes."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config.accent import GROUNDS, LEAST_CONTRAST, accent, contrast, readable
from tests.configured import parsed, problem

STYLES = Path(__file__).parents[1] / "web" / "static" / "style.css"
colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_the_grounds_are_those_of_the_style_sheet():
    light, dark = re.findall(r"--bg:light-dark\((#\w+),(#\w+)\)", STYLES.read_text())[0]

    assert {"light": light, "dark": dark} == GROUNDS


@pytest.mark.parametrize(
    ("colour", "ground", "ratio"),
    [("#000000", "#ffffff", 21), ("#ffffff", "#ffffff", 1), ("#767676", "#ffffff", 4.54)],
)
def test_contrast_is_that_of_the_guidelines(colour, ground, ratio):
    assert contrast(colour, ground) == pytest.approx(ratio, abs=0.005)
    assert contrast(ground, colour) == contrast(colour, ground)


@given(colours, st.sampled_from(["light", "dark"]))
def test_the_nearest_readable_colour_is_readable_and_what_is_readable_stays(colour, theme):
    near = readable(colour, theme)

    assert contrast(near, GROUNDS[theme]) >= LEAST_CONTRAST
    assert readable(near, theme) == near
    if contrast(colour, GROUNDS[theme]) >= LEAST_CONTRAST:
        assert near == colour
    else:  # no further than needed
        assert contrast(near, GROUNDS[theme]) < LEAST_CONTRAST + 0.2


@given(colours)
def test_the_dark_theme_follows_with_the_same_contrast(colour):
    light = readable(colour, "light")

    dark = accent((light,)).dark

    ratio = contrast(dark, GROUNDS["dark"])
    assert ratio >= min(contrast(light, GROUNDS["light"]), 7)
    assert ratio < max(contrast(light, GROUNDS["light"]) + 0.3, 7.3) or dark == light


def test_no_colour_is_readable_in_both_themes():
    grey = [f"#{level:02x}{level:02x}{level:02x}" for level in range(256)]

    assert not [
        level
        for level in grey
        if min(contrast(level, ground) for ground in GROUNDS.values()) >= LEAST_CONTRAST
    ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"#a33"', ("#aa3333", "#ed706a")),
        ("'#0A58CA'", ("#0a58ca", "#5394ff")),
        ('["#0a58ca", "#7ab0ff"]', ("#0a58ca", "#7ab0ff")),
    ],
)
def test_an_accent_is_one_colour_or_one_for_each_theme(written, read):
    colour = parsed(f"page: {{accent: {written}}}").page.accent

    assert (colour.light, colour.dark) == read


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("#a33", 'empty; # begins a comment, so write a colour in quotes: "#a83c08"'),
        ("red", '"red" is not # with six digits; write a colour in quotes: "#a83c08"'),
        ("'#ffff'", '"#ffff" is not # with six digits'),
        (
            "'#f0935a'",
            (
                "#f0935a is hard to read in the light theme (contrast 2.21:1, "
                'at least 4.5:1 is needed); write "#b35b1d"'
            ),
        ),
        ("['#a33', '#733']", "#733 is hard to read in the dark theme (contrast 2.00:1"),
        ("['#a33', '#f99', '#fff']", "must be one colour, or two"),
        ("[]", "must be one colour, or two"),
    ],
)
def test_a_colour_that_is_hard_to_read_is_refused_with_the_nearest_one(written, said):
    message = problem(f"page:\n  accent: {written}\n")

    assert "page.accent: " in message
    assert said in message

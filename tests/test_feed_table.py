"""The table of `aggregator feeds`, for terminals of any width, and its columns for programs."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from aggregator.cli import feed_table
from aggregator.cli.cell_width import fitted, padded, width
from aggregator.model import FeedHealth, Source

AT = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
TITLES = ["The Boss Mind", "日本の天気と気候についての長いブログ", "Cafe\N{COMBINING ACUTE ACCENT}",
          "👩‍💻 codes 🇩🇪", "long " * 30, "x", ""]  # fmt: skip


def health(title: str, name: str = "feed", **values: object) -> FeedHealth:
    source = Source(id=1, name=name, title=title or name, feed_url="https://a.example/")
    shown = FeedHealth(source, entries=25, last_success_at=AT, last_polled_at=AT, next_poll_at=AT)
    return replace(shown, **values)


def table(cells: int, *feeds: FeedHealth) -> list[str]:
    return list(feed_table.table_lines(feeds, cells))


FEEDS = [health(title, f"name-{number}") for number, title in enumerate(TITLES)]
FAILING = health("Fails", error="the server says: " + "日本 " * 40, failures=2, failing_since=AT)


@pytest.mark.parametrize("cells", [1, 5, 20, 40, 60, 80, 81, 100, 132, 250])
def test_no_line_is_wider_than_the_terminal_and_titles_come_first(cells):
    lines = table(cells, FAILING, *FEEDS)

    assert max(map(width, lines)) <= cells
    assert lines[0].startswith("TITLE"[: cells - 1])
    assert len(lines) == 1 + 2 + len(FEEDS)


def test_columns_are_straight_whatever_the_titles_are_written_in():
    _, *rows = table(80, *FEEDS)

    assert {width(row[: row.index("  fine")]) for row in rows} == {
        max(width(row[: row.index("  fine")]) for row in rows)
    }


def test_columns_leave_where_there_is_no_room_and_the_title_and_state_stay():
    heads = [table(cells, *FEEDS)[0].split("  ") for cells in (200, 80, 60, 40)]
    columns = [{head.strip() for head in row if head.strip()} for row in heads]

    assert columns[0] == {
        "TITLE",
        "STATE",
        "LAST SUCCESS (UTC)",
        "NEXT POLL (UTC)",
        "POSTS",
        "FEED",
    }
    assert columns[-1] == {"TITLE", "STATE"}
    assert all(narrow <= wide for wide, narrow in pairwise(columns))


def test_what_has_no_room_ends_with_an_ellipsis_and_all_else_is_whole():
    short, long = table(60, FEEDS[0], FEEDS[4])[1:]

    assert short.startswith("The Boss Mind ")
    assert long.split("  ")[0].endswith("…")
    assert table(300, FEEDS[4])[1].startswith("long " * 30)


def test_programs_get_whole_values_between_tabs():
    evil = health("tab\there\nline", error="two\nlines", failures=1, failing_since=AT)
    head, first, second = feed_table.tab_lines([FEEDS[1], evil])

    assert head.split("\t")[0] == "TITLE" and head.split("\t")[-1] == "NOTE"
    assert first.split("\t") == [
        TITLES[1], "fine", "2026-11-23 14:33", "2026-11-23 14:33", "25", "name-1", "",
    ]  # fmt: skip
    assert second.split("\t")[0] == r"tab\there\nline"
    assert second.split("\t")[-1] == r"two\nlines"
    assert len(second.split("\t")) == len(head.split("\t"))


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("日本語", 2, "…"),
        ("日本語", 1, "…"),
        ("ab cd", 4, "ab…"),
        ("e\N{COMBINING ACUTE ACCENT}e\N{COMBINING ACUTE ACCENT}xyz", 3,
         "e\N{COMBINING ACUTE ACCENT}e\N{COMBINING ACUTE ACCENT}…"),
    ],
)  # fmt: skip
def test_a_text_is_cut_by_cells(text, cells, shown):
    assert fitted(text, cells) == shown
    assert width(padded(shown, cells)) == cells

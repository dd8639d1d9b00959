import json
import re
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from web.language import available, language, script_words
from web.relative_time import Clock, every, label, machine, until

NOW = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
ENGLISH = language("en")
SCRIPT = Path(__file__).parents[1] / "web" / "static" / "app.js"
STEPS = [
    (timedelta(seconds=-3600), "just now"),
    (timedelta(0), "just now"),
    (timedelta(seconds=44), "just now"),
    (timedelta(seconds=45), "1 minute ago"),
    (timedelta(seconds=119), "1 minute ago"),
    (timedelta(minutes=2), "2 minutes ago"),
    (timedelta(minutes=19), "19 minutes ago"),
    (timedelta(minutes=59, seconds=59), "59 minutes ago"),
    (timedelta(hours=1), "1 hour ago"),
    (timedelta(hours=23, minutes=59, seconds=59), "23 hours ago"),
    (timedelta(hours=24), "yesterday"),
    (timedelta(hours=38), "yesterday"),
    (timedelta(hours=38, minutes=34), "2 days ago"),
    (timedelta(days=6), "6 days ago"),
    (timedelta(days=6, hours=14, minutes=33), "6 days ago"),
    (timedelta(days=6, hours=14, minutes=34), "16 November"),
    (timedelta(days=326, hours=14, minutes=33), "1 January"),
    (timedelta(days=326, hours=14, minutes=34), "31 December 2025"),
    (timedelta(days=20000), "20 February 1972"),
]


def zone(name: str, now: datetime = NOW) -> Clock:
    return Clock(now, ZoneInfo(name), name, ENGLISH)


@pytest.mark.parametrize(("age", "text"), STEPS)
def test_a_label_is_relative_up_to_six_days_and_then_a_date(age, text):
    assert label(NOW - age, NOW, ENGLISH) == text


@pytest.mark.parametrize(
    ("tz", "text"), [(0, "yesterday"), (-8 * 60, "yesterday"), (13 * 60, "2 days ago")]
)
def test_days_are_counted_where_the_reader_of_the_page_is(tz, text):
    assert label(NOW - timedelta(hours=28), NOW, ENGLISH, tz=tz) == text


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("de", ["gerade eben", "vor 1 Minute", "vor 2 Stunden", "gestern", "vor 2 Tagen"]),
        ("fr", ["à l’instant", "il y a 1 minute", "il y a 2 heures", "hier", "il y a 2 jours"]),
        ("es", ["ahora mismo", "hace 1 minuto", "hace 2 horas", "ayer", "hace 2 días"]),
        ("ja", ["たった今", "1 分前", "2 時間前", "昨日", "2 日前"]),
    ],
)
def test_the_steps_are_the_same_in_every_language(tag, said):
    ages = [timedelta(0), timedelta(minutes=1), timedelta(hours=2), timedelta(days=1)]

    assert [label(NOW - age, NOW, language(tag)) for age in [*ages, timedelta(days=2)]] == said


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("de", ["16. November", "31. Dezember 2025"]),
        ("fr", ["16 novembre", "31 décembre 2025"]),
        ("es", ["16 de noviembre", "31 de diciembre de 2025"]),
        ("ja", ["11月16日", "2025年12月31日"]),
    ],
)
def test_dates_are_written_as_in_each_language(tag, said):
    days = [NOW - timedelta(days=7), datetime(2025, 12, 31, tzinfo=UTC)]

    assert [label(day, NOW, language(tag)) for day in days] == said


def run_script(program: str, tag: str = "en") -> Any:
    """Return what `program` evaluates to beside the label function of the page's script."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed; it runs the label function of the page's script")
    functions = re.search(
        r"(?ms)^  const plural = .*?^  function label\(.*?^  }$", SCRIPT.read_text("utf-8")
    )
    assert functions is not None
    said = f"const words = {script_words(language(tag))}, root = {{ lang: '{tag}' }};"
    whole = f"{said}\n{functions[0]}\nconsole.log(JSON.stringify({program}))"
    answer = subprocess.run([node, "-e", whole], capture_output=True, check=True, timeout=20)
    return json.loads(answer.stdout)


def milliseconds(at: datetime) -> float:
    return at.timestamp() * 1000


@pytest.mark.parametrize("tag", available())
def test_the_script_in_the_page_says_the_same_at_every_step(tag):
    ages = [age for age, _ in STEPS]
    ages += [timedelta(seconds=seconds) for seconds in range(-100, 700_000, 4111)]
    ages += [timedelta(days=days, hours=days % 24) for days in range(1, 900, 7)]
    cases = [(NOW - age, tz) for age in ages for tz in (0, 60, -480, 345)]
    asked = [[milliseconds(at), milliseconds(NOW), tz * 60_000] for at, tz in cases]

    said = run_script(f"{json.dumps(asked)}.map((each) => label(...each)[0])", tag)

    assert said == [label(at, NOW, language(tag), tz=tz) for at, tz in cases]


def test_the_script_knows_when_a_label_goes_stale():
    ages = [age.total_seconds() * 1000 for age, _ in STEPS]

    kept = run_script(
        f"{json.dumps(ages)}.map((age) => {{"
        f"const t = {milliseconds(NOW)} - age, [text, stale] = label(t, t + age, 0);"
        "return stale === Infinity || label(t, t + age + stale * 1000 - 1, 0)[0] === text; })"
    )

    assert all(kept)


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=20), "in less than a minute"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(minutes=48, seconds=30), "in 48 minutes"),
        (timedelta(hours=6), "in 6 hours"),
        (timedelta(hours=47), "in 47 hours"),
        (timedelta(days=2), "in 2 days"),
        (timedelta(days=29, hours=20), "in 30 days"),
    ],
)
def test_a_time_to_come_is_told_in_its_largest_unit(wait, text):
    assert until(NOW + wait, NOW, ENGLISH) == text


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(seconds=30), "every 30 seconds"),
        (timedelta(minutes=1), "every minute"),
        (timedelta(minutes=90), "every 90 minutes"),
        (timedelta(hours=1), "every hour"),
        (timedelta(hours=36), "every 36 hours"),
        (timedelta(days=1), "every day"),
    ],
)
def test_a_rhythm_is_told_without_a_rest(length, text):
    assert every(length, ENGLISH) == text


@pytest.mark.parametrize(
    ("days", "heading"),
    [
        (0, ("Today", "Monday 23 November")),
        (1, ("Yesterday", "Sunday 22 November")),
        (2, ("Saturday", "21 November")),
        (6, ("Tuesday", "17 November")),
        (7, ("16 November", "Monday")),
        (327, ("31 December 2025", "Wednesday")),
        (-1, ("24 November", "Tuesday")),
    ],
)
def test_a_day_has_the_name_that_people_use(days, heading):
    assert zone("UTC").heading(date(2026, 11, 23) - timedelta(days=days)) == heading


def test_the_day_of_a_moment_depends_on_the_zone():
    late = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)

    assert zone("UTC").day(late) == date(2026, 11, 23)
    assert zone("Europe/Berlin").day(late) == date(2026, 11, 24)
    assert zone("America/Los_Angeles").day(late) == date(2026, 11, 23)


def test_the_full_time_names_the_zone():
    assert zone("UTC").full(NOW) == "Monday 23 November 2026, 14:33 UTC"
    assert zone("Europe/Berlin").full(NOW) == "Monday 23 November 2026, 15:33 CET"


def test_the_offset_is_that_of_the_moment():
    summer = datetime(2026, 7, 1, tzinfo=UTC)

    assert (zone("Europe/Berlin").tz, zone("Europe/Berlin", summer).tz) == (60, 120)
    assert zone("Asia/Kathmandu").tz == 345


@pytest.mark.parametrize(
    ("age", "text"),
    [(0, "14:33"), (20, "Sunday 18:33"), (24 * 7, "16 November"), (24 * 365, "23 November 2025")],
)
def test_a_brief_time_says_as_little_as_it_can(age, text):
    assert zone("UTC").brief(NOW - timedelta(hours=age)) == text


@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
@pytest.mark.parametrize(
    "at", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)]
)
def test_the_first_and_the_last_day_there_is_are_told_without_a_fault(name, at):
    clock = zone(name)

    told = [clock.ago(at), clock.full(at), clock.brief(at), clock.month(at), clock.date_of(at)]

    assert all(told)
    assert len(machine(at)) == len("2026-11-23T14:33:00Z")

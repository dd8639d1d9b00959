import json
import re
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.selection import slow_after
from web.language import available, language, script_words
from web.relative_time import Clock, DateClock, every, label, machine, until

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
    ("name", "text"),
    [
        ("UTC", "yesterday"),
        ("America/Los_Angeles", "yesterday"),
        ("Pacific/Tongatapu", "2 days ago"),
    ],
)
def test_days_are_counted_where_the_reader_of_the_page_is(name, text):
    assert label(NOW - timedelta(hours=28), NOW, ENGLISH, zone=ZoneInfo(name)) == text


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # clocks went forward at midnight: days began at one o'clock
    "Australia/Lord_Howe",  # half an hour of summer time
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Europe/Moscow",  # three offsets since 2010
    "Pacific/Apia",  # had no 30 December 2011
    "Asia/Pyongyang",  # half an hour from 2015 to 2018
)


@pytest.mark.parametrize("name", slow_after(4, ZONES))
def test_the_date_of_a_label_is_the_day_of_the_full_time_beside_it(name):
    clock = zone(name)
    days = [NOW - timedelta(days=days, hours=14, minutes=33) for days in range(8, 7000, 61)]
    edges = [day + timedelta(minutes=minutes) for day in days for minutes in range(0, 1440, 30)]

    for at in edges:
        moment = clock.moment(at)
        assert moment.full.partition(" ")[2].startswith(moment.text.partition(" 20")[0]), moment


def test_the_day_on_which_clocks_go_back_has_25_hours():
    clock = zone("Europe/Berlin", datetime(2026, 10, 25, 22, 50, tzinfo=UTC))

    assert clock.ago(datetime(2026, 10, 24, 22, 10, tzinfo=UTC)) == "24 hours ago"
    assert clock.ago(datetime(2026, 10, 24, 21, 50, tzinfo=UTC)) == "yesterday"


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("de", ["gerade eben", "vor 1 Minute", "vor 2 Stunden", "gestern", "vor 2 Tagen"]),
        ("fr", ["à l’instant", "il y a 1 minute", "il y a 2 heures", "hier", "il y a 2 jours"]),
        ("es", ["ahora mismo", "hace 1 minuto", "hace 2 horas", "ayer", "hace 2 días"]),
        ("it", ["poco fa", "1 minuto fa", "2 ore fa", "ieri", "2 giorni fa"]),
        ("ja", ["たった今", "1 分前", "2 時間前", "昨日", "2 日前"]),
        ("pt-BR", ["agora mesmo", "há 1 minuto", "há 2 horas", "ontem", "há 2 dias"]),
        ("ru", ["только что", "1 минуту назад", "2 часа назад", "вчера", "2 дня назад"]),
        ("ar", ["قبل لحظات", "قبل دقيقة واحدة", "قبل ساعتين", "أمس", "قبل يومين"]),
        ("he", ["הרגע", "לפני דקה", "לפני שעתיים", "אתמול", "לפני יומיים"]),
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
        ("it", ["16 novembre", "31 dicembre 2025"]),
        ("ja", ["11月16日", "2025年12月31日"]),
        ("pt-BR", ["16 de novembro", "31 de dezembro de 2025"]),
        ("ru", ["16 ноября", "31 декабря 2025"]),
        ("ar", ["16 نوفمبر", "31 ديسمبر 2025"]),
        ("he", ["16 בנובמבר", "31 בדצמבר 2025"]),
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
    answer = subprocess.run(
        [node, "-"], input=whole.encode(), capture_output=True, check=True, timeout=20
    )
    return json.loads(answer.stdout)


def test_a_browser_with_older_plural_rules_says_the_number_too():
    older = 'Intl.PluralRules.prototype.select = () => "many"'  # of Hebrew tens until CLDR 42

    assert run_script(f"({older}, amount(words.past.minute, 20))", "he") == "לפני 20 דקות"


def milliseconds(at: datetime) -> float:
    return at.timestamp() * 1000


@pytest.mark.parametrize("tag", slow_after(1, available()))
def test_the_script_in_the_page_says_the_same_at_every_step(tag):
    ages = [age for age, _ in STEPS]
    ages += [timedelta(seconds=seconds) for seconds in range(-100, 700_000, 4111)]
    ages += [timedelta(days=days, hours=days % 24) for days in range(1, 900, 7)]
    cases = [(NOW - age, NOW, name) for age in ages for name in ZONES[:5]]

    assert labels_of_script(cases, tag) == [
        label(at, now, language(tag), zone=ZoneInfo(name)) for at, now, name in cases
    ]


def labels_of_script(cases: list[tuple[datetime, datetime, str]], tag: str = "en") -> list[str]:
    """Return the labels of times, as they are at other times in zones."""
    asked = [[milliseconds(at), milliseconds(now), name] for at, now, name in cases]
    program = (
        "(() => { const known = {}, offset = (name) => (known[name] ??= offsets(name, 0));"
        f"return {json.dumps(asked)}.map(([t, n, name]) => label(t, n, offset(name))[0]); }})()"
    )
    labels: list[str] = run_script(program, tag)
    return labels


@pytest.mark.slow
def test_the_script_in_the_page_has_the_offsets_of_all_times():
    times = [NOW - timedelta(hours=hours) for hours in range(170, 60_000, 83)]
    times += [datetime(year, 6, 30, 22, 30, tzinfo=UTC) for year in (1, 99, 1582, 1890, 1947)]
    turns = [NOW.replace(month=month, day=day) for month in (3, 10) for day in range(22, 32)]
    nows = [turn.replace(hour=hour) for turn in turns for hour in (3, 23)]
    cases = [(at, NOW, name) for at in times for name in ZONES]
    cases += [
        (now - timedelta(hours=hours), now, name)
        for now in nows
        for hours in range(0, 200, 7)
        for name in ZONES
    ]

    assert labels_of_script(cases) == [
        label(at, now, ENGLISH, zone=ZoneInfo(name)) for at, now, name in cases
    ]


def test_a_browser_that_does_not_know_the_zone_takes_the_offset_of_the_server():
    assert run_script("offsets('Mars/Olympus', 90)(0)") == 90 * 60_000


@pytest.mark.parametrize("name", slow_after(1, ZONES))
def test_the_script_knows_when_a_label_goes_stale(name):
    ages = [age.total_seconds() * 1000 for age, _ in STEPS]
    # Hours before and after clocks change somewhere, beside an ordinary day.
    moments = [NOW, datetime(2026, 3, 28, 23, 20, tzinfo=UTC), datetime(2018, 11, 4, 1, tzinfo=UTC)]
    moments += [datetime(2026, 10, 24, 22, 30, tzinfo=UTC), datetime(2026, 3, 8, 6, tzinfo=UTC)]

    kept = run_script(
        f"{json.dumps([milliseconds(each) for each in moments])}.flatMap((n) => "
        f"{json.dumps(ages)}.map((age) => {{"
        f"const t = n - age, offset = offsets('{name}', 0), [text, stale] = label(t, n, offset);"
        "return stale === Infinity || label(t, n + stale * 1000 - 1, offset)[0] === text; }))"
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


@pytest.mark.parametrize(
    ("days", "heading"),
    [
        (-1, ("24 November 2026", "Tuesday")),
        (0, ("23 November 2026", "Monday")),
        (1, ("22 November 2026", "Sunday")),
        (6, ("17 November 2026", "Tuesday")),
        (7, ("16 November 2026", "Monday")),
        (327, ("31 December 2025", "Wednesday")),
    ],
)
def test_a_file_names_days_by_their_dates(days, heading):
    clock = DateClock(NOW, ZoneInfo("UTC"), "UTC", ENGLISH)

    assert clock.heading(date(2026, 11, 23) - timedelta(days=days)) == heading


def test_a_file_names_the_year_of_every_date_as_it_is_read_in_any_year():
    clock = DateClock(NOW, ZoneInfo("UTC"), "UTC", ENGLISH)

    assert clock.brief(NOW) == clock.date_of(NOW) == "23 November 2026"


def test_a_file_says_dates_in_its_zone_and_keeps_the_pattern_for_the_script():
    clock = DateClock(NOW, ZoneInfo("Asia/Kolkata"), "Asia/Kolkata", ENGLISH)
    moment = clock.moment(datetime(2026, 11, 22, 20, tzinfo=UTC), "found {time}")

    assert moment.text == "Monday 23 November 2026"
    assert moment.full == "Monday 23 November 2026, 01:30 IST"
    assert moment.say == "found {time}"


@pytest.mark.parametrize(
    ("name", "day", "hour", "text"),
    [
        ("UTC", 23, 8, "2 hours ago"),
        ("UTC", 22, 9, "09:05"),
        ("UTC", 16, 18, "18:05"),
        ("Europe/Berlin", 22, 9, "10:05"),
        ("Asia/Kolkata", 22, 20, "14 hours ago"),
    ],
)
def test_below_the_heading_of_another_day_than_today_stands_the_time_of_day(name, day, hour, text):
    clock = zone(name, NOW.replace(hour=10))
    at = NOW.replace(day=day, hour=hour, minute=5)

    assert clock.moment_below(clock.day(at), at).text == text


def test_a_time_of_day_stays_and_a_relative_time_does_not():
    clock, yesterday = zone("UTC"), NOW - timedelta(days=1)

    fixed = clock.moment_below(clock.day(yesterday), yesterday)
    moving = clock.moment_below(clock.day(NOW), NOW - timedelta(hours=2))

    assert (fixed.text, fixed.say) == ("14:33", "14:33")
    assert (moving.text, moving.say) == ("2 hours ago", "")


def test_a_time_of_another_day_than_the_heading_is_told_as_everywhere():
    clock = zone("UTC")

    moment = clock.moment_below(date(2026, 11, 20), NOW - timedelta(days=1), "first seen {time}")

    assert (moment.text, moment.say) == ("first seen yesterday", "first seen {time}")


def test_in_a_file_every_post_has_the_time_of_day():
    clock = DateClock(NOW, ZoneInfo("UTC"), "UTC", ENGLISH)

    assert clock.moment_below(date(2026, 11, 23), NOW).text == "14:33"


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

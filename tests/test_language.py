"""The languages of the interface: complete catalogues, the right choice, whole pages."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests import catalogues
from tests.selection import slow_but
from tests.web_fixtures import HtmlPage, Site, entry, full_site, words
from web.language import SOURCE, available, catalogue, is_variant_of_source, language
from web.presentation import text_language
from web.relative_time import Clock, every

pytestmark = pytest.mark.every_case

ROOT = Path(__file__).parents[1]
OTHERS = [tag for tag in available() if tag != SOURCE and not is_variant_of_source(tag)]
PATHS = ["/", "/?view=titles", "/category/trade", "/source/local", "/source/tide", "/sources"]
PATHS += ["/status", "/about/robot", "/search", "/search?q=post", '/search?q="a before:x source:']
_HAN = r"[\u3040-\u30ff\u4e00-\u9fff]"
_LATIN = r"(?:[A-Za-z0-9]|\{(?:n|done|same|file|place|host|line|status)\})"
_UNPARTED = rf"{_HAN}{_LATIN}|{_LATIN}{_HAN}|{_HAN} ?[,;:?!()]"
MISPLACED = {
    "de": " %",  # a sign that could begin a line
    "fr": " [;:!?»%]|« ",
    "ja": _UNPARTED,  # numbers and Latin words stand apart, signs are wide
    "pl": r"(?<![^\s(„])[aiouwz] ",  # a word of one letter that could end a line
    "zh-Hans": _UNPARTED,
}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site that nothing in the tests changes."""
    return full_site(tmp_path_factory.mktemp("full"))


PROMISED_LANGUAGES = {
    "ar",
    "de",
    "en",
    "es",
    "fr",
    "he",
    "it",
    "ja",
    "nl",
    "pl",
    "pt-BR",
    "ru",
    "zh-Hans",
}


def test_there_are_the_promised_languages():
    assert set(available()) >= PROMISED_LANGUAGES


def test_the_document_has_all_languages():
    document = (ROOT / "docs" / "languages.md").read_text("utf-8")
    rows = [line for line in document.splitlines() if line.startswith("| `")]

    assert sorted(re.findall(r"`([\w-]+)`", "".join(rows))) == sorted(available())


@pytest.mark.parametrize("tag", OTHERS)
def test_a_catalogue_has_the_texts_of_today_and_no_others(tag):
    assert catalogue(tag).read_bytes() == catalogues.renewed(tag), (
        f"python -m tests.catalogues, then translate what is empty in {tag}.po"
    )


@pytest.mark.parametrize("tag", OTHERS)
def test_every_text_is_translated_with_the_same_values(tag):
    for message in catalogues.read(tag):
        ours = message.id if isinstance(message.id, tuple) else (message.id,)
        theirs = message.string if isinstance(message.string, tuple) else (message.string,)
        if ours[0]:
            assert all(theirs), f"{tag}: {ours[0]!r} is not translated"
        named = set(re.findall(r"{\w+}", ours[-1]))
        for text in theirs:
            assert set(re.findall(r"{\w+}", text)) | {"{n}"} == named | {"{n}"}, ours[0]


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        (None, "en"),
        ("", "en"),
        ("de", "de"),
        ("de-AT,en;q=0.5", "de"),
        ("en-US,en;q=0.9,de;q=0.8", "en-US"),
        ("en-au,de;q=0.8", "en"),
        ("sv,fr;q=0.8,en;q=0.7", "fr"),
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-TW,zh;q=0.9,en-US;q=0.8,en;q=0.7", "zh-Hans"),
        ("de;q=0,ja", "ja"),
        ("DE-ch-1996", "de"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("pt", "pt-BR"),
        ("*", "en"),
        ("x" * 5000, "en"),
        (",,;;q=2,es", "es"),
    ],
)
def test_the_page_speaks_the_language_that_the_browser_asks_for(full, header, tag):
    headers = {} if header is None else {"Accept-Language": header}

    answer = full.client.get("/status", headers=headers)

    assert f'<html lang="{tag}"' in answer.text
    assert answer.headers["Content-Language"] == tag
    assert "Accept-Language" in answer.headers["Vary"]


@pytest.mark.parametrize("tag", OTHERS)
@pytest.mark.parametrize("path", slow_but(["/status", "/search?q=post"], PATHS))
def test_every_page_is_whole_in_every_language(full, path, tag):
    page = full.page(path, language=tag)

    assert page.one("html").get("lang") == tag
    assert f"/static/app.{tag}.js" in page.one("script").get("src", "")
    assert words(page.all("nav")[0]) != words(full.page(path).all("nav")[0])


def test_american_english_has_dates_of_its_own_and_all_other_texts_of_english():
    american, at = language("en-US"), datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    clock = Clock(at + timedelta(days=8), ZoneInfo("UTC"), "UTC", american)

    assert clock.full(at) == "Sunday, November 22, 2026, 2:05\u00a0PM UTC"
    assert clock.date_of(at) == "November 22"
    assert clock.heading(at.date() + timedelta(days=7)) == ("Yesterday", "Sunday, November 29")
    assert clock.brief(clock.now - timedelta(hours=14)) == "12:05\u00a0AM"
    assert american.gettext("Sources") == "Sources"
    assert american.ngettext("{n} post", "{n} posts", 2) == "2 posts"


@pytest.mark.parametrize(
    ("tag", "full", "date", "ago", "until"),
    [
        ("en", "Sunday 22 November 2026, 14:05 UTC", "22 November", "5 hours ago", "in 2 hours"),
        ("ja", "2026年11月22日 日曜日 14:05 UTC", "11月22日", "5 時間前", "2 時間後"),
        ("nl", "zondag 22 november 2026, 14:05 UTC", "22 november", "5 uur geleden", "over 2 uur"),
        (
            "pl",
            "niedziela, 22 listopada 2026, 14:05 UTC",
            "22 listopada",
            "5 godzin temu",
            "za 2 godziny",
        ),
        ("zh-Hans", "2026年11月22日 星期日 14:05 UTC", "11月22日", "5 小时前", "2 小时后"),
    ],
)
def test_times_are_written_as_in_each_language(tag, full, date, ago, until):
    at = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    clock = Clock(at + timedelta(days=8), ZoneInfo("UTC"), "UTC", language(tag))

    assert clock.full(at) == full
    assert clock.date_of(at) == date
    assert clock.ago(clock.now - timedelta(hours=5)) == ago
    assert clock.until(clock.now + timedelta(hours=2)) == until


def test_a_variant_of_english_translates_texts_of_today():
    texts = {message.id for message in catalogues.texts()}

    assert {message.id for message in catalogues.read("en-US") if message.id} <= texts


def test_an_error_speaks_the_language_too(full):
    assert words(full.page("/nothing", 404, language="de").one("h1")) == "Nicht gefunden"
    page = full.page("/?before=x", 400, language="de")
    assert page.one("p", "lede").get("lang") == "en"  # what names a parameter stays as it is


def test_a_page_in_one_language_is_no_answer_to_another(full):
    headers = {"Accept-Language": "de", "If-None-Match": full.client.get("/status").headers["ETag"]}

    assert full.client.get("/status", headers=headers).status_code == 200


def test_what_polls_noted_down_is_marked_as_english(full):
    said = full.page("/status", language="de").all("tr", "det")[0]

    assert words(said.find("td/span")).startswith("<script>")  # of before the codes of failures
    assert said.find("td/span").get("lang") == "en"  # type: ignore[union-attr]
    assert "Seltener abgefragt nach 1 Fehlschlag." in words(said)


def test_posts_name_their_language_where_it_is_not_the_page_s(tmp_path):
    site = Site(tmp_path)
    site.subscribe()
    site.record("lamp", entry(1, language="de"), entry(2, language="en"))

    page = site.page("/", language="de")

    assert [each.get("lang") for each in page.all("article")] == [None, "en"]
    assert [each.get("lang") for each in page.all("time", "dt-published")] == [None, "de"]


def test_polish_counts_in_three_forms():
    polish = language("pl")
    numbers = (1, 2, 5, 12, 22, 25, 112)
    posts = [polish.ngettext("{n} post", "{n} posts", number) for number in numbers]
    minutes = [polish.amount(polish.steps.past["minute"], number) for number in numbers[:5]]

    assert posts[:3] == ["1 wpis", "2 wpisy", "5 wpisów"]
    assert posts[3:] == ["12 wpisów", "22 wpisy", "25 wpisów", "112 wpisów"]
    assert minutes[:3] == ["1 minutę temu", "2 minuty temu", "5 minut temu"]
    assert minutes[3:] == ["12 minut temu", "22 minuty temu"]
    assert every(timedelta(hours=22), polish) == "co 22 godziny"


@pytest.mark.parametrize(("tag", "misplaced"), MISPLACED.items())
def test_signs_and_gaps_are_those_of_the_language(tag, misplaced):
    for message in catalogues.read(tag):
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert not [text for text in forms if re.search(misplaced, text)], message.id


def test_russian_counts_in_four_forms():
    russian = language("ru")
    posts = [
        russian.ngettext("{n} post", "{n} posts", number) for number in (1, 2, 5, 11, 21, 1234)
    ]
    rhythms = [every(timedelta(minutes=number), russian) for number in (1, 21, 22, 25, 60)]

    assert posts[:3] == ["1 запись", "2 записи", "5 записей"]
    assert posts[3:] == ["11 записей", "21 запись", "1\u00a0234 записи"]
    assert rhythms[:3] == ["раз в минуту", "раз в 21 минуту", "раз в 22 минуты"]
    assert rhythms[3:] == ["раз в 25 минут", "раз в час"]


@pytest.mark.parametrize(
    ("page", "text", "tag"),
    [
        ("zh-Hans", "zh", None),
        ("zh-Hans", "zh_CN", None),
        ("zh-Hans", "zh-TW", "zh-TW"),  # the same characters have other shapes there
        ("en-US", "en-gb", None),
        ("en", "no such tag", None),
    ],
)
def test_a_text_names_its_language_unless_the_page_is_written_the_same(page, text, tag):
    assert text_language(text, language(page)) == tag


@pytest.mark.parametrize(
    ("tag", "text"),
    [("en", "first. Checked"), ("ja", "表示。"), ("zh-Hans", "前面。上次检查")],
)
def test_sentences_have_a_gap_between_unless_their_stops_are_wide(full, tag, text):
    lede = words(full.page("/status", language=tag).all("p", "lede")[0])

    assert text in lede
    assert "。 " not in lede


def test_numbers_are_written_as_in_each_language():
    written = {tag: language(tag).number(12345.6) for tag in ("en", "de", "ja")}

    assert written == {"en": "12,345.6", "de": "12.345,6", "ja": "12,345.6"}


@pytest.mark.parametrize("tag", ["ar", "he"])
@pytest.mark.parametrize("path", ["/", "/embed", "/nothing"])
def test_a_page_of_a_language_from_right_to_left_is_mirrored(full, path, tag):
    pages = [
        HtmlPage(full.client.get(path, headers={"Accept-Language": asked}).text).one("html")
        for asked in (tag, "en")
    ]

    assert [(page.get("lang"), page.get("dir")) for page in pages] == [(tag, "rtl"), ("en", None)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("-coal", "\u2068-coal\u2069"),
        ("config.yaml", "\u2068config.yaml\u2069"),
        ("C++", "\u2068C++\u2069"),
        ("a\u2069b", "\u2068ab\u2069"),
        ("البحر", "البحر"),
        ("السبت 2:05\u00a0م", "السبت 2:05\u00a0م"),
        ("12,345.6", "12,345.6"),
        ("2026-11-23", "\u20682026-11-23\u2069"),
    ],
)
def test_a_value_keeps_its_direction_in_a_text_from_right_to_left(value, shown):
    arabic, text = language("ar"), "No source is called “{text}”."

    assert arabic.gettext(text, text=value) == arabic.gettext(text).format(text=shown)
    assert arabic.listing([value, value]) == f"{shown}، {shown}"
    assert language().gettext(text, text=value) == text.format(text=value)


def test_arabic_has_twelve_hours_latin_digits_and_six_plurals():
    arabic, at = language("ar"), datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
    clock = Clock(at + timedelta(hours=1), ZoneInfo("UTC"), "UTC", arabic)
    counts = [arabic.ngettext("{n} post", "{n} posts", n) for n in (0, 1, 2, 3, 11, 100, 1003)]

    assert clock.brief(at) == "2:05\u00a0م"
    assert clock.full(at) == "الأحد، 22 نوفمبر 2026، 2:05\u00a0م UTC"
    assert arabic.number(12345.6) == "12,345.6"
    assert counts == [
        "لا منشورات",
        "منشور واحد",
        "منشوران",
        "3 منشورات",
        "11 منشورًا",
        "100 منشور",
        "1,003 منشورات",
    ]


def test_chinese_has_a_form_for_one_alone():
    rhythms = [every(timedelta(hours=hours), language("zh-Hans")) for hours in (1, 2, 24)]

    assert rhythms == ["每小时", "每 2 小时", "每天"]


def test_facts_about_one_thing_are_no_list_of_things():
    chinese = language("zh-Hans")

    assert chinese.facts(["音频", chinese.duration(2520)]) == "音频，42 分钟"
    assert chinese.listing(["能源", "网络"]) == "能源、网络"
    assert language("en").facts(["200", "38 kB"]) == "200, 38 kB"


def test_hebrew_has_a_plural_for_two():
    hebrew = language("he")

    assert [hebrew.ngettext("{n} post", "{n} posts", n) for n in (1, 2, 3, 12)] == [
        "פוסט אחד",
        "שני פוסטים",
        "3 פוסטים",
        "12 פוסטים",
    ]
    assert every(timedelta(hours=2), hebrew) == "בכל שעתיים"


def test_the_script_s_words_come_from_the_catalogue(full):
    path = full.page("/", language="de").one("script").get("src", "")
    script = full.client.get(path)

    assert script.status_code == 200
    assert "gerade eben" in script.text
    assert "{0} neue Beiträge" in script.text
    assert full.client.get("/static/app.js").status_code == 404

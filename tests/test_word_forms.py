"""The words of texts and searches, and that their form is the same for ever."""

import re
import time
from hashlib import sha256
from unicodedata import ucd_3_2_0

import pytest
from hypothesis import example, given, settings, strategies

from aggregator.search import word_forms
from aggregator.search.word_forms import folded, words
from tests.selection import examples, slow_after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Plain, “quoted” – and 4 °C … it’s", "plain quoted and 4 c it s"),
        ("foo_bar C++ a@b.example", "foo bar c a b example"),
        ("Crème brûlée, cre\u0300me", "creme brulee creme"),
        ("fu\u0308r für o\u0302\u0323 ộ", "fur fur o o"),
        ("Łódź, Smørrebrød, Straße, STRAẞE, Æther, Þingvellir", None),
        ("İstanbul ISTANBUL ırmak IRMAK", "istanbul istanbul irmak irmak"),
        ("Ёлка ёлка ЕЛКА за́мок", "елка елка елка замок"),
        ("Йод и\u0306од Київ ўзбек", "йод йод київ ўзбек"),
        ("Ελλάδα ΣΟΦΟΣ σοφός ΐ ᾳ", "ελλαδα σοφοσ σοφοσ ι α"),
        ("العَرَبِيَّة العربيـــة القرآن ک ی", "العربية العربية القران ك ي"),
        ("می\u200cخواهم", "مي خواهم"),
        ("שָׁלוֹם שלום", "שלום שלום"),
        ("हिन्दी में বাংলা", "हिन्दी में বাংলা"),
        ("२०२६ ۲۰۲۶ ２０２６", "2026 2026 2026"),
        ("Ｐｙｔｈｏｎ（！）ﬁ ſ ㎏", "python fi s kg"),
        ("Do\u00adnau\u00addampf super\u200bcali", "donaudampf supercali"),
        ("葛\U000e0100城 ☎\ufe0f", "葛 城"),
        ("Python™ №5 ①② 🐋whale🐋", "python tm no 5 1 2 whale"),
        ("iPhone発売が ｶﾞ", "iphone 発 売 が ガ"),
        ("東京、大阪の2026年", "東 京 大 阪 の 2026 年"),
        ("선거는 ㅋㅋ", "선 거 는 ᄏ ᄏ"),
        ("ที่ประเทศไทย", "ที่ ป ร ะ เ ท ศ ไ ท ย"),
        ("ລາວ ខ្មែរ မြန်မာ", "ລ າ ວ ខ្ មែ រ မြ န် မာ"),
        ("Hawaiʻi Hawai'i", "hawai i hawai i"),
        ("\x00\ud800\ue000", ""),
    ],
)
def test_words_are_what_people_type(text, expected):
    if expected is None:
        expected = "lodz smorrebrod strasse strasse aether thingvellir"
    assert words(text) == expected.split()


ALPHABET = (
    "aZé9 .–’“ßøæłıİ\u0301\u0306\u0327\u0323нйЙёиИя\u200b\u200c\u200d\u00adαώΣςا\u0654لـَ\u0651ش"
    "שָहिन्दी\u093c東がカｶ\uff9e\u3099선가\u1161\u11a8ㅋทที่\u0e4dำខ្™№①½ⅸÅﬁ€→🐋\u0f73\U0001d165"
)


@settings(max_examples=examples(1000))
@given(strategies.text(alphabet=ALPHABET, max_size=60))
@example("e\u0301 и\u0306")
@example("я\u200c\u0306 й")
def test_all_ways_to_fold_a_text_agree(text):
    assert words(text) == word_forms._TOKEN.findall(word_forms._in_general(text))


@settings(max_examples=examples(1000))
@given(strategies.text(alphabet=ALPHABET, max_size=60))
def test_a_form_is_its_own_form(text):
    form = words(text)

    assert words(" ".join(form)) == form


BLOCKS = [range(start, start + 0x4000) for start in (0, 0x4000, 0x8000, 0xC000, 0x1C000, 0x2C000)]


@pytest.mark.slow
@pytest.mark.parametrize("block", slow_after(1, BLOCKS), ids=lambda block: hex(block.start))
def test_the_pages_of_common_characters_change_no_form(block):
    texts = [f"a{chr(code)}b{chr(code)}" for code in block]

    assert [text for text in texts if words(text) != _in_general(text)] == []


def _in_general(text: str) -> list[str]:
    """Return the words of a text by the rules for text in which characters compose."""
    visible = word_forms._INVISIBLE.sub("", text)
    symbols_apart = word_forms._SYMBOL.sub(r" \g<0> ", visible)
    normalized = ucd_3_2_0.normalize("NFKC", symbols_apart)
    return word_forms._TOKEN.findall(normalized.translate(word_forms._FORMS))


@pytest.mark.slow
def test_every_character_that_composes_is_folded_with_its_neighbours():
    every = [chr(code) for code in range(0x1E000) if not 0xD800 <= code < 0xE000]
    first_parts = {character: ucd_3_2_0.normalize("NFKD", character)[0] for character in every}
    composing = {
        parts[1]
        for parts in (ucd_3_2_0.normalize("NFD", character) for character in every)
        if len(parts) > 1
    }
    in_context = {
        character
        for character, first in first_parts.items()
        if ucd_3_2_0.combining(first) or first in composing
    }

    assert len(in_context) > 400
    assert [one for one in in_context if word_forms._WITHOUT_CONTEXT.fullmatch(one)] == []


@pytest.mark.slow
@pytest.mark.parametrize("block", slow_after(1, BLOCKS), ids=lambda block: hex(block.start))
def test_words_have_letters_marks_and_digits_only(block):
    forms = {chr(code): "".join(words(f"{chr(code)}")) for code in block}

    odd = re.compile(r"[\x00-/:-`{-\x7f\s\u2000-\u20ff]")
    assert {character: form for character, form in forms.items() if odd.search(form)} == {}


DIGESTS = {
    0x0: "f205b46b06e53ed3a50ad9aa1708d63ac834b31e8a05e492751922a8ef434916",
    0x4000: "a8a1a09071ae0d24ab2d3143b0b301b9834d1af94e5fb1198aa5107bb7236795",
    0x8000: "683fdf26679a86f4270a286bd9fdef69a4a71a0377e09889f94002e576de6ea4",
    0xC000: "eb8d0960af1723db1cb931ce0577b46301cf3d8c5f051967538208b51b86a623",
    0x10000: "3122840b3ccc4baa5c0c94ce3a83db8ac00c3a16560e5c28a7862d7541b26c86",
    0x1C000: "7508ac531fa213846388849a04e71e1caa3a477c7030fff187966014524d5f71",
}


@pytest.mark.parametrize(
    ("start", "digest"), slow_after(1, DIGESTS.items()), ids=lambda value: str(value)[:8]
)
def test_forms_are_those_under_which_entries_were_indexed(start, digest):
    block = range(start, start + 0x4000)
    forms = "\n".join(" ".join(words(f"a{chr(code)}b")) for code in block)

    assert sha256(forms.encode()).hexdigest() == digest


PARTS = [
    *("\ufdfa", "\u200b", "①", "!", "\u0f73", "\u0344", "\uff9e\u0301", "é", "ßя", "東", "я\u0301"),
    *("\u0301\u0316", "\u0345\u0301\u0316", "\u0651\u064b", "\u093c\u094d", "\u200d\u0301\u0323"),
]


@pytest.mark.slow
@pytest.mark.parametrize("part", slow_after(1, PARTS), ids=ascii)
def test_the_words_of_a_text_take_time_in_proportion_to_its_length(part):
    count = 20_000 // len(part)
    quarter, whole = (
        min(_cpu_time("a\u1e00" + part * number) for _ in range(3)) for number in (count, 4 * count)
    )

    assert whole < 8 * quarter + 0.01  # 16 times as much if it were quadratic


def _cpu_time(text: str) -> float:
    started = time.process_time()
    words(text)
    return time.process_time() - started


@pytest.mark.parametrize("text", ["a ", "é ", "東", "\ufdfa"], ids=ascii)
def test_the_words_of_a_text_have_a_bounded_length(text):
    assert len(folded(text * 50_000)) <= 20 * len(text) * 50_000


def test_hostile_characters_do_not_fill_the_memory():
    words("".join(map(chr, range(0x10000, 0x12000))))

    assert max(word_forms._FORMS) < 0x10000

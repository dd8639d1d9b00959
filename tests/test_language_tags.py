"""Language tags: the best available language for a reader, and what is written the same."""

import pytest

from web.language_tags import LanguageMatcher, written_language

AVAILABLE = ("en", "ar", "de", "en-US", "he", "ja", "nl", "pt-BR", "ru", "sr-Latn", "zh-Hans")


@pytest.mark.parametrize(
    ("requested", "tag"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("DE-ch-1996", "de"),
        ("nl-BE", "nl"),
        ("en-US", "en-US"),
        ("en-AU", "en"),
        ("en-Latn-US", "en"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("zh", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("zh-Hans-HK", "zh-Hans"),
        ("cmn", "zh-Hans"),  # the code of Mandarin that CLDR replaces
        ("iw", "he"),  # the code of Hebrew before 1989, which old browsers send
        ("de-u-co-phonebk", "de"),
        ("ru-Cyrl-x-tw", "ru"),
        ("sv de-AT en", "de"),  # the first that is available, however exact the next one
        ("zh-TW", "zh-Hans"),  # rather than English, which was not asked for
        ("zh-TW en", "en"),  # which the reader reads, too
        ("zh-TW zh en", "zh-Hans"),  # as browsers in Taiwan ask: any Chinese before English
        ("sr", "sr-Latn"),
        ("sv", None),
        ("yue", None),
        ("*", None),
        ("und", None),
        ("- -- _ x i-klingon", None),
        ("", None),
    ],
)
def test_a_reader_gets_the_language_that_comes_nearest(requested, tag):
    assert LanguageMatcher(AVAILABLE).best(requested.split()) == tag


def test_a_language_is_looked_up_by_its_tag_before_others_that_are_written_the_same():
    matcher = LanguageMatcher(["pt-BR", "pt-PT", "zh-Hans", "zh-Hant"])

    assert [matcher.best([tag]) for tag in ("pt-PT", "pt", "pt-AO")] == ["pt-PT", "pt-BR", "pt-BR"]
    assert [matcher.best([tag]) for tag in ("zh-HK", "zh-MY")] == ["zh-Hant", "zh-Hans"]


@pytest.mark.parametrize(
    ("tag", "language", "script"),
    [
        ("en", "en", "Latn"),
        ("zh_TW", "zh", "Hant"),
        ("zh-Hant-SG", "zh", "Hant"),
        ("az-IR", "az", "Arab"),
        ("es-419", "es", "Latn"),
        ("xx", "xx", ""),
    ],
)
def test_a_tag_without_a_script_has_the_likely_one(tag, language, script):
    assert written_language(tag) == (language, script)

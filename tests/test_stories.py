"""Which entries are the same story: the labelled set, and what holds for all of them."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.stories import similarity
from aggregator.stories.articles import Article
from aggregator.stories.similarity import StoryRule
from aggregator.stories.story_keys import story_keys
from bench.stories import HALVES, grouped, pairs, quality

AT = datetime(2026, 3, 4, 8, tzinfo=UTC)
TEXT = (
    "The old ferry terminal reopened on Wednesday morning, two years after storm waves tore away "
    "part of the pier. The first boat left at 6.40 with about sixty commuters on board. Engineers "
    "had to replace wooden piles that turned out to be hollow, and the kiosk is still waiting for "
    "its licence. The night service will follow in May, once the lighting is finished."
)
PAIRS = tuple(pairs())


def article(number: int, **changes: object) -> Article:
    made = Article(
        number,
        number,
        (f"https://paper{number}.example/feed",),
        f"https://paper{number}.example/news/{number}-ferry-terminal-reopens",
        "Ferry terminal reopens after two years",
        f"<p>{TEXT}</p>",
        AT + timedelta(hours=number),
    )
    return replace(made, **changes)


def test_the_labelled_set_is_large_and_varied():
    kinds = Counter((pair.same, pair.kind) for pair in PAIRS)

    assert len(PAIRS) >= 400
    assert len([kind for same, kind in kinds if same]) >= 12
    assert len([kind for same, kind in kinds if not same]) >= 12
    assert len({pair.id for pair in PAIRS}) == len(PAIRS)


@pytest.mark.parametrize("half", HALVES)
def test_the_grouping_is_right_on_each_half_of_the_labelled_set(half):
    found = quality([pair for pair in PAIRS if pair.half == half])

    assert found.precision >= 0.99
    assert found.recall >= 0.90


def test_the_order_of_two_entries_does_not_matter():
    for pair in PAIRS:
        assert similarity.compare(pair.a, pair.b) == similarity.compare(pair.b, pair.a), pair.id


def test_two_entries_of_one_feed_are_never_the_same_story():
    for pair in PAIRS:
        assert similarity.compare(pair.a, replace(pair.b, feed=pair.a.feed)) is None, pair.id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Notes, part 2", "Notes, part 3"),
        ("Version 1.2.3", "Version 1.2.4"),
        ("Trellis 3.0rc1", "Trellis 3.0rc2"),
        ("Tides for Tuesday", "Tides for Wednesday"),
        ("Sitzung im März", "Sitzung im April"),
        ("The war, part II", "The war, part III"),
        ("旅の日本語 第三回", "旅の日本語 第四回"),
        ("Chapter two", "Chapter three"),
    ],
)
def test_titles_with_different_numbers_or_dates_are_never_the_same_story(one, other):
    same_link = "https://paper1.example/news/1-a-b-c"
    a, b = article(1, title=one, url=same_link), article(2, title=other, url=same_link)

    assert similarity.compare(a, b) is None


def test_the_same_link_is_a_story_whatever_its_tracking_and_spelling():
    link = "http://www.paper1.example/news/1-ferry-terminal-reopens/?utm_source=x#top"

    found = similarity.compare(article(1), article(2, url=link, title="Fähre fährt wieder"))

    assert found is not None
    assert (found.rule, found.score, found.older_id, found.newer_id) == (StoryRule.LINK, 100, 1, 2)


def test_a_post_that_comments_on_an_article_is_another_story_though_it_links_to_it():
    remark = "I took the first boat, and nobody on it looked at a screen. Hollow, for years!"
    sentences = TEXT.split(". ")
    quoting = f"<blockquote>{'. '.join(sentences[:3])}</blockquote><p>{remark}</p>"

    for html in (f"<p>{remark}</p>", quoting):
        comment = article(2, url=article(1).url, html=html)
        assert similarity.compare(article(1), comment) is None


def test_a_list_of_links_without_a_word_of_its_own_is_the_article():
    listed = article(2, url=article(1).url, html="<a href='https://list.example/1'>Comments</a>")

    assert similarity.compare(article(1), listed) is not None


def test_the_same_text_is_a_story_for_a_month_and_nearly_the_same_for_a_week():
    longer = article(2, html=f"<p>{TEXT} Read more about it on Sunday.</p>")

    def rule(other: Article) -> StoryRule | None:
        found = similarity.compare(article(1), other)
        return found.rule if found else None

    assert rule(article(2, at=AT + timedelta(days=29))) is StoryRule.TEXT
    assert rule(article(2, at=AT + timedelta(days=32))) is None
    assert rule(replace(longer, at=AT + timedelta(days=6))) is StoryRule.NEAR_COPY
    assert rule(replace(longer, at=AT + timedelta(days=8))) is None


def test_a_generic_title_never_makes_a_story():
    texts = ("A calculator made of dominoes, and the best badger ever.", "", "Three leek recipes.")
    digests = [
        article(number, title="Weekly links", html=text) for number, text in enumerate(texts)
    ]

    assert not any(similarity.compare(a, b) for a in digests for b in digests)


def test_keys_are_few_small_numbers_and_the_same_in_every_process():
    found = story_keys("https://example.org/a", "A title", f"<p>{TEXT}</p>")

    assert found == (1608544788, -179754704, -2120262548, -2033051937)
    assert story_keys(None, "", "") == ()


def test_what_the_set_says_is_the_same_shares_a_key():
    apart = [
        pair.id
        for pair in PAIRS
        if pair.same and similarity.compare(pair.a, pair.b) and not grouped(pair)
    ]

    assert apart == []


def test_a_short_title_beside_a_long_one_does_not_make_the_order_matter():
    long, short = article(1, html=TEXT[:200]), article(2, html=TEXT[:200], title="Ferry terminal")

    assert similarity.compare(long, short) == similarity.compare(short, long) is not None


words = st.lists(
    st.sampled_from("ferry boat pier storm 12 7 the a hollow 橋 が".split()), max_size=30
)
any_article = st.builds(
    Article,
    entry_id=st.integers(1, 9),
    feed=st.integers(1, 3),
    homes=st.just(("https://a.example/feed",)),
    url=st.sampled_from([None, "https://a.example/x-y-z", "https://b.example/", "mailto:a@b.c"]),
    title=words.map(" ".join),
    html=words.map(lambda some: f"<p>{' '.join(some)}</p><blockquote>{' '.join(some[:9])}"),
    at=st.integers(0, 40).map(lambda days: AT + timedelta(days=days)),
)


@given(any_article, any_article)
def test_comparing_is_symmetric_and_scores_are_percentages(a, b):
    found = similarity.compare(a, b)

    assert found == similarity.compare(b, a)
    assert found is None or 1 <= found.score <= 100


@given(st.text(), st.text(), st.text())
def test_keys_of_any_text_fit_32_bits(url, title, html):
    assert all(-(2**31) <= key < 2**31 for key in story_keys(url, title, html))

"""Whether two entries of different feeds are the same story.

`compare` decides by four rules and returns a score:

    link    the same canonical link, and neither entry comments on the other
    text    the same words in long enough texts
    near    nearly the same title and text within a week
    title   the same telling title of the same host within two days, and no text

Never the same story are two entries of the same feed, titles with different numbers or dates, an
article and a post with comments on the article.  A copy not recognised is shown twice, a wrong
match hides a post: in doubt two entries are two stories.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from aggregator.stories.articles import Article
from aggregator.stories.tokens import shingles_of

_MAX_DISTANCE_NEAR = timedelta(days=7)
_MAX_DISTANCE_TEXT = timedelta(days=30)
_MAX_DISTANCE_TITLE = timedelta(days=2)

_SAME_TEXT = 0.98  # likeness of two texts
_SIMILAR = 0.85  # likeness of two texts, or of two titles
_SIMILAR_TITLE = 0.5  # likeness of two titles of similar texts
_SAME_TITLE = 0.95  # likeness of two titles
_MIN_WORDS = 14  # of a text that decides together with a telling title
_MIN_TEXT = 60  # words of a text that decides by itself
_MIN_SHINGLES = 4

# What a list of links has beside the links, and is not a comment of its author.
_NO_COMMENT = frozenset(
    "article url urls comments comment points point discuss discussion link links via read more "
    "source submitted by a an the at on of".split()
)


class StoryRule(StrEnum):
    """Why two entries are the same story; the surest rule first."""

    LINK = "link"
    TEXT = "text"
    NEAR_COPY = "near"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class StoryLink:
    """Two entries of the same story.

    Attributes:
        older_id: Id of the entry lower in the list, less than `newer_id`.
        score: Certainty, 1 to 100.
    """

    older_id: int
    newer_id: int
    rule: StoryRule
    score: int


@dataclass(frozen=True, slots=True)
class _Likeness:
    """How much titles and texts of two entries have in common, each 0 to 1."""

    titles: float
    texts: float

    @property
    def mean(self) -> float:
        return (self.titles + self.texts) / 2


@dataclass(frozen=True, slots=True)
class _Verdict:
    rule: StoryRule
    certainty: float  # 0 to 1


def compare(a: Article, b: Article) -> StoryLink | None:
    """Return why two entries are the same story, None if not; the same for (b, a)."""
    if a.feed == b.feed or (
        a.title_numbers - b.title_numbers and b.title_numbers - a.title_numbers
    ):
        return None
    if _comments_on(a, b) or _comments_on(b, a):
        return None
    verdict = _verdict(a, b)
    if verdict is None:
        return None
    older_id, newer_id = sorted((a.entry_id, b.entry_id))
    return StoryLink(older_id, newer_id, verdict.rule, round(100 * verdict.certainty))


def _verdict(a: Article, b: Article) -> _Verdict | None:
    likeness = _Likeness(_title_likeness(a, b), _text_likeness(a, b))
    if a.link and a.link == b.link:
        return _by_link(a, b, likeness)
    if a.host and a.host == b.host:
        # Two addresses on one site are two articles, unless everything else is the same.
        return _by_site(a, b, likeness)
    if a.title_numbers != b.title_numbers and likeness.texts < _SAME_TEXT:
        return None
    return _by_text(a, b, likeness)


def _by_link(a: Article, b: Article, likeness: _Likeness) -> _Verdict | None:
    is_one_article = _is_article(a.link) or likeness.titles >= _SIMILAR
    if a.is_at_home and b.is_at_home and is_one_article:
        return _Verdict(StoryRule.LINK, 1.0)
    if likeness.texts >= 0.8:
        return _Verdict(StoryRule.LINK, likeness.texts)
    if is_one_article and (_is_bare_link(a) or _is_bare_link(b)):
        return _Verdict(StoryRule.LINK, 0.9)
    return None


def _by_site(a: Article, b: Article, likeness: _Likeness) -> _Verdict | None:
    distance, has_telling_title = abs(a.at - b.at), _is_telling(a) or _is_telling(b)
    if likeness.titles < _SAME_TITLE or a.title_numbers != b.title_numbers or not has_telling_title:
        return None
    size = min(len(a.words), len(b.words))
    if likeness.texts >= 0.9 and size >= _MIN_WORDS and distance <= _MAX_DISTANCE_NEAR:
        return _Verdict(StoryRule.NEAR_COPY, likeness.mean)
    if likeness.titles == 1.0 and not (a.words and b.words) and distance <= _MAX_DISTANCE_TITLE:
        return _Verdict(StoryRule.TITLE, 0.8)
    return None


def _by_text(a: Article, b: Article, likeness: _Likeness) -> _Verdict | None:
    size, distance = _shorter_length(a, b), abs(a.at - b.at)
    if a.words == b.words and distance <= _MAX_DISTANCE_TEXT:
        return _Verdict(StoryRule.TEXT, 1.0) if _is_same_text(a, b, likeness, size) else None
    if (
        distance > _MAX_DISTANCE_NEAR
        or likeness.texts < _SIMILAR
        or not _share_numbers(a, b)
        or _differ_by_title(a, b)
    ):
        return None
    verdict = _Verdict(StoryRule.NEAR_COPY, likeness.mean)
    if (
        likeness.titles >= _SIMILAR_TITLE
        and size >= _MIN_WORDS
        and _is_telling(a)
        and _is_telling(b)
    ):
        return verdict if likeness.titles >= _SAME_TITLE or size >= _MIN_TEXT else None
    begins_alike = _begins_alike(a, b)
    if size >= _MIN_TEXT and begins_alike and _title_fits_text(a) and _title_fits_text(b):
        return verdict
    return None


def _is_same_text(a: Article, b: Article, likeness: _Likeness, size: float) -> bool:
    """Whether two entries with the same words are the same story."""
    if _lacks_title(a) and _lacks_title(b) and size >= _MIN_WORDS:
        return True
    is_telling = _is_telling(a) or _is_telling(b)
    if likeness.titles >= _SAME_TITLE and (size >= _MIN_TEXT or (is_telling and size >= 6)):
        return True
    # One title may be in another language; the text of a paywall fits no title.
    return size >= _MIN_TEXT and (_title_fits_text(a) or _title_fits_text(b))


# -------------------------------------------------------------------------- likeness


def _text_likeness(a: Article, b: Article) -> float:
    """Return how much of the shorter text stands in the longer text, 0 to 1."""
    if a.words == b.words:
        return 1.0 if a.words else 0.0
    size = min(len(a.shingles), len(b.shingles))
    return len(a.shingles & b.shingles) / size if size >= _MIN_SHINGLES else 0.0


def _title_likeness(a: Article, b: Article) -> float:
    """Return how much two titles have in common, 0 to 1."""
    if a.title_words == b.title_words:
        return 1.0 if a.title_words else 0.0
    shorter, longer = sorted((" ".join(a.title_words), " ".join(b.title_words)), key=len)
    if len(shorter) >= 12 and shorter in longer:  # an author before it, a site behind it, a cut
        return _SAME_TITLE
    words_of_a, words_of_b = set(a.title_words), set(b.title_words)
    return 2 * len(words_of_a & words_of_b) / (len(words_of_a) + len(words_of_b) or 1)


def _begins_alike(a: Article, b: Article) -> bool:
    """Whether the shorter text is the beginning of the longer text, except for a few words."""
    shorter, longer = sorted((a, b), key=lambda article: len(article.words))
    beginning = shingles_of(shorter.words[:24])
    return 2 * len(beginning & shingles_of(longer.words[:48])) >= len(beginning)


def _share_numbers(a: Article, b: Article) -> bool:
    """Whether two texts have the same numbers: texts from a template differ only in numbers."""
    size = min(len(a.numbers), len(b.numbers))
    return size == 0 or len(a.numbers & b.numbers) >= 0.8 * size


def _differ_by_title(a: Article, b: Article) -> bool:
    """Whether each title has a word found only in the same entry's text: a template for towns."""
    words_of_a, words_of_b = set(a.title_words), set(b.title_words)
    return bool(
        (words_of_a - words_of_b).intersection(a.words) - set(b.words)
        and (words_of_b - words_of_a).intersection(b.words) - set(a.words)
    )


def _comments_on(a: Article, b: Article) -> bool:
    """Whether `a` has a quotation and besides text not in `b`."""
    if a.unquoted_words is a.words or len(a.unquoted_words) < 4:
        return False
    unquoted = shingles_of(a.unquoted_words)
    return len(unquoted & b.shingles) < 0.5 * len(unquoted)


# -------------------------------------------------------------------------- one article


def _is_bare_link(article: Article) -> bool:
    """Whether an entry has no text but a link, as in a list of links."""
    words = [word for word in article.words if not word.isdecimal()]
    return len(set(words) - _NO_COMMENT) <= 1


def _lacks_title(article: Article) -> bool:
    """Whether an entry has no title but the beginning of the text."""
    return article.title_words[:-1] == article.words[: max(len(article.title_words) - 1, 0)]


def _is_telling(article: Article) -> bool:
    """Whether only a single article can have the title; "Weekly links" is not telling."""
    return sum(map(len, article.title_words)) >= 14 and len(article.title_words) >= 4


def _title_fits_text(article: Article) -> bool:
    """Whether words of the title occur in the text; not in a paywall or a footer."""
    stems = {word[:5] for word in article.words}
    title_words = [word for word in article.title_words if len(word) > 3 or word > "\u0e00"]
    return 4 * sum(word[:5] in stems for word in title_words) >= max(len(title_words), 1)


def _shorter_length(a: Article, b: Article) -> float:
    """Return how many words the shorter text has; characters of unspaced scripts count half."""
    shorter = min(a.words, b.words, key=len)
    characters = sum(len(word) == 1 and word > "\u0e00" for word in shorter)
    return len(shorter) - characters / 2


def _is_article(link: str) -> bool:
    """Whether an address looks like an article's, not like a changing page's."""
    path = link.partition("/")[2]
    last_segment = path.rstrip("/").rpartition("/")[2]
    return len(re.findall(r"[-_]", last_segment)) > 1 or sum(map(str.isdecimal, path)) > 2

"""Which place within repeated elements is the title, the excerpt, the date, the author.

Each function returns how well a place fits, None for not at all.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from math import log

from aggregator.reading.pages.item_slots import Slot
from aggregator.reading.pages.page_dates import page_date
from aggregator.reading.pages.page_outline import PageElement

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_INLINE = frozenset("a b i em strong code u mark sub sup small q abbr font cite".split())
_SENTENCE_ENDS = (".", "…", "。", "...", "।")
_NUMBER = re.compile(r"[\W\d_]*")
_DIGIT = re.compile(r"\d")
# In a language whose months nobody has listed: "28 Kasım 2026".
_DAY_AND_YEAR = re.compile(r"\D{0,12}\d{1,2}\W{1,3}[^\W\d]{3,12}\W{1,3}(?:19|20)\d\d\D{0,8}")
_NAME = re.compile(r"[A-Z]\S*(?: \S+){0,2}(?<![.!?,;:])")
_CODE = re.compile(r"[^\s.]+(?:\.[^\s.]+)+|(?=\D*\d)[!-~]+")  # of hosts, files, changes
_NUMBERS = re.compile(r"\d+")
_BY = re.compile(
    r"(?:\w+ )?(?:by|von|par|por|di|door|przez|от|автор:?)\s+\S+(?:\s\S+){0,3}", re.IGNORECASE
)
_OF_PERSON = re.compile(
    r"/[@~][^/]+/?$|/(?:authors?/|users?[/?]|people/|u/|member|profile)|[?&]user=|\buid[-=]"
)

_TITLE_WORDS = frozenset("title headline heading subject topictitle xst".split())
_NO_TITLE_WORDS = frozenset(
    """author by byline user username category categories cat tag tags meta date time posted summary
    excerpt description text more comment comments share kicker eyebrow badge button btn avatar sr
    visually hidden info reading company subtitle dek label poster writer""".split()
)
_DATE_WORDS = frozenset(
    "date time published posted created when age ago hour day fecha datum data tarih dato".split()
)
_LATE_WORDS = frozenset(
    "updated modified closes closing deadline due last lastpost expires".split()
)
_AUTHOR_WORDS = frozenset(
    """author authors byline by writer user username poster who vcard creator contributor profile
    autor auteur autore signature firma name artist speaker aut""".split()
)
_NO_AUTHOR_WORDS = frozenset(
    "category cat tag tags avatar lastpost company date time title comment comments".split()
)
_EXCERPT_WORDS = frozenset(
    """excerpt summary description desc teaser snippet lead intro standfirst dek notes body content
    text abstract subtitle deck blurb""".split()
)
_NO_EXCERPT_WORDS = frozenset("meta date author byline by tags footer info header more".split())
_BAD_PICTURE_WORDS = frozenset("avatar author user logo icon emoji badge".split())


def title_score(slot: Slot) -> float | None:
    """Return how much a place looks like the title of posts; a good title has more than 1."""
    if slot.coverage < 0.8 or slot.distinct < 0.6:
        return None
    bare = sum(bool(_NUMBER.fullmatch(text)) for text in slot.texts) / len(slot.texts)
    if (bare > 0.5 or _share_of_dates(slot) > 0.3) and not is_heading(slot):
        return None
    length = slot.median_length
    score = min(length / 18, 1.0) if length <= 160 else max(0.1, 1 - (length - 160) / 100)
    score += _title_markup(slot) + _title_text(slot)
    single = len(slot.present) / slot.matches
    score *= single if slot.tag in HEADINGS else single ** (1 / 3)
    return score * slot.coverage * (1 + slot.distinct) / 2


def _title_markup(slot: Slot) -> float:
    """Return the part of the score due to tags, classes and links."""
    element = slot.present[0]
    score = 0.0
    if is_heading(slot):
        score += 1.0 if slot.tag in HEADINGS else 0.9
    elif slot.tag in {"strong", "b"}:
        score += 0.3
    if slot.words & _TITLE_WORDS:
        score += 0.7
    if slot.words & _NO_TITLE_WORDS:
        score -= 1.0
    if any(of_person(part) for part in slot.present[:3]):
        score -= 1.5
    if sum(_is_linked(part) for part in slot.present) >= 0.8 * len(slot.present):
        score += 0.7
    if slot.tag in {"p", "dd", "td", "div", "li", "tr", "footer", "header"}:
        score -= 0.3
    if any(child.tag in HEADINGS | {"p", "li", "time"} for child in element.within()[1:20]):
        score -= 1.0
    if element.is_frame:
        score -= 0.5
    return score


def _title_text(slot: Slot) -> float:
    """Return the part of the score due to the texts and the distribution of the words."""
    element, count = slot.present[0], len(slot.texts)
    score = -0.3 * sum(text.endswith(_SENTENCE_ENDS) for text in slot.texts) / count
    codes = sum(bool(_CODE.fullmatch(text)) for text in slot.texts)
    score -= 0.0 if is_heading(slot) else codes / count
    if _is_compound(element):
        score -= 0.8
    if _has_longer_text_than_link(element):
        score -= 0.8
    if sum(text[0].isdigit() for text in slot.texts) > 0.8 * count and not is_heading(slot):
        score -= 0.5
    return score


def _has_longer_text_than_link(element: PageElement) -> bool:
    """Whether a link within has a part of the text, but not all."""
    links = [part for part in element.within()[1:10] if part.address]
    return bool(links) and 0 < links[0].text_length < 0.9 * element.text_length


def _is_compound(element: PageElement) -> bool:
    """Whether the text is in several elements, of which each may be a part."""
    siblings: dict[PageElement | None, int] = {}
    for part in element.within()[1:30]:
        if part.tag not in _INLINE and part.text_length > 1:
            siblings[part.parent] = siblings.get(part.parent, 0) + 1
    return any(count > 1 for count in siblings.values())


def is_heading(slot: Slot) -> bool:
    """Whether a place is a heading, or a child of a heading."""
    parent = slot.present[0].parent
    return slot.tag in HEADINGS or (parent is not None and parent.tag in HEADINGS)


def _is_linked(element: PageElement) -> bool:
    return element.link is not None or any(part.address for part in element.within()[:5])


def of_person(element: PageElement) -> bool:
    """Whether an element is a link to the page of a person."""
    link = element.link
    if link is None or link.address is None:
        return False
    return "author" in link.words or bool(_OF_PERSON.search(link.address))


def date_score(slot: Slot) -> float | None:
    """Return how much a place looks like the date of posts."""
    if slot.coverage < 0.7 or slot.median_length > 60:
        return None
    readable = _share_of_dates(slot)
    has_name = bool(slot.words & _DATE_WORDS) or slot.tag in {"time", "relative-time"}
    with_digits = sum(bool(_DIGIT.search(text)) for text in slot.texts) / len(slot.texts)
    if readable < 0.7 and not (has_name and with_digits >= 0.5 and slot.median_length <= 30):
        return None
    score = (
        0.7
        + readable
        + 0.3 * _share_of_days(slot)
        + (0.7 if has_name else 0.0)
        - slot.median_length / 25
    )
    if slot.tag in {"time", "relative-time"}:
        score += 1.0
    if slot.words & _LATE_WORDS:
        score -= 1.0
    if slot.tag == "a":
        score -= 0.2
    return score * slot.coverage


def _share_of_dates(slot: Slot) -> float:
    texts = slot.texts[:8]
    language = slot.present[0].outline.language
    dates = sum(len(text) <= 60 and is_date(text, language) for text in texts)
    return dates / max(len(texts), 1)


def _share_of_days(slot: Slot) -> float:
    """Return the share of texts with a day, not a span: "48 min" may be a duration."""
    texts = slot.texts[:8]
    return sum(len(_NUMBERS.findall(text)) > 1 for text in texts) / max(len(texts), 1)


def is_date(text: str, language: str | None) -> bool:
    """Whether a text is a date, in words or numbers."""
    if not text or (not _DIGIT.search(text) and len(text) > 20):
        return False
    date = page_date([text], _ANY_TIME, language)
    return (date is not None and date.at is not None) or bool(_DAY_AND_YEAR.fullmatch(text))


def author_score(slot: Slot) -> float | None:
    """Return how much a place looks like the name of an author."""
    if slot.coverage < 0.7 or not 2 <= slot.median_length <= 50 or slot.tag in HEADINGS:
        return None
    texts = slot.texts
    if any(len(text) > 60 for text in texts) or _share_of_dates(slot) > 0.3:
        return None
    digits = sum(bool(_DIGIT.search(text)) for text in texts) / len(texts)
    if digits > 0.5:
        return None
    score = -0.5
    if slot.words & _AUTHOR_WORDS:
        score += 1.0 if slot.words & (_AUTHOR_WORDS - {"name", "by", "user"}) else 0.7
    if sum(of_person(element) for element in slot.present) >= 0.8 * len(slot.present):
        score += 0.8
    if sum(bool(_BY.fullmatch(text)) for text in texts) > 0.8 * len(texts):
        score += 1.0
    if slot.tag in {"cite", "address"} or (slot.tag in {"i", "em"} and _are_names(texts)):
        score += 0.7
    if slot.words & _NO_AUTHOR_WORDS:
        score -= 1.0
    return score - slot.median_length / 200 if score > 0 else None


def _are_names(texts: Sequence[str]) -> bool:
    """Whether texts look like names of people: a few words with capitals."""
    names = sum(bool(_NAME.fullmatch(text)) for text in texts)
    return names > 0.8 * len(texts)


def excerpt_score(slot: Slot) -> float | None:
    """Return how much a place looks like the beginning of a text."""
    if slot.coverage < 0.6 or slot.median_length < 18 or slot.tag in HEADINGS:
        return None
    if slot.words & _NO_EXCERPT_WORDS or _share_of_dates(slot) > 0.3 or slot.distinct < 0.7:
        return None
    if any(of_person(part) for part in slot.present[0].within()[:20]):
        return None
    score = log(min(slot.median_length, 400))
    if slot.words & _EXCERPT_WORDS:
        score += 1.0
    if slot.tag in {"p", "blockquote"}:
        score += 1.0
    return score * slot.coverage


def picture_score(slot: Slot) -> float | None:
    """Return how much a place looks like the picture of posts, and not of the authors."""
    if slot.tag != "img" or len(slot.present) < 0.5 * len(slot.elements):
        return None
    sources = {
        tuple(element.attributes.get(name) for name in ("src", "data-src", "srcset"))
        for element in slot.present
    }
    first = slot.present[0]
    words = first.words | (first.parent.words if first.parent else frozenset())
    width = first.attributes.get("width", "")
    is_small = width.isdigit() and int(width) < 80
    if len(sources) < 0.7 * len(slot.present) or words & _BAD_PICTURE_WORDS or is_small:
        return None
    return None if _is_round(first) else len(slot.present) / len(slot.elements)


def _is_round(picture: PageElement) -> bool:
    """Whether a picture is shown as a circle, as faces are."""
    return "full" in picture.words and "rounded" in picture.words

"""Is it the same story as an entry of another feed?  Pure.

Two entries are compared only if they share a key: of the link, of the title, or one of a few
shingles that stand for the beginning of the text (a bottom-k sketch; Broder 1997).  `compare` then
decides by one of four rules and says how sure it is:

    link    the same canonical link, and none of the two comments on the other
    text    the same words, enough of them
    near    nearly the same title and text within a week
    title   the same telling title of the same host within two days, and no text

Never the same: two entries of one feed, titles with different numbers or dates, a post that
comments on an article and that article.  Missing a copy shows it twice, a wrong match hides a post:
in doubt it is another story.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from zlib import crc32

from aggregator import urls
from aggregator.text.references import unescape

MAX_TEXT = 60_000  # characters of a text's HTML that are compared, and
_MAX_WORDS = 2000  # words of it
_FOLD_STEP = 1000  # characters normalised at once: marks in a row cost the square of their number

_SKETCH_WORDS = 32  # of the beginning: more find no more copies, and cost every new entry
_SKETCH = 2
_SKETCH_TOKENS = 48  # between spaces, in which so many words mostly are
_SKETCH_HTML = 1000  # characters in which these mostly are

_NEAR = timedelta(days=7)
_SAME_TEXT = timedelta(days=30)
_SAME_TITLE = timedelta(days=2)

_CHARACTER = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"  # no spaces there
_WORD = re.compile(rf"[{_CHARACTER}]|[^\W_{_CHARACTER}]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_MARKUP = re.compile(r"<[^>]*>?")  # the last tag may be cut
_TYPOGRAPHIC = re.compile("[’‘“”–—…\u00a0]+")  # are no words; the rest is ASCII in most texts
_ADDRESS = re.compile(r"https?://\S+")
_QUOTE = re.compile(r"<(/?)blockquote\b[^>]*>")
# What counts titles apart besides digits: days, months, counting words, Roman numerals.  "May" and
# "one" are other words too often; a language's short forms are left out.
_COUNTING = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag "
    "freitag samstag sonntag lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes "
    "miércoles jueves viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato "
    "domenica maandag dinsdag woensdag donderdag vrijdag zaterdag zondag segunda terça quarta "
    "quinta sexta january february april june july august september october november december "
    "januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet "
    "août septembre octobre novembre décembre enero febrero marzo abril mayo junio julio agosto "
    "septiembre octubre noviembre diciembre gennaio febbraio aprile maggio giugno luglio settembre "
    "ottobre dicembre januari februari maart mei augustus janeiro fevereiro março maio junho julho "
    "setembro outubro novembro dezembro two three four five six seven eight nine ten first second "
    "third fourth fifth erster zweiter dritter zweite dritte vierte zwei drei vier fünf premier "
    "première deuxième troisième deux trois quatre dos tres cuatro segundo segunda tercero tercera "
    "ii iii iv vi vii viii ix xi xii xiii xiv".split()
)
_NUMBER = re.compile(
    r"\d+(?:[.,:/-]\d+)*(?:(?:rc|beta|alpha|[abv])\d+)?|第[一二三四五六七八九十百]+"
)

# What a list of links says beside its links, and is no comment of anybody.
_NO_COMMENT = frozenset(
    "article url urls comments comment points point discuss discussion link links via read more "
    "source submitted by a an the at on of".split()
)


class Rule(StrEnum):
    """Why two entries are the same story; the surest first."""

    LINK = "link"
    TEXT = "text"
    NEAR = "near"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class StoryLink:
    """Two entries that are the same story, `one` < `other`; `score` is 1 to 100."""

    one: int
    other: int
    rule: Rule
    score: int


@dataclass(frozen=True)
class Article:
    """An entry as it is compared.

    Attributes:
        feed: Whatever tells feeds apart.
        homes: Addresses of the feed and of its site: where its own articles are.
        at: Where it stands in the list.
    """

    entry_id: int
    feed: int
    homes: tuple[str | None, ...]
    url: str | None
    title: str
    html: str
    at: datetime

    @cached_property
    def link(self) -> str:
        """The canonical link; empty where it is none, or the front page of a site."""
        return _link(self.url)

    @cached_property
    def host(self) -> str:
        return self.link.partition("/")[0]

    @cached_property
    def is_at_home(self) -> bool:
        """Whether the link leads to the feed's own site, not to what somebody else wrote."""
        hosts = {urls.canonical(home).partition("/")[0] for home in self.homes if home}
        return any(_related(host, self.host) for host in hosts)

    @cached_property
    def words(self) -> list[str]:
        return _words(self.html[:MAX_TEXT])[:_MAX_WORDS]

    @cached_property
    def shingles(self) -> set[int]:
        return _shingles(self.words)

    @cached_property
    def own_words(self) -> list[str]:
        """The words outside of what it quotes."""
        if "<blockquote" not in self.html:
            return self.words
        return _words(_without_quotes(self.html[:MAX_TEXT]))[:_MAX_WORDS]

    @cached_property
    def numbers(self) -> set[str]:
        return {word for word in self.words if word.isdecimal()}

    @cached_property
    def title_words(self) -> list[str]:
        return _words(self.title)

    @cached_property
    def title_counts(self) -> set[str]:
        """The numbers, days, months and so on of the title."""
        title = _folded(self.title)
        return set(_NUMBER.findall(title)) | _COUNTING.intersection(self.title_words)


def keys(url: str | None, title: str, html: str) -> tuple[int, ...]:
    """Return the keys that an entry is found by, signed 32-bit numbers.

    Entries that share one may be the same story; the same story shares one nearly always.
    """
    found = []
    link = _link(url)
    if link:
        found.append(crc32(b"l" + link.encode("utf-8", "surrogatepass")))
    title_words = _words(title[:300])
    if len(title_words) > 1:
        found.append(crc32(" ".join(("t", *title_words)).encode()))
    found += _sketch(html)
    return tuple(key - (1 << 31) for key in dict.fromkeys(found))


def compare(a: Article, b: Article) -> StoryLink | None:
    """Return how two entries are the same story, None if they are not; the same for (b, a)."""
    if a.feed == b.feed or (a.title_counts - b.title_counts and b.title_counts - a.title_counts):
        return None
    if _comments(a, b) or _comments(b, a):
        return None
    found = _judged(a, b)
    if found is None:
        return None
    rule, score = found
    one, other = sorted((a.entry_id, b.entry_id))
    return StoryLink(one, other, rule, round(100 * score))


def groups(links: Iterable[StoryLink], feed_of: Mapping[int, int]) -> list[frozenset[int]]:
    """Return the stories that links make: the surest first, never two entries of one feed in one.

    They depend on the links alone, not on the order in which entries came.

    Args:
        feed_of: The feed of each entry that a link names.
    """
    story_of = {entry_id: {entry_id} for entry_id in feed_of}
    feeds = {entry_id: {feed} for entry_id, feed in feed_of.items()}  # of the story that has it
    for link in sorted(links, key=_strength):
        one, other = story_of[link.one], story_of[link.other]
        if one is other or feeds[link.one] & feeds[link.other]:
            continue
        together, theirs = one | other, feeds[link.one] | feeds[link.other]
        for entry_id in together:
            story_of[entry_id], feeds[entry_id] = together, theirs
    return sorted({frozenset(story) for story in story_of.values() if len(story) > 1}, key=min)


_RULES = tuple(Rule)


def _strength(link: StoryLink) -> tuple[int, int, int, int, int]:
    return _RULES.index(link.rule), -link.score, link.other - link.one, link.one, link.other


def _judged(a: Article, b: Article) -> tuple[Rule, float] | None:
    titles = _title_likeness(a, b)
    texts = _text_likeness(a, b)
    if a.link and a.link == b.link:
        return _by_link(a, b, titles, texts)
    if a.host and a.host == b.host:
        # A site that has two addresses for them takes them for two, unless all else is the same.
        return _by_site(a, b, titles, texts)
    if a.title_counts != b.title_counts and texts < _SAME:
        return None
    return _by_text(a, b, titles, texts)


_SAME = 0.98
_ALIKE = 0.85
_TITLES_ALIKE = 0.5
_MIN_WORDS = 14  # of a text that decides together with a telling title
_MIN_TEXT = 60  # of a text that decides by itself
_MIN_SHINGLES = 4


def _by_link(a: Article, b: Article, titles: float, texts: float) -> tuple[Rule, float] | None:
    if a.is_at_home and b.is_at_home and (_is_of_article(a.link) or titles >= _ALIKE):
        return Rule.LINK, 1.0
    if texts >= 0.8:
        return Rule.LINK, texts
    if _says_nothing(a) or _says_nothing(b):  # a list of links, without a word of its own
        return (Rule.LINK, 0.9) if _is_of_article(a.link) or titles >= _ALIKE else None
    return None


def _by_site(a: Article, b: Article, titles: float, texts: float) -> tuple[Rule, float] | None:
    apart, telling = abs(a.at - b.at), _is_telling(a) or _is_telling(b)
    if titles < 0.95 or a.title_counts != b.title_counts or not telling:
        return None
    if texts >= 0.9 and min(len(a.words), len(b.words)) >= _MIN_WORDS and apart <= _NEAR:
        return Rule.NEAR, (titles + texts) / 2
    if titles == 1.0 and not (a.words and b.words) and apart <= _SAME_TITLE:
        return Rule.TITLE, 0.8
    return None


def _by_text(a: Article, b: Article, titles: float, texts: float) -> tuple[Rule, float] | None:
    size = _enough(a, b)
    apart, telling = abs(a.at - b.at), _is_telling(a) or _is_telling(b)
    if a.words == b.words and apart <= _SAME_TEXT:
        if _has_no_title_of_its_own(a) and _has_no_title_of_its_own(b) and size >= _MIN_WORDS:
            return Rule.TEXT, 1.0
        if titles >= 0.95 and (size >= _MIN_TEXT or (telling and size >= 6)):
            return Rule.TEXT, 1.0
        # One title may be in another language; a wall in front of a text fits no title.
        if size >= _MIN_TEXT and (_tells_of_text(a) or _tells_of_text(b)):
            return Rule.TEXT, 1.0
        return None
    if apart > _NEAR or texts < _ALIKE or not _same_numbers(a, b) or _told_apart(a, b):
        return None
    likely = (titles + texts) / 2
    if titles >= _TITLES_ALIKE and size >= _MIN_WORDS and _is_telling(a) and _is_telling(b):
        return (Rule.NEAR, likely) if titles >= 0.95 or size >= _MIN_TEXT else None
    begins_alike = _begins_alike(a, b)
    if size >= _MIN_TEXT and begins_alike and _tells_of_text(a) and _tells_of_text(b):
        return Rule.NEAR, likely
    return None


# -------------------------------------------------------------------------- what is alike


def _text_likeness(a: Article, b: Article) -> float:
    """Return how much of the shorter text stands in the longer one, 0 to 1."""
    if a.words == b.words:
        return 1.0 if a.words else 0.0
    least = min(len(a.shingles), len(b.shingles))
    return len(a.shingles & b.shingles) / least if least >= _MIN_SHINGLES else 0.0


def _title_likeness(a: Article, b: Article) -> float:
    one, other = a.title_words, b.title_words
    if one == other:
        return 1.0 if one else 0.0
    shorter, longer = sorted((" ".join(one), " ".join(other)), key=len)
    if len(shorter) >= 12 and shorter in longer:  # an author before it, a site behind it, a cut
        return 0.95
    shared = len(set(one) & set(other))
    return 2 * shared / (len(set(one)) + len(set(other)) or 1)


def _begins_alike(a: Article, b: Article) -> bool:
    """Whether the shorter text is the longer one's beginning, but for a few words before it."""
    shorter, longer = sorted((a, b), key=lambda article: len(article.words))
    beginning = _shingles(shorter.words[:24])
    return 2 * len(beginning & _shingles(longer.words[:48])) >= len(beginning)


def _same_numbers(a: Article, b: Article) -> bool:
    """Whether the numbers of one text are those of the other: templates differ in nothing else."""
    least = min(len(a.numbers), len(b.numbers))
    return least == 0 or len(a.numbers & b.numbers) >= 0.8 * least


def _told_apart(a: Article, b: Article) -> bool:
    """Whether each title names what only its own text speaks of: one form for two towns."""
    of_a, of_b = set(a.title_words), set(b.title_words)
    return bool(
        (of_a - of_b).intersection(a.words) - set(b.words)
        and (of_b - of_a).intersection(b.words) - set(a.words)
    )


def _comments(a: Article, b: Article) -> bool:
    """Whether `a` quotes and says something about it that is not in `b`."""
    if a.own_words is a.words or len(a.own_words) < 4:
        return False
    own = _shingles(a.own_words)
    return len(own & b.shingles) < 0.5 * len(own)


def _says_nothing(article: Article) -> bool:
    words = [word for word in article.words if not word.isdecimal()]
    return len(set(words) - _NO_COMMENT) <= 1


def _has_no_title_of_its_own(article: Article) -> bool:
    """Whether it has none, or one that is the beginning of the text."""
    return article.title_words[:-1] == article.words[: max(len(article.title_words) - 1, 0)]


def _is_telling(article: Article) -> bool:
    """Whether the title can be of one article only; "Weekly links" is not."""
    return sum(map(len, article.title_words)) >= 14 and len(article.title_words) >= 4


def _tells_of_text(article: Article) -> bool:
    """Whether the title's words occur in the text: a wall or a footer knows nothing of it."""
    stems = {word[:5] for word in article.words}
    telling = [word for word in article.title_words if len(word) > 3 or word > "\u0e00"]
    return 4 * sum(word[:5] in stems for word in telling) >= max(len(telling), 1)


def _enough(a: Article, b: Article) -> float:
    """Return how many words the shorter text has; characters of unspaced scripts count half."""
    shorter = min(a.words, b.words, key=len)
    characters = sum(len(word) == 1 and word > "\u0e00" for word in shorter)
    return len(shorter) - characters / 2


# ------------------------------------------------------------------------------- links


def _link(url: str | None) -> str:
    link = urls.canonical(url) if url and urls.is_web(url) else ""
    return link if "/" in link or "?" in link else ""


def _is_of_article(link: str) -> bool:
    """Whether an address looks like that of one article, not of a page that changes."""
    place = link.partition("/")[2]
    last = place.rstrip("/").rpartition("/")[2]
    return len(re.findall(r"[-_]", last)) > 1 or sum(map(str.isdecimal, place)) > 2


def _related(one: str, other: str) -> bool:
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


# ------------------------------------------------------------------------------- words


def _folded(text: str) -> str:
    """Return a text in NFKC without case, cut again: a ligature can fold into 18 characters."""
    steps = (text[start : start + _FOLD_STEP] for start in range(0, len(text), _FOLD_STEP))
    folded = "".join(unicodedata.normalize("NFKC", step).casefold() for step in steps)
    return folded[:MAX_TEXT]


def _words(html: str) -> list[str]:
    return _words_in(_plain(html))


def _plain(html: str) -> str:
    text = _MARKUP.sub(" ", html)
    return unescape(text) if "&" in text else text


def _words_in(text: str) -> list[str]:
    if "://" in text:
        text = _ADDRESS.sub(" ", text)
    if text.isascii():  # half of the time, for most of the texts
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall(_folded(text))


def _without_quotes(html: str) -> str:
    """Leave out what stands in `blockquote`, however deep they are nested."""
    kept, depth = [], 0
    parts = _QUOTE.split(html)
    for text, closes in zip(parts[::2], [*parts[1::2], ""], strict=True):
        if depth == 0:
            kept.append(text)
        depth = max(depth - 1, 0) if closes else depth + 1
    return " ".join(kept)


def _shingles(words: Sequence[str]) -> set[int]:
    """Return the hashes of all three words in a row: a third of the memory of the words."""
    return set(map(hash, zip(words, words[1:], words[2:], strict=False)))


def _first_words(html: str) -> list[str]:
    """Return the first `_SKETCH_WORDS` words; looks at the whole of a text only if it must."""
    text = _plain(html)
    beginning = " ".join(text.split(maxsplit=_SKETCH_TOKENS)[:_SKETCH_TOKENS])
    words = _words_in(_TYPOGRAPHIC.sub(" ", beginning))
    return (words if len(words) >= _SKETCH_WORDS else _words_in(text))[:_SKETCH_WORDS]


def _sketch(html: str) -> list[int]:
    """Return the least hashes of the shingles that a text begins with."""
    words = _first_words(html[:_SKETCH_HTML])
    if len(words) < _SKETCH_WORDS and len(html) > _SKETCH_HTML:  # much markup
        words = _first_words(html[: 4 * _SKETCH_HTML])
    if len(words) < 6:
        return []
    hashed = list(map(crc32, " ".join(words).encode("utf-8", "surrogatepass").split(b" ")))
    shingles = zip(hashed, hashed[1:], hashed[2:], strict=False)
    # Shifted, as the order of the words counts; multiplied, so that the least ones are any of them.
    mixed = {
        ((one << 2) + (two << 1) + three) * 0x9E3779B1 & 0xFFFFFFFF for one, two, three in shingles
    }
    return sorted(mixed)[:_SKETCH]

"""Whether a new version of an entry says something else than the one that is stored."""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice

from aggregator import urls
from aggregator.dedup.changes import Change, Changes
from aggregator.model import CleanEntry
from aggregator.text.references import unescape

RESTLESS_AFTER = 3
"""Polls in a row that changed most entries; after so many a feed's changes count no more."""

BUDGET = 150_000
"""About as many characters of changed entries as are compared for one transaction; of what is left
of it, a document takes half at most."""

_LEAST = 2_000  # characters for one entry
_TEXTS_AT_ONCE = 20  # entries; each may have a text of 512,000 characters
_COMMON = 100  # as many characters that two texts have in common cost as much as one that differs
_EACH = 60  # what an entry costs, however little differs
_AROUND = 80  # characters around a difference: of a date, a counter, a word that it is part of
_MAX_PAIRS = 1_000
_LOST = "\N{REPLACEMENT CHARACTER}"
_LETTERS = re.compile(r"([^\x00-\x3e\x40-\x7f]+)")  # beyond ASCII, and what is put in their place
_SPOILT = re.compile("[\ufffdÃÂÐâ]")  # what most misreadings of UTF-8 bring, and what is lost
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\xa0\xad]+")
_MISREAD_AS = ("cp1252", "latin-1", "cp1250", "cp1251", "koi8-r", "iso8859-2", "iso8859-15",
               "mac-roman")  # fmt: skip
_MAX_TEXT = 50_000  # characters of a text that are looked at
_TAG = re.compile(r"<[^<>]*>")  # not across another: a row of signs would be read again for each
_ADDRESS = re.compile(r"""https?://[^\s"'<>]+""")

_AMOUNT = r"\d{1,3}(?:[ ,.'\u00a0\u202f]\d{3}){0,4}(?:[.,]\d)?[kKmM]?|\d{1,12}"
_COUNTED = frozenset(
    "view views read reads reader readers comment comments reply replies like likes share shares "
    "vote votes point points hit hits click clicks download downloads play plays listen listens "
    "reaction reactions response responses boost boosts favorites favourites star stars aufrufe "
    "leser kommentar kommentare antworten ansichten vue vues lectures commentaire commentaires "
    "réponse réponses visita visitas lecturas comentario comentarios respuestas visualizzazioni "
    "commento commenti visualizações comentário comentários weergaven reactie reacties wyświetleń "
    "komentarz komentarze komentarzy просмотр просмотра просмотров комментарий комментария "
    "комментариев visningar kommentarer 閲覧 コメント 浏览 阅读 评论 조회 댓글".split()
)
# The words are looked up: as alternatives of the expression each would be tried at every number.
_COUNTERS = (
    re.compile(rf"(?:{_AMOUNT})\s{{0,3}}(?P<word>[^\W\d_]{{2,20}})\b"),
    re.compile(rf"\b(?P<word>[^\W\d_]{{2,20}})\s{{0,3}}[:：(]?\s{{0,3}}(?:{_AMOUNT})"),
)
_UNITS = (
    "seconds? secs? minutes? mins? hours? hrs? days? weeks? months? years? sekunden? minuten? "
    "stunden? tag(?:en?)? wochen? monat(?:en?)? jahr(?:en?)? secondes? heures? jours? semaines? "
    "mois ans? segundos? minutos? horas? días? dias? semanas? mes(?:es)? años? anos? ore giorni "
    "minuti uur dagen godzin minut dni час(?:ов|а)? минут[ыу]? дн(?:ей|я)".split()
)
_SPAN = rf"(?:\d{{1,4}}|an?|one)\s{{1,3}}(?:{'|'.join(_UNITS)})"
_AGE = re.compile(
    rf"\b(?:vor|il y a|hace|há|for)\s{{1,3}}{_SPAN}\b"
    rf"|\b{_SPAN}\s{{1,3}}(?:ago|geleden|fa|temu|назад|atrás|sedan)\b"
    r"|\d{1,4}\s?(?:分|時間|小时|分钟|日|天|시간|분|일)\s?(?:前|전)",
    re.IGNORECASE,
)
_MONTHS = (
    "jan feb mar apr may jun jul aug sep oct nov dec mär mrz mai okt dez janv févr mars avr juin "
    "juil août déc ene abr ago dic gen mag giu lug set ott fev mei maa sty lut kwi maj cze lip sie "
    "wrz paź lis gru янв фев мар апр мая май июн июл авг сен окт ноя дек".split()
)
_MONTH = rf"(?:{'|'.join(_MONTHS)})[^\W\d]*\.?"
_DATE = re.compile(
    r"\b(?:19|20)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?:T?\s?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b[0-3]?\d[-/.][0-3]?\d[-/.](?:19|20)\d\d\b"
    r"|\d{4}\s?[年년]\s?\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일]"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|\.|º)?\s(?:de\s)?{_MONTH}(?:,?\s(?:de\s)?\d{{4}})?"
    rf"|\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s\d{{4}})?\b"
    r"|\b\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\b\.?)?(?:\s(?:UTC|GMT|CES?T|E[SD]T|P[SD]T))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class EntryText:
    """Title and text of an entry, as HTML."""

    title: str
    html: str


class EditComparison:
    """Compares changed entries of a document with their stored versions, as far as a budget goes.

    `while ids := comparison.next_ids(): comparison.compare(texts stored under ids)`, then `result`.
    Of a feed that changes most entries on every poll, only versions that may be garbled are
    compared: no other result of the comparison would be used.

    Args:
        budget: About as many characters as are compared; what is beyond it counts as `UNCOMPARED`.
    """

    def __init__(self, changes: Changes, *, budget: int = BUDGET) -> None:
        self._changes = changes
        self._budget = self._left = budget
        self._is_restless = changes.habits.edited >= RESTLESS_AFTER
        self._extents: dict[int, Change] = {}
        self._spoilt: set[int] = set()
        doubtful = (one for one in changes.changed_entries if one.change is Change.TEXT)
        self._waiting = deque(
            one for one in doubtful if not self._is_restless or _looks_spoilt(one.entry)
        )

    def next_ids(self) -> list[int]:
        """Return the ids of the entries to compare next; empty if there are none, or no budget."""
        return (
            [one.id for one in islice(self._waiting, _TEXTS_AT_ONCE)]
            if self._left >= _LEAST
            else []
        )

    def compare(self, stored: Mapping[int, EntryText]) -> None:
        """Compare the entries that were wanted.

        Args:
            stored: By id what is stored of them; one that is not there stays a change of its text.
        """
        for _ in range(min(_TEXTS_AT_ONCE, len(self._waiting))):
            if self._left < _LEAST:
                return
            change = self._waiting.popleft()
            old = stored.get(change.id)
            if old is not None:
                self._compare(change.id, old, change.entry)
            else:
                self._extents[change.id] = Change.TEXT

    def _compare(self, entry_id: int, old: EntryText, entry: CleanEntry) -> None:
        before = f"{old.title}\n{old.html}"
        after = f"{entry.title_html}\n{entry.content_html}"
        parts = _differing(before, after, most=min(_MAX_TEXT, self._left // 2))
        self._left -= sum(map(len, parts)) + (len(before) + len(after)) // _COMMON + _EACH
        if _is_spoilt(*parts):
            self._spoilt.add(entry_id)
        elif not self._is_restless:
            self._extents[entry_id] = _extent(*parts)

    @property
    def spent(self) -> int:
        """How much of the budget was used."""
        return self._budget - self._left

    def result(self, *, known_count: int) -> Changes:
        """Say of each changed entry how much of it changed, and of the feed if that means much.

        A version that only spoils the letters of the stored one is left out.

        Args:
            known_count: Number of stored entries in the document.
        """
        unweighed = Change.TEXT if self._is_restless else Change.UNCOMPARED
        changed = tuple(
            replace(one, change=self._extents.get(one.id, unweighed))
            if one.change is Change.TEXT
            else one
            for one in self._changes.changed_entries
            if one.id not in self._spoilt
        )
        edits = sum(one.is_update or one.change is Change.UNCOMPARED for one in changed)
        before = self._changes.habits
        restless = known_count > 1 and 5 * edits >= 4 * known_count
        edited = min(before.edited + 1, RESTLESS_AFTER) if restless else 0
        if restless and edited == RESTLESS_AFTER:
            changed = tuple(replace(one, change=Change.NOISE) for one in changed)
        habits = replace(before, edited=edited)
        return replace(self._changes, changed_entries=changed, habits=habits)


def extent_of(old: EntryText, entry: CleanEntry) -> Change:
    """Return how much of a text changed.

    White space, tracking parameters, counters ("35 views") and dates and times are nothing; markup
    alone, and what it refers to, is looks.
    """
    return _extent(*_differing(*_whole(old, entry)))


def is_spoilt(old: EntryText, entry: CleanEntry) -> bool:
    """Whether a new version is the stored one with letters that were lost or decoded wrongly.

    Those are U+FFFD or question marks in place of letters beyond ASCII, or their bytes in UTF-8
    read in another encoding ("Ã¼" for "ü"), as a publisher's or a cache's fault brings them.
    """
    return _is_spoilt(*_differing(*_whole(old, entry)))


def _whole(old: EntryText, entry: CleanEntry) -> tuple[str, str]:
    return f"{old.title}\n{old.html}", f"{entry.title_html}\n{entry.content_html}"


def _differing(before: str, after: str, *, most: int = _MAX_TEXT) -> tuple[str, str]:
    """Return the parts in which two texts differ, with the words and tags around them.

    Args:
        most: Characters of each part; what is beyond is left out.
    """
    start = _common(before, after)
    end = -_common(before[:start:-1], after[:start:-1])
    ends = len(before) + end, len(after) + end
    start = _begin_of_word(before, max(0, min(start, *ends) - _AROUND))
    length = _end_of_word(before, ends[0] + _AROUND) - ends[0]
    stops = (min(stop + length, start + most) for stop in ends)
    return before[start : next(stops)], after[start : next(stops)]


def _common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _begin_of_word(html: str, at: int) -> int:
    """Return where the word or tag begins that `at` is in."""
    tag = html.rfind("<", 0, at)
    if tag > html.rfind(">", 0, at):
        return tag
    return 1 + max(html.rfind(" ", 0, at), html.rfind("\n", 0, at), html.rfind(">", 0, at))


def _end_of_word(html: str, at: int) -> int:
    """Return where the word or tag ends that `at` is in."""
    tag, begin = html.find(">", at), html.find("<", at)
    if tag >= 0 and (begin < 0 or tag < begin):
        return tag + 1
    ends = [found for found in (html.find(" ", at), html.find("\n", at), begin) if found >= 0]
    return min(ends, default=len(html))


def _extent(before: str, after: str) -> Change:
    before, after = _settled(before), _settled(after)
    if before == after:
        return Change.TRIVIAL
    return Change.MARKUP if _words(before) == _words(after) else Change.TEXT


def _looks_spoilt(entry: CleanEntry) -> bool:
    """Whether a new version may be one with spoilt letters, without looking at the stored one."""
    return any(_SPOILT.search(text) for text in (entry.title_html, entry.content_html))


def _is_spoilt(old: str, new: str) -> bool:
    before = _LETTERS.split(_without_blanks(old))
    after = _LETTERS.split(_without_blanks(new))
    if before == after or before[::2] != after[::2]:
        return False
    pairs = islice(zip(before[1::2], after[1::2], strict=True), _MAX_PAIRS)
    return all(was == now or _is_misread(was, now) for was, now in pairs)


def _is_misread(was: str, now: str) -> bool:
    """Whether letters beyond ASCII are replaced, or their UTF-8 is read in another encoding."""
    if was.isascii():
        return False
    if now.count(_LOST) > was.count(_LOST):
        return True
    if now.count("?") > was.count("?") and now.isascii():
        return True
    octets = was.encode("utf-8", "replace")
    return any(_without_blanks(octets.decode(wrong, "ignore")) == now for wrong in _MISREAD_AS)


def _without_blanks(text: str) -> str:
    """Return a text without white space and control characters, which may come from any byte."""
    return _BLANKS.sub("", text)


def _settled(html: str) -> str:
    """Return a text without what changes by itself."""
    html = _ADDRESS.sub(_without_tracking, html)
    for pattern in (_DATE, _AGE):
        html = pattern.sub("\N{HORIZONTAL ELLIPSIS}", html)
    for pattern in _COUNTERS:
        html = pattern.sub(_uncounted, html)
    return " ".join(html.split())


def _uncounted(counter: re.Match[str]) -> str:
    return f"# {counter['word']}" if counter["word"].casefold() in _COUNTED else counter[0]


def _without_tracking(address: re.Match[str]) -> str:
    return urls.untracked(unescape(address[0]))


def _words(html: str) -> str:
    return " ".join(unescape(_TAG.sub(" ", html)).split())

"""Whether a new version of an entry says something else than the one that is stored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import unescape

from aggregator import urls
from aggregator.dedup.values import Changes, Extent
from aggregator.model import CleanEntry

RESTLESS_AFTER = 3
"""Polls in a row that changed most entries; after so many a feed's changes count no more."""

_LOST = "\N{REPLACEMENT CHARACTER}"
_LETTERS = re.compile(r"([^\x00-\x3e\x40-\x7f]+)")  # beyond ASCII, and what is put in their place
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\xa0\xad]+")
_MISREAD_AS = ("cp1252", "latin-1", "cp1250", "cp1251", "koi8-r", "iso8859-2", "iso8859-15",
               "mac-roman")  # fmt: skip
_MAX_TEXT = 50_000  # characters of a text that are looked at
_TAG = re.compile(r"<[^>]*>")
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
class Text:
    """Title and text of an entry, as HTML."""

    title: str
    html: str


def weighed(changes: Changes, stored: Mapping[int, Text], *, listed: int) -> Changes:
    """Say of each changed entry how much of it changed, and of the feed whether that means much.

    A version that only spoils the letters of the stored one is left out.

    Args:
        stored: By id the stored texts of the entries whose text is another one.
        listed: How many entries the document has that are there.
    """
    changed = tuple(
        replace(one, extent=extent_of(stored[one.id], one.entry)) if one.id in stored else one
        for one in changes.changed
        if one.id not in stored or not is_spoilt(stored[one.id], one.entry)
    )
    told = sum(one.is_told for one in changed)
    restless = listed > 1 and 5 * told >= 4 * listed
    edited = min(changes.habits.edited + 1, RESTLESS_AFTER) if restless else 0
    if restless and edited == RESTLESS_AFTER:
        changed = tuple(replace(one, extent=Extent.UNREST) for one in changed)
    return replace(changes, changed=changed, habits=replace(changes.habits, edited=edited))


def extent_of(old: Text, entry: CleanEntry) -> Extent:
    """Return how much of a text changed.

    White space, tracking parameters, counters ("35 views") and dates and times are nothing; markup
    alone, and what it refers to, is looks.
    """
    before = _settled(f"{old.title}\n{old.html[:_MAX_TEXT]}")
    after = _settled(f"{entry.title_html}\n{entry.content_html[:_MAX_TEXT]}")
    if before == after:
        return Extent.NOTHING
    return Extent.LOOKS if _words(before) == _words(after) else Extent.TEXT


def is_spoilt(old: Text, entry: CleanEntry) -> bool:
    """Whether a new version is the stored one with letters that were lost or decoded wrongly.

    Those are U+FFFD or question marks in place of letters beyond ASCII, or their bytes in UTF-8
    read in another encoding ("Ã¼" for "ü"), as a publisher's or a cache's fault brings them.
    """
    before = _LETTERS.split(_without_blanks(f"{old.title}\n{old.html}"))
    after = _LETTERS.split(_without_blanks(f"{entry.title_html}\n{entry.content_html}"))
    if before == after or before[::2] != after[::2]:
        return False
    pairs = zip(before[1::2], after[1::2], strict=True)
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

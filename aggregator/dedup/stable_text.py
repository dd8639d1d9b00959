"""Text without the parts that change on every poll: tracking, counters, dates and ages."""

import re

from aggregator import links
from aggregator.text.references import unescape

_TAG = re.compile(r"<[^<>]*>")  # not across another "<": a row of them would take quadratic time
_ADDRESS = re.compile(r"""https?://[^\s"'<>]+""")

_COUNT = r"\d{1,3}(?:[ ,.'\u00a0\u202f]\d{3}){0,4}(?:[.,]\d)?[kKmM]?|\d{1,12}"
_COUNTED_WORDS = frozenset(
    "view views read reads reader readers comment comments reply replies like likes share shares "
    "vote votes point points hit hits click clicks download downloads play plays listen listens "
    "reaction reactions response responses boost boosts favorites favourites star stars aufrufe "
    "leser kommentar kommentare antworten ansichten vue vues lectures commentaire commentaires "
    "réponse réponses visita visitas lecturas comentario comentarios respuestas visualizzazioni "
    "commento commenti visualizações comentário comentários weergaven reactie reacties wyświetleń "
    "komentarz komentarze komentarzy просмотр просмотра просмотров комментарий комментария "
    "комментариев visningar kommentarer 閲覧 コメント 浏览 阅读 评论 조회 댓글".split()
)
# The words are looked up: as alternatives in the expression, all would be tried at each number.
_COUNTERS = (
    re.compile(rf"(?:{_COUNT})\s{{0,3}}(?P<word>[^\W\d_]{{2,20}})\b"),
    re.compile(rf"\b(?P<word>[^\W\d_]{{2,20}})\s{{0,3}}[:：(]?\s{{0,3}}(?:{_COUNT})"),
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


def stable_html(html: str) -> str:
    """Return HTML with placeholders for counters, dates and ages, and with single spaces."""
    html = _ADDRESS.sub(_without_tracking, html)
    for pattern in (_DATE, _AGE):
        html = pattern.sub("\N{HORIZONTAL ELLIPSIS}", html)
    for pattern in _COUNTERS:
        html = pattern.sub(_without_count, html)
    return " ".join(html.split())


def plain_words(html: str) -> str:
    """Return the words of HTML, without markup and character references."""
    return " ".join(unescape(_TAG.sub(" ", html)).split())


def _without_count(counter: re.Match[str]) -> str:
    return f"# {counter['word']}" if counter["word"].casefold() in _COUNTED_WORDS else counter[0]


def _without_tracking(address: re.Match[str]) -> str:
    return links.without_tracking(unescape(address[0]))

"""The texts of the search page: hints, the number of results, and a search as a view.  Pure."""

from aggregator import urls
from aggregator.search.search_faults import Hint, RuleError, SearchFault
from aggregator.search.search_parser import parse_rule
from web.language import Language, to_translate

MOST_COUNTED = 1_000
"""Results that are counted; of more the page says that there are more."""

_MAX_NAME = 40  # characters of a view's name
_NOT_IN_YAML = {0xFFFE: None, 0xFFFF: None}
_HINTS = {
    SearchFault.OPEN_QUOTE: to_translate("“{text}” has no closing quote; read to the end."),
    SearchFault.OPEN_BRACKET: to_translate("“{text}” has no closing bracket; read to the end."),
    SearchFault.NO_VALUE: to_translate("“{text}” needs a value right behind the colon."),
    SearchFault.BAD_DAY: to_translate("“{text}” is not a day; write one like 2026-11-23."),
    SearchFault.BAD_LANGUAGE: to_translate(
        "“{text}” is not a language; write a code like de or pt-BR."
    ),
    SearchFault.BAD_MEDIUM: to_translate(
        "“{text}” was left out; write has:audio, has:video or has:picture."
    ),
    SearchFault.OR_AT_EDGE: to_translate(
        "“{text}” was left out, because it needs a word on both sides."
    ),
    SearchFault.UNKNOWN_FIELD: to_translate(
        "“{text}” was searched as words; did you mean “{proposals}”?"
    ),
    SearchFault.SHORT_PREFIX: to_translate(
        "“{text}” needs two letters before the star; the whole word was searched."
    ),
    SearchFault.AND_WORD: to_translate(
        "“{text}” was searched as a word; all words have to occur without it."
    ),
    SearchFault.NOT_WORD: to_translate(
        "“{text}” was searched as a word; a minus leaves a word out: -coal."
    ),
    SearchFault.OR_IN_LOWER_CASE: to_translate(
        "“{text}” was searched as a word; OR between alternatives is written in capitals."
    ),
    SearchFault.ONLY_EXCLUDED: to_translate("“{text}” only leaves out; say also what to look for."),
    SearchFault.TOO_MANY_TERMS: to_translate(
        "A search has {n} words and names at most; “{text}” and what follows was left out."
    ),
    SearchFault.TOO_MANY_EXCLUDED: to_translate(
        "A search excludes {n} words at most; “{text}” was ignored."
    ),
    SearchFault.LONG_PHRASE: to_translate(
        "“{text}” is too long for a phrase; only its beginning was looked for."
    ),
    SearchFault.TOO_DEEP: to_translate(
        "Brackets stand {n} deep within each other at most; what is deeper was left out."
    ),
    SearchFault.UNKNOWN_SOURCE: to_translate(
        "No source is called “{text}”; did you mean {proposals}?"
    ),
    SearchFault.UNKNOWN_CATEGORY: to_translate(
        "No category is called “{text}”; did you mean {proposals}?"
    ),
}
_WITHOUT_PROPOSALS = {
    SearchFault.UNKNOWN_SOURCE: to_translate("No source is called “{text}”."),
    SearchFault.UNKNOWN_CATEGORY: to_translate("No category is called “{text}”."),
}


def hint(hint: Hint, lang: Language) -> str:
    """Return advice about a part of a search with a mistake."""
    text = _HINTS[hint.fault]
    if not hint.proposals:
        text = _WITHOUT_PROPOSALS.get(hint.fault, text)
    proposals = lang.gettext(", ").join(hint.proposals)
    return lang.gettext(text, text=hint.text, n=hint.bound, proposals=proposals)


def count(number: int, lang: Language) -> str:
    """Return the number of results, and their order; above `MOST_COUNTED` there are more."""
    if number > MOST_COUNTED:
        shown = lang.number(MOST_COUNTED)
        return lang.gettext("More than {n} posts, newest first", n=shown)
    return lang.ngettext("{n} post, newest first", "{n} posts, newest first", number)


def view_lines(search: str) -> str | None:
    """Return the lines of config.yaml that make a search a view; None if config.yaml refuses it."""
    try:
        parse_rule(search)
    except RuleError:
        return None
    name = _quoted(urls.slug(search)[:_MAX_NAME].strip("-") or "view")
    text = _quoted(search)
    return f"views:\n  - {{name: {name}, title: {text}, search: {text}}}"


def _quoted(text: str) -> str:
    """Return a text as a value of config.yaml, where `${` begins a variable."""
    line = " ".join(text.translate(_NOT_IN_YAML).split())
    return "'" + line.replace("'", "''").replace("${", "$${") + "'"

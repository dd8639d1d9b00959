"""The texts of the search page: hints, the number of results, and a search as a view.  Pure."""

from markupsafe import Markup, escape

from aggregator import urls
from aggregator.search.search_faults import Hint, RuleError, SearchFault
from aggregator.search.search_parser import parse_rule
from web.bidi_text import isolated
from web.language import Language, in_markup, to_translate

MOST_COUNTED = 1_000
"""Results that are counted; of more the page says that there are more."""

_MAX_NAME = 40  # characters of a view's name
_NOT_IN_YAML = {0xFEFF: None, 0xFFFE: None, 0xFFFF: None}
_HINTS = {
    SearchFault.OPEN_QUOTE: to_translate(
        "“{text}” has no closing quote; the phrase ends with the search."
    ),
    SearchFault.OPEN_BRACKET: to_translate(
        "“{text}” has no closing bracket; the group ends with the search."
    ),
    SearchFault.NO_VALUE: to_translate("“{text}” needs a value directly after the colon."),
    SearchFault.BAD_DAY: to_translate("“{text}” is not a day; write one like 2026-11-23."),
    SearchFault.BAD_LANGUAGE: to_translate(
        "“{text}” is not a language; write a code like de or pt-BR."
    ),
    SearchFault.BAD_MEDIUM: to_translate(
        "“{text}” was ignored; write has:audio, has:video or has:picture."
    ),
    SearchFault.OR_AT_EDGE: to_translate(
        "“{text}” was ignored because it needs a word on both sides."
    ),
    SearchFault.UNKNOWN_FIELD: to_translate(
        "“{text}” was searched for as words; did you mean “{proposals}”?"
    ),
    SearchFault.SHORT_PREFIX: to_translate(
        "“{text}” needs two letters before the asterisk; the whole word was searched for."
    ),
    SearchFault.AND_WORD: to_translate(
        "“{text}” was searched for as a word; posts must match all words anyway."
    ),
    SearchFault.NOT_WORD: to_translate(
        "“{text}” was searched for as a word; to exclude a word, put a minus before it: -coal."
    ),
    SearchFault.OR_IN_LOWER_CASE: to_translate(
        "“{text}” was searched for as a word; write OR in capitals."
    ),
    SearchFault.WHOLE_WORD: to_translate(
        "“{text}” was searched for as a whole word; did you mean “{proposals}”?"
    ),
    SearchFault.ONLY_EXCLUDED: to_translate("“{text}” only excludes; add a word to search for."),
    SearchFault.TOO_MANY_TERMS: to_translate(
        "A search has at most {n} words and names; “{text}” and everything after was ignored."
    ),
    SearchFault.TOO_MANY_EXCLUDED: to_translate(
        "A search excludes at most {n} words; “{text}” was ignored."
    ),
    SearchFault.LONG_PHRASE: to_translate(
        "“{text}” is too long for a phrase; only its beginning was searched for."
    ),
    SearchFault.TOO_DEEP: to_translate(
        "Brackets are nested at most {n} deep; deeper ones were ignored."
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


def hint(hint: Hint, lang: Language) -> Markup:
    """Return advice about a part of a search with a mistake; what was typed is isolated."""
    text = _HINTS[hint.fault]
    if not hint.proposals:
        text = _WITHOUT_PROPOSALS.get(hint.fault, text)
    proposals = escape(lang.gettext(", ")).join(map(isolated, hint.proposals))
    values = {"text": isolated(hint.text), "n": hint.bound, "proposals": proposals}
    return in_markup(lang.gettext(text), values)


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

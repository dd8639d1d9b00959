"""The names that templates use: functions, filters, and the texts of a language."""

from collections.abc import Callable

from jinja2 import Environment
from markupsafe import Markup

from aggregator.model import ListKind, ListScope
from web import bidi_text, presentation, search_texts, source_texts, status_texts
from web.content_policy import policy_of_file
from web.language import Language, in_markup
from web.relative_time import machine


def register_globals(environment: Environment) -> None:
    """Register what all templates use, whichever page they make."""
    environment.globals.update(
        policy_of_file=policy_of_file,
        kinds=ListKind,
        presentation=presentation,
        scope=ListScope,
        search_texts=search_texts,
        source_texts=source_texts,
        status_texts=status_texts,
    )
    environment.filters.update(
        machine=machine,
        isolated=bidi_text.isolated,
        isolated_text=bidi_text.isolated_text,
    )


def translation_context(lang: Language) -> dict[str, Language | Callable[..., Markup]]:
    """Return what a page writes its texts with: `_` and `ngettext` put values into markup."""

    def translate(message: str, /, **values: object) -> Markup:
        return in_markup(lang.gettext(message), lang.isolated_values(values))

    def translate_number(singular: str, plural: str, number: int, /, **values: object) -> Markup:
        return in_markup(
            lang.choose(singular, plural, number),
            {"n": lang.number(number), **lang.isolated_values(values)},
        )

    return {"lang": lang, "_": translate, "ngettext": translate_number}

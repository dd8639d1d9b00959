"""What templates may say: the functions that they call, under the names that they use."""

from collections.abc import Callable

from flask import url_for
from jinja2 import Environment
from markupsafe import Markup

from aggregator.model import Scope
from aggregator.publish import Format
from web import presentation, status_texts
from web.addresses import FORMAT_NAMES, feed_path, list_path, source_path
from web.assets import version
from web.language import Language, in_markup
from web.relative_time import machine
from web.site import site


def teach(environment: Environment) -> None:
    """Give templates their vocabulary."""
    environment.globals.update(
        asset=_asset,
        feeds_of=_feeds_of,
        list_path=list_path,
        source_path=source_path,
        scope=Scope,
        health=status_texts,
        w=presentation,
    )
    environment.filters.update(
        machine=machine, name=presentation.isolated, alone=presentation.isolated_text
    )


def spoken(words: Language) -> dict[str, Language | Callable[..., Markup]]:
    """Return what templates say texts with: `_` and `ngettext` put values into markup."""

    def say(message: str, /, **values: object) -> Markup:
        return in_markup(words.gettext(message), values)

    def say_number(one: str, many: str, number: int, /, **values: object) -> Markup:
        return in_markup(words.choose(one, many, number), {"n": words.number(number), **values})

    return {"words": words, "_": say, "ngettext": say_number}


def _asset(name: str) -> str:
    return url_for("machines.static", name=name, v=version(site().assets[name]))


def _feeds_of(scope: Scope) -> list[tuple[str, str, str]]:
    """Return name, path and media type of each format of a list's merged feed."""
    return [
        (FORMAT_NAMES[form], feed_path(scope, form), form.content_type.partition(";")[0])
        for form in Format
    ]

"""What templates may say: the functions that they call, under the names that they use."""

from flask import url_for
from jinja2 import Environment

from aggregator.model import Scope
from aggregator.publish import Format
from web import health, wording
from web.addresses import FORMAT_NAMES, feed_path, list_path
from web.assets import version
from web.relative_time import every, machine
from web.site import site


def teach(environment: Environment) -> None:
    """Give templates their vocabulary."""
    environment.globals.update(
        asset=_asset, feeds_of=_feeds_of, list_path=list_path, scope=Scope, health=health, w=wording
    )
    environment.filters.update(every=every, machine=machine)


def _asset(name: str) -> str:
    return url_for("machines.static", name=name, v=version(site().assets[name]))


def _feeds_of(scope: Scope) -> list[tuple[str, str, str]]:
    """Return name, path and media type of each format of a list's merged feed."""
    return [
        (FORMAT_NAMES[form], feed_path(scope, form), form.content_type.partition(";")[0])
        for form in Format
    ]

"""The JSON Schemas of config.yaml and included files: keys from the options, forms from readers.

Pure.  Source: https://json-schema.org/draft/2020-12
"""

import json
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import PlainValidator

from aggregator.config.feed_options import FeedDefaults, FeedOptions, OpmlListOptions
from aggregator.config.key_reference import KEYS, SECTIONS
from aggregator.config.option_readers import SECTION
from aggregator.config.options import GlobalOptions
from aggregator.config.select_options import SELECT, SITEMAP
from aggregator.config.value_forms import Form, any_case, form_of, text

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> Form:
    """Return the schema of a whole file.

    The schema lets every right file pass, with or without quotes around numbers and booleans, and
    refuses unknown keys and values of another form.

    Raises:
        LookupError: A key is not in `KEYS` or `SECTIONS`, or the form of a reader is not known.
    """
    root = _settings(GlobalOptions, "")
    root["properties"]["feeds"] = _feeds()
    about = "The subscriptions and settings of aggregator; docs/config.md explains every key."
    return {"$schema": DIALECT, "title": "config.yaml", "description": about, **root}


def included_schema() -> Form:
    """Return the schema of a file with feeds that config.yaml includes."""
    with_defaults = _settings(FeedDefaults, "feeds[].")
    with_defaults["properties"]["feeds"] = _feeds()
    with_defaults["required"] = ["feeds"]
    forms = [_feeds() | {"type": "array"}, with_defaults]
    about = "Feeds that config.yaml includes: a list, or settings of all with the list as `feeds`."
    return {"$schema": DIALECT, "title": "included feeds", "description": about, "anyOf": forms}


def _feeds() -> Form:
    address = _value(_hints(FeedOptions)["url"], "feeds[].url")
    forms = [address, _settings(FeedOptions, "feeds[]."), _settings(OpmlListOptions, "feeds[].")]
    feeds = {"type": ["array", "null"], "items": _described({"anyOf": forms}, "feeds[]")}
    return _described(feeds, "feeds")


def schema_text(schema: Form) -> str:
    """Return a schema as a text of JSON, as in docs/config.schema.json."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def key_paths(schema: Form, prefix: str = "") -> Iterator[str]:
    """Yield the keys and groups of a schema, as in `KEYS` and `SECTIONS`.

    Args:
        prefix: The path of the schema's own keys, up to the dot before them.
    """
    for form in [schema, *schema.get("anyOf", ())]:
        for key, value in form.get("properties", {}).items():
            yield f"{prefix}{key}"
            yield from _inner_paths(value, f"{prefix}{key}")


def _inner_paths(form: Form, path: str) -> Iterator[str]:
    yield from key_paths(form, f"{path}.")
    for inner, place in ((form.get("items"), f"{path}[]"), (_entry_form(form), f"{path}.NAME")):
        if inner and "description" in inner:
            yield place
            yield from key_paths(inner, f"{place}.")


def _entry_form(form: Form) -> Form | None:
    return form.get("additionalProperties") or None


def _hints(options: type) -> dict[str, Any]:
    return get_type_hints(options, include_extras=True)


def _settings(options: type, prefix: str) -> Form:
    """Return the form of a group of settings.

    Args:
        options: The class of the group.
        prefix: The path of the group, up to the dot before its keys.
    """
    hints = _hints(options)
    properties = {
        key.name: _described(_value(hints[key.name], f"{prefix}{key.name}"), f"{prefix}{key.name}")
        for key in fields(options)
    }
    required = [key.name for key in fields(options) if _is_required(key)]
    form: Form = {"type": "object", "properties": properties, "additionalProperties": False}
    return form | ({"required": required} if required else {})


def _is_required(key: Field[Any]) -> bool:
    return key.default is MISSING and key.default_factory is MISSING


def _value(hint: Any, path: str) -> Form:
    """Return the form of a value, without a description.

    Args:
        hint: The annotation of a key or item, with the validator of the value.
        path: The path of the value.
    """
    validator = hint.__metadata__[0]
    if isinstance(validator, PlainValidator):
        return form_of(validator.func)
    inner = get_args(hint)[0]
    if get_origin(inner) is dict:
        name, value = get_args(inner)
        entry = _described(_value(value, f"{path}.NAME"), f"{path}.NAME")
        names = form_of(name.__metadata__[0].func)
        return {
            "type": ["object", "null"],
            "propertyNames": names,
            "additionalProperties": entry,
        }
    if get_origin(inner) is tuple:
        return {"type": ["array", "null"], "items": _item(get_args(inner)[0], f"{path}[]")}
    if validator is SELECT:
        (options,) = (part for part in get_args(inner) if part is not type(None))
        return {"anyOf": [text(any_case(SITEMAP)), _settings(options, f"{path}.")]}
    form = _settings(inner, f"{path}.")
    return form | {"type": ["object", "null"]} if validator is SECTION else form


def _item(hint: Any, path: str) -> Form:
    form = _value(hint, path)
    return _described(form, path) if path in SECTIONS else form


def _described(form: Form, path: str) -> Form:
    """Return a form with the description and the default of the key at `path`."""
    if path in SECTIONS:
        return {"description": _sentence(SECTIONS[path]), **form}
    if path not in KEYS:
        raise LookupError(f"{path}: say in aggregator/config/key_reference.py what the key means")
    key = KEYS[path]
    described: Form = {"description": f"{_sentence(key.meaning)} {_sentence(key.consequence)}"}
    if key.default_value is not None:
        described["default"] = _as_json(key.default_value, form)
    return {**described, **form}


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _as_json(text: str, form: Form) -> Any:
    """Return a value of config.yaml as an editor reads it."""
    is_plain = text[0] not in "\"'"
    if text in {"true", "false"} or ("integer" in form.get("type", ()) and text.isdecimal()):
        return json.loads(text)
    return text if is_plain else json.loads(text)

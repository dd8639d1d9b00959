"""The JSON Schema of config.yaml: what it lets pass, what it refuses, and what it explains."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aggregator import config
from aggregator.config import json_schema, value_forms, value_parsers, yaml_document
from aggregator.config.json_schema import config_schema, key_paths
from aggregator.config.key_reference import KEYS, SECTIONS
from aggregator.errors import ConfigError
from tests import config_reference
from tests.configured import PATH, parsed
from tests.running import command
from tests.selection import slow_after, slow_but

DATA = Path(__file__).parent / "data" / "config"
ROOT = Path(__file__).parents[1]
EXAMPLE = re.compile(r"```yaml\n(.*?)```(\n+[^`\n]+\n+```text\n)?", re.DOTALL)
SAMPLE = (ROOT / "config.yaml").read_text("utf-8")
TOP_LEVEL_KEYS = tuple({key.split(".")[0].removesuffix("[]") for key in KEYS})
SWITCHED_ON = re.sub(r"^# ( *(?:- \{|\w+:))", r"\1", SAMPLE, flags=re.MULTILINE)


# --------------------------------------------------------------------- where the texts are


def test_every_key_that_is_read_has_a_description_and_no_other_has():
    assert {*key_paths(config_schema())} == {*KEYS, *SECTIONS}


def test_a_key_or_a_parser_without_a_text_is_named():
    with pytest.raises(LookupError, match=r"^web\.lamp: say in .*key_reference\.py"):
        json_schema._described({}, "web.lamp")
    with pytest.raises(LookupError, match=r"^lamp: write into .*value_forms what"):
        value_forms.form_of(lamp)


def lamp(text: str) -> str:
    return text


def test_the_table_of_the_documentation_has_the_texts_of_the_program():
    assert config_reference.written_table() == config_reference.table()


def test_the_schema_beside_the_documentation_is_the_one_that_is_printed(tmp_path):
    done = command(tmp_path, "schema")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == config_reference.SCHEMA.read_text("utf-8")


def test_the_sample_leads_editors_to_the_schema():
    first_line = SAMPLE.partition("\n")[0]

    assert first_line == "# yaml-language-server: $schema=docs/config.schema.json"
    assert ROOT / first_line.partition("=")[2] == config_reference.SCHEMA


def test_what_stands_as_a_default_is_what_holds_without_the_key():
    differing = {key for key, entry in KEYS.items() if entry.default_value and differs(key)}

    # A colour is none of config.yaml's, but of the style sheet.
    assert differing == {"page.accent"}


def differs(key: str) -> bool:
    """Whether the configuration is another one if a key has the default of the table."""
    default = KEYS[key].default_value
    *groups, name = key.split(".")
    match groups:
        case []:
            texts = [f"{name}: {default}", "title: Recent posts"]
        case ["hosts", _]:
            texts = [f"hosts: {{a.example: {{{name}: {default}}}}}", "hosts: {a.example: {}}"]
        case ["feeds[]"]:
            texts = ["feeds: [{url: a.xml}]", f"feeds: [{{url: a.xml, {name}: {default}}}]"]
        case ["notify[]"]:
            item = "name: n, to: json://127.0.0.1"
            texts = [f"notify: [{{{item}}}]", f"notify: [{{{item}, {name}: {default}}}]"]
        case [group]:
            texts = [f"{group}: {{{name}: {default}}}", f"{group}: {{}}"]
    values, values_without = map(in_force, texts)
    return values != values_without


def in_force(text: str) -> config.Config:
    """Return a configuration without what says whether a key was given."""
    read = parsed(text)
    feeds = [dataclasses.replace(feed, interval_given=False) for feed in read.feeds]
    return dataclasses.replace(read, feeds=tuple(feeds))


# --------------------------------------------------------------------- what passes


@pytest.fixture(scope="module")
def validator() -> Any:
    import jsonschema  # only here: `make` installs it, and other tests run without it

    jsonschema.Draft202012Validator.check_schema(config_schema())
    return jsonschema.Draft202012Validator(config_schema())


def right_files() -> list[Any]:
    return list(_right_files())


def _right_files() -> Iterator[Any]:
    yield pytest.param(SAMPLE, id="sample")
    yield pytest.param(SWITCHED_ON, id="sample, switched on")
    yield pytest.param((DATA / "every-key.yaml").read_text("utf-8"), id="every key")
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        examples = EXAMPLE.findall(document.read_text("utf-8"))
        for number, (example, report) in enumerate(examples):
            if not report and example.lstrip("# ").startswith(TOP_LEVEL_KEYS):
                yield pytest.param(example, id=f"{document.name} {number}")


@pytest.mark.parametrize("text", right_files())
@pytest.mark.parametrize("version", slow_but(["1.2"], ["1.1", "1.2"]))
def test_a_right_file_passes_whichever_yaml_an_editor_reads(text, version, validator):
    assert list(validator.iter_errors(as_editors_read(text, version))) == []


@pytest.mark.parametrize("path", sorted({*KEYS} - {"views", "notify"}))
def test_a_variable_may_stand_in_every_value(path, validator):
    value = "['${NAME}']" if path in LISTS else "${NAME}"
    if path.endswith(".headers"):
        value = "{X-Key: '${NAME}'}"

    assert list(validator.iter_errors(as_editors_read(at(path, value)))) == []


LISTS = {"network.allow", "websub.allow", "page.embed", "feeds", "include"}
VALUES = (
    "", "~", "''", "' '", "x", "2026", "2026-11-30", "1.5", "true", "No", "on", "OFF", "all",
    "Lead", "PUBLIC", "Arrival", "self", "0", "-1", "10", "5_000", "8080.0", "1e3", "0x1F", "007",
    "99999999", "10MB", "512 kB", "1.5 MB", "1G", "2000 bytes", "30s", "1h 30m", "1.5 Hours", "1D",
    "'45 secs'", "100y", "UTC", "Europe/Berlin", "Etc/GMT+5", "https://a.example/ü?b=c",
    "HTTP://A.example", "::1", "127.0.0.1", "'[::1]:9000'", "10.0.0.0/8", "nas.local:8080",
    "localhost", "a_b.xml", "a b.xml", "mailto:a@b.example", "tag:a.example,2026:/", "urn:x",
    "sqlite:///a.db", "postgresql://u:p@h/n", "sqlite+pysqlite:///a.db", "/run/a.sock",
    '"#a83c08"', "'#FFF'", "#a83c08", '["#222", "#ddd"]', "[]", "[a, b]", "['', ~]", "[a, 2, on]",
    "{}", "{a: off, 2: on}", "a.json", "имя", "a.b-c_d", "a b", "a/b", "|\n    two\n    lines",
    '\'"x" OR title:y\'', "a: b", "&a x", "!!str 5", "[https://a.example]",
)  # fmt: skip


OF_EACH_KIND = [
    "title", "web.port", "poll.interval", "poll.max_size", "page.accent", "page.status", "stories",
    "backlog", "feeds[].category", "feeds[].request.headers", "database",
]  # fmt: skip


@pytest.mark.parametrize(
    "path", slow_but(OF_EACH_KIND, sorted({*KEYS} - {"views[].search", "feeds", "views", "notify"}))
)
def test_whatever_the_program_takes_passes(path, validator, monkeypatch):
    # To look for a similar name among 600 time zones takes long.
    monkeypatch.setattr(value_parsers, "_similar_zone", lambda words, message: message)
    refused = []
    for value in VALUES:
        text = at(path, value)
        try:
            config.parse(text, path=PATH)
        except ConfigError:
            continue
        for version in ("1.1", "1.2"):
            if not validator.is_valid(as_editors_read(text, version)):
                refused.append((version, value))

    assert refused == []


def at(path: str, value: str) -> str:
    """Return a file that has a value at the path of a key, and what must stand beside the key."""
    *groups, name = path.replace("[]", "").split(".")
    items = {
        "views": "name: n, search: s",
        "feeds": "url: a.xml, name: n",
        "notify": "name: n, to: json://127.0.0.1",
    }
    match groups:
        case []:
            return f"{name}: {value}\n"
        case [*outer, "request"]:
            return at(".".join([*outer, "request"]), f"\n      {name}: {value}")
        case [*outer, "select"]:
            beside = "" if name == "item" else "\n      item: .post"
            return at(".".join([*outer, "select"]), f"\n      {name}: {value}{beside}")
        case ["hosts", _]:
            return f"hosts:\n  a.example:\n    {name}: {value}\n"
        case [("views" | "feeds" | "notify") as group]:
            if name == "opml":
                return f"{group}:\n  - {name}: {value}\n"
            beside = [pair for pair in items[group].split(", ") if not pair.startswith(f"{name}:")]
            lines = [f"{name}: {value}", *beside]
            return f"{group}:\n  - " + "\n    ".join(lines) + "\n"
        case [group]:
            return f"{group}:\n  {name}: {value}\n"
    raise ValueError(path)


# --------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("titel: x", []),
        ("title: [a]", ["title"]),
        ("web: {prot: 8080}", ["web"]),
        ("web: 8080", ["web"]),
        ("web: {port: 65536}", ["web", "port"]),
        ("web: {port: http}", ["web", "port"]),
        ("poll: {interval: 90}", ["poll", "interval"]),
        ("poll: {interval: 1y}", ["poll", "interval"]),
        ("poll: {max_size: big}", ["poll", "max_size"]),
        ("poll: {max_size: 10}", ["poll", "max_size"]),
        ("base_url: feeds.example.org", ["base_url"]),
        ("timezone: '+02:00'", ["timezone"]),
        ("database: mysql://x", ["database"]),
        ("network: {allow: 127.0.0.1}", ["network", "allow"]),
        ("network: {allow: ['*.example']}", ["network", "allow", 0]),
        ("hosts: {'http://a.example/': {}}", ["hosts"]),
        ("hosts: {a.example: 5s}", ["hosts", "a.example"]),
        ("hosts: {a.example: {dely: 5s}}", ["hosts", "a.example"]),
        ("order: newest", ["order"]),
        ("per_hour: on", ["per_hour"]),
        ("per_hour: 0", ["per_hour"]),
        ("backlog: some", ["backlog"]),
        ("hide: ''", ["hide"]),
        ("stories: maybe", ["stories"]),
        ("page: {accent: red}", ["page", "accent"]),
        ("page: {status: private}", ["page", "status"]),
        ("page: {status: on}", ["page", "status"]),
        ("page: {pictures: yes}", ["page", "pictures"]),
        ("page: {contact: me@example.org}", ["page", "contact"]),
        ("page: {embed: example.org}", ["page", "embed"]),
        ("publish: {deltas: 1}", ["publish", "deltas"]),
        ("websub: {hub: me}", ["websub", "hub"]),
        ("views: {name: a}", ["views"]),
        ("views: [{name: a}]", ["views", 0]),
        ("views: [{name: a b, search: x}]", ["views", 0, "name"]),
        ("views: [a]", ["views", 0]),
        ("feeds: https://a.example/", ["feeds"]),
        ("feeds: [{title: a}]", ["feeds", 0]),
        ("feeds: [{url: a.xml, intervall: 1h}]", ["feeds", 0]),
        ("feeds: [[a.xml]]", ["feeds", 0]),
        ("feeds: [~]", ["feeds", 0]),
        ("feeds: [{url: a.xml, category: [a,b,c,d,e,f,g,h,i,j,k]}]", ["feeds", 0]),
        ("feeds: [{url: a.xml, keep: }]", ["feeds", 0]),
        ("feeds: [{url: a.xml, select: li}]", ["feeds", 0]),
        ("feeds: [{url: a.xml, select: {title: h3}}]", ["feeds", 0]),
        ("feeds: [{url: a.xml, select: {item: li, at_least: some}}]", ["feeds", 0]),
    ],
)
def test_a_wrong_value_or_key_is_refused_at_its_place(text, place, validator):
    for version in ("1.1", "1.2"):
        errors = list(validator.iter_errors(as_editors_read(text, version)))
        assert [list(error.absolute_path) for error in errors] == [place]
    with pytest.raises(ConfigError):
        config.parse(text, path=PATH)


@pytest.mark.parametrize("section", ["", *(path for path in SECTIONS if path != "hosts")])
def test_an_unknown_key_is_refused_in_every_group(section, validator):
    text = at(f"{section}.lamp".removeprefix("."), "1")

    assert not validator.is_valid(as_editors_read(text))
    with pytest.raises(ConfigError, match="lamp: unknown key"):
        config.parse(text, path=PATH)


INCLUDED = [
    ("- https://a.example/\n- {url: b.xml, interval: 1d}\n- opml: c.opml\n", True),
    ("category: [A, B]\ninterval: 2h\nfeeds:\n- a.xml\n", True),
    ("[]", True),
    ("paused: on\nfeeds:\n", True),
    ("category: A\n", False),
    ("name: a\nfeeds: [a.xml]\n", False),
    ("title: a\nfeeds: [a.xml]\n", False),
    ("poll: {interval: 1h}\nfeeds: [a.xml]\n", False),
    ("- {url: b.xml, intervall: 1d}\n", False),
    ("https://a.example/", False),
]


@pytest.mark.parametrize(("text", "is_right"), slow_after(6, INCLUDED))
def test_included_files_have_a_schema_of_their_own(text, is_right, tmp_path, monkeypatch):
    import jsonschema

    monkeypatch.chdir(tmp_path)
    Path("included.yaml").write_text(text)
    schema = json_schema.included_schema()
    jsonschema.Draft202012Validator.check_schema(schema)

    assert jsonschema.Draft202012Validator(schema).is_valid(as_editors_read(text)) is is_right
    try:
        config.parse("include: [included.yaml]", path=PATH)
    except ConfigError:
        assert not is_right
    else:
        assert is_right


def test_schema_prints_that_of_included_files_on_request(tmp_path):
    done = command(tmp_path, "schema", "--included")

    assert done.stdout == json_schema.schema_text(json_schema.included_schema())


def test_an_editor_shows_what_a_key_means_and_its_default():
    properties = config_schema()["properties"]
    port = properties["web"]["properties"]["port"]

    assert port["description"] == "The port that the web server listens on. Default: `8080`."
    assert port["default"] == 8080
    assert properties["page"]["properties"]["accent"]["default"] == "#a83c08"
    assert properties["feeds"]["items"]["anyOf"][1]["required"] == ["url"]


# --------------------------------------------------------------------- YAML as editors read it

_NUMBERS = {
    "1.1": r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:e[-+][0-9]+)?",
    "1.2": r"[-+]?[0-9]+(?:\.[0-9]*)?(?:e[-+]?[0-9]+)?",
}
_SWITCHES = {
    "1.1": {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False},
    "1.2": {"true": True, "false": False},
}


def as_editors_read(text: str, version: str = "1.2") -> Any:
    """Return the values of a text with the types that a version of YAML gives to scalars."""
    root, problems = yaml_document.compose(text, path=PATH)
    assert problems == []
    return typed(root, version)


def typed(node: yaml_document.Node, version: str) -> Any:
    if isinstance(node.value, dict):
        return {key: typed(value, version) for key, (_, value) in node.pairs.items()}
    if isinstance(node.value, list):
        return [typed(item, version) for item in node.items]
    if not node.is_plain or not isinstance(node.value, str):
        return node.value
    if re.fullmatch(_NUMBERS[version], node.value, re.IGNORECASE):
        number = float(node.value.replace("_", ""))
        return int(number) if number.is_integer() else number
    return _SWITCHES[version].get(node.value.lower(), node.value)

"""`export`: the merged documents as files, the same bytes that the web answers with."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import click
from flask.testing import FlaskClient

from aggregator.cli.common import load_config, opened_database, takes_config
from aggregator.config import Config
from aggregator.database import Engine
from aggregator.errors import AggregatorError, UsageError
from web import create_app

FORMATS = ("atom", "rss", "json", "opml", "html")

_ADDRESSES = {
    "atom": "feed.atom",
    "rss": "feed.rss",
    "json": "feed.json",
    "opml": "sources.opml",
}
_TAG = re.compile(r"<[a-z][^<>]*>")
_LINK = re.compile(r'(?<= )(href|src|action|data-poll)="(/[^"]*)"')
_FILES = "/static/"


@click.command()
@takes_config
@click.option(
    "--format",
    "formats",
    default=",".join(FORMATS),
    show_default=True,
    help="Which documents, separated by commas.",
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
def export(formats: str, folder: Path) -> None:
    """Write the merged documents into FOLDER."""
    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    unknown = [name for name in wanted or [formats] if name not in FORMATS]
    if unknown:
        raise UsageError(f"--format {unknown[0]!r}: choose from {', '.join(FORMATS)}")
    config = load_config()
    with opened_database(config) as engine:
        for path in write(config, engine, wanted, folder):
            click.echo(path)


def write(config: Config, engine: Engine, formats: Sequence[str], folder: Path) -> Iterator[Path]:
    """Write the documents of `formats` into `folder`, each file at once; yield their paths.

    Raises:
        AggregatorError: A file can't be written, or a document can't be made.
    """
    client = create_app(config, engine).test_client()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in formats:
            if name in _ADDRESSES:
                path = folder / _ADDRESSES[name]
                _replace(path, _body(client, f"/{_ADDRESSES[name]}"))
                yield path
            else:
                yield from _write_page(client, config, folder)
    except OSError as error:
        raise AggregatorError(f"{error.filename or folder}: {error.strerror}") from error


def _write_page(client: FlaskClient, config: Config, folder: Path) -> Iterator[Path]:
    """Write the first page of the list with its style and script beside it."""
    base = urlsplit(config.base_url)
    files: dict[str, str] = {}

    def place(link: re.Match[str]) -> str:
        name, address = link[1], link[2]
        if not address.startswith(f"{base.path}{_FILES}"):
            return f'{name}="{base.scheme}://{base.netloc}{address}"'
        local = address.partition("?")[0].removeprefix(f"{base.path}/")
        files[local] = address
        return f'{name}="{local}"'

    page = _body(client, "/").decode()
    page = _TAG.sub(lambda tag: _LINK.sub(place, tag[0]), page)
    for local, address in sorted(files.items()):
        path = folder / local
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, _body(client, address))
        yield path
    _replace(folder / "index.html", page.encode())
    yield folder / "index.html"


def _body(client: FlaskClient, address: str) -> bytes:
    answer = client.get(address)
    if answer.status_code != 200:
        raise AggregatorError(f"{address}: could not be made (status {answer.status_code})")
    body: bytes = answer.data
    return body


def _replace(path: Path, body: bytes) -> None:
    """Write a file so that nobody ever reads half of it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(body)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)

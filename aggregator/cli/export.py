"""`export`: the site as files for any web server."""

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from aggregator.cli import folder_sync, output, static_site
from aggregator.cli.common import opened_database
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.folder_sync import FolderChange
from aggregator.cli.static_site import FORMATS, File
from aggregator.errors import UsageError
from web.language import language


@click.command()
@takes_config
@click.option(
    "--format",
    "formats",
    default=",".join(FORMATS),
    show_default=True,
    help="Formats of documents, separated by commas.",
)
@click.option("--posts", is_flag=True, help="Write the pages of posts, too.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
def export(formats: str, posts: bool, folder: Path) -> None:
    """Write lists and merged feeds as files.

    FOLDER is the current folder by default.

    Files are replaced in place, each separately, and only files of an earlier export are removed:
    FOLDER may be a mount point, and may have other files.  With --format, documents in other
    formats stay.  A file whose content is the same is not touched.
    """
    names = [name.strip() for name in formats.split(",") if name.strip()]
    unknown = [name for name in names or [formats] if name not in FORMATS]
    if unknown:
        raise UsageError(f"--format {unknown[0]!r}: choose from {', '.join(FORMATS)}")
    if posts and "html" not in names:
        raise UsageError("--posts writes pages; add html to --format, or leave --posts out")
    config, written_formats = load_config(), frozenset(names)
    with (
        opened_database(config) as (engine, config),
        _bar(static_site.count_lists(config, written_formats)) as (on_list, on_file),
    ):
        files = static_site.files(config, engine, written_formats, posts=posts, on_list=on_list)
        change = folder_sync.replace(
            folder,
            map(on_file, files),
            owns=lambda name: static_site.format_of(name) in written_formats,
        )
    click.echo(summary(change))


def summary(change: FolderChange) -> str:
    """Return what an export did: "1,507 files, 6 changed, 84 MB"."""
    count = len(change.names)
    texts = [f"{count:,} file{'' if count == 1 else 's'}", f"{len(change.changed_paths):,} changed"]
    if change.removed:
        texts.append(f"{change.removed:,} removed")
    return ", ".join([*texts, language().size(change.size).replace("\N{NO-BREAK SPACE}", " ")])


@contextmanager
def _bar(lists: int) -> Iterator[tuple[Callable[[], None], Callable[[File], File]]]:
    """Yield functions for `on_list` and for each file, which show the progress on a terminal."""
    if not sys.stdout.isatty():
        yield (lambda: None), (lambda file: file)
        return
    with output.progress_bar("exporting", lists) as (bar, task):
        counter = itertools.count(1)

        def on_file(file: File) -> File:
            bar.update(task, description=f"file {next(counter):,}")
            return file

        yield (lambda: bar.advance(task)), on_file

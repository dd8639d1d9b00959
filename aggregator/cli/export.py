"""`export`: the site as files for any web server."""

from pathlib import Path

import click

from aggregator.cli import folder_sync, static_site
from aggregator.cli.common import opened_database
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.static_site import FORMATS
from aggregator.errors import UsageError


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
    formats stay.
    """
    names = [name.strip() for name in formats.split(",") if name.strip()]
    unknown = [name for name in names or [formats] if name not in FORMATS]
    if unknown:
        raise UsageError(f"--format {unknown[0]!r}: choose from {', '.join(FORMATS)}")
    if posts and "html" not in names:
        raise UsageError("--posts writes pages; add html to --format, or leave --posts out")
    config = load_config()
    with opened_database(config) as engine:
        files = static_site.files(config, engine, frozenset(names), posts=posts)
        changed_paths = folder_sync.replace(
            folder, files, owns=lambda name: static_site.format_of(name) in names
        )
    for path in changed_paths:
        click.echo(path)

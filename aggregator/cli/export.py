"""`export`: the site as files that any server can offer."""

from pathlib import Path

import click

from aggregator.cli import folder_sync, static_site
from aggregator.cli.common import load_config, opened_database, takes_config
from aggregator.cli.static_site import FORMATS
from aggregator.errors import UsageError


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
    """Write the lists and the merged feeds into FOLDER, by default the current one.

    Files are replaced in place, one by one, and only what an export wrote is removed: FOLDER may
    be a mount point and have files of others in it.  With --format, other documents stay.
    """
    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    unknown = [name for name in wanted or [formats] if name not in FORMATS]
    if unknown:
        raise UsageError(f"--format {unknown[0]!r}: choose from {', '.join(FORMATS)}")
    config = load_config()
    with opened_database(config) as engine:
        files = static_site.files(config, engine, frozenset(wanted))
        changed = folder_sync.replace(
            folder, files, owns=lambda name: static_site.format_of(name) in wanted
        )
    for path in changed:
        click.echo(path)

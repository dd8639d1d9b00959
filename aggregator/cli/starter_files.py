"""`init`: a first config.yaml, and the sample posts that it names, from the installed package."""

import contextlib
from importlib import metadata
from pathlib import Path

import click

from aggregator.cli.config_option import config_path, takes_config
from aggregator.errors import AggregatorError

SAMPLE_FILES = ("samples/recent-posts.xml", "docs/config.schema.json", "config.yaml")
"""Files of the checkout that a package has below share/aggregator, at the places where config.yaml
names them; config.yaml is written last."""

_SHARE = "share/aggregator"
_CHECKOUT = Path(__file__).parents[2]


@click.command()
@takes_config
def init() -> None:
    """Write a config.yaml with explanations and sample feeds, to begin with."""
    path = config_path()
    if path.exists():
        raise AggregatorError(f"{path}: is there already, and stays as it is")
    texts = {name: _sample(name) for name in SAMPLE_FILES}
    for name, text in texts.items():
        _write_new(path if name == "config.yaml" else path.parent / name, text)
    click.echo(f"{path}: written; `aggregator run` shows its feeds, docs/config.md explains it")


def _sample(name: str) -> bytes:
    """Return a file of the installed package, or of the checkout that is installed.

    Raises:
        AggregatorError: The package lacks the file.
    """
    for file in metadata.files("aggregator") or ():
        if file.as_posix().endswith(f"{_SHARE}/{name}"):
            return Path(str(file.locate())).read_bytes()
    with contextlib.suppress(OSError):
        return (_CHECKOUT / name).read_bytes()
    raise AggregatorError(f"the installed package has no {name}; install it again")


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet; a file that is there stays.

    Raises:
        AggregatorError: The file can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            stream.write(data)
    except FileExistsError:
        pass
    except OSError as error:
        raise AggregatorError(f"{path}: can't be written: {error.strerror or error}") from error

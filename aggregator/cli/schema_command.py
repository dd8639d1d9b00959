"""`schema`: the JSON Schema of config.yaml, for editors."""

import click

from aggregator.config.json_schema import schema_text


@click.command()
def schema() -> None:
    """Print the JSON Schema of config.yaml, with which editors complete and explain keys."""
    click.echo(schema_text(), nl=False)

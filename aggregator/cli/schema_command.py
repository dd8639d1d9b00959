"""`schema`: the JSON Schema of config.yaml, for editors."""

import click

from aggregator.config.json_schema import config_schema, included_schema, schema_text


@click.command()
@click.option("--included", is_flag=True, help="Of the files that config.yaml includes.")
def schema(included: bool) -> None:
    """Print the JSON Schema of config.yaml, with which editors complete and explain keys."""
    click.echo(schema_text(included_schema() if included else config_schema()), nl=False)

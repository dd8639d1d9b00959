"""`notify --test`: a message to a target, as a trial."""

import difflib

import click

from aggregator.cli.config_option import load_config, takes_config
from aggregator.errors import AggregatorError, UsageError
from aggregator.merged import Publication
from aggregator.notifications import apprise_services
from aggregator.notifications.apprise_services import NotSentError
from aggregator.notifications.message_text import trial_message


@click.command()
@takes_config
@click.option("--test", "name", required=True, metavar="NAME", help="Name of the target.")
def notify(name: str) -> None:
    """Send one message to a target of `notify` in config.yaml.

    Messages about posts are sent by `run` and `schedule`.
    """
    config = load_config()
    addresses = {target.name: target.address for target in config.targets}
    if name not in addresses:
        similar = difflib.get_close_matches(name, addresses, n=1)
        names = ", ".join(addresses) or "none"
        advice = f"did you mean {similar[0]}?" if similar else f"config.yaml has {names}"
        raise UsageError(f"{name}: no such target in `notify`; {advice}")
    message = trial_message(config.title, list_url=Publication.of(config).base_url)
    try:
        apprise_services.send(addresses[name], message)
    except NotSentError as error:
        raise AggregatorError(f"{name}: not sent: {error}") from error
    click.echo(f"{name}: sent")

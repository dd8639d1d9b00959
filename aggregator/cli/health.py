"""`health`: asks the running program whether posts are up to date, for containers, monitors."""

import http.client
import json
from urllib.parse import urlsplit

import click

from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.web_address import (
    Address,
    configured_address,
    connection_to,
    reachable,
    url_of,
)
from aggregator.config import Config
from aggregator.errors import AggregatorError, ConfigError

_PATH = "/readyz"
_TIMEOUT = 10  # seconds
_MAX_ANSWER = 10_000  # bytes


@click.command()
@takes_config
@click.option("--host", help="Address of the server.  [default: web.host]")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: web.port]")
def health(host: str | None, port: int | None) -> None:
    """Ask the running program whether it is ready: status 0, or 1 and the reason.

    The program is ready if the database can be read, no feed has been due for more than 5 minutes,
    and the saved config.yaml is in use.
    """
    try:
        config = load_config()
    except ConfigError as error:  # status 1 as well: to Docker, 2 means nothing
        raise AggregatorError(error.problems[0]) from error
    address = configured_address(config.web)
    if host or port:
        address = host or config.web.host, port or config.web.port
    path = ready_path(config)
    url = f"{url_of(reachable(address))}{path}"
    reasons = _reasons(address, path)
    if reasons:
        raise AggregatorError(f"{url}: not ready: {'; '.join(reasons)}")
    click.echo(f"{url}: ready")


def ready_path(config: Config) -> str:
    """Return the path of the running program's `/readyz`."""
    return f"{urlsplit(config.base_url).path.rstrip('/')}{_PATH}"


def answers(address: Address) -> bool:
    """Whether a server listening at `address` answers a request, with any status."""
    connection = connection_to(address, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read(_MAX_ANSWER)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _reasons(address: Address, path: str) -> list[str]:
    """Return why the program at an address is not ready; empty for a ready program."""
    if not isinstance(address, str) and address[1] == 0:
        return ["web.port is 0, any free port; name the port with --port"]
    connection = connection_to(address, timeout=_TIMEOUT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read(_MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        return [getattr(error, "strerror", None) or str(error) or type(error).__name__]
    finally:
        connection.close()
    try:
        values = json.loads(text)
        is_ready = values["status"] == "ready"
        reasons = [str(problem) for problem in values.get("problems", [])]
    except (ValueError, AttributeError, TypeError, KeyError):
        return [f"another program answers there ({answer.status})"]
    return [] if is_ready and answer.status == 200 else reasons or [f"status {answer.status}"]

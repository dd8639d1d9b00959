"""`health`: asks the running program whether posts are up to date, for containers, monitors."""

import http.client
import ipaddress
import json
from dataclasses import replace
from urllib.parse import urlsplit

import click

from aggregator.cli.config_option import load_config, takes_config
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
    web = replace(config.web, host=host or config.web.host, port=port or config.web.port)
    address = ready_address(replace(config, web=web))
    reasons = _reasons(address)
    if reasons:
        raise AggregatorError(f"{address}: not ready: {'; '.join(reasons)}")
    click.echo(f"{address}: ready")


def ready_address(config: Config) -> str:
    """Return the address of the running program's `/readyz` on this machine.

    Raises:
        AggregatorError: The program listens on any free port.
    """
    host, port = _reachable(config.web.host), config.web.port
    if port == 0:
        raise AggregatorError("web.port is 0, any free port; name the port with --port")
    authority = f"[{host}]" if ":" in host else host
    return f"http://{authority}:{port}{urlsplit(config.base_url).path.rstrip('/')}{_PATH}"


def answers(host: str, port: int) -> bool:
    """Whether a server listening at `host` answers a request, with any status."""
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read(_MAX_ANSWER)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _reachable(host: str) -> str:
    """Return the address of a server on this machine; some servers listen at all addresses."""
    try:
        listened = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not listened.is_unspecified:
        return host
    return "127.0.0.1" if listened.version == 4 else "::1"


def _reasons(address: str) -> list[str]:
    """Return why the program at an address is not ready; empty for a ready program."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
    try:
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        text = answer.read(_MAX_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        return [getattr(error, "strerror", None) or str(error) or type(error).__name__]
    finally:
        connection.close()
    try:
        values = json.loads(text)
        reasons = [str(problem) for problem in values.get("problems", [])]
    except (ValueError, AttributeError, TypeError):
        return [f"another program answers there ({answer.status})"]
    return [] if answer.status == 200 else reasons or [f"status {answer.status}"]

"""The health of OPML lists, for people and programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from aggregator import urls
from aggregator.cli.output import iso, moment
from aggregator.config import Config
from aggregator.model import OpmlListHealth


def notes(config: Config, healths: Sequence[OpmlListHealth]) -> Iterator[str]:
    """Yield a line for each unread list, and for each list with a failed last poll.

    Args:
        healths: Of the lists in the database.
    """
    health_of = {health.address: health for health in healths}
    for opml_list in config.opml_lists:
        place = config.place_of_list(opml_list)
        health = health_of.get(opml_list.known_address)
        if health is not None and health.failure is not None:
            yield f"{place}: {health.failure}; its feeds stay as they were: {health.feeds:,}"
        elif health is None or health.last_success_at is None:
            yield f"{place}: not read yet, so its feeds are not known"


def lines(healths: Sequence[OpmlListHealth]) -> Iterator[str]:
    """Yield a line on the health of each list."""
    for health in healths:
        failure = f"; {health.failure}" if health.failure else ""
        yield (
            f"{urls.masked(health.address)}: feeds: {health.feeds:,}, last read "
            f"{moment(health.last_success_at)}, next poll {moment(health.next_poll_at)}{failure}"
        )


def as_json(healths: Sequence[OpmlListHealth]) -> list[dict[str, Any]]:
    """Return the health of lists as JSON objects."""
    return [
        {
            "opml": urls.masked(health.address),
            "feeds": health.feeds,
            "error": urls.masked_text(health.failure) if health.failure else None,
            "last_success_at": iso(health.last_success_at),
            "next_poll_at": iso(health.next_poll_at),
        }
        for health in healths
    ]

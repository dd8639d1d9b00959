"""Jobs with batches of due feeds: deferred together with the leases of the feeds."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, text

from aggregator.database.columns import UtcDateTime
from aggregator.database.feeds.write_batches import Batch
from aggregator.database.feeds.write_leases import BATCH, release_leases

_DEFER = text(
    """
    SELECT procrastinate_defer_jobs_v1(array_agg(
        ROW(queue, task, 0, lock, NULL, args, NULL)::procrastinate_job_to_defer_v1
    )) FROM jsonb_to_recordset(CAST(:jobs AS jsonb))
    AS job (queue varchar, task varchar, lock text, args jsonb)
    """
)
_QUEUED = text("SELECT count(*) FROM feeds WHERE lease_owner LIKE :batch")
_WORKERS = text(
    "SELECT count(*) FROM procrastinate_workers "
    "WHERE last_heartbeat > now() - make_interval(secs => :seconds)"
)
_RENEW = text(
    "UPDATE feeds SET lease_until = :until WHERE lease_owner IN "
    "(SELECT args->>'token' FROM procrastinate_jobs WHERE status = 'todo')"
).bindparams(bindparam("until", type_=UtcDateTime))
_TAKE_BACK = text(
    """
    SELECT token FROM (
        SELECT args->>'token' AS token, procrastinate_cancel_job_v1(id, false, true) AS id
        FROM procrastinate_jobs WHERE status = 'todo' AND args->>'token' LIKE :tokens
    ) AS deleted WHERE id IS NOT NULL
    """
)


@dataclass(frozen=True, slots=True)
class Queues:
    """Names in the tables of Procrastinate.

    Attributes:
        batches, sites: Queues of batches with feeds of many sites, and with feeds of one site.
    """

    task: str
    batches: str
    sites: str


@dataclass(frozen=True, slots=True)
class Load:
    """The load of the queues.

    Attributes:
        feeds: Leased for batches without a worker.
        workers: Workers with a recent sign of life.
    """

    feeds: int
    workers: int


def is_batch(arguments: object) -> bool:
    """Whether `defer` writes such arguments of a job; others come from somebody else."""
    return (
        isinstance(arguments, dict)
        and arguments.keys() == {"token", "feeds"}
        and isinstance(arguments["token"], str)
        and arguments["token"].startswith(BATCH)
        and isinstance(arguments["feeds"], list)
    )


def load_of_queues(connection: Connection, *, alive_within: timedelta) -> Load:
    """Return the numbers of waiting feeds and of workers."""
    feeds = connection.execute(_QUEUED, {"batch": f"{BATCH}%"}).scalar_one()
    workers = connection.execute(_WORKERS, {"seconds": alive_within.total_seconds()}).scalar_one()
    return Load(feeds, workers)


def defer(connection: Connection, batches: Iterable[Batch], queues: Queues) -> None:
    """Defer a job for each batch; workers see the jobs and the leases after the transaction.

    Jobs of one site have the site as lock: the jobs run after each other.
    """
    jobs = [
        {
            "queue": queues.sites if batch.site else queues.batches,
            "task": queues.task,
            "lock": batch.site,
            "args": {"token": batch.token, "feeds": batch.feed_ids},
        }
        for batch in batches
    ]
    if jobs:
        connection.execute(_DEFER, {"jobs": json.dumps(jobs)})


def renew_queued(connection: Connection, *, until: datetime) -> None:
    """Renew the leases of all batches without a worker."""
    connection.execute(_RENEW, {"until": until})


def take_back(connection: Connection, *, tokens: str) -> Sequence[str]:
    """Delete waiting jobs, and give the leases of their feeds back.

    Args:
        tokens: Beginning of the tokens.

    Returns:
        The tokens of the deleted jobs.
    """
    deleted_tokens = connection.scalars(_TAKE_BACK, {"tokens": f"{tokens}%"}).all()
    for token in deleted_tokens:
        release_leases(connection, owner=token)
    return deleted_tokens

"""A copy of the database, brought up to date by replication."""

import logging
import time
from datetime import timedelta

from sqlalchemy import Engine

from aggregator.database.engine import is_up_to_date, open_database, will_pass
from aggregator.database.failures import name_of, parse_url
from aggregator.errors import DatabaseError

log = logging.getLogger(__name__)

_WAIT = 1  # seconds between two looks at the schema


def open_replica(url: str, *, deadline: timedelta | None = None, is_needed: bool = True) -> Engine:
    """Return an engine for reading a database, as soon as the schema is up to date.

    Args:
        is_needed: False: a server out of reach is not waited for, and no error raised.

    Raises:
        DatabaseError: The database can't be opened, belongs to another program or to a newer
            version.
    """
    is_told = False
    while not _is_ready(url, is_needed=is_needed):
        if not is_told:
            log.warning(
                "%s: does not have the schema of this version yet; waiting until it comes from "
                "the database that `aggregator run` or `schedule` writes",
                name_of(parse_url(url)),
            )
            is_told = True
        time.sleep(_WAIT)
    return open_database(
        url, read_only=True, upgrades=False, deadline=deadline, is_needed=is_needed
    )


def _is_ready(url: str, *, is_needed: bool) -> bool:
    try:
        return is_up_to_date(url)
    except DatabaseError as error:
        if is_needed or not will_pass(error):
            raise
        return True

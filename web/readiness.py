"""Whether the database can be read, feeds are polled in time, and the saved file is in use."""

from aggregator.config import Config, present_stamps, save_times
from aggregator.database import DBAPIError
from aggregator.database.feeds import read_health
from aggregator.database.state import read_overview
from aggregator.errors import DeadlineError
from web.site import Site, present_overview

_UNREADABLE = "the database cannot be read"
_OVERDUE = "feeds have been due for more than 5 minutes"
_OUTDATED = "the database that pages are read from is more than a minute old"
_NOT_IN_USE = "config.yaml is not in use as it was saved"


def problems(site: Site) -> list[str]:
    """Return all faults, in words for the public: without names of feeds, files and servers."""
    try:
        with site.engine.connect() as connection:
            is_faulty = read_overview.config_problem(connection) is not None
            is_outdated = present_overview(connection).outdated_since is not None
            is_overdue = read_health.has_overdue_feed(connection, now=site.utc_now())
    except (DBAPIError, DeadlineError):
        return [_UNREADABLE]
    faults = [_OUTDATED] if is_outdated else []
    faults += [_OVERDUE] if is_overdue else []
    return faults + ([_NOT_IN_USE] if is_faulty or _is_saved(site.config) else [])


def _is_saved(config: Config) -> bool:
    """Whether a file of the configuration was saved, or taken away, after the program read it."""
    return save_times(present_stamps(config.stamps)) != save_times(config.stamps)

"""Times of polls: once, or until a stop.

poll_options    the part of config.yaml for polling                       pure
config_changes  what a config.yaml that was read again changes            pure
config_sync     the database follows config.yaml and its OPML lists
opml_list_polls OPML lists, polled and followed
leases          leases of a process, renewed and given back
shared_hosts    hosts of more than one feed
picture_jobs    pictures of entries, fetched and deleted
once            due or named feeds, polled once
service         polling until a stop: APScheduler and a handful of jobs   apscheduler
"""

from .config_changes import keys_for_restart
from .once import PollRequest, poll_once
from .poll_options import poll_settings
from .service import Job, Scheduler, stop_on_signals

__all__ = [
    "Job",
    "PollRequest",
    "Scheduler",
    "keys_for_restart",
    "poll_once",
    "poll_settings",
    "stop_on_signals",
]

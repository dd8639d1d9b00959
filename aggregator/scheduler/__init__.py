"""Times of polls: once, or until a stop.

poll_options    the part of config.yaml for polling                       pure
config_changes  what a config.yaml that was read again changes            pure
config_sync     the database follows config.yaml and its OPML lists
config_follower config.yaml, read again and followed while polls go on
followed_file   two files of different contents on one database
opml_list_polls OPML lists, polled and followed
leases          leases of a process, renewed and given back
shared_hosts    hosts of more than one feed
picture_jobs    pictures of entries, fetched and deleted
retention       old entries, deleted
once            due or named feeds, polled once
present_poller  the poller of the present settings, and its successors
polls_under_way polls of leased feeds, each a task
dispatch        who polls due feeds: what all ways have in common
local_dispatch  due feeds, leased and polled by one process
procrastinate_dispatch  due feeds on PostgreSQL: deferred and polled by any processes
batch_queue     due feeds, leased in batches and deferred as jobs         procrastinate
batch_worker    batches, taken from the queues and polled                 procrastinate
job_engine      tables and connections of Procrastinate                   procrastinate
dispatch_choice which dispatch a database needs
job_shell       the shell of Procrastinate on the database                procrastinate
timed_jobs      jobs by time, in this process                             apscheduler
service         polling until a stop: jobs, start and clean stop
"""

from .config_changes import keys_for_restart
from .dispatch_choice import dispatch_of, run_job_shell
from .once import PollRequest, poll_once
from .poll_options import poll_settings
from .service import Scheduler, stop_on_signals
from .timed_jobs import Job

__all__ = [
    "Job",
    "PollRequest",
    "Scheduler",
    "dispatch_of",
    "keys_for_restart",
    "poll_once",
    "poll_settings",
    "run_job_shell",
    "stop_on_signals",
]

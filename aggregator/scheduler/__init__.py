"""When polls happen: once, or until told to stop.

poll_options  what polling needs to know of config.yaml                     pure
leases        what each process does that polls
shared_hosts  which hosts have more than one feed
once          feeds that are due now, or that a person names, polled once
service       until it is told to stop: APScheduler and a handful of jobs   apscheduler
"""

from .once import poll_once
from .poll_options import poll_settings
from .service import Scheduler, stop_on_signals

__all__ = ["Scheduler", "poll_once", "poll_settings", "stop_on_signals"]

"""When polls happen: once, or until told to stop.

settings   what polling needs to know of config.yaml                     pure
leases     what everybody does who takes feeds
once       what is due now, or what somebody names
service    until it is told to stop: APScheduler and a handful of jobs   apscheduler
"""

from .once import poll_once
from .poll_options import poll_settings
from .service import Scheduler, stop_on_signals

__all__ = ["Scheduler", "poll_once", "poll_settings", "stop_on_signals"]

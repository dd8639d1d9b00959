"""The pipeline: the one place that knows the order of the stages.

lease -> fetch -> read (prefilter, parse, clean; in a worker process) -> reconcile -> record

poller_factory   pollers with their parts
poller           one poll from the lease to a completed poll, many at a time
host_limits      whose turn it is to send a request; slots: how many requests run at a time
network_health   whether this machine's own network fails
document_reader  where a document is read: in the event loop or by a worker
reports          what a poll brought, and when the next one is
storage_queue    completed polls on their way into the database
reconcile        polls compared with what is stored; recording writes the outcome
poll_clock       the clock that all of them go by
"""

from aggregator.poll.poller import Poller
from aggregator.poll.poller_factory import PollerFactory
from aggregator.poll.reports import PollResult
from aggregator.poll.settings import PollSettings

__all__ = ["PollResult", "PollSettings", "Poller", "PollerFactory"]

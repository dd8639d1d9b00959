"""The pipeline: the order of the stages is known here alone.

lease -> fetch -> read (prefilter, parse, clean; in a worker process) -> reconcile -> record

poller_factory   pollers with their parts
poller           many feeds at a time, each from its lease to a completed poll
host_limits      order and times of requests to hosts
slots            number of requests at a time
network_health   whether this machine's own network fails
document_reader  documents read in the event loop or by a worker
reports          outcome of a poll, time of the next poll
storage_queue    completed polls on their way into the database
reconcile        polls compared with stored entries; recording writes the outcome
opml_poll        one poll of an OPML list
picture_stage    pictures of stored entries, fetched by picture_fetcher
poll_clock       the clock of polling
"""

from aggregator.poll.poller import Poller
from aggregator.poll.poller_factory import PollerFactory
from aggregator.poll.reports import PollResult
from aggregator.poll.settings import PollSettings

__all__ = ["PollResult", "PollSettings", "Poller", "PollerFactory"]

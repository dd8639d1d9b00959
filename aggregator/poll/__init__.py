"""The pipeline: the one place that knows the order of the stages.

lease -> fetch -> read (skim, parse, clean; in a worker process) -> dedup -> store

poller    many feeds at a time, and what is in memory meanwhile
news      what polls brought, compared with what is stored
reports   how one poll went, and when the next one is
"""

from aggregator.poll.poller import Poller
from aggregator.poll.reports import PollResult
from aggregator.poll.settings import PollSettings

__all__ = ["PollResult", "PollSettings", "Poller"]

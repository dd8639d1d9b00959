"""What a config.yaml changes in a database.  Pure.

feed_matching   which stored feed a subscription means
"""

from aggregator.plan.feed_matching import matching_feeds

__all__ = ["matching_feeds"]

"""All writes.  Functions over a `Connection` whose transaction the caller opens and ends.

A poll's entries, validators and bookkeeping go into ONE transaction: after a crash no feed has
validators that are newer than its entries.
"""

from aggregator.database.store.clock import follow_clock
from aggregator.database.store.entries import (
    NewVersion,
    PlacedEntry,
    add_entries,
    change_entries,
    delete_old,
    newest_places,
    stored_under,
)
from aggregator.database.store.polls import (
    PollReport,
    forget_hosts,
    lease_due,
    lease_named,
    lease_owners,
    put_off,
    record_polls,
    release_feeds,
    release_leases,
    renew_leases,
)
from aggregator.database.store.subscriptions import SyncResult, read_feeds, sync_subscriptions

__all__ = [
    "NewVersion",
    "PlacedEntry",
    "PollReport",
    "SyncResult",
    "add_entries",
    "change_entries",
    "delete_old",
    "follow_clock",
    "forget_hosts",
    "lease_due",
    "lease_named",
    "lease_owners",
    "newest_places",
    "put_off",
    "read_feeds",
    "record_polls",
    "release_feeds",
    "release_leases",
    "renew_leases",
    "stored_under",
    "sync_subscriptions",
]

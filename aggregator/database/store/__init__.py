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
    count_within,
    known_by_id,
    newest_places,
    stored_texts,
    stored_under,
)
from aggregator.database.store.hosts import forget_hosts, host_pause, note_pauses, shared_hosts
from aggregator.database.store.keys import add_keys, key_owners
from aggregator.database.store.leases import (
    lease_due,
    lease_named,
    lease_owners,
    leases_in_force,
    put_off,
    reclaim_leases,
    release_leases,
    renew_leases,
)
from aggregator.database.store.polls import PollReport, note_check, record_polls, take_over
from aggregator.database.store.retention import delete_old
from aggregator.database.store.stories import add_links as add_story_links
from aggregator.database.store.stories import articles as story_articles
from aggregator.database.store.stories import candidates as story_candidates
from aggregator.database.store.stories import postpone as postpone_story_candidates
from aggregator.database.store.stories import set_share
from aggregator.database.store.stories import switch as switch_stories
from aggregator.database.store.stories import take_postponed as take_postponed_story_candidates
from aggregator.database.store.subscribers import (
    Delivery,
    Subscriber,
    add_subscriber,
    due_subscribers,
    end_leases,
    mark_topics,
    note_deliveries,
    remove_subscriber,
)
from aggregator.database.store.subscriptions import SyncResult, read_feeds, sync_subscriptions
from aggregator.database.store.unannounced import (
    Unannounced,
    note_announced,
    note_unannounced,
    waiting_changes,
)

__all__ = [
    "Delivery",
    "NewVersion",
    "PlacedEntry",
    "PollReport",
    "Subscriber",
    "SyncResult",
    "Unannounced",
    "add_entries",
    "add_keys",
    "add_story_links",
    "add_subscriber",
    "change_entries",
    "count_within",
    "delete_old",
    "due_subscribers",
    "end_leases",
    "follow_clock",
    "forget_hosts",
    "host_pause",
    "key_owners",
    "known_by_id",
    "lease_due",
    "lease_named",
    "lease_owners",
    "leases_in_force",
    "mark_topics",
    "newest_places",
    "note_announced",
    "note_check",
    "note_deliveries",
    "note_pauses",
    "note_unannounced",
    "postpone_story_candidates",
    "put_off",
    "read_feeds",
    "reclaim_leases",
    "record_polls",
    "release_leases",
    "remove_subscriber",
    "renew_leases",
    "set_share",
    "shared_hosts",
    "stored_texts",
    "stored_under",
    "story_articles",
    "story_candidates",
    "switch_stories",
    "sync_subscriptions",
    "take_over",
    "take_postponed_story_candidates",
    "waiting_changes",
]

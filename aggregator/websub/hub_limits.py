"""Limits of our own hub.  Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HubLimits:
    """How much of the hub one site, one address and all subscribers together may use.

    Anybody may name anybody's URL as a callback, so a site counts by name and an address by the
    result of the name look-up.

    Attributes:
        request_timeout: Seconds for one verification, and for each of the two parts of a delivery:
            the look-up and the request.
        concurrent_requests: Verifications at a time; as many deliveries besides.
        verifications_per_minute: For callbacks of one site, and of one address.
        total_per_minute: Verifications in all.
        subscriptions_per_site: Subscriptions with callbacks of one site.
        subscriptions: Subscriptions in all.
        queued_deliveries: Deliveries in memory; further ones wait in the database.
        queued_per_site: Deliveries of one site in memory.
        concurrent_per_address: Deliveries to one address at a time, whatever the names.
        queued_per_address: Deliveries in memory for one address; further ones are put off.
    """

    request_timeout: float = 10.0
    concurrent_requests: int = 64
    verifications_per_minute: int = 30
    total_per_minute: int = 600
    subscriptions_per_site: int = 1000
    subscriptions: int = 50_000
    queued_deliveries: int = 400
    queued_per_site: int = 4
    concurrent_per_address: int = 4
    queued_per_address: int = 32


DEFAULT_LIMITS = HubLimits()

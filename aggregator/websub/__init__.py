"""Telling others of changes (WebSub): through a hub elsewhere, or as a hub ourselves.

    announcements   what of it config.yaml wants, put together
    announcer       feeds that brought something -> topics, once in a while
    publisher       topics -> a hub elsewhere                                 network
    hub             our own: the two below, together
    verification    requests -> subscribers                                   network, database
    deliveries      topics -> subscribers                                     network, database
    limits          what one site, one address and all may take of the hub
    transact        how this package writes

It all runs in the scheduler's process, which knows what changed and which writes.

Source: WebSub, https://www.w3.org/TR/websub/
"""

from aggregator.websub.announcements import Announcements

__all__ = ["Announcements"]

"""WebSub: changes of our documents, announced to another hub or delivered by our own hub.

    websub_service   the parts that config.yaml calls for, put together
    announcer        feeds with changes -> URLs of documents, at intervals
    remote_hub       URLs of documents -> another hub                            network
    own_hub          our own hub, made of the next two
    verification     requests to subscribe -> subscriptions                      network, database
    deliveries       URLs of documents -> subscribers                            network, database
    hub_lease        which of several processes does all this
    hub_limits       limits of our own hub
    rate_limits      limits per site and per address, at work
    throttled_log    log lines with a limit

Everything runs in one scheduler's process, which knows of changes and writes to the database.

Source: WebSub, https://www.w3.org/TR/websub/
"""

from aggregator.websub.websub_service import WebSubService

__all__ = ["WebSubService"]

"""Documents of renamed sources: subscriptions go on under the former addresses.

A subscriber follows the redirect of the former address when the subscription ends, and subscribes
to the present one.
"""

from collections.abc import Collection
from dataclasses import replace

from aggregator.database import Connection
from aggregator.database.feeds import read_names
from aggregator.database.websub import write_subscribers
from aggregator.merged import ListRequest, Publication
from aggregator.model import ListKind


def former_topics(
    connection: Connection, publication: Publication, topics: Collection[str]
) -> list[str]:
    """Return the former addresses, with subscribers, of some documents.

    Args:
        topics: Present addresses of the documents.
    """
    present_names = read_names.names_by_former_names(connection)
    if not present_names:
        return []
    former_requests = {
        topic: request
        for topic in write_subscribers.subscribed_topics(connection)
        if (request := publication.request_for(topic)) is not None
        and request.scope.kind is ListKind.SOURCE
        and request.scope.key in present_names
    }
    return [
        topic
        for topic, request in former_requests.items()
        if publication.url(_under_name(request, present_names[request.scope.key])) in topics
    ]


def present_request(connection: Connection, request: ListRequest) -> ListRequest:
    """Return the request for a document under the present name of its source."""
    if request.scope.kind is not ListKind.SOURCE:
        return request
    name = read_names.present_name(connection, request.scope.key)
    return request if name is None else _under_name(request, name)


def _under_name(request: ListRequest, name: str) -> ListRequest:
    return replace(request, scope=replace(request.scope, key=name))

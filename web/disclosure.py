"""What pages disclose of a feed's health; the log and the command line show everything.  Pure.

The publisher of a feed, or of a page that redirects, can make this program look up any name.  Pages
must not show publishers which addresses the names of this network have.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from aggregator import urls
from aggregator.model import Failure, FeedHealth, OpmlListHealth
from aggregator.model.health_episodes import EpisodeKind, SourcedEpisode

NOT_PUBLIC = "leads to an address that is not public"

_FAILED = "the log says why"
_REPAIRED = "the document had to be repaired"

_POSSIBLE_PLACE = re.compile(r"/|\w[.:@]\w")  # a path, a host, an address
_POSSIBLE_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,64}")
_URL = re.compile(r"https?://[^\s\"'<>]{1,4096}", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{[^}]*\}")
_MAX_TEXT = 2000  # characters of an error or a note
_PRIVATE = "private address"


def public(feed: FeedHealth) -> FeedHealth:
    """Return the health of a feed without the addresses of a private feed or network."""
    if feed.source.private:
        return _without_address(feed)
    return replace(
        feed,
        opml_list=public_address(feed.opml_list) if feed.opml_list else None,
        error=_public(feed.error),
        failure=_public_failure(feed.failure),
        note=_public(feed.note),
        next_reason=_public(feed.next_reason),
        moved_to=None if feed.moved_to and urls.is_private(feed.moved_to) else feed.moved_to,
        polls=tuple(
            replace(poll, error=_public(poll.error)) if poll.error else poll for poll in feed.polls
        ),
    )


def public_episode(sourced: SourcedEpisode) -> SourcedEpisode:
    """Return an episode without the addresses of a private feed or network, and without secrets."""
    episode, trouble = sourced.episode, sourced.episode.trouble
    detail, failure = trouble.detail, _public_failure(trouble.failure)
    is_private = sourced.source is not None and sourced.source.private
    if is_private and failure is not None:
        failure = replace(failure, named_feed=None)
    match trouble.kind:
        case EpisodeKind.MOVED if detail is not None:
            detail = None if is_private or urls.is_private(detail) else urls.masked(detail)
        case EpisodeKind.CONFIG if detail is not None:
            detail = public_problem(detail)
        case _ if detail is not None:
            is_hidden = is_private and _POSSIBLE_PLACE.search(detail)
            detail = _FAILED if is_hidden else public_problem(detail)
    trouble = replace(trouble, detail=detail, failure=failure)
    return replace(sourced, episode=replace(episode, trouble=trouble))


def public_list(opml_list: OpmlListHealth) -> OpmlListHealth:
    """Return an OPML list without passwords, private addresses, and the name of a file."""
    return replace(
        opml_list,
        address=public_address(opml_list.address),
        failure=public_problem(opml_list.failure) if opml_list.failure else None,
    )


def public_address(address: str) -> str:
    """Return the address of an OPML list without passwords; of a private server or file, nothing.

    Variables in the address are not filled in, but their defaults may be secret.
    """
    is_public = urls.is_web(address) and not urls.is_private(address)
    return urls.masked(_VARIABLE.sub("***", address)) if is_public else ""


def public_problem(problem: str) -> str:
    """Return a mistake in config.yaml without passwords of addresses and private addresses."""
    return _public(_URL.sub(lambda match: urls.masked(match[0]), problem)) or ""


def _public_failure(failure: Failure | None) -> Failure | None:
    if failure is None or failure.named_feed is None or not urls.is_private(failure.named_feed):
        return failure
    return replace(failure, named_feed=None)


def _without_address(feed: FeedHealth) -> FeedHealth:
    """Return a feed without its address, and without texts that may contain the address."""
    source = replace(feed.source, feed_url="", site_url=None, feed_id=None, rights=None)
    places = {urls.host_of(url) for url in (feed.source.feed_url, feed.source.site_url or "")}

    def placeless(text: str | None, replacement: str | None) -> str | None:
        if text is None:
            return None
        has_place = _POSSIBLE_PLACE.search(text) or any(p in text for p in places if p)
        return replacement if has_place else text

    return replace(
        feed,
        source=source,
        subtitle="",
        error=placeless(feed.error, _FAILED),
        failure=replace(feed.failure, named_feed=None) if feed.failure else None,
        note=placeless(feed.note, _REPAIRED),
        next_reason=placeless(feed.next_reason, None),
        opml_list=None,
        moved_to=None,
        constraints=(),
        polls=tuple(replace(poll, error=placeless(poll.error, _FAILED)) for poll in feed.polls),
    )


def _public(text: str | None) -> str | None:
    """Return a text of a poll, or a fixed text if names or addresses of a private network occur."""
    if text is None:
        return None
    text = text[:_MAX_TEXT]
    return NOT_PUBLIC if _PRIVATE in text or any(_private_places(text)) else text


def _private_places(text: str) -> Iterator[str]:
    for match in _URL.finditer(text):
        if urls.is_private(match[0]):
            yield match[0]
    for match in _POSSIBLE_ADDRESS.finditer(text):
        try:
            if not ip_address(match[0].strip(".").removesuffix(":")).is_global:
                yield match[0]
        except ValueError:  # a time, a version, a number
            continue

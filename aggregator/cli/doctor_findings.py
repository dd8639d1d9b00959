"""Findings and advice of `doctor`.  Pure."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aggregator import urls
from aggregator.cli.output import iso, moment
from aggregator.model import Failure, FailureKind, Subscription
from web.failure_texts import failure_sentence
from web.language import SOURCE, language

_WIDTH = 78
_COMMAND = re.compile(r"`[^`]{1,200}`")
_GLUE = "\ue000"  # in place of a space that ends no line
_LETTER = "ask the operator of the site: `aggregator doctor {name} --letter` writes the letter"
_WAIT = "nothing: it is polled again by itself; if it lasts, {letter}"
_LOOK = "look for the feed on the site, or remove it: `aggregator remove {name}`"
_ADVICE = {
    FailureKind.UNAUTHORIZED: "write the login or the token under `request` of the feed",
    FailureKind.FORBIDDEN: _LETTER,
    FailureKind.BOT_CHECK: _LETTER,
    FailureKind.FIREWALL: _LETTER,
    FailureKind.CONSENT_PAGE: _LETTER,
    FailureKind.LOGIN_PAGE: (
        "ask the site for an address with a token, or write a token under `request` of the feed"
    ),
    FailureKind.PARKED_DOMAIN: (
        "look for the new address of the site, or remove it: `aggregator remove {name}`"
    ),
    FailureKind.DEFAULT_PAGE: (
        "wait some days, then look for the new address of the site, or remove it: "
        "`aggregator remove {name}`"
    ),
    FailureKind.SUSPENDED: (
        "wait some days: its owner has to settle the matter with the provider; or remove it: "
        "`aggregator remove {name}`"
    ),
    FailureKind.MAINTENANCE: "nothing: it is polled again by itself",
    FailureKind.NOT_FOUND: _LOOK,
    FailureKind.REMOVED: "remove it: `aggregator remove {name}`",
    FailureKind.THROTTLED: (
        "nothing: it is polled again when the pause is over; `hosts:` sets a longer delay"
    ),
    FailureKind.SERVER_ERROR: _WAIT,
    FailureKind.HTTP_ERROR: _WAIT,
    FailureKind.TIMEOUT: "nothing: it is polled again by itself; `poll.timeout` allows more time",
    FailureKind.UNKNOWN_HOST: (
        "correct the address, or remove it: `aggregator remove {name}`; a domain may come back"
    ),
    FailureKind.NO_NAME_SERVER: "see to the network of this machine",
    FailureKind.REFUSED: _WAIT,
    FailureKind.UNREACHABLE: _WAIT,
    FailureKind.PROXY: "see to the proxy under `network` or `request` in config.yaml",
    FailureKind.CERTIFICATE_EXPIRED: _LETTER,
    FailureKind.CERTIFICATE_NAME: _LETTER,
    FailureKind.CERTIFICATE: _LETTER,
    FailureKind.TLS: _LETTER,
    FailureKind.REDIRECTS: "open the address in a browser, and look for the feed there",
    FailureKind.NOT_PUBLIC: "write the host under `network.allow` if the feed is in your network",
    FailureKind.BAD_ADDRESS: "correct the address in config.yaml",
    FailureKind.FILE: "put the file in its place beside config.yaml",
    FailureKind.EMPTY: _WAIT,
    FailureKind.TOO_LARGE: "allow more under `poll.max_size`",
    FailureKind.BROKEN: _WAIT,
    FailureKind.WEB_PAGE: (
        "look on the page for the feed, or read the page itself with `select` (docs/config.md)"
    ),
    FailureKind.NOT_A_FEED: _LOOK,
    FailureKind.PAGE_CHANGED: (
        "correct `select`: `aggregator preview {name}` shows what the selectors give"
    ),
    FailureKind.UNREADABLE: "ask the operator of the site to make the document smaller or simpler",
}
LETTER_KINDS = frozenset(kind for kind, advice in _ADVICE.items() if advice in {_LETTER, _WAIT}) | {
    FailureKind.WEB_PAGE,
    FailureKind.NOT_FOUND,
    FailureKind.LOGIN_PAGE,
    FailureKind.DEFAULT_PAGE,
}
"""Kinds about which the operator of a site can do something."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of a feed, or the reason for not asking.

    Attributes:
        asked_at: When the first request was made; None without a request.
        requests: Number of requests for the feed, redirects included.
        status: HTTP status of the answer, None without an answer.
        failure: Why the feed can't be read; None for a readable feed.
        reason: The answer in words.
        posts: In the document; None for an unreadable document.
        new_url: Another address of the feed, which was read, or which the feed was moved to.
        is_moved: The server has moved the feed to `new_url` for good.
        unasked: Why no request, or no further request, was made; None for no reason.
    """

    feed: Subscription
    reason: str
    asked_at: datetime | None = None
    requests: int = 0
    status: int | None = None
    failure: Failure | None = None
    posts: int | None = None
    new_url: str | None = None
    is_moved: bool = False
    unasked: str | None = None

    @property
    def sentence(self) -> str:
        """The cause, or the state of a feed without problems."""
        if self.is_moved and self.new_url:
            return f"The feed has moved for good to {urls.masked(self.new_url)}."
        if self.failure is None:
            posts = "1 post" if self.posts == 1 else f"{self.posts or 0:,} posts"
            return f"The feed can be read: {posts}."
        return failure_sentence(self.failure, language(SOURCE))


@dataclass(frozen=True, slots=True)
class Treatment:
    """Advice on a finding.

    Attributes:
        advice: In words.
        letter: To the operator of the site, None where none was asked for.
    """

    finding: Finding
    advice: str
    letter: str | None = None


def advice_of(finding: Finding, *, in_patch: bool, subscribed_as: str | None) -> str:
    """Return the advice on a finding.

    Args:
        in_patch: The patch has the line with the new address.
        subscribed_as: Name of another subscription with the new address, None for none.
    """
    name = finding.feed.name
    if finding.new_url is not None:
        place = urls.masked(finding.new_url)
        if subscribed_as is not None:
            return f"remove it, as {subscribed_as} has that address: `aggregator remove {name}`"
        if in_patch:
            return f"write {place} instead: the patch below has the line"
        if finding.feed.opml_list is not None:
            return f"tell the author of the OPML list that the feed is at {place}"
        return f"write {place} instead, by hand"
    if finding.failure is None:
        return "nothing" if finding.feed.paused else f"`aggregator poll {name}` polls it now"
    advice = _ADVICE[finding.failure.kind]
    return advice.format(name=name, letter=_LETTER.format(name=name))


def treatment_lines(treatment: Treatment) -> Iterator[str]:
    """Yield a treatment for people."""
    finding = treatment.finding
    yield f"{finding.feed.name}: {urls.masked(finding.feed.url)}"
    yield f"  {finding.reason}{_when(finding)}"
    yield from _wrapped(f"What it is: {finding.sentence}")
    if finding.unasked:
        yield from _wrapped(f"Not asked: {finding.unasked}.")
    yield from _wrapped(f"What to do: {treatment.advice}.")


def as_json(treatment: Treatment) -> dict[str, Any]:
    """Return a treatment for programs."""
    finding = treatment.finding
    failure = finding.failure
    return {
        "feed": finding.feed.name,
        "url": urls.masked(finding.feed.url),
        "asked_at": iso(finding.asked_at),
        "requests": finding.requests,
        "status": finding.status,
        "reason": finding.reason,
        "failure": failure.kind.value if failure else None,
        "service": failure.service if failure else None,
        "posts": finding.posts,
        "what": finding.sentence,
        "not_asked": finding.unasked,
        "advice": treatment.advice,
        "new_url": urls.masked(finding.new_url) if finding.new_url else None,
        "letter": treatment.letter,
    }


def _when(finding: Finding) -> str:
    if finding.asked_at is None:
        return ""
    requests = "1 request" if finding.requests == 1 else f"{finding.requests} requests"
    return f"; {requests}, {moment(finding.asked_at)} UTC"


def _wrapped(text: str) -> list[str]:
    """Return indented lines; no line breaks within a command in backticks."""
    wrapped_lines = textwrap.wrap(
        _COMMAND.sub(lambda command: command[0].replace(" ", _GLUE), text),
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in wrapped_lines]

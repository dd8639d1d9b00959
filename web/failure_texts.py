"""Why a feed fails and when it is checked next, as sentences for people.  Pure."""

from datetime import timedelta

from aggregator import urls
from aggregator.feed_status import FeedStatus, feed_status
from aggregator.model import (
    OUR_REASONS,
    Constraint,
    Failure,
    FailureKind,
    FeedHealth,
    document_defects,
)
from web.language import Language, to_translate
from web.relative_time import every

_SENTENCES = {
    FailureKind.UNAUTHORIZED: to_translate(
        "The server asks for a user name and password, or rejects those in config.yaml (401)."
    ),
    FailureKind.FORBIDDEN: to_translate(
        "The server refuses access (403). Its operator may have to allow feed readers."
    ),
    FailureKind.BOT_CHECK: to_translate(
        "The site answers with a check for browsers, which no feed reader can pass. Its operator "
        "may exempt the feed from it."
    ),
    FailureKind.FIREWALL: to_translate(
        "A firewall in front of the site refuses feed readers. Its operator may exempt the feed."
    ),
    FailureKind.CONSENT_PAGE: to_translate(
        "The site asks for consent to cookies before it shows anything, which no feed reader can "
        "give."
    ),
    FailureKind.LOGIN_PAGE: to_translate(
        "The site shows a login page in place of the feed. The feed may be for members only."
    ),
    FailureKind.PARKED_DOMAIN: to_translate(
        "The domain is parked or for sale. The site is no longer at this address."
    ),
    FailureKind.DEFAULT_PAGE: to_translate(
        "The web server shows its default page. The site may have moved, or is not set up."
    ),
    FailureKind.SUSPENDED: to_translate(
        "The provider has suspended the site. Its owner has to settle the matter."
    ),
    FailureKind.MAINTENANCE: to_translate(
        "The site is under maintenance, which is usually over soon."
    ),
    FailureKind.NOT_FOUND: to_translate(
        "There is nothing at this address (404). The feed may have moved."
    ),
    FailureKind.REMOVED: to_translate("The feed has been removed for good (410)."),
    FailureKind.THROTTLED: to_translate("The server asked for fewer requests."),
    FailureKind.SERVER_ERROR: to_translate(
        "The server has a problem of its own ({status}), which is often temporary."
    ),
    FailureKind.HTTP_ERROR: to_translate("The server answered with status {status}, not a feed."),
    FailureKind.TIMEOUT: to_translate("The server did not answer in time."),
    FailureKind.UNKNOWN_HOST: to_translate(
        "There is no host of this name. The address may be misspelled, or the domain expired."
    ),
    FailureKind.NO_NAME_SERVER: to_translate("The host’s name could not be looked up."),
    FailureKind.REFUSED: to_translate("The server refuses connections; it may be down."),
    FailureKind.UNREACHABLE: to_translate("The server could not be reached."),
    FailureKind.PROXY: to_translate("The proxy in config.yaml does not lead to the server."),
    FailureKind.CERTIFICATE_EXPIRED: to_translate("The server’s certificate has expired."),
    FailureKind.CERTIFICATE_NAME: to_translate("The server’s certificate is for another host."),
    FailureKind.CERTIFICATE: to_translate("The server’s certificate cannot be trusted."),
    FailureKind.TLS: to_translate("A secure connection to the server is not possible."),
    FailureKind.REDIRECTS: to_translate("The server’s redirects do not lead to a feed."),
    FailureKind.NOT_PUBLIC: to_translate(
        "The address leads into a private network or to an unusual port, which config.yaml does "
        "not allow."
    ),
    FailureKind.BAD_ADDRESS: to_translate("The address is not valid."),
    FailureKind.FILE: to_translate("The file cannot be read."),
    FailureKind.EMPTY: to_translate("The answer was empty."),
    FailureKind.TOO_LARGE: to_translate("The feed is larger than config.yaml allows."),
    FailureKind.BROKEN: to_translate("The server’s answer was incomplete or damaged."),
    FailureKind.WEB_PAGE: to_translate("This address has a web page, not a feed."),
    FailureKind.NOT_A_FEED: to_translate("The document at this address is not a feed."),
    FailureKind.PAGE_CHANGED: to_translate(
        "This page does not have the posts that config.yaml expects. It may have changed."
    ),
    FailureKind.UNREADABLE: to_translate(
        "The document could not be read; the log of this program says why."
    ),
}
_NAMED_FEED = to_translate(
    "This address has a web page, not a feed. The page names {place} as its feed."
)

_BY_SERVICE = {
    FailureKind.BOT_CHECK: to_translate(
        "{service} answers for the site with a check for browsers, which no feed reader can pass. "
        "The operator of the site may exempt the feed from it."
    ),
    FailureKind.FIREWALL: to_translate(
        "{service} protects the site and refuses feed readers. The operator of the site may exempt "
        "the feed."
    ),
}

_CLOSED = to_translate(
    "The feed asks not to be checked at certain hours or on certain days (skipHours, skipDays)."
)


def failure_sentence(failure: Failure, lang: Language) -> str:
    """Return what is wrong, and where it helps what to do, in one or two sentences."""
    if failure.kind is FailureKind.WEB_PAGE and failure.named_feed:
        return lang.gettext(_NAMED_FEED, place=failure.named_feed)
    service = failure.service
    if service and failure.kind in _BY_SERVICE:
        return lang.gettext(_BY_SERVICE[failure.kind], service=service)
    sentence = lang.gettext(_SENTENCES[failure.kind])
    if "{" in sentence:
        return sentence.format(status=failure.status)
    if service is None:
        return sentence
    page = lang.gettext("The page comes from {service}.", service=service)
    return f"{sentence}{'' if sentence.endswith('。') else ' '}{page}"


def defect_sentence(note: str, lang: Language) -> str | None:
    """Return what was wrong with a document that was read all the same, None for another note."""
    if note == document_defects.CUT_SHORT:
        return lang.gettext("The document ends too early.")
    if note == document_defects.CUT_WITHIN_ENTRY:
        return lang.gettext("The document ends too early; its last post is left out.")
    if counts := document_defects.counts_of_incomplete_items(note):
        incomplete, items = counts
        return lang.gettext(
            "Left out, as the title or the link is missing: {incomplete} of {items} posts on the "
            "page.",
            incomplete=incomplete,
            items=items,
        )
    line = document_defects.line_not_well_formed(note)
    if line is None:
        return None
    return lang.gettext("The document has a mistake in line {line}, but could be read.", line=line)


def check_reason(feed: FeedHealth, lang: Language) -> str | None:
    """Return who or what decided when a feed is checked next.

    Returns:
        None where config.yaml or the feed's own frequency decided, and for an unknown reason.
    """
    status = feed_status(feed)
    constraint = _deciding_constraint(feed)
    if status is FeedStatus.OFFLINE:
        return lang.gettext("This machine seems to be offline.")
    if constraint is not None and (text := _constraint_text(constraint, feed, lang)):
        return text
    if status is FeedStatus.WAITING:
        return lang.gettext("The server asked for a pause.")
    if status is FeedStatus.FAILING:
        return lang.ngettext(
            "Checked less often after {n} failure.",
            "Checked less often after {n} failures.",
            feed.failures,
        )
    return None


def _deciding_constraint(feed: FeedHealth) -> Constraint | None:
    """Return the constraint that the next check waits for, None for one of our own."""
    if feed.next_reason is None or feed.next_reason in OUR_REASONS:
        return None
    for constraint in feed.constraints:
        if constraint.reason == feed.next_reason:
            return constraint
    return None


def _constraint_text(constraint: Constraint, feed: FeedHealth, lang: Language) -> str | None:
    match constraint.name:
        case "Retry-After":
            return lang.gettext("The server asked for a pause.")
        case "429":
            return lang.gettext("The server asked for fewer requests.")
        case "host":
            host = urls.site_of(feed.moved_to or feed.source.feed_url)
            if not host:
                return lang.gettext("The server asked for fewer requests.")
            return lang.gettext("{host} asked for fewer requests.", host=host)
        case "skipHours" | "skipDays":
            return lang.gettext(_CLOSED)
        case "freshness":
            return _wished_rhythm(
                lang.gettext("The server asks for checks {every} (Cache-Control)."),
                constraint,
                feed,
                lang,
            )
        case "ttl" | "updatePeriod":
            pattern = lang.gettext("The feed asks to be checked {every} ({element}).")
            return _wished_rhythm(pattern, constraint, feed, lang)
    return None


def _wished_rhythm(
    pattern: str, constraint: Constraint, feed: FeedHealth, lang: Language
) -> str | None:
    """Return a pattern with the time from the last check to the end of the constraint."""
    if constraint.until is None or feed.last_polled_at is None:
        return None
    wait = constraint.until - feed.last_polled_at
    minutes = max(round(wait / timedelta(minutes=1)), 1)
    rhythm = every(timedelta(minutes=minutes), lang)
    return pattern.format(every=rhythm, element=constraint.name)

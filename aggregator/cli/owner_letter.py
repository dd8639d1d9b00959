"""A polite letter to the operator of a site.  Pure."""

import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime

from aggregator import urls
from aggregator.cli.doctor_findings import LETTER_KINDS, Finding
from aggregator.config import Config
from aggregator.model import FailureKind

_WIDTH = 72
_EXEMPT = (
    "Could you exempt the address of the feed from this check? Feeds are made for programs, and no "
    "feed reader can pass a check for people in browsers."
)
_MOVED = "Has the feed moved? A permanent redirect would tell all its readers."
_REQUESTS = {
    FailureKind.BOT_CHECK: _EXEMPT,
    FailureKind.FIREWALL: _EXEMPT,
    FailureKind.FORBIDDEN: (
        "Could you allow feed readers at this address, or tell us if you do not want us to read it?"
    ),
    FailureKind.CONSENT_PAGE: (
        "Could you exempt the address of the feed from the question? A feed sets no cookies, and a "
        "program can't consent."
    ),
    FailureKind.LOGIN_PAGE: (
        "If the feed is public, could you let it be read without a login? If it is for members, an "
        "address with a token would help."
    ),
    FailureKind.CERTIFICATE_EXPIRED: "Could you renew the certificate?",
    FailureKind.CERTIFICATE_NAME: "Could you have the certificate name this host as well?",
    FailureKind.NOT_FOUND: _MOVED,
    FailureKind.WEB_PAGE: _MOVED,
    FailureKind.DEFAULT_PAGE: _MOVED,
}
_USUAL_REQUEST = "Could you have a look at it?"


@dataclass(frozen=True, slots=True)
class Robot:
    """The program in a letter.

    Attributes:
        title: Of the pages with the posts.
        user_agent: As sent with the request.
        page: Address of the page about the robot; None where others can't reach the page.
        contact: Of the operator, None for none.
    """

    title: str
    user_agent: str
    page: str | None
    contact: str | None


def robot_of(config: Config, user_agent: str) -> Robot:
    """Return the program as in a letter; the page by the rules of the User-Agent."""
    page = None if urls.is_private(config.base_url) else f"{config.base_url}/about/robot"
    contact = config.page.contact.removeprefix("mailto:") if config.page.contact else None
    return Robot(config.title, user_agent, page, contact)


def letter_of(finding: Finding, robot: Robot, failing_since: datetime | None) -> str | None:
    """Return the letter, None where the operator of the site can do nothing."""
    failure = finding.failure
    if failure is None or failure.kind not in LETTER_KINDS or finding.asked_at is None:
        return None
    address = urls.masked(finding.feed.url)
    host = urls.host_of(finding.feed.url)
    paragraphs = [
        f"Subject: The feed of {host} can't be read",
        "Hello,",
        _beginning(robot, failing_since),
        "\n".join(_facts(finding, robot, address)),
        finding.sentence,
        _REQUESTS.get(failure.kind, _USUAL_REQUEST),
        *_about(robot),
        "Thank you for your feed, and kind regards",
    ]
    if robot.contact:
        paragraphs.append(robot.contact)
    return "\n\n".join(map(_filled, paragraphs)) + "\n"


def _beginning(robot: Robot, failing_since: datetime | None) -> str:
    reader = f'our feed reader "{robot.title}" subscribes to a feed of yours'
    if failing_since is None:
        return f"{reader}, and can't read it now."
    day = f"{failing_since.astimezone(UTC):%Y-%m-%d}"
    return f"{reader}, and has not been able to read it since {day}."


def _facts(finding: Finding, robot: Robot, address: str) -> list[str]:
    at = finding.asked_at
    return [
        f"    Address:    {address}",
        f"    Time:       {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "",
        f"    Answer:     {finding.reason}",
        f"    User-Agent: {robot.user_agent}",
    ]


def _about(robot: Robot) -> list[str]:
    if robot.page is None:
        return []
    return [
        "What our robot does, how often it asks, and how to slow it down or stop it: " + robot.page
    ]


def _filled(paragraph: str) -> str:
    if paragraph.startswith(("    ", "Subject:")):
        return paragraph
    return textwrap.fill(paragraph, _WIDTH, break_long_words=False, break_on_hyphens=False)

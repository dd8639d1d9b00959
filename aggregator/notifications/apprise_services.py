"""Messages to services by Apprise, an extra; an address of a target is a secret.

Apprise loads a hundred services for the first address, so this module imports Apprise late.
"""

import importlib.util
import logging
import re
import warnings
from functools import cache
from typing import Any

from aggregator.notifications.message_text import Message

_STATUS = re.compile(r"error=(\d{3})\b")


class NotSentError(Exception):
    """A service did not take a message; the text is a reason without the address."""


def is_installed() -> bool:
    """Whether Apprise can be imported."""
    return importlib.util.find_spec("apprise") is not None


def is_address(address: str) -> bool:
    """Whether an address is complete, and of a service known to Apprise."""
    return _service(address) is not None


def send(address: str, message: Message) -> None:
    """Send a message, and return after the answer of the service, or half a minute at most.

    Raises:
        NotSentError: The service did not take the message.
    """
    service = _service(address)
    if service is None:
        raise NotSentError("the address is not of a service that Apprise knows")
    from apprise import NotifyFormat

    formats = service.notify_format
    preferred = formats[0] if isinstance(formats, tuple) else formats
    is_html = preferred == NotifyFormat.HTML
    with _Complaints() as complaints:
        try:
            is_sent = service.notify(
                title=message.title,
                body=message.html if is_html else message.text,
                body_format=NotifyFormat.HTML if is_html else NotifyFormat.TEXT,
            )
        except Exception as error:  # of any service; its text may have the address
            reason = f"the service's part of Apprise failed: {type(error).__name__}"
            raise NotSentError(reason) from None
    if not is_sent:
        raise NotSentError(complaints.reason)


def _service(address: str) -> Any:
    with _Complaints():
        return _loaded().instantiate(address, suppress_exceptions=True)


@cache
def _loaded() -> Any:
    """Load Apprise and all services; one of them imports a deprecated module of Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from apprise import Apprise

        Apprise.instantiate("json://localhost")
    return Apprise


class _Complaints(logging.Handler):
    """Keeps the log lines of Apprise, with parts of addresses, out of our log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._statuses: list[str] = []

    @property
    def reason(self) -> str:
        """The reason of a failure: the status of the answer, if any came."""
        if self._statuses:
            return f"the service answered {self._statuses[-1]}"
        return "the service could not be reached, or refused the message"

    def emit(self, record: logging.LogRecord) -> None:
        """Note the status in a line of the log."""
        self._statuses += _STATUS.findall(record.getMessage())

    def __enter__(self) -> "_Complaints":
        logger = logging.getLogger("apprise")
        logger.propagate = False
        logger.addHandler(self)
        return self

    def __exit__(self, *exc: object) -> None:
        logging.getLogger("apprise").removeHandler(self)

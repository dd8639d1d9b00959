"""Exceptions of aiohttp and of the system, in our own words.

Nothing of what a server sent is repeated: it would stand on a page and in a log.
"""

import errno
import re
import socket
import ssl
from datetime import timedelta

import aiohttp
from aiohttp import http_exceptions

from .failure import Refused

_ERRNO_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.ENETDOWN: "network unreachable",
    errno.EADDRNOTAVAIL: "network unreachable",
    errno.ETIMEDOUT: "no connection: the host does not answer",
    errno.ECONNRESET: "connection closed before an answer",
    errno.EPIPE: "connection closed before an answer",
    errno.ECONNABORTED: "connection closed before an answer",
    errno.EAGAIN: "too many threads for another look-up; lower poll.concurrency",
    errno.EMFILE: "too many open connections; lower poll.concurrency",
    errno.ENFILE: "too many open connections; lower poll.concurrency",
}
# What the system says without having asked anybody: there is no way out of this machine.
_NO_ROUTE = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}
    | {errno.EAFNOSUPPORT, errno.EACCES, errno.EPERM, errno.EINVAL}
)
# What it says where no name server gave an answer: SERVFAIL, REFUSED and silence are EAI_AGAIN.
_NO_RESOLVER = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM})
_ERRNO_IN_WORDS = re.compile(r"\[Errno (\d{1,4})\]")
# OpenSSL's X509_V_ERR_...; the module ssl has no names for them.
_CERTIFICATE_WORDS = {
    9: "certificate: not valid yet",
    10: "certificate: expired",
    18: "certificate: self-signed",
    19: "certificate: self-signed",
    20: "certificate: its issuer is unknown",
    21: "certificate: its issuer is unknown",
    23: "certificate: revoked",
    62: "certificate is for another name",
    64: "certificate is for another name",
}


class Lost(aiohttp.ClientError):
    """The connection ended before an answer; kept from being tried again by aiohttp."""


def explained(
    error: Exception, *, answered: bool, connect_timeout: timedelta, read_timeout: timedelta
) -> str:
    """Return an exception of aiohttp or of the system in plain words.

    Args:
        answered: The answer's headers had come; its body failed.
    """
    match error:
        case aiohttp.ConnectionTimeoutError():
            return f"no connection within {seconds(connect_timeout)}"
        case TimeoutError():
            without = seconds(read_timeout)
            return f"nothing came for {without}" if answered else f"no answer within {without}"
        case aiohttp.ClientConnectorCertificateError():
            return _certificate_words(error.certificate_error)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "no secure connection: the server's TLS can't be used"
        case aiohttp.ClientConnectorError():
            return _connection_words(error.os_error)
        case socket.gaierror():
            return _connection_words(error)
        case aiohttp.ClientResponseError():
            return _protocol_words(error)
        case aiohttp.ClientPayloadError():
            return "the answer was cut short"
        case aiohttp.InvalidURL():
            return "not a valid address"
        case Lost() | aiohttp.ServerDisconnectedError() | OSError():
            return "the answer was cut short" if answered else "connection closed before an answer"
        case ValueError():  # UnicodeError among them
            return "not a valid address"
    return "no usable answer"


def is_unreachable(error: Exception) -> bool:
    """Whether the network of this machine may be what failed, and not the server."""
    if not isinstance(error, aiohttp.ClientConnectorError):
        return False
    cause = error.os_error
    if isinstance(cause, ssl.SSLError):  # its numbers are others: 1 is not EPERM
        return False
    if isinstance(cause, socket.gaierror):
        return cause.errno in _NO_RESOLVER
    numbers = _errnos(cause)
    return bool(numbers) and numbers <= _NO_ROUTE


def seconds(span: timedelta) -> str:
    """Return a time limit as a person reads it: `30 s`."""
    return f"{span.total_seconds():g} s"


def _certificate_words(error: Exception) -> str:
    code = getattr(error, "verify_code", None)
    return _CERTIFICATE_WORDS.get(code or 0, "certificate: not accepted")


def _errnos(error: OSError) -> set[int]:
    """Return the numbers of what happened; several addresses of a name may fail in several ways.

    aiohttp then has one error without a number, in whose words those of all are repeated.
    """
    if error.errno is not None:
        return {error.errno}
    return {int(number) for number in _ERRNO_IN_WORDS.findall(str(error))}


def _connection_words(error: OSError) -> str:
    if isinstance(error, Refused):
        return error.reason
    if isinstance(error, socket.gaierror):
        if error.errno in _NO_RESOLVER:
            return "name not found: the name server does not answer"
        return "name not found"
    numbers = _errnos(error)
    if len(numbers) > 1 and numbers <= _NO_ROUTE:
        return "network unreachable"
    return _ERRNO_WORDS.get(next(iter(numbers), 0), "no connection")


def _protocol_words(error: BaseException | None) -> str:
    """aiohttp wraps the parser's exception twice; only that one tells what is wrong."""
    while error is not None:
        # The message goes on with what the server sent; only its beginning is the parser's.
        message = str(getattr(error, "message", "")).partition(":")[0]
        if isinstance(error, http_exceptions.LineTooLong) or "Too many headers" in message:
            return "the answer's headers are too large"
        if "chunk size" in message:
            return "the answer was cut short"
        error = error.__cause__
    return "not an HTTP answer"

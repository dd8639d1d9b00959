"""Exceptions of aiohttp and of the system -> a message for people, and the kind of the failure.

No message repeats content from a server: messages stand on pages and in logs.
"""

import errno
import re
import socket
import ssl
from datetime import timedelta
from http import HTTPStatus

import aiohttp
from aiohttp import http_exceptions

from aggregator.model import FailureKind, Proxy
from aggregator.model.times import span_text

from .failure import (
    CUT_SHORT,
    HEAD_TOO_LARGE,
    NOT_HTTP,
    AddressRefusedError,
    FetchFailure,
    login_failure,
    proxy_failure,
)
from .fetch_settings import FetchSettings
from .response_headers import status_message

_NO_ANSWER = "connection closed before an answer"
_TOO_MANY_CONNECTIONS = "too many open connections; lower poll.concurrency"
_Reason = tuple[str, FailureKind]
_ERRNO_REASONS: dict[int, _Reason] = {
    errno.ECONNREFUSED: ("connection refused", FailureKind.REFUSED),
    errno.EHOSTUNREACH: ("host unreachable", FailureKind.UNREACHABLE),
    errno.ENETUNREACH: ("network unreachable", FailureKind.UNREACHABLE),
    errno.ENETDOWN: ("network unreachable", FailureKind.UNREACHABLE),
    errno.EADDRNOTAVAIL: ("network unreachable", FailureKind.UNREACHABLE),
    errno.ETIMEDOUT: ("no connection: the host does not answer", FailureKind.TIMEOUT),
    errno.ECONNRESET: (_NO_ANSWER, FailureKind.UNREACHABLE),
    errno.EPIPE: (_NO_ANSWER, FailureKind.UNREACHABLE),
    errno.ECONNABORTED: (_NO_ANSWER, FailureKind.UNREACHABLE),
    errno.EAGAIN: (
        "too many threads for another look-up; lower poll.concurrency",
        FailureKind.UNREADABLE,
    ),
    errno.EMFILE: (_TOO_MANY_CONNECTIONS, FailureKind.UNREADABLE),
    errno.ENFILE: (_TOO_MANY_CONNECTIONS, FailureKind.UNREADABLE),
}
# Errors without any packet sent: this machine has no route.
_NO_ROUTE = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.EADDRNOTAVAIL}
    | {errno.EAFNOSUPPORT, errno.EACCES, errno.EPERM, errno.EINVAL}
)
# Errors of a look-up without an answer; the resolver reports SERVFAIL, REFUSED and silence alike.
_NO_RESOLVER = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM})
_ERRNO_IN_TEXT = re.compile(r"\[Errno (\d{1,4})\]")
# OpenSSL's X509_V_ERR_...; the module ssl has no names for these numbers.
_CERTIFICATE_REASONS: dict[int, _Reason] = {
    9: ("certificate: not valid yet", FailureKind.CERTIFICATE),
    10: ("certificate: expired", FailureKind.CERTIFICATE_EXPIRED),
    18: ("certificate: self-signed", FailureKind.CERTIFICATE),
    19: ("certificate: self-signed", FailureKind.CERTIFICATE),
    20: ("certificate: its issuer is unknown", FailureKind.CERTIFICATE),
    21: ("certificate: its issuer is unknown", FailureKind.CERTIFICATE),
    23: ("certificate: revoked", FailureKind.CERTIFICATE),
    62: ("certificate is for another name", FailureKind.CERTIFICATE_NAME),
    64: ("certificate is for another name", FailureKind.CERTIFICATE_NAME),
}


class ConnectionLostError(aiohttp.ClientError):
    """The connection ended before a response; aiohttp does not repeat the request then."""


def reason_and_kind(
    error: Exception, *, is_answered: bool, connect_timeout: timedelta, read_timeout: timedelta
) -> _Reason:
    """Return an exception of aiohttp or of the system in plain words, and the kind of the failure.

    Args:
        is_answered: The head of the response was complete; the body failed.
        connect_timeout: Time limit of a connection, for the message.
        read_timeout: Time limit of a silence, for the message.
    """
    match error:
        case aiohttp.ConnectionTimeoutError():
            return f"no connection within {span_text(connect_timeout)}", FailureKind.TIMEOUT
        case TimeoutError():
            limit = span_text(read_timeout)
            reason = f"nothing came for {limit}" if is_answered else f"no answer within {limit}"
            return reason, FailureKind.TIMEOUT
        case aiohttp.ClientConnectorCertificateError():
            return _certificate_reason(error.certificate_error)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return "no secure connection: the server's TLS can't be used", FailureKind.TLS
        case aiohttp.ClientConnectorError():
            return _connection_reason(error.os_error)
        case socket.gaierror():
            return _connection_reason(error)
        case aiohttp.ClientResponseError():
            return _protocol_message(error), FailureKind.BROKEN
        case aiohttp.ClientPayloadError():
            return CUT_SHORT, FailureKind.BROKEN
        case ConnectionLostError() | aiohttp.ServerDisconnectedError() | OSError():
            broken = CUT_SHORT, FailureKind.BROKEN
            return broken if is_answered else (_NO_ANSWER, FailureKind.UNREACHABLE)
        case ValueError():  # InvalidURL of aiohttp and UnicodeError among them
            return "not a valid address", FailureKind.BAD_ADDRESS
    return "no usable answer", FailureKind.BROKEN


def failure_of_proxy(
    error: Exception, proxy: Proxy, settings: FetchSettings
) -> FetchFailure | None:
    """Return the failure of an HTTP proxy itself, None for an error behind the proxy."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return failure_of_proxy_status(error.status, proxy)
        case aiohttp.ConnectionTimeoutError():
            return failure_at_proxy(TimeoutError(), proxy, settings)
        case aiohttp.ClientConnectorError() if (error.host, error.port) == (proxy.host, proxy.port):
            if isinstance(error, aiohttp.ClientConnectorCertificateError):
                reason, _ = _certificate_reason(error.certificate_error)
                return proxy_failure(proxy, f"can't be trusted: {reason}")
            if isinstance(error, aiohttp.ClientSSLError):
                return proxy_failure(proxy, "has no TLS that can be used")
            return failure_at_proxy(error.os_error, proxy, settings)
    return None


def failure_of_proxy_status(status: int, proxy: Proxy) -> FetchFailure:
    """Return the failure of an HTTP proxy that answers in place of the server."""
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return login_failure(proxy)
    return proxy_failure(proxy, f"can't reach the server: {status_message(status)}")


def failure_at_proxy(error: OSError, proxy: Proxy, settings: FetchSettings) -> FetchFailure:
    """Return the failure of a connection to a proxy."""
    if isinstance(error, AddressRefusedError):
        reason = error.reason.partition(";")[0]
        advice = f"to use it add {proxy.authority} to network.allow"
        return proxy_failure(proxy, f"is refused: {reason}; {advice}")
    reason, _ = _connection_reason(error)
    if isinstance(error, TimeoutError) and error.errno is None:
        reason = f"no connection within {span_text(settings.connect_timeout)}"
    return proxy_failure(proxy, f"can't be reached: {reason}", unreachable=True)


def is_unreachable(error: Exception) -> bool:
    """Whether the network of this machine may be at fault instead of the server."""
    if not isinstance(error, aiohttp.ClientConnectorError):
        return False
    cause = error.os_error
    if isinstance(cause, ssl.SSLError):  # with numbers of OpenSSL: 1 is not EPERM
        return False
    if isinstance(cause, socket.gaierror):
        return cause.errno in _NO_RESOLVER
    numbers = _errnos(cause)
    return bool(numbers) and numbers <= _NO_ROUTE


def _certificate_reason(error: Exception) -> _Reason:
    code = getattr(error, "verify_code", None) or 0
    unknown = "certificate: not accepted", FailureKind.CERTIFICATE
    return _CERTIFICATE_REASONS.get(code, unknown)


def _errnos(error: OSError) -> set[int]:
    """Return the numbers of an error; the addresses of a name may fail in different ways.

    aiohttp then raises an error without a number, whose text repeats the texts of all errors.
    """
    if error.errno is not None:
        return {error.errno}
    return {int(number) for number in _ERRNO_IN_TEXT.findall(str(error))}


def _connection_reason(error: OSError) -> _Reason:
    if isinstance(error, AddressRefusedError):
        return error.reason, FailureKind.NOT_PUBLIC
    if isinstance(error, socket.gaierror):
        if error.errno in _NO_RESOLVER:
            reason = "name not found: the name server does not answer"
            return reason, FailureKind.NO_NAME_SERVER
        return "name not found", FailureKind.UNKNOWN_HOST
    numbers = _errnos(error)
    if len(numbers) > 1 and numbers <= _NO_ROUTE:
        return "network unreachable", FailureKind.UNREACHABLE
    # Of several addresses, the one that was reached says more than those without a route.
    number = next(iter(numbers - _NO_ROUTE or numbers), 0)
    return _ERRNO_REASONS.get(number, ("no connection", FailureKind.UNREACHABLE))


def _protocol_message(error: BaseException | None) -> str:
    """Return the message for a broken response; aiohttp wraps the parser's exception twice."""
    while error is not None:
        # Behind the colon the message repeats content from the server.
        message = str(getattr(error, "message", "")).partition(":")[0]
        if isinstance(error, http_exceptions.LineTooLong) or "Too many headers" in message:
            return HEAD_TOO_LARGE
        if "chunk size" in message:
            return CUT_SHORT
        error = error.__cause__
    return NOT_HTTP

"""Answers of one line by middleware in front of the application."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


def plain_answer(
    start_response: "StartResponse", status: str, text: str, *headers: tuple[str, str]
) -> tuple[bytes]:
    """Begin an uncacheable answer, and return the body: one line of text.

    Args:
        headers: Further headers.
    """
    body = f"{text}\n".encode()
    start_response(
        status,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *headers,
        ],
    )
    return (body,)

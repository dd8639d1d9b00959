"""Answers of one line that are given before the application is entered."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse


def plain_answer(start_response: "StartResponse", status: str, text: str) -> tuple[bytes]:
    """Begin an answer that nobody may keep, and return its body: one line of text."""
    body = f"{text}\n".encode()
    start_response(
        status,
        [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ],
    )
    return (body,)

"""What browsers may load for our pages, and for documents with texts of others.

Source: Content Security Policy Level 3.
"""

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

_PAGE_DIRECTIVES = (
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
)
_MEDIA = "media-src https:"
_FRAME_DIRECTIVES = (
    "default-src 'none'",
    "style-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
)
_ONLY_IN_HEADERS = ("frame-ancestors", "report-uri", "sandbox")

PAGE_POLICY = "; ".join(_PAGE_DIRECTIVES)

POST_POLICY = f"{PAGE_POLICY}; {_MEDIA}"
"""Of the page of a post: sound and video come from the publisher when a reader plays them."""

DOCUMENT_POLICY = "default-src 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
"""Of what is not a page but may be opened like one: texts of other people are in it."""

PICTURE_POLICY = DOCUMENT_POLICY.replace(";", "; style-src 'unsafe-inline'; img-src data:;", 1)
"""Of an SVG document, which is drawn with styles and has pictures in it, but runs nothing."""


def frame_policy(origins: Sequence[str]) -> str:
    """Return the policy of a page that the pages of `origins` may have in a frame."""
    return "; ".join((*_FRAME_DIRECTIVES, f"frame-ancestors {' '.join(origins)}"))


def policy_of_file(*, plays_media: bool) -> Markup:
    """Return the policy that a page in a file carries in a `meta` element, as attribute text.

    Args:
        plays_media: The page is that of a post.

    Source: HTML, 4.2.5.3 (pragma directives: Content security policy state).
    """
    directives = (
        directive for directive in _PAGE_DIRECTIVES if not directive.startswith(_ONLY_IN_HEADERS)
    )
    media = [_MEDIA] if plays_media else []
    return Markup(escape("; ".join([*directives, *media])))  # noqa: S704

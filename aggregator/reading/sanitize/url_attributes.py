"""Addresses in attributes: which are allowed, and `srcset`, unknown to nh3."""

import re
from itertools import islice

from aggregator import urls

DATA_IMAGE = re.compile(r"data:image/(?:png|gif|jpe?g|webp|avif);base64,[A-Za-z0-9+/=\s]*")
SCRIPT = re.compile(r"\s*(?:javascript|vbscript|data)\s*:", re.IGNORECASE)
CANDIDATE = re.compile(r"([^\s,]\S*[^\s,])(?:\s+([0-9.]{1,10}[wx]))?\s*(?:,|$)")


_MAX_CANDIDATES = 20


def srcset(value: str, base: str) -> str | None:
    """Return a `srcset` with absolute addresses, None if any address is invalid."""
    candidates: list[str] = []
    for candidate in islice(CANDIDATE.finditer(value), _MAX_CANDIDATES):
        url, size = candidate[1], candidate[2] or ""
        absolute = urls.absolute(url, base)
        if absolute is None or absolute.startswith("mailto:"):
            return None
        candidates.append(f"{absolute} {size}".strip())
    return ", ".join(candidates) or None

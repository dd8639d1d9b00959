"""The date of a post, as a person wrote it on a page."""

from collections.abc import Iterable
from datetime import datetime

from aggregator import dates
from aggregator.model import Date


def page_date(texts: Iterable[str], sent_at: datetime) -> Date | None:
    """Return the date in the first text with a readable one, else the first text as no date.

    Args:
        texts: The most exact first.
        sent_at: When the document was sent; "19 minutes ago" counts from then.

    Returns:
        None without a text.
    """
    read = [date for text in texts if (date := _date(text, sent_at)) is not None]
    return next((date for date in read if date.at is not None), read[0] if read else None)


def _date(text: str, sent_at: datetime) -> Date | None:
    """Return the date in a text; the only place for further forms of dates."""
    return dates.read(text, None)

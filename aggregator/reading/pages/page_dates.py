"""The date of a post, as a person wrote it on a page."""

from collections.abc import Iterable
from datetime import datetime

from aggregator import dates
from aggregator.model import Date


def page_date(
    texts: Iterable[str],
    sent_at: datetime,
    language: str | None,
    *,
    month_first: bool | None = None,
) -> Date | None:
    """Return the date in the first text with a readable one, else the first text as no date.

    Args:
        texts: The most exact first.
        sent_at: When the document was sent; "19 minutes ago" counts from then.
        language: Tag of the document's language, None if unknown.
        month_first: As `dates.is_month_first` returns for the document.

    Returns:
        None without a text.
    """
    read = [_date(text, sent_at, language, month_first) for text in texts if text.strip()]
    return next((date for date in read if date.at is not None), read[0] if read else None)


def _date(text: str, sent_at: datetime, language: str | None, month_first: bool | None) -> Date:
    """Return the date in a text; without a zone, as if in UTC."""
    reading = dates.written_date(text, sent_at, language=language, month_first=month_first)
    text = " ".join(text.split())[: dates.MAX_WRITTEN_LENGTH]
    if reading is None:
        return Date(text, "published", None, "")
    return Date(
        text,
        "published",
        reading.at,
        reading.form,
        is_certain=reading.zoned,
        zoned=reading.zoned,
        whole_day=reading.whole_day,
        precision=reading.precision,
    )

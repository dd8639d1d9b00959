"""Pictures of entries between config.yaml, the database, the stage that fetches them, and pages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PictureMode(StrEnum):
    """Which pictures of a feed's entries are fetched and shown."""

    OFF = "off"
    LEAD = "lead"
    """One for each entry."""
    ALL = "all"
    """Also those within the texts."""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture that pages show.

    Attributes:
        key: Name of its files.
        width, height: Pixels of the size for posts.
    """

    key: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class DuePicture:
    """A picture whose turn has come to be fetched.

    Attributes:
        url: An http(s) URL, or a `data:` URL.
        site: Of the URL, see `urls.site_of`; "" for a `data:` URL.
        feed_url: Of the feed with the newest entry that has the picture.
        attempts: How many failed.
        request_digest: Of the feed's `FeedRequest`.
        place: Id of the newest entry that has the picture.
    """

    id: int
    url: str
    site: str
    feed_url: str
    attempts: int
    request_digest: str | None = None
    place: int = 0


@dataclass(frozen=True, slots=True)
class FetchedPicture:
    """The outcome for a due picture.

    Attributes:
        stored: None if there is none to show.
        size: Bytes of both files.
        failure: Why there is no picture, in plain words; "" if there is one.
        again_at: When to try again; None for never.
        is_attempt: Whether the failure counts.
    """

    due: DuePicture
    stored: StoredPicture | None = None
    size: int = 0
    failure: str = ""
    again_at: datetime | None = None
    is_attempt: bool = True


@dataclass(frozen=True, slots=True)
class PictureState:
    """What became of a picture of an entry.

    Attributes:
        url: "" for a picture that stands within the text.
        stored: None if there are no files.
        failure: Why there are none, "" if nothing failed so far.
        next_at: When the picture is to be fetched; None for a picture whose turn has not come, and
            for one that is stored or given up.
    """

    url: str
    stored: StoredPicture | None
    failure: str
    next_at: datetime | None

"""Addresses of a feed or an entry: the page, the files, the picture.

The input are feedparser's dictionaries, as `context` fills them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from aggregator.model import Enclosure
from aggregator.text.hypertext import unwrapped
from aggregator.urls import is_plain, is_web, joined

_Link = Mapping[str, Any]

MAX_SECONDS = 10_000_000
"""A longer duration of sound or video is taken for a mistake: 115 days."""

_REDIRECTED = ("feedburner_origlink", "pheedo_origlink")  # the address before a redirector
_PAGES = ("text/html", "application/xhtml+xml")
_PLAYED = ("audio/", "video/")
# Pages or programs with a player, for browsers only.
_NOT_PLAYED = ("text/", "image/", "application/x-shockwave-flash")
_SUFFIX = re.compile(
    r"\.(?:mp3|m4a|m4b|aac|oga|ogg|opus|flac|wav|mp4|m4v|mov|webm|ogv|mkv|m3u8)(?=[?#]|$)",
    re.IGNORECASE,
)
_CLOCK = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,5}):)?(\d{1,8})(?:[.,]\d{0,9})?")
_ISO_8601 = re.compile(
    r"PT(?=\d)(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,8})(?:[.,]\d{0,9})?S)?", re.IGNORECASE
)


class EntryContext(NamedTuple):
    """The parts of a feed that the addresses of an entry depend on.

    Attributes:
        url: Of the document.
        base: For relative addresses: in RSS the channel's page, else the document.
        language: Of the feed, None where unknown.
        atom: The feed is Atom, with the rules of RFC 4287.
    """

    url: str
    base: str
    language: str | None
    atom: bool


def linked(values: Mapping[str, Any], relation: str) -> list[_Link]:
    """Return the links of a relation with an address, in document order."""
    links = dict.get(values, "links") or ()  # type: ignore[call-overload]
    return [link for link in links if link.get("rel") == relation and link.get("href")]


def page(
    values: Mapping[str, Any], *, base: str, language: str | None, by_text: bool
) -> str | None:
    """Return the address of a feed's or an entry's page, None without a link.

    The first alternate with a web address, of type HTML or none, in `language` (RFC 4287, 4.1.1 and
    4.2.7); else the first alternate.

    Args:
        base: For relative addresses of links without an xml:base.
        language: A tag, None where unknown.
        by_text: RSS: links with the address as text come first.
    """
    alternates = [(address(link, base), link) for link in linked(values, "alternate")]
    if len(alternates) > 1:
        alternates.sort(key=partial(_rank, language=language, by_text=by_text))
    return alternates[0][0] if alternates else None


def _rank(
    alternate: tuple[str, _Link], *, language: str | None, by_text: bool
) -> tuple[bool, bool, bool, int]:
    url, link = alternate
    wanted_language = (language or "").lower().partition("-")[0]
    link_language = (link.get("hreflang") or "").lower().partition("-")[0]
    media_type = (link.get("type") or _PAGES[0]).partition(";")[0].strip()
    return (
        not is_web(url),
        media_type not in _PAGES,
        by_text and link.get("address_in") != "text",
        0
        if link_language and link_language == wanted_language
        else 2
        if link_language and wanted_language
        else 1,
    )


def page_of_entry(
    entry: Mapping[str, Any],
    elsewhere: Iterable[_Link],
    language: str | None,
    context: EntryContext,
) -> str | None:
    """Return the address of an entry's page, None without one.

    An id counts if a web address, unless marked as no permalink (RSS 2.0, guid); an external
    content counts if a page (RFC 4287, 4.1.3.2).

    Args:
        elsewhere: External contents, with their addresses.
    """
    for key in _REDIRECTED:
        if link := dict.get(entry, key):  # type: ignore[call-overload]
            return joined(context.base, link)
    language = language or context.language
    link = page(entry, base=context.base, language=language, by_text=not context.atom) or ""
    if is_web(link):
        return link
    entry_id: str = dict.get(entry, "id") or ""  # type: ignore[call-overload]
    if is_web(entry_id) and dict.get(entry, "guidislink", True):  # type: ignore[call-overload]
        return entry_id
    pages = (
        joined(joined(context.base, detail["base"]), detail["src"])
        for detail in elsewhere
        if detail["type"] in _PAGES or "untyped" in detail
    )
    return link or next(filter(is_web, pages), None)


def base_of_entry(own_base: str, link: str | None, context: EntryContext) -> str:
    """Return the base of relative addresses in an entry.

    RSS has no rule: without an xml:base, the base is the item's page, else the channel's page, else
    the document.
    """
    if own_base:
        return joined(context.url, own_base)
    if context.atom:
        return context.url
    return link if link and link.startswith(("http://", "https://")) else context.base


def address(link: _Link, base: str) -> str:
    """Return the address of a link, whose own base comes before `base`."""
    href: str = link["href"].strip()
    if is_plain(href):
        return href
    own_base = link.get("base")
    return joined(joined(base, own_base) if own_base else base, unwrapped(href).strip())


def enclosures(
    entry: Mapping[str, Any], *, base: str, elsewhere: Iterable[_Link]
) -> tuple[Enclosure, ...]:
    """Return the files of an entry: enclosures, then the sound and video of Media RSS.

    Args:
        elsewhere: External contents of Atom, with their addresses (RFC 4287, 4.1.3.2).
    """
    files = [
        Enclosure(address(link, base), link.get("type") or None, size(link.get("length")))
        for link in linked(entry, "enclosure")
    ]
    files += [
        Enclosure(joined(joined(base, content["base"]), content["src"]), content["type"])
        for content in elsewhere
        if content["type"].startswith(_PLAYED)
    ]
    if media := dict.get(entry, "media_content"):  # type: ignore[call-overload]
        files += [
            Enclosure(
                joined(base, recording["url"].strip()),
                recording.get("type") or None,
                size(recording.get("filesize")),
                seconds(recording.get("duration")),
            )
            for recording in _one_of_each_kind(list(filter(_is_played, media)))
        ]
    if not files:
        return ()
    duration = seconds(dict.get(entry, "itunes_duration"))  # type: ignore[call-overload]
    return tuple(_timed(_merged(files), duration))


def _is_played(media: Mapping[str, Any]) -> bool:
    url, media_type = media.get("url") or "", (media.get("type") or "").lower()
    if not url.strip() or media_type.startswith(_NOT_PLAYED):
        return False
    if media_type.startswith(_PLAYED):
        return True
    medium = (media.get("medium") or "").strip().lower()
    return medium in {"audio", "video"} or (not medium and bool(_SUFFIX.search(url)))


def _one_of_each_kind(media: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Leave out the other bit rates of a recording.

    A group has one recording in several forms (Media RSS, media:group): of each type the default is
    chosen, else the first.
    """
    best: dict[tuple[int, str], Mapping[str, Any]] = {}
    for number, recording in enumerate(media):
        group = recording.get("group") or -number - 1
        kind = (group, (recording.get("type") or recording.get("medium") or "").lower())
        is_default = recording.get("isdefault") == "true"
        if kind not in best or (is_default and best[kind].get("isdefault") != "true"):
            best[kind] = recording
    yield from best.values()


def _merged(files: Iterable[Enclosure]) -> list[Enclosure]:
    """Return each file once, with the details of all occurrences."""
    by_url: dict[str, Enclosure] = {}
    for file in files:
        earlier_file = by_url.get(file.url)
        by_url[file.url] = (
            file
            if earlier_file is None
            else Enclosure(
                file.url,
                earlier_file.type or file.type,
                earlier_file.length or file.length,
                earlier_file.duration or file.duration,
            )
        )
    return list(by_url.values())


def _timed(files: list[Enclosure], duration: int | None) -> list[Enclosure]:
    """Give the duration of an episode (iTunes) to the recording of the episode."""
    if duration is None:
        return files
    for number, file in enumerate(files):
        if (file.type or "audio/").lower().startswith(_PLAYED) or _SUFFIX.search(file.url):
            files[number] = replace(file, duration=file.duration or duration)
            break
    return files


def size(text: Any) -> int | None:
    """Return a number of bytes, None for any other text and absurd numbers."""
    digits = text.strip() if isinstance(text, str) else ""
    return int(digits) if digits.isdecimal() and len(digits) < 16 and int(digits) else None


def seconds(text: Any) -> int | None:
    """Return a duration, None where unreadable: `95`, `95.2`, `1:35`, `0:01:35`, `PT1M35S`."""
    duration = text.strip() if isinstance(text, str) else ""
    match = _CLOCK.fullmatch(duration) or _ISO_8601.fullmatch(duration)
    if match is None:
        return None
    hours, minutes, remainder = (int(part or 0) for part in match.groups())
    total = 3600 * hours + 60 * minutes + remainder
    return total if 0 < total < MAX_SECONDS else None


def picture(entry: Mapping[str, Any]) -> str | None:
    """Return the picture of an entry: Media RSS (thumbnail, else an image), else iTunes."""
    media = dict.get(entry, "media_content") or ()  # type: ignore[call-overload]
    thumbnails = dict.get(entry, "media_thumbnail") or ()  # type: ignore[call-overload]
    for medium in (*thumbnails, *filter(is_picture, media)):
        if url := (medium.get("url") or "").strip():
            return str(url)
    image = dict.get(entry, "image")  # type: ignore[call-overload]
    url = image.get("href") if isinstance(image, dict) else None
    return url.strip() or None if isinstance(url, str) else None


def is_picture(media: Mapping[str, Any]) -> bool:
    """Whether an object of Media RSS is a picture."""
    media_type = media.get("type") or ""
    return media.get("medium") == "image" or media_type.lower().startswith("image/")

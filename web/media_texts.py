"""Sound, videos and pictures of posts in words, and as files to play.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from posixpath import splitext
from urllib.parse import unquote, urlsplit

from aggregator import urls
from aggregator.model import Enclosure, ListedEntry
from aggregator.search.predicate import MEDIA_TYPES
from aggregator.search.syntax_tree import Medium
from web.language import Language

_MEDIA_BY_EXTENSION = {
    **dict.fromkeys(".aac .flac .m4a .mp3 .oga .ogg .opus .wav".split(), Medium.AUDIO),
    **dict.fromkeys(".m4v .mov .mp4 .ogv .webm".split(), Medium.VIDEO),
    **dict.fromkeys(".avif .gif .jpeg .jpg .png .webp".split(), Medium.PICTURE),
}
_PLAYED = (Medium.VIDEO, Medium.AUDIO)
_LONGEST_NAME = 60  # characters


@dataclass(frozen=True, slots=True)
class MediaNote:
    """Media of a post in a list: "Audio, 42 min", "3 pictures".

    Attributes:
        url: Address of the first file, None for pictures in the text.
    """

    text: str
    url: str | None


@dataclass(frozen=True, slots=True)
class PostFile:
    """A file of a post.

    Attributes:
        element: Name of the element that plays the file, empty for a file that is only a link.
        detail: Duration and size, empty where both are unknown.
    """

    url: str
    name: str
    detail: str
    element: str


def media_notes(entry: ListedEntry, lang: Language) -> list[MediaNote]:
    """Return the notes of a list on an entry's sound, videos and pictures."""
    if not entry.enclosures and not entry.pictures:
        return []
    by_medium: dict[Medium | None, list[Enclosure]] = {}
    for file in _web_files(entry):
        by_medium.setdefault(_medium(file), []).append(file)
    names = {Medium.VIDEO: lang.gettext("Video"), Medium.AUDIO: lang.gettext("Audio")}
    notes = []
    for medium in _PLAYED:
        if files := by_medium.get(medium):
            duration = next((_duration(file, lang) for file in files if file.duration), "")
            words = [names[medium], duration] if duration else [names[medium]]
            notes.append(MediaNote(lang.facts(words), files[0].url))
    pictures = by_medium.get(Medium.PICTURE, [])
    if number := len(pictures) or entry.pictures:
        text = lang.ngettext("{n} picture", "{n} pictures", number)
        notes.append(MediaNote(text, pictures[0].url if pictures else None))
    return notes


def post_files(entry: ListedEntry, lang: Language) -> list[PostFile]:
    """Return the files of an entry that the text does not show, play or lead to.

    A file that can be played is returned unless the text plays the file.
    """
    text = entry.content_html or ""
    return [
        PostFile(
            url=file.url,
            name=_name(file.url),
            detail=lang.facts(filter(None, (_duration(file, lang), _size(file, lang)))),
            element=_element(file),
        )
        for file in _web_files(entry)
        if not _is_in_text(file, text)
    ]


def _is_in_text(file: Enclosure, text: str) -> bool:
    address = file.url.replace("&", "&amp;").replace('"', "&quot;")
    return f'{" src" if _element(file) else ""}="{address}"' in text


def _web_files(entry: ListedEntry) -> Iterable[Enclosure]:
    return (file for file in entry.enclosures if urls.is_web(file.url))


def _medium(file: Enclosure) -> Medium | None:
    """Return the kind of a file: by its type, else by its name."""
    media_type = (file.type or "").lower()
    by_type = (medium for medium, prefix in MEDIA_TYPES.items() if media_type.startswith(prefix))
    extension = splitext(urlsplit(file.url).path)[1].lower()
    return next(by_type, _MEDIA_BY_EXTENSION.get(extension))


def _element(file: Enclosure) -> str:
    medium = _medium(file)
    is_playable = medium in _PLAYED and file.url.startswith("https://")
    return str(medium) if medium and is_playable else ""


def _name(url: str) -> str:
    """Return the name of a file, as its address ends."""
    parts = urlsplit(urls.masked(url))
    name = unquote(parts.path.rpartition("/")[2], errors="replace") or parts.netloc
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def _duration(file: Enclosure, lang: Language) -> str:
    return lang.duration(file.duration) if file.duration else ""


def _size(file: Enclosure, lang: Language) -> str:
    return lang.size(file.length) if file.length else ""

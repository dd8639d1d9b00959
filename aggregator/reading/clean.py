"""`ParsedFeed` -> `CleanFeed`: everything from the network made safe and plain.  Pure."""

import re
from dataclasses import replace
from hashlib import blake2b

from aggregator import dates, links, urls
from aggregator.model import (
    CleanEntry,
    CleanFeed,
    Enclosure,
    FeedHead,
    Origin,
    ParsedEntry,
    ParsedFeed,
)
from aggregator.reading import sanitize
from aggregator.reading.excerpts import excerpt
from aggregator.text import hypertext
from aggregator.text.references import unescape

MAX_GROWTH = 1_000_000
"""Characters of a cleaned document beyond twice the length of the document: an address of one
character can resolve to `urls.MAX_LENGTH`."""

_MAX_TITLE = 1000
_TITLE_SOURCE = 20_000  # characters of HTML, the source of a title
_MAX_NAME = 200
_MAX_LIST = 50
_MAX_GUID = 4096

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,60}")
_MAIL_THEN_NAME = re.compile(r"\S{1,100}@\S{1,100} ?\(([^()]+)\)")
_NAME_THEN_MAIL = re.compile(r"([^<>]+?) ?<\S{1,100}@\S{1,100}>")
_WORD = re.compile(r"(?:\A|>)\w")  # a letter right behind a tag, as most texts begin
_REFERENCE = re.compile(r"&(?:#\d{1,8}|#[xX][0-9a-fA-F]{1,8}|[A-Za-z][A-Za-z0-9]{1,40});")
_TIMES_ESCAPED = 2
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")


def clean(feed: ParsedFeed, *, url: str) -> CleanFeed:
    """Make a parsed document safe to store, list and publish.

    Args:
        url: Where the document came from.
    """
    head = _head(feed.head, url)
    entries = []
    spare = 2 * feed.size + MAX_GROWTH
    for entry in feed.entries:
        cleaned = _entry(entry, head, url, max(spare, 0))
        length = _length(cleaned)
        if length > spare:
            cleaned = _without_files(cleaned)
            length = _length(cleaned)
        spare -= length
        entries.append(cleaned)
    return CleanFeed(head, tuple(entries), feed.cut_short)


def _without_files(entry: CleanEntry) -> CleanEntry:
    """Return an entry without files, comments, picture and origin."""
    return replace(entry, enclosures=(), comments_url=None, image=None, origin=None)


def _length(entry: CleanEntry) -> int:
    """Return the characters of an entry's text and addresses, about."""
    addresses = [entry.url, entry.comments_url, entry.image]
    addresses += [enclosure.url for enclosure in entry.enclosures]
    if entry.origin:
        addresses += [entry.origin.feed_url, entry.origin.site_url]
    return len(entry.content_html) + sum(len(address) for address in addresses if address)


def _head(head: FeedHead, url: str) -> FeedHead:
    return FeedHead(
        title=_short(head.title),
        subtitle=_short(head.subtitle),
        site_url=urls.absolute(head.site_url, url) if head.site_url else None,
        feed_id=_identifier(head.feed_id),
        language=_language(head.language),
        author=_name(head.author) if head.author else None,
        rights=_short(head.rights) or None if head.rights else None,
        format=head.format,
        note=_CONTROL.sub(" ", head.note)[:_MAX_NAME] if head.note else None,
        hints=head.hints,
    )


def _short(html: str) -> str:
    """Return a short text of a feed's head as one plain line, unknown elements as text."""
    source = _as_meant(html[:_TITLE_SOURCE])
    return sanitize.text_of(sanitize.inline(source))[:_MAX_TITLE]


def _entry(entry: ParsedEntry, head: FeedHead, url: str, spare: int) -> CleanEntry:
    link, content, summary = _link(entry), _html(entry.content), _html(entry.summary)
    html = _first_with_words(content, summary, base=entry.base, page=link, max_output=spare)
    title_html = _title(entry)
    title = sanitize.text_of(title_html)
    updated = dates.read(entry.updated, entry.updated_at, field="updated")
    published = entry.date or dates.read(entry.published, entry.published_at)
    date = dates.entry_date(published, updated)
    return CleanEntry(
        guid=_identifier(entry.guid),
        url=link,
        title=title,
        title_html=title_html,
        summary=_summary(summary, content, has_title=bool(title)),
        content_html=html,
        content_hash=_hash(title, html),
        authors=_names(entry.authors),
        categories=_names(entry.categories),
        enclosures=_enclosures(entry),
        language=_language(entry.language) or head.language,
        comments_url=urls.absolute(entry.comments_url, entry.base) if entry.comments_url else None,
        image=_web_url(entry.image, entry.base),
        origin=_origin(entry.origin, head, url) if entry.origin else None,
        published_at=date.at if date else None,
        updated_at=updated.at if updated else None,
        date=date,
    )


def _summary(*texts: str, has_title: bool) -> str:
    """Return the excerpt of the first text with one; an address is the title of a bare link."""
    excerpts = (excerpt(text, of_all=of_all) for of_all in (False, True) for text in texts)
    if has_title:
        excerpts = (excerpt(text) for text in texts)
    return next(filter(None, excerpts), "")


def _html(text: str) -> str:
    """Return a text as the HTML intended by the publisher, empty for binary data."""
    return "" if sanitize.is_binary(text) else _as_meant(text)


def _as_meant(html: str) -> str:
    """Return HTML without the marks of CDATA sections, and unescaped if escaped twice."""
    return hypertext.unescaped_markup(hypertext.unwrapped(html))


def _first_with_words(*texts: str, base: str, page: str | None, max_output: int) -> str:
    """Return the first text with visible content, as safe HTML; "" if there is none."""
    for text in texts:
        html = sanitize.content(text, base=base, page=page, max_output=max_output) if text else ""
        if html and (_WORD.search(html) or not hypertext.is_blank(html)):
            return html
    return ""


def _link(entry: ParsedEntry) -> str | None:
    url = urls.absolute(entry.link, entry.base) if entry.link else None
    return links.without_tracking(url) if url else None


def _origin(origin: Origin, head: FeedHead, url: str) -> Origin | None:
    """Return the source of a copied entry; None where absent or the feed itself."""
    source = Origin(
        title=_short(origin.title),
        id=_identifier(origin.id),
        feed_url=_web_url(origin.feed_url, ""),
        site_url=_web_url(origin.site_url, ""),
        rights=_short(origin.rights) or None if origin.rights else None,
    )
    own_ids = {head.feed_id, urls.normalized(url)} - {None}
    if source.id in own_ids or urls.normalized(source.feed_url or "") in own_ids:
        return None
    return source if source.id or source.feed_url else None


def _web_url(url: str | None, base: str) -> str | None:
    """Return `url` as an absolute http(s) URL, None where impossible."""
    absolute = urls.absolute(url, base) if url else None
    return absolute if absolute and urls.is_web(absolute) else None


def _title(entry: ParsedEntry) -> str:
    source = entry.title[:_TITLE_SOURCE]
    if entry.title_type == "text/plain" and not hypertext.is_cdata(source):
        return sanitize.as_inline(hypertext.unwrapped(source)[:_MAX_TITLE])
    title_html = sanitize.inline(_as_meant(source))
    if len(title_html) <= _MAX_TITLE:
        return title_html
    return sanitize.as_inline(sanitize.text_of(title_html)[:_MAX_TITLE])


def _identifier(text: str | None) -> str | None:
    """Return an id, without the characters that no output document can carry."""
    if text and not text.isprintable():
        text = _CONTROL.sub("", text)
    return (text[:_MAX_GUID].strip() or None) if text else None


def _language(text: str | None) -> str | None:
    tag = (text or "").strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def _names(texts: tuple[str, ...]) -> tuple[str, ...]:
    names = [_name(text) for text in texts[:_MAX_LIST]]
    return tuple(dict.fromkeys(name for name in names if name))


def _name(text: str) -> str:
    """Return a person's or category's name in one line, without an e-mail address.

    A name is text, but publishers escape names as HTML, and put links into names.
    """
    name = text[: _MAX_NAME * 5]
    if "&" in name or "<" in name:
        name = _without_markup(name)
    name = name[: _MAX_NAME * 2]
    name = " ".join((name if name.isprintable() else _CONTROL.sub(" ", name)).split())
    if "@" in name:
        match = _MAIL_THEN_NAME.fullmatch(name) or _NAME_THEN_MAIL.fullmatch(name)
        name = match[1].strip() if match else name
    return name[:_MAX_NAME]


def _without_markup(name: str) -> str:
    """Return a name without references and elements; unchanged if nothing would remain."""
    name = sanitize.with_whole_pairs(hypertext.unwrapped(name))
    for _ in range(_TIMES_ESCAPED):
        name = _REFERENCE.sub(lambda reference: unescape(reference[0]), name)
    name = hypertext.unwrapped(name)
    return sanitize.text_of(sanitize.inline(name)) or name if "<" in name else name


def _enclosures(entry: ParsedEntry) -> tuple[Enclosure, ...]:
    files = (
        replace(enclosure, url=url, type=_type(enclosure.type))
        for enclosure in entry.enclosures[:_MAX_LIST]
        if (url := urls.absolute(enclosure.url, entry.base)) and urls.is_web(url)
    )
    return tuple(dict.fromkeys(files))


def _type(text: str | None) -> str | None:
    media_type = (text or "").partition(";")[0].strip().lower()
    return media_type if _TYPE.fullmatch(media_type) else None


def _hash(*texts: str) -> bytes:
    terminated = b"".join(text.encode("utf-8", "surrogatepass") + b"\0" for text in texts)
    return blake2b(terminated, digest_size=16).digest()

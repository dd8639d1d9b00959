"""What people write -> values.  Every reader takes text as written and returns what it means.

Nearly pure: `timezone` looks into the zone database, `feed_url` for files beside config.yaml.

All raise ValueError whose text completes the line `config.yaml:12:5: feeds[3].interval: `, says
what is wrong, and what to write instead.
"""

import difflib
import ipaddress
import json
import os
import re
import unicodedata
import zoneinfo
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from aggregator import urls
from aggregator.model import Order
from aggregator.model.times import span_text

MAX_TITLE = 200
MAX_NAME = 80
FEED_ENDINGS = (".xml", ".rss", ".atom", ".json", ".rdf")

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNIT_WORDS = {
    word: words[0]
    for words in (
        "s sec secs second seconds",
        "m min mins minute minutes",
        "h hr hrs hour hours",
        "d day days",
        "w week weeks",
    )
    for word in words.split()
}
_SPAN_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s{0,9}([a-z]{1,20})\s{0,9}")
_NUMBER = re.compile(r"\d+(?:\.\d*)?")
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s{0,9}([a-z]{0,5})")
_SIZE_UNITS = {
    unit: factor
    for units, factor in (
        (("", "b", "byte", "bytes"), 1),
        (("k", "kb"), 10**3),
        (("kib",), 2**10),
        (("m", "mb"), 10**6),
        (("mib",), 2**20),
        (("g", "gb"), 10**9),
        (("gib",), 2**30),
    )
    for unit in units
}
_NAME = re.compile(r"[\w.-]*\w[\w.-]*")
_HOST = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(?:\.(?!-)[\w-]{1,63}(?<!-))*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(?:[\w-]+\.[\w.-]+|localhost):\d+(?:/|$)", re.IGNORECASE)
_VARIABLE = re.compile(r"(\$?)\$\{(file:|[A-Za-z_]\w{0,60})?")
_YES, _NO = frozenset({"true", "yes", "on"}), frozenset({"false", "no", "off"})
_DATABASE = re.compile(r"(sqlite|postgresql)(\+[a-z0-9_]+)?://")


class UnknownWordError(ValueError):
    """A word that is none of those that are known.

    Args:
        message: What is wrong, and what to write in general.
        suggestion: Returns a message that names what was probably meant, or that one; slow.
    """

    def __init__(self, message: str, suggestion: Callable[[], str]) -> None:
        super().__init__(message)
        self.suggestion = suggestion


def written(text: str) -> str:
    """Return what a value says: `$${` stands for `${`.

    `${` alone begins a variable, as in many other programs.  None is filled in yet, and an address
    with one in it would be asked for as it stands.
    """
    if "${" not in text:
        return text
    for match in _VARIABLE.finditer(text):
        if not match[1]:
            name = f"${{{match[2]}...}}" if match[2] == "file:" else f"${{{match[2] or ''}}}"
            raise ValueError(
                f"has {name} in it, but variables are not filled in; "
                "write the value itself, or $${ for the text ${"
            )
    return text.replace("$${", "${")


def line(text: str) -> str:
    """Read one line of text: white space collapsed, not empty, not endless."""
    if bad := _CONTROL.search(text):
        raise ValueError(f"has a control character (U+{ord(bad[0]):04X}); remove it")
    words = " ".join(text.split())
    if not words:
        raise ValueError("empty; write some text, or leave the line out")
    if len(words) > MAX_TITLE:
        raise ValueError(f"is {len(words):,} characters long; write at most {MAX_TITLE}")
    return words


def title(text: str) -> str:
    """Read a title: a line, masked, as other readers put addresses where there is no title."""
    return urls.masked_text(line(text))


def tidied(text: str) -> str:
    """Make any text one that `title` reads, or an empty one: for titles that publishers chose."""
    return urls.masked_text(" ".join(_CONTROL.sub(" ", text).split()))[:MAX_TITLE].rstrip()


@lru_cache(maxsize=4096)  # thousands of feeds share a few
def category(text: str) -> str:
    """Read a category: any line; `urls.category_slugs` makes its address."""
    return line(text)


def name(text: str) -> str:
    """Read a feed's name: it is the feed's key and stands in addresses."""
    words = letters = line(text)
    if not words.isascii():
        words = unicodedata.normalize("NFC", words)
        # Vowel signs and accents (Mn, Mc) belong to letters, but `\w` leaves them out.
        letters = "".join(c for c in words if unicodedata.category(c) not in {"Mn", "Mc"})
    if not _NAME.fullmatch(letters):
        better = urls.slug(urls.masked_input(words))
        hint = f"; write {better}" if better else ""
        raise ValueError(f"{shown(words)} may only have letters, digits, - _ and .{hint}")
    if len(words) > MAX_NAME:
        raise ValueError(f"is {len(words)} characters long; write at most {MAX_NAME}")
    return words


@lru_cache(maxsize=4096)
def duration(text: str, *, least: timedelta, most: timedelta) -> timedelta:
    """Read a span of time such as `30s`, `15m`, `1h30m`, `1.5 hours`."""
    compact = text.strip().lower()
    if _NUMBER.fullmatch(compact):
        raise ValueError(f"{compact} of what? Write a unit: {compact}s, {compact}m or {compact}h")
    seconds, end = 0.0, 0
    while part := _SPAN_PART.match(compact, end):
        unit = _UNIT_WORDS.get(part[2])
        if unit is None:
            raise ValueError(f'"{part[2]}" is no unit of time; use s, m, h, d or w')
        seconds += float(part[1]) * _UNITS[unit]
        end = part.end()
    if end == 0 or end < len(compact):
        raise ValueError(f"{shown(text)} is no span of time; write 30s, 15m, 1h, 1h30m or 1d")
    if not least.total_seconds() <= seconds <= most.total_seconds():
        raise ValueError(
            f"{shown(text)} is out of range; write {span_text(least)} to {span_text(most)}"
        )
    return timedelta(seconds=seconds)


def size(text: str, *, least: int, most: int) -> int:
    """Read a number of bytes such as `10MB`, `512 kB`, `10MiB`, `5_000_000`."""
    compact = text.strip().lower().replace("_", "")
    match = _SIZE.fullmatch(compact)
    factor = _SIZE_UNITS.get(match[2]) if match else None
    if match is None or factor is None:
        raise ValueError(f"{shown(text)} is no size; write 512kB, 10MB, 10MiB or a number of bytes")
    value = float(match[1]) * factor if "." in match[1] else int(match[1]) * factor
    if not least <= value <= most:
        raise ValueError(f"{shown(text)} is out of range; write {least:_} to {most:_} bytes")
    return int(value)


def whole(text: str, *, least: int, most: int) -> int:
    """Read a whole number."""
    compact = text.strip().replace("_", "")
    digits = compact.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 19):
        raise ValueError(f"{shown(text)} is no whole number; write {least} to {most}")
    if not least <= int(compact) <= most:
        raise ValueError(f"{shown(text)} is out of range; write {least} to {most}")
    return int(compact)


def host(text: str) -> str:
    """Read the address to listen on: an IP address or a host name."""
    words = line(text).removeprefix("[").removesuffix("]").lower()
    if words == "*":
        raise ValueError('"*" is no address; write 0.0.0.0 to listen on all of them')
    if not _is_address(words) and not _is_host_name(words):
        raise ValueError(f"{shown(text)} is no address; write 127.0.0.1, 0.0.0.0 or a host name")
    return words


def site(text: str) -> str:
    """Read a key of `hosts`; all names of one site share a budget."""
    words = line(text).lower().rstrip(".")
    if "://" in words or "/" in words:
        hint = urls.host_of(words) or urls.masked_input(words).partition("/")[0]
        raise ValueError(f"{shown(text)} is a URL; write the host alone: {hint}")
    if not _is_address(words) and not _is_host_name(words):
        raise ValueError(f"{shown(text)} is no host; write example.org")
    return urls.site_of(f"//[{words}]" if ":" in words else f"//{words}")


def yes(text: str) -> bool:
    """Read `true` or `false`, or the words that YAML once had for them."""
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise ValueError(f"{shown(text)} is neither; write true or false")
    return word in _YES


def allowed(text: str) -> str:
    """Read an entry of `network.allow`: an IP address, a network or a host name, or one's port."""
    words = line(text).lower()
    if "://" in words:
        hint = urls.host_of(words)
        raise ValueError(f"{shown(text)} is a URL; write the host alone: {hint or 'nas.local'}")
    alone, port = urls.host_and_port(words)
    if port is not None and not 0 < port < 65_536:
        raise ValueError(f"{shown(text)} has a port out of range; write 1 to 65535")
    if "/" in words:
        _check_network(alone)
    elif not (_is_address(alone) or _is_host_name(alone)):
        hint = "write each host by its name, or a network: 10.0.0.0/8"
        if "*" not in words:
            hint = "write 127.0.0.1, 10.0.0.0/8, nas.local, or one with a port: nas.local:8080"
        raise ValueError(f"{shown(text)} is neither address nor host; {hint}")
    if port is None:
        return alone
    is_bare_v6 = ":" in alone and "/" not in alone
    return f"[{alone}]:{port}" if is_bare_v6 else f"{alone}:{port}"


def base_url(text: str) -> str:
    """Read the address under which others reach the web pages.

    It is returned in ASCII and without a slash at the end.
    """
    words = line(text)
    if not _SCHEME.match(words) or _HOST_AND_PORT.match(words):
        raise ValueError(f"{shown(words)} is not complete; write http:// or https:// before it")
    if not _is_usable(words):
        raise ValueError(f"{shown(words)} is no web address; write https://feeds.example.org")
    parts = urlsplit(words)
    if "?" in words or "#" in words:
        raise ValueError("links are made by adding to it; leave out everything from ? or # on")
    if "@" in parts.netloc:
        raise ValueError("stands in every published feed; leave out user and password")
    if {".", ".."} & set(parts.path.split("/")):
        raise ValueError("has . or .. in its path; write the path that it leads to")
    return _in_ascii(words).rstrip("/")


def uri(text: str) -> str:
    """Read an absolute URI of any scheme, such as a `tag:` URI."""
    words = line(text)
    if not urls.is_absolute(words) or words.endswith(":"):
        hint = "tag:feeds.example.org,2026:/"
        raise ValueError(f"{shown(words)} is no absolute URI; write {hint} or https://...")
    return words


def hub(text: str) -> str:
    """Read the address of a WebSub hub, or `self`."""
    words = line(text)
    if words.lower() == "self":
        return "self"
    if not _is_usable(words):
        raise ValueError(f"{shown(words)} is no hub; write https://hub.example.org/ or self")
    return _in_ascii(words)


def switch(text: str) -> bool:
    """Read on or off."""
    words = text.strip().lower()
    if words in {"on", "yes", "true"}:
        return True
    if words in {"off", "no", "false"}:
        return False
    raise ValueError(f"{shown(text)} is neither on nor off; write one of them")


def whole_or_off(text: str, *, least: int, most: int) -> int | None:
    """Read a whole number, or `off` for no bound."""
    if text.strip().lower() in {"off", "no", "false"}:
        return None
    return whole(text, least=least, most=most)


def order(text: str) -> Order:
    """Read what decides where entries stand."""
    word = text.strip().lower()
    if word not in set(Order):
        raise ValueError(f"{shown(text)} is neither; write {' or '.join(Order)}")
    return Order(word)


def timezone(text: str) -> str:
    """Read the IANA name of a time zone."""
    words = line(text)
    try:
        zoneinfo.ZoneInfo(words)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder, a NUL ...
        message = f"{shown(words)} is no time zone; write UTC or Europe/Berlin"
        raise UnknownWordError(message, partial(_near_zone, words, message)) from error
    return words


def _near_zone(words: str, message: str) -> str:
    known = {zone.casefold(): zone for zone in zoneinfo.available_timezones()}
    near = difflib.get_close_matches(words.casefold().replace(" ", "_"), known, n=1)
    return f"{shown(words)} is no time zone; did you mean {known[near[0]]}?" if near else message


def database(text: str, *, folder: Path) -> str:
    """Read a SQLAlchemy URL; a relative path of SQLite is made absolute below `folder`.

    Source: https://docs.sqlalchemy.org/en/21/core/engines.html#database-urls
    """
    words = line(text)
    if words.startswith("postgres://"):
        raise ValueError("write postgresql:// instead of postgres://")
    match = _DATABASE.match(words)
    if match is None or match[1] + (match[2] or "") in {"sqlite+aiosqlite", "postgresql+asyncpg"}:
        raise ValueError(
            f"{shown(words)} can't be used; "
            "write sqlite:///aggregator.db or postgresql://user@host/name"
        )
    return words if match[1] == "postgresql" else _sqlite(words, match.end(), folder)


def feed_url(text: str, *, folder: Path) -> str:
    """Read a feed's address: an http(s) URL, or the path of a file at or below `folder`."""
    words = text.strip()
    if urls.is_plain(words):
        return words
    if words.startswith("<") or "\n" in words:
        raise ValueError("is a document; save it as a file beside config.yaml, write its name")
    if bad := _CONTROL.search(words):
        raise ValueError(f"has a control character (U+{ord(bad[0]):04X}); remove it")
    if not words:
        raise ValueError("empty; write the feed's address, or remove the line")
    if len(words) > urls.MAX_LENGTH:
        raise ValueError(f"is {len(words):,} characters long; no address is")
    if _SCHEME.match(words) or words.startswith("//"):
        return _web_url(words)
    return _local_path(words, folder)


def cores() -> int:
    """Return how many parsing processes there are when the file does not say."""
    return max(1, min(os.cpu_count() or 1, 256))


def shown(text: str) -> str:
    """Quote what was written: masked, short enough for one line, and safe on a terminal."""
    text = urls.masked_input(text)
    clipped = text if len(text) <= 60 else text[:57] + "..."
    return json.dumps(clipped, ensure_ascii=not clipped.isprintable())


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # fe80::1%eth0 means something on this machine only


def _is_host_name(text: str) -> bool:
    last = text.rpartition(".")[2]
    return len(text) <= 253 and bool(_HOST.fullmatch(text)) and not last.isdecimal()


def _check_network(text: str) -> None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"{shown(text)} is not a network; write 10.0.0.0/8") from error
    if ipaddress.ip_address(text.partition("/")[0]) != network.network_address:
        raise ValueError(f"{shown(text)} names one host in a network; write {network}")


def _is_usable(url: str) -> bool:
    return urls.is_web(url) and not re.search(r"\s", url) and urls.absolute(url, "") is not None


def _in_ascii(url: str) -> str:
    try:
        return urls.in_ascii(url)
    except ValueError as error:
        raise ValueError(f"{shown(url)} has a host that cannot be in DNS; look at it") from error


def _sqlite(url: str, start: int, folder: Path) -> str:
    path, mark, query = url[start:].partition("?")
    if url.startswith("sqlite+") and not url.startswith("sqlite+pysqlite:"):
        raise ValueError("write sqlite:/// without a driver")
    if path in {"", "/", "/:memory:"} or "mode=memory" in query:
        raise ValueError(
            "a database in memory is lost at every start, and the web pages can't see it; "
            "write sqlite:///aggregator.db"
        )
    if not path.startswith("/") or path.startswith("/file:"):
        raise ValueError("write sqlite:/// and the path of a file: sqlite:///aggregator.db")
    file = path[1:]
    absolute = os.path.abspath(folder / file)  # noqa: PTH100 - resolve() would follow links
    if "?" in absolute:
        raise ValueError(f"no database can be at {shown(absolute)}: the path has a question mark")
    return f"{url[:start]}/{absolute}{mark}{query}"


def _web_url(text: str) -> str:
    scheme, _, rest = text.partition(":")
    kind = scheme.lower()
    if text.startswith("//"):
        raise ValueError(f"{shown(text)} is not complete; write {shown('https:' + text)}")
    if _HOST_AND_PORT.match(text):
        raise ValueError(f"{shown(text)} is not complete; write {shown('https://' + text)}")
    if kind == "feed":
        better = rest if _SCHEME.match(rest) else f"https:{rest}"
        raise ValueError(f"feed: is no protocol; write {shown(better)}")
    if kind == "file":
        raise ValueError(
            "copy the file into the folder of config.yaml and write its path from there, "
            "such as samples/feed.xml"
        )
    if kind == "url":
        raise ValueError(f"a space is missing; write url: {shown(rest)}")
    if kind not in urls.WEB_SCHEMES:
        raise ValueError(f"{shown(scheme + ':')} can't be polled; write an http:// or https:// URL")
    if re.search(r"\s", text):
        raise ValueError(f"{shown(text)} has a space in it; write %20 for it")
    if not _is_usable(text):
        raise ValueError(f"{shown(text)} is no address; write https://host/path")
    return text


def _local_path(text: str, folder: Path) -> str:
    if text.startswith(("/", "~", "\\")):
        raise ValueError(
            f"{shown(text)}: copy the file into the folder of config.yaml "
            "and write its path from there, such as samples/feed.xml"
        )
    if "\\" in text:
        raise ValueError(f"{shown(text)}: write / instead of \\ between folder and file")
    if ".." in PurePosixPath(text).parts:
        raise ValueError(f"{shown(text)} leaves the folder of config.yaml; copy the file into it")
    if text.lower().endswith(FEED_ENDINGS) or _is_file(folder / text):
        return text
    if "." in text.partition("/")[0] or text.startswith("localhost"):
        raise ValueError(f"{shown(text)}: add https:// if it is on the web; there is no such file")
    raise ValueError(f"{shown(text)} is neither an http(s) URL nor a file beside config.yaml")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long
        return False

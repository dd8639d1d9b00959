"""Addresses in config.yaml -> values: of hosts, feeds, the database, the pages.

Nearly pure: `feed_url` looks for files beside config.yaml.  The functions are readers like those of
`value_parsers`.
"""

import ipaddress
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from aggregator import urls
from aggregator.config.files import path_within
from aggregator.config.value_parsers import CONTROL_CHARACTER, NO, line, quoted
from aggregator.model import NO_PROXY, Proxy

_MAX_SOCKET_PATH = 107
_MAX_LOGIN = 255  # RFC 1929
_PROXY_SCHEMES = frozenset({"http", "https", "socks5"})
FEED_ENDINGS = (".xml", ".rss", ".atom", ".json", ".rdf")

_HOST = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(?:\.(?!-)[\w-]{1,63}(?<!-))*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(?:[\w-]+\.[\w.-]+|localhost):\d+(?:/|$)", re.IGNORECASE)
_WITHOUT_SCHEME = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:/|$)")
_MAIL_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_CSP_HOST = re.compile(r"[a-z0-9_.-]+(?::\d+)?")
_DATABASE = re.compile(r"(sqlite|postgresql)(\+[a-z0-9_]+)?://")


def listening_host(text: str) -> str:
    """Read the address on which the web server listens: an IP address or a host name."""
    words = line(text).removeprefix("[").removesuffix("]").lower()
    if words == "*":
        raise ValueError('"*" is not an address; write 0.0.0.0 to listen on all of them')
    if not _is_address(words) and not _is_host_name(words):
        raise ValueError(
            f"{quoted(text)} is not an address; write 127.0.0.1, 0.0.0.0 or a host name"
        )
    return words


def socket_path(text: str) -> str:
    """Read the path of a Unix socket; the system takes no more than 107 bytes (unix(7))."""
    words = line(text)
    if not words.startswith("/") or words.endswith("/"):
        raise ValueError(f"{quoted(words)} is not the path of a socket; write /run/aggregator.sock")
    if len(os.fsencode(words)) > _MAX_SOCKET_PATH:
        raise ValueError(f"is longer than {_MAX_SOCKET_PATH} bytes; no path of a socket is")
    return words


def host_name(text: str) -> str:
    """Read a key of `hosts`: a name or an IP address, in lower case."""
    words = line(text).lower().rstrip(".")
    if "://" in words or "/" in words:
        hint = urls.host_of(words) or urls.masked_input(words).partition("/")[0]
        raise ValueError(f"{quoted(text)} is a URL; write the host alone: {hint}")
    if not _is_address(words) and not _is_host_name(words):
        raise ValueError(f"{quoted(text)} is not a host; write example.org")
    return words


def site_name(text: str) -> str:
    """Read a key of `hosts` as the site of the host; all names of one site share a budget."""
    return site_of_host(host_name(text))


def site_of_host(host: str) -> str:
    """Return the site of a host name or IP address."""
    return urls.site_of(f"//[{host}]" if ":" in host else f"//{host}")


def allowed_address(text: str) -> str:
    """Read an item of `network.allow`: an IP address, a network or a host, perhaps with port."""
    words = line(text).lower()
    if "://" in words:
        hint = urls.host_of(words)
        raise ValueError(f"{quoted(text)} is a URL; write the host alone: {hint or 'nas.local'}")
    host, port = urls.host_and_port(words)
    if port is not None and not 0 < port < 65_536:
        raise ValueError(f"{quoted(text)} has a port out of range; write 1 to 65535")
    if "/" in words:
        _check_network(host)
    elif not (_is_address(host) or _is_host_name(host)):
        hint = "write each host by its name, or a network: 10.0.0.0/8"
        if "*" not in words:
            hint = "write 127.0.0.1, 10.0.0.0/8, nas.local, or one with a port: nas.local:8080"
        raise ValueError(f"{quoted(text)} is neither address nor host; {hint}")
    if port is None:
        return host
    is_bare_v6 = ":" in host and "/" not in host
    return f"[{host}]:{port}" if is_bare_v6 else f"{host}:{port}"


def base_url(text: str) -> str:
    """Read the public address of the web pages; return the URL in ASCII without a final slash."""
    words = line(text)
    if not _SCHEME.match(words) or _HOST_AND_PORT.match(words):
        raise ValueError(f"{quoted(words)} is not complete; write http:// or https:// before it")
    if not _is_usable(words):
        raise ValueError(f"{quoted(words)} is not a web address; write https://feeds.example.org")
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
        raise ValueError(f"{quoted(words)} is not an absolute URI; write {hint} or https://...")
    return words


def hub(text: str) -> str:
    """Read the address of a WebSub hub, or `self`."""
    words = line(text)
    if words.lower() == "self":
        return "self"
    if not _is_usable(words):
        raise ValueError(f"{quoted(words)} is not a hub; write https://hub.example.org/ or self")
    return _in_ascii(words)


def network_proxy(text: str) -> Proxy | None:
    """Read the address of a proxy; None for `off`."""
    server = proxy(text)
    return None if server == NO_PROXY else server


def proxy(text: str) -> Proxy:
    """Read the address of a proxy, or `off`; no message repeats a user or password."""
    words = line(text, urls.MAX_LENGTH)
    if words.lower() in NO:
        return NO_PROXY
    scheme, separator, _ = words.partition("://")
    if not separator:
        raise ValueError(f"{quoted(words)} is not complete; write http:// or socks5:// before it")
    scheme = {"socks5h": "socks5"}.get(scheme.lower(), scheme.lower())
    if scheme not in _PROXY_SCHEMES:
        raise ValueError(f"{quoted(words)} can't be used; write http://, https:// or socks5://")
    try:
        parts = urlsplit(words)
        host, port = urls.host_of(urls.in_ascii(f"http://{parts.netloc}")), parts.port
    except ValueError:
        host, port = "", None
    if parts.path.strip("/") or "?" in words or "#" in words:
        raise ValueError("ends with its port; leave out everything behind, and write %2F for a /")
    if not (_is_address(host) or _is_host_name(host)):
        raise ValueError(f"{quoted(words)} is not an address; write {scheme}://host:port")
    if not port:
        example = 9050 if scheme == "socks5" else 3128
        raise ValueError(f"{quoted(words)} has no port; write {scheme}://{host}:{example}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if password and not user:
        raise ValueError("has a password without a user; write both, as user:password@")
    if max(len(user.encode()), len(password.encode())) > _MAX_LOGIN:
        raise ValueError(f"has a user or password of more than {_MAX_LOGIN} bytes")
    return Proxy(scheme, host, port, user, password)


def contact(text: str) -> str:
    """Read where the operator is reached: a `mailto:` address or a web address, in ASCII."""
    words = line(text)
    if _MAIL_ADDRESS.fullmatch(words):
        raise ValueError(f"{quoted(words)} is not complete; write mailto:{words}")
    if _is_usable(words):
        return _public(words)
    if words.isascii() and _MAIL_ADDRESS.fullmatch(words.removeprefix("mailto:")):
        return words
    hint = "write mailto:planet@example.org or https://example.org/contact"
    raise ValueError(f"{quoted(words)} is not an address; {hint}")


def web_page(text: str) -> str:
    """Read the address of a web page."""
    words = line(text)
    if _WITHOUT_SCHEME.match(words):
        raise ValueError(f"{quoted(words)} is not complete; write https:// before it")
    if not _is_usable(words):
        raise ValueError(f"{quoted(words)} is not a web address; write https://example.org/page")
    return _public(words)


def _public(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError(f"{quoted(url)} is on every page; leave out user and password")
    return _in_ascii(url)


def origin(text: str) -> str:
    """Read the origin of a web site in ASCII: scheme, host and port (RFC 6454).

    A content policy has no other characters and no IPv6 addresses (CSP Level 3, 2.3.1).
    """
    words = line(text)
    if words.startswith("*") or "//*" in words:
        example = "https://example.org"
        raise ValueError(f"{quoted(words)} stands for many sites; write each of them: {example}")
    if not _SCHEME.match(words) or _HOST_AND_PORT.match(words):
        raise ValueError(f"{quoted(words)} is not complete; write https:// before it")
    if not _is_usable(words) or "@" in words or "*" in words:
        raise ValueError(f"{quoted(words)} is not a web site; write https://example.org")
    parts = urlsplit(_in_ascii(words).lower())
    if parts.path not in {"", "/"} or "?" in words or "#" in words:
        raise ValueError(f"a site is its host alone; write {parts.scheme}://{parts.netloc}")
    if not _CSP_HOST.fullmatch(parts.netloc):
        raise ValueError(f"{quoted(words)} is not a web site; write https://example.org")
    return f"{parts.scheme}://{parts.netloc}"


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
            f"{quoted(words)} can't be used; "
            "write sqlite:///aggregator.db or postgresql://user@host/name"
        )
    return words if match[1] == "postgresql" else _sqlite(words, match.end(), folder)


def include_pattern(text: str) -> str:
    """Read a pattern of the paths of files, from the folder of config.yaml or absolute."""
    words = line(text)
    if "\\" in words or words.startswith("~"):
        raise ValueError(f"{quoted(words)} is not a path from here; write feeds/*.yaml")
    if _SCHEME.match(words):
        raise ValueError(f"{quoted(words)} is not a path; write feeds/*.yaml")
    if "**" in words:
        raise ValueError(f"{quoted(words)} looks into any folder; write each: feeds/*/*.yaml")
    return words


def opml_address(text: str, *, folder: Path) -> str:
    """Read the address of an OPML list: an http(s) URL, or the path of a file below `folder`."""
    return feed_url(text, folder=folder, endings=(".opml", ".xml"))


def feed_url(text: str, *, folder: Path, endings: tuple[str, ...] = FEED_ENDINGS) -> str:
    """Read a feed's address: an http(s) URL, or the path of a file at or below `folder`.

    Args:
        endings: Of names that are paths even without such a file.
    """
    words = text.strip()
    if urls.is_plain(words):
        return words
    if words.startswith("<") or "\n" in words:
        raise ValueError("is a document; save it as a file beside config.yaml, write its name")
    if control := CONTROL_CHARACTER.search(words):
        raise ValueError(f"has a control character (U+{ord(control[0]):04X}); remove it")
    if not words:
        raise ValueError("empty; write the feed's address, or remove the line")
    if len(words) > urls.MAX_LENGTH:
        raise ValueError(f"is {len(words):,} characters long; no address is")
    if _SCHEME.match(words) or words.startswith("//"):
        return _web_url(words)
    return _local_path(words, folder, endings)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # the interface in fe80::1%eth0 is one of this machine


def _is_host_name(text: str) -> bool:
    last = text.rpartition(".")[2]
    return len(text) <= 253 and bool(_HOST.fullmatch(text)) and not last.isdecimal()


def _check_network(text: str) -> None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"{quoted(text)} is not a network; write 10.0.0.0/8") from error
    if ipaddress.ip_address(text.partition("/")[0]) != network.network_address:
        raise ValueError(f"{quoted(text)} names one host in a network; write {network}")


def _is_usable(url: str) -> bool:
    return urls.is_web(url) and not re.search(r"\s", url) and urls.absolute(url, "") is not None


def _in_ascii(url: str) -> str:
    try:
        return urls.in_ascii(url)
    except ValueError as error:
        raise ValueError(f"{quoted(url)} has a host that cannot be in DNS; look at it") from error


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
        raise ValueError(f"no database can be at {quoted(absolute)}: the path has a question mark")
    return f"{url[:start]}/{absolute}{mark}{query}"


def _web_url(text: str) -> str:
    scheme, _, behind_scheme = text.partition(":")
    kind = scheme.lower()
    if text.startswith("//"):
        raise ValueError(f"{quoted(text)} is not complete; write {quoted('https:' + text)}")
    if _HOST_AND_PORT.match(text):
        raise ValueError(f"{quoted(text)} is not complete; write {quoted('https://' + text)}")
    if kind == "feed":
        better = behind_scheme if _SCHEME.match(behind_scheme) else f"https:{behind_scheme}"
        raise ValueError(f"feed: is not a protocol; write {quoted(better)}")
    if kind == "file":
        raise ValueError(
            "copy the file into the folder of config.yaml and write its path from there, "
            "such as samples/feed.xml"
        )
    if kind == "url":
        raise ValueError(f"a space is missing; write url: {quoted(behind_scheme)}")
    if kind not in urls.WEB_SCHEMES:
        is_public = urls.masked(text) == text  # else `scheme` may be a part of a secret
        unknown = quoted(f"{scheme}:" if is_public else text)
        raise ValueError(f"{unknown} can't be polled; write an http:// or https:// URL")
    if re.search(r"\s", text):
        raise ValueError(f"{quoted(text)} has a space in it; write %20 for it")
    if not _is_usable(text):
        raise ValueError(f"{quoted(text)} is not an address; write https://host/path")
    return text


def _local_path(text: str, folder: Path, endings: tuple[str, ...]) -> str:
    path_within(text, "samples/feed.xml")
    if text.lower().endswith(endings) or _is_file(folder / text):
        return text
    if "." in text.partition("/")[0] or text.startswith("localhost"):
        raise ValueError(f"{quoted(text)}: add https:// if it is on the web; there is no such file")
    raise ValueError(f"{quoted(text)} is neither an http(s) URL nor a file beside config.yaml")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long
        return False

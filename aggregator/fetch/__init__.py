"""HTTP: one conditional GET (or one file beside config.yaml) -> bytes in memory, or an error.

    guard               which addresses and ports may be connected to             pure
    target              a URL as requested, and the target of a redirect          pure
    response_headers    meaning of a response's status and headers                pure
    response_rewriter   unusual responses -> strict HTTP/1.1, within limits       pure
    content_encoding    a compressed body -> the body, within a limit             pure
    cookies             cookies that redirects set, for the requests of one poll  yarl
    name_lookups        host names -> addresses
    response_protocol   aiohttp's reader of responses, behind response_rewriter   aiohttp
    socks5              a socket becomes a tunnel through a SOCKS5 proxy
    http_connections    a request: its connection, the guard's decision, its end  aiohttp
    error_messages      exceptions of aiohttp and the system in plain words       aiohttp
    fetcher             a fetch: conditional request, redirects, body             aiohttp
    local_files         files instead of URLs
    websub_client       requests to WebSub hubs and subscribers                   aiohttp

Every byte from a server counts as hostile: time and size are limited before the content is looked
at, and no error repeats any of the content.
"""

from .fetch_settings import FetchSettings
from .fetcher import Fetcher
from .response_headers import parse_retry_after
from .websub_client import WebSubClient, WebSubResponse

__all__ = ["FetchSettings", "Fetcher", "WebSubClient", "WebSubResponse", "parse_retry_after"]

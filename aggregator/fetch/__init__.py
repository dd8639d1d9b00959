"""One conditional GET, or one file beside config.yaml: bytes in memory, or a reason in words.

    guard     which addresses and ports may be connected to            pure
    target    a URL as it is requested, and where a redirect leads      pure
    answer    what status and headers of an answer say                 pure
    http1     odd answers made plain HTTP/1.1, up to limits            pure
    cookies   what redirects set, for the rest of one poll              yarl
    decode    Content-Encoding undone, up to a limit                   pure
    connect   names to addresses, sockets: the guard at work           aiohttp
    explain   exceptions in our own words                               aiohttp
    client    the request and its redirects                            aiohttp
    local     files instead of URLs
    calls     single requests to hubs and their subscribers            aiohttp

Everything that a server sends is taken for hostile: it is limited in time and size before it is
looked at, and none of its bytes stand in an error.
"""

from .client import Fetcher
from .fetch_settings import FetchSettings
from .hub_requests import Calls, Reply
from .response_headers import retry_after_of

__all__ = ["Calls", "FetchSettings", "Fetcher", "Reply", "retry_after_of"]

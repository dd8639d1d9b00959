"""Clients that ask again and again for what they have."""

import threading
import time
from collections import OrderedDict
from hashlib import blake2b
from math import ceil

PAUSE = 60
"""Seconds in which a client needs to ask for the same document only once."""

_MAX_CLIENTS = 10_000


class Limiter:
    """Who got which version of what, and when; thread-safe, bounded.

    Of this process alone: where several serve, each allows as much.  What clients send is kept as a
    hash of 16 bytes, whatever its length.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._got: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def wait(self, client: str, address: str, etag: str) -> int | None:
        """Note a request; return the seconds that the client has to wait, None for none.

        A document that has changed since is always given.
        """
        now = time.monotonic()
        asked = f"{client}\0{address}".encode(errors="surrogatepass")
        key = blake2b(asked, digest_size=16).digest()
        with self._lock:
            had, at = self._got.get(key, ("", 0.0))
            if had == etag and now < at + PAUSE:
                return ceil(at + PAUSE - now)
            self._got[key] = (etag, now)
            self._got.move_to_end(key)
            while len(self._got) > _MAX_CLIENTS:
                self._got.popitem(last=False)
        return None

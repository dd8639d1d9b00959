"""Limits for clients that request the same unchanged document again and again."""

import threading
import time
from collections import OrderedDict
from hashlib import blake2b
from math import ceil

PAUSE = 60
"""Seconds before the same client gets the same version of a document again."""

_MAX_CLIENTS = 10_000


class ClientLimiter:
    """Remembers which client got which version of a document, and when; thread-safe, bounded.

    Each process has a limiter of its own, so several processes allow several requests.  Names of
    clients and addresses are stored as a hash of 16 bytes, whatever their length.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_sent: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def wait(self, client: str, address: str, etag: str) -> int | None:
        """Note a request for a document.

        Args:
            client: Address and User-Agent.
            etag: The present version; a client that got another version need not wait.

        Returns:
            Seconds for the client to wait; None to answer the request.
        """
        now = time.monotonic()
        name = f"{client}\0{address}".encode(errors="surrogatepass")
        key = blake2b(name, digest_size=16).digest()
        with self._lock:
            last_etag, sent_at = self._last_sent.get(key, ("", 0.0))
            if last_etag == etag and now < sent_at + PAUSE:
                return ceil(sent_at + PAUSE - now)
            self._last_sent[key] = (etag, now)
            self._last_sent.move_to_end(key)
            while len(self._last_sent) > _MAX_CLIENTS:
                self._last_sent.popitem(last=False)
        return None

"""A service on loopback that takes messages as Apprise sends them to `json://`."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class MessageReceiver:
    """Keeps the messages of each path; answers `status`, and takes `delay` seconds for it."""

    def __init__(self) -> None:
        self.status = 200
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                message = json.loads(self.rfile.read(length))
                with receiver._lock:
                    if receiver.status < 300:
                        receiver.messages.append((self.path.lstrip("/"), message))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def address(self, path: str) -> str:
        return f"json://127.0.0.1:{self._server.server_port}/{path}"

    def taken(self) -> list[tuple[str, str, str]]:
        """Return path, title and text of each message since the last call."""
        with self._lock:
            messages, self.messages = self.messages, []
        return [(path, message["title"], message["message"]) for path, message in messages]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

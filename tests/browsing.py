"""Pages of a browser in contexts that are used again: a new one takes 0.3 s of CPU time."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from playwright.sync_api import Browser, BrowserContext, Error, Page

_MILLISECONDS = 30_000  # that Playwright waits, where nobody says otherwise
# What lasts as long as the context, and changes what is read there.
_LASTING = ("add_init_script", "expose_binding", "expose_function", "grant_permissions",
            "new_cdp_session", "once", "set_extra_http_headers", "set_geolocation",
            "set_offline")  # fmt: skip

_idle: WeakKeyDictionary[Browser, dict[str, list["_Reader"]]] = WeakKeyDictionary()


def new_page(browser: Browser, *, width: int = 1280, height: int = 900, **options: Any) -> Page:
    """Return an empty page of a reader who was nowhere before; close its context at the end.

    Args:
        options: Those of `Browser.new_context`.
    """
    idle = _idle.setdefault(browser, {}).setdefault(repr(sorted(options.items())), [])
    reader = idle.pop() if idle else _Reader(browser.new_context(**options), options, idle)
    reader.page.set_viewport_size({"width": width, "height": height})
    return reader.page


class _Reader:
    """A context with one page; when a test closes it, it forgets all of that test.

    Args:
        idle: Where the reader waits for the next test.
    """

    def __init__(
        self, context: BrowserContext, options: dict[str, Any], idle: list["_Reader"]
    ) -> None:
        self.page: Page = context.new_page()
        self._client = context.new_cdp_session(self.page)
        self._context = context
        self._colours = options.get("color_scheme", "light")
        self._idle = idle
        self._close = context.close
        self._is_spent = False
        self._origins: set[str] = set()
        self._listeners: list[tuple[str, Callable[..., object]]] = []
        self._hear = self.page.on
        self._hear("framenavigated", lambda frame: self._origins.add(_origin(frame.url)))
        self.page.on = self._listen  # type: ignore[method-assign]
        for holder in (context, self.page):
            for name in _LASTING:
                if hasattr(holder, name):
                    setattr(holder, name, self._spend(getattr(holder, name)))
        context.close = self._leave  # type: ignore[method-assign]

    def _listen(self, event: Any, listener: Callable[..., object]) -> None:
        self._listeners.append((event, listener))
        self._hear(event, listener)

    def _spend(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            self._is_spent = True
            return method(*values, **named)

        return call

    def _leave(self) -> None:
        if not self._is_spent and self._context.pages == [self.page]:
            try:
                self._forget()
            except Error:  # such as one of a page that crashed
                self._close()
            else:
                self._idle.append(self)
        else:
            self._close()

    def _forget(self) -> None:
        for event, listener in self._listeners:
            self.page.remove_listener(event, listener)
        self._listeners.clear()
        self.page.unroute_all()
        self._context.unroute_all()
        self._context.set_default_timeout(_MILLISECONDS)
        self.page.goto("about:blank")
        self._origins.discard(_origin(self.page.url))
        self.page.mouse.move(0, 0)
        self.page.emulate_media(media="null", color_scheme=self._colours)
        for origin in self._origins:
            everything = {"origin": origin, "storageTypes": "all"}
            self._client.send("Storage.clearDataForOrigin", everything)
        self._origins.clear()
        self._client.send("Network.clearBrowserCache")
        self._context.clear_cookies()


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

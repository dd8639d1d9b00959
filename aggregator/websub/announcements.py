"""What config.yaml wants of WebSub, put together for the scheduler."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Self

from aggregator import urls
from aggregator.config import Config
from aggregator.database import open_database
from aggregator.fetch import FetchSettings, WebSubClient
from aggregator.merged import Publication
from aggregator.model import Subscription
from aggregator.runtime.hub_socket import MAX_LETTER
from aggregator.websub.announcer import DEBOUNCE, Announcer
from aggregator.websub.hub import Hub
from aggregator.websub.publisher import Publisher
from aggregator.websub.transact import Transact

_EVERY = 5.0
_SOON = 1.0
_TIDY = 3600.0


class Announcements:
    """Tells of changes as the file wants it, or does nothing.  Use with `async with`.

    Args:
        transact: Does work in one transaction that may write.
        subscriptions: Returns the feeds in force.
        settings: How others are asked.
        letters: Brings what subscribers wish from the web; without it there is no hub of ours.
        debounce: How long the first change of some waits for the others.
    """

    def __init__(
        self,
        config: Config,
        transact: Transact,
        subscriptions: Callable[[], Iterable[Subscription]],
        settings: FetchSettings,
        letters: socket.socket | None = None,
        *,
        debounce: timedelta = DEBOUNCE,
    ) -> None:
        self._hub: Hub | None = None
        self._announcer: Announcer | None = None
        self._letters = letters
        self._wanted = config.websub.hub  # another one takes effect at the next start
        self._exits = contextlib.AsyncExitStack()
        wanted = self._wanted
        publication = Publication.of(config, own_hub=letters is not None)
        self._calls = WebSubClient(self._reaching(config, settings))
        self._posts = WebSubClient(self._reaching(config, settings))
        tell: Callable[[Collection[str]], Awaitable[None]]
        if wanted is None or (wanted == "self" and letters is None):
            return
        if letters is None or wanted != "self":
            tell = Publisher(wanted, self._calls).announce
        else:
            engine = open_database(config.database, read_only=True)
            self._exits.callback(engine.dispose)
            self._hub = Hub(publication, engine, self._calls, self._posts, transact)
            tell = self._hub.mark
        self._announcer = Announcer(publication, tell, subscriptions, transact, debounce=debounce)

    async def __aenter__(self) -> Self:
        if self._announcer is not None:
            await self._exits.enter_async_context(self._calls)
        if self._hub is not None and self._letters is not None:
            await self._exits.enter_async_context(self._posts)
            self._exits.push_async_callback(self._hub.stop)
            self._letters.setblocking(False)
            self._exits.callback(asyncio.get_running_loop().remove_reader, self._letters)
            await self._listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._exits.aclose()

    def follow(self, config: Config, settings: FetchSettings) -> None:
        """Ask others by these settings from now on: config.yaml has changed."""
        for calls in (self._calls, self._posts):
            calls.use_settings(self._reaching(config, settings))

    def jobs(self) -> Mapping[str, tuple[float, Callable[[], Awaitable[None]]]]:
        """Return what is to be done every so many seconds."""
        jobs: dict[str, tuple[float, Callable[[], Awaitable[None]]]] = {}
        if self._announcer is not None:
            jobs["announce"] = (_EVERY, self._announcer.announce)
        if self._hub is not None:
            jobs["hub: listen"] = (_SOON, self._listen)
            jobs["hub: log"] = (_SOON, self._hub.look_round)
            jobs["hub: deliver"] = (_EVERY, self._hub.deliver)
            jobs["hub: tidy"] = (_TIDY, self._hub.tidy)
        return jobs

    async def _listen(self) -> None:
        """Read letters again after a pause."""
        if self._letters is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._letters, self._read_letters, self._letters)

    def _read_letters(self, letters: socket.socket) -> None:
        """Take letters as long as there is room; then they stay, and the web refuses the next."""
        with contextlib.suppress(BlockingIOError):
            while self._hub is not None and self._hub.has_room:
                self._hub.receive(letters.recv(MAX_LETTER))
        if self._hub is not None and not self._hub.has_room:
            asyncio.get_running_loop().remove_reader(letters)

    def _reaching(self, config: Config, settings: FetchSettings) -> FetchSettings:
        """Return settings with the exceptions from the guard for those who are asked here.

        Those of feeds are none: anybody may name a subscriber's address.  The operator's own hub
        can be reached wherever it is.
        """
        is_elsewhere = self._wanted is not None and self._wanted != "self"
        own = (urls.host_of(self._wanted or ""),) if is_elsewhere else config.websub.allow
        return replace(settings, allow=own, allowed_in="websub.allow")

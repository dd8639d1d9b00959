"""The parts of WebSub that config.yaml calls for, put together for the scheduler."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Self

from aggregator import urls
from aggregator.config import Config
from aggregator.database import Transact, open_database
from aggregator.fetch import FetchSettings, WebSubClient
from aggregator.merged import Publication
from aggregator.websub.announcer import DEBOUNCE, Announcer, Publish
from aggregator.websub.hub_lease import HubLease
from aggregator.websub.hub_limits import DEFAULT_LIMITS, HubLimits
from aggregator.websub.own_hub import OwnHub
from aggregator.websub.remote_hub import RemoteHub

_ANNOUNCE_INTERVAL = 5.0
_DELIVER_INTERVAL = 5.0
_VERIFY_INTERVAL = 1.0
_LOG_INTERVAL = 1.0
_EXPIRE_INTERVAL = 3600.0

_OWN_HUB = "self"


class WebSubService:
    """Announces changes as config.yaml says, or does nothing.  Used with `async with`.

    Args:
        config: A change of `websub.hub` takes effect at the next start.
        owner: Name of this process.
        transact: Runs a function in one transaction that may write.
        settings: Of requests.
        debounce: How long the first change waits for further changes.
        limits: Of a hub of our own.
    """

    def __init__(
        self,
        config: Config,
        owner: str,
        transact: Transact,
        settings: FetchSettings,
        *,
        debounce: timedelta = DEBOUNCE,
        limits: HubLimits = DEFAULT_LIMITS,
    ) -> None:
        self._hub: OwnHub | None = None
        self._announcer: Announcer | None = None
        self._hub_option = config.websub.hub
        self._exits = contextlib.AsyncExitStack()
        self._lease = HubLease(owner, transact)
        self._publication = Publication.of(config, own_hub=True)
        self._client = WebSubClient(self._fetch_settings(config, settings))
        self._delivering_client = WebSubClient(self._fetch_settings(config, settings))
        publish: Publish
        if self._hub_option is None:
            return
        if self._hub_option != _OWN_HUB:
            publish = RemoteHub(self._hub_option, self._client).publish
        else:
            engine = open_database(config.database, read_only=True)
            self._exits.callback(engine.dispose)
            self._hub = OwnHub(
                self._publication,
                engine,
                self._client,
                self._delivering_client,
                transact,
                limits=limits,
            )
            publish = self._hub.publish
        self._announcer = Announcer(self._publication, publish, transact, debounce=debounce)

    async def __aenter__(self) -> Self:
        if self._announcer is not None:
            self._exits.push_async_callback(self._lease.release)
            await self._exits.enter_async_context(self._client)
        if self._hub is not None:
            await self._exits.enter_async_context(self._delivering_client)
            self._exits.push_async_callback(self._hub.stop)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._exits.aclose()

    def use_config(self, config: Config, settings: FetchSettings) -> None:
        """Use other settings for the next requests, after a change of config.yaml."""
        for client in (self._client, self._delivering_client):
            client.use_settings(self._fetch_settings(config, settings))
        if self._hub is not None:
            self._hub.use_publication(self._publication.with_page(config.page))

    def jobs(self) -> Mapping[str, tuple[float, Callable[[], Awaitable[None]]]]:
        """Return periodic jobs by name, each with the interval in seconds.

        Of several processes with one database the one with the lease does the work, so that nobody
        is told twice, and limits hold for all processes together.
        """
        jobs: dict[str, tuple[float, Callable[[], Awaitable[None]]]] = {}
        if self._announcer is not None:
            jobs["announce"] = (_ANNOUNCE_INTERVAL, self._with_lease(self._announcer.announce))
        if self._hub is not None:
            jobs["hub: verify"] = (_VERIFY_INTERVAL, self._with_lease(self._hub.verify))
            jobs["hub: log"] = (_LOG_INTERVAL, self._hub.log_counts)
            jobs["hub: deliver"] = (_DELIVER_INTERVAL, self._with_lease(self._hub.deliver))
            jobs["hub: tidy"] = (_EXPIRE_INTERVAL, self._with_lease(self._hub.remove_expired))
        return jobs

    def _with_lease(self, job: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def run() -> None:
            if await self._lease.is_held():
                await job()

        return run

    def _fetch_settings(self, config: Config, settings: FetchSettings) -> FetchSettings:
        """Return settings with the guard's exceptions for hubs and subscribers.

        The exceptions for feeds do not hold here: anybody may name a subscriber's URL.  A hub that
        the operator names is always an exception.
        """
        is_remote = self._hub_option is not None and self._hub_option != _OWN_HUB
        allow = (urls.host_of(self._hub_option or ""),) if is_remote else config.websub.allow
        return replace(settings, allow=allow, allowed_in="websub.allow")

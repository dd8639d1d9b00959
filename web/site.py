"""What every request needs and none changes: configuration, database, files, rendered feeds."""

import hashlib
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from flask import Flask, current_app

from aggregator.config import Config
from aggregator.database import Engine
from aggregator.merged import Publication
from web.assets import load_assets
from web.client_limits import Limiter
from web.costly_searches import CostlySearches
from web.deltas import Journal
from web.responses import Body, Shelf
from web.sidebars import Sidebars

_KEY = "aggregator"


@dataclass(frozen=True, slots=True)
class Site:
    """One application's surroundings.

    Attributes:
        publication: What all merged feeds have in common.
        assets: The files under /static/, by name.
        rendered: Merged feeds as they were last sent.
        journal: What was in them before.
        limiter: Which clients have what.
        pages: Pages as they were last sent.
        sidebars: What stood beside them.
        making: Held while a page of hundreds of feeds is made.
        costly: The searches under way that cost much.
        build: Changes when templates, files or the configuration do; part of pages' validators.
        hub: Socket for requests of subscribers to our own hub; None without such a hub.
    """

    config: Config
    engine: Engine
    publication: Publication
    zone: ZoneInfo
    assets: Mapping[str, Body]
    rendered: Shelf
    journal: Journal
    limiter: Limiter
    pages: Shelf
    sidebars: Sidebars
    making: threading.Lock
    costly: CostlySearches
    build: str
    hub: socket.socket | None = None


def set_site(
    app: Flask,
    config: Config,
    engine: Engine,
    *,
    hub: socket.socket | None = None,
) -> None:
    """Give `app` its surroundings."""
    assets = load_assets()
    app.extensions[_KEY] = Site(
        config=config,
        engine=engine,
        publication=Publication.of(config, own_hub=hub is not None),
        zone=ZoneInfo(config.timezone),
        assets=assets,
        rendered=Shelf(),
        journal=Journal(),
        limiter=Limiter(),
        pages=Shelf(),
        sidebars=Sidebars(),
        making=threading.Lock(),
        costly=CostlySearches(),
        build=_build(config, assets),
        hub=hub,
    )


def site() -> Site:
    """Return the surroundings of the application that answers this request."""
    return cast("Site", current_app.extensions[_KEY])


def _build(config: Config, assets: Mapping[str, Body]) -> str:
    digest = hashlib.sha256(repr((config.title, config.base_url, config.timezone)).encode())
    digest.update(repr(config.feeds).encode())
    for name in sorted(assets):
        digest.update(assets[name].etag.encode())
    for folder in ("templates", "languages"):
        for path in sorted((Path(__file__).parent / folder).iterdir()):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]

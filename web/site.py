"""The values that all requests share: configuration, database, files, caches."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

from flask import Flask, current_app

from aggregator.config import Config
from aggregator.database import Connection, Engine, clock_of
from aggregator.database.state import read_age, read_overview
from aggregator.merged import Publication
from aggregator.model import Overview
from aggregator.pictures.picture_files import PictureFiles
from web.assets import load_assets
from web.branding import Branding, branding
from web.client_limits import ClientLimiter
from web.costly_searches import CostlySearches
from web.database_log import DatabaseLog
from web.deltas import SentVersions
from web.hub_requests import HubRequests
from web.responses import Body, BodyCache
from web.sidebars import Sidebars

_KEY = "aggregator"


@dataclass(frozen=True, slots=True)
class Site:
    """The values of one application.

    Attributes:
        publication: Common properties of all merged feeds.
        assets: The files of static/ and of the operator, by name.
        branding: The operator's own logo, style sheet and text.
        documents: Cache of merged feeds, subscriptions and metrics.
        versions: Former versions of merged feeds, for deltas.
        client_limiter: Limit for repeated requests of a client.
        pages: Cache of pages.
        pictures: The files of pictures of entries.
        sidebars: Cache of the sidebar.
        feed_table_lock: Held while a page of hundreds of feeds is made.
        costly_searches: Limit for costly searches in progress.
        database_log: What the log says of a database that cannot be read.
        build: Hash of templates, files and configuration; part of the validators of pages.
        utc_now: Returns the time of pages; aware.
        hub: Takes requests of subscribers to our own hub; None without such a hub.
    """

    config: Config
    engine: Engine
    publication: Publication
    zone: ZoneInfo
    assets: Mapping[str, Body]
    branding: Branding
    documents: BodyCache
    versions: SentVersions
    client_limiter: ClientLimiter
    pages: BodyCache
    pictures: PictureFiles
    sidebars: Sidebars
    feed_table_lock: threading.Lock
    costly_searches: CostlySearches
    database_log: DatabaseLog
    build: str
    utc_now: Callable[[], datetime]
    hub: HubRequests | None = None


def set_site(
    app: Flask,
    config: Config,
    engine: Engine,
    *,
    hub: HubRequests | None = None,
    utc_now: Callable[[], datetime] | None = None,
) -> None:
    """Make the values of an application."""
    files = load_assets()
    brand = branding(config, files["icon.svg"])
    assets = {**files, **brand.assets}
    app.extensions[_KEY] = Site(
        config=config,
        engine=engine,
        publication=Publication.of(config, own_hub=hub is not None),
        zone=ZoneInfo(config.timezone),
        assets=assets,
        branding=brand,
        documents=BodyCache(),
        versions=SentVersions(),
        client_limiter=ClientLimiter(),
        pages=BodyCache(),
        pictures=PictureFiles(config.picture_folder),
        sidebars=Sidebars(),
        feed_table_lock=threading.Lock(),
        costly_searches=CostlySearches(),
        database_log=DatabaseLog(config.pages_database),
        build=_build(config, assets, brand),
        utc_now=utc_now or clock_of(engine),
        hub=hub,
    )


def use_stamps(app: Flask, config: Config) -> None:
    """Note that files were saved; only stamps differ in `config` and the present configuration."""
    app.extensions[_KEY] = replace(app.extensions[_KEY], config=config)


def close(app: Flask) -> None:
    """Close the connections of an application; requests in progress keep theirs."""
    values = cast("Site", app.extensions[_KEY])
    values.engine.dispose()
    if values.hub is not None:
        values.hub.close()


def present_overview(connection: Connection) -> Overview:
    """Return the numbers for every page, with the age of a copy of the database."""
    overview = read_overview.overview(connection)
    if site().config.database_read is None:
        return overview
    return replace(overview, outdated_since=read_age.outdated_since(connection))


def site() -> Site:
    """Return the values of the application that answers the current request."""
    return cast("Site", current_app.extensions[_KEY])


def _build(config: Config, assets: Mapping[str, Body], brand: Branding) -> str:
    digest = hashlib.sha256(repr((config.title, config.base_url, config.timezone)).encode())
    digest.update(repr((config.page, brand.about, brand.faces, config.feeds)).encode())
    for name in sorted(assets):
        digest.update(assets[name].etag.encode())
    digest.update(_texts_hash())
    return digest.hexdigest()[:12]


@cache
def _texts_hash() -> bytes:
    """Return a hash of templates and catalogues, which are read once, too."""
    digest = hashlib.sha256()
    for folder in ("templates", "languages"):
        for path in sorted((Path(__file__).parent / folder).iterdir()):
            digest.update(path.read_bytes())
    return digest.digest()

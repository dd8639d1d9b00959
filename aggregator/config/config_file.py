"""config.yaml -> Config, or every problem with file, line and column."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from aggregator import urls
from aggregator.config import (
    address_parsers,
    config_text,
    feed_files,
    feed_requests,
    notify_options,
    option_validation,
    options,
    repeated_values,
    subscriptions,
    yaml_document,
)
from aggregator.config.config_faults import ConfigFault
from aggregator.config.config_text import ConfigText, error_of
from aggregator.config.feed_files import FeedFile
from aggregator.config.feed_options import FeedOptions
from aggregator.config.files import Folder, stamp_of
from aggregator.config.notify_options import NotifyOptions
from aggregator.config.options import Config, FeedPlace, GlobalOptions, OpmlList, ViewOptions
from aggregator.config.page_files import Face
from aggregator.config.subscriptions import CommonSettings
from aggregator.config.variables import Environment, fill
from aggregator.errors import ConfigError
from aggregator.model import FeedRequest, Subscription


def load(path: Path) -> Config:
    """Read the configuration from a file.

    Raises:
        ConfigError: A file can't be read, or has problems; the error lists all problems.
    """
    stamp = stamp_of(path)  # before the text: a file that is saved meanwhile is noticed later
    config = parse(config_text.read(path), path=path)
    return replace(config, stamps={path: stamp, **config.stamps})


def line_of(config: Config, *location: str | int) -> int | None:
    """Return the line in which a key of the file stands, counted from 1.

    Args:
        location: Keys and indexes that lead to the value, such as "hide".

    Returns:
        None if the file does not have the key any more.
    """
    try:
        return ConfigText(config_text.read(config.path), config.path).line_of(*location)
    except ConfigError:
        return None


def line_of_feed(place: FeedPlace, key: str) -> int | None:
    """Return the line in which a setting of a feed, or of all feeds of its file, stands.

    Returns:
        None if the file does not have the setting any more.
    """
    try:
        text = ConfigText(config_text.read(place.path), place.path)
    except ConfigError:
        return None
    return text.line_of("feeds", place.index, key) or text.line_of(key)


def database_url(text: str, config: Config) -> str:
    """Read the address of a database as `database` in the file could have it, with variables.

    Raises:
        ValueError: The text is not the address of a database, or a variable has no value.
    """
    folder = Folder(config.folder, config.data)
    filling = fill({"database": text}, Environment(os.environ, folder))
    if filling.faults:
        raise ValueError(filling.faults[0].message)
    address: str = filling.values["database"]
    return address_parsers.database(address, folder=folder.data or folder.path)


def parse(text: str, *, path: Path, new_texts: Mapping[Path, str] | None = None) -> Config:
    """Read the configuration from the text of the file at `path`.

    Variables have their values from the environment of this process.

    Args:
        new_texts: Texts in place of the texts of included files, by path.

    Raises:
        ConfigError: All problems of the text, and of included files, in the order of the files.
    """
    folder = Folder(options.folder_of(path), options.data_folder())
    environment = Environment(os.environ, folder)
    read = _read_values(ConfigText(text, path), environment, new_texts or {})
    items: dict[FeedPlace, FeedOptions] = read.by_place("feeds")
    requests = _requests(read)
    feeds = _subscriptions(read, requests)
    all_requests = [*requests.values(), FeedRequest(proxy=read.settings.network.proxy)]
    secrets = (*read.secrets, *feed_requests.secrets_of(all_requests))
    urls.remember_secrets(secrets)
    config = Config(
        path=path,
        data=folder.data,
        stamps=folder.stamps,
        interval_given=read.has_interval,
        feeds=feeds,
        opml_lists=_opml_lists(read),
        places={feed.name: place for feed, place in zip(feeds, items, strict=True)},
        faces=_faces(feeds, items.values()),
        requests=requests,
        secrets=secrets,
        base_url_given="base_url" in read.values,
        **option_validation.as_arguments(read.settings),
    )
    _check_lists_of_targets(config, ConfigText(text, path))
    return reached_at_port(config, config.web.port)


def _check_lists_of_targets(config: Config, text: ConfigText) -> None:
    """Check that the lists of `notify` exist, unless an OPML list may have the category.

    Raises:
        ConfigError: There is no such view or category.
    """
    views = {view.name for view in config.views}
    categories = None if config.opml_lists else set(config.category_slugs.values())
    faults = list(notify_options.unknown_lists(config.notify, views, categories))
    if faults:
        raise error_of([(text, faults)], config.stamps)


def _requests(read: "_ReadValues") -> dict[str, FeedRequest]:
    """Return the requests of feeds and OPML lists of all files."""
    hosts, network = read.settings.hosts, read.settings.network
    requests = feed_requests.feed_requests(read.by_place("feeds").values(), hosts, network)
    opml_lists = read.by_place("opml_lists").values()
    return requests | feed_requests.list_requests(opml_lists, hosts, network)


def _subscriptions(
    read: "_ReadValues", requests: Mapping[str, FeedRequest]
) -> tuple[Subscription, ...]:
    """Return the feeds of all files with names, and with the settings of all feeds.

    Args:
        requests: Of `Config`.
    """
    return subscriptions.subscriptions(
        read.by_place("feeds"),
        read.by_place("written_addresses"),
        CommonSettings.of(read.settings, interval_given=read.has_interval, requests=requests),
    )


def _opml_lists(read: "_ReadValues") -> tuple[OpmlList, ...]:
    """Return the OPML lists of all files."""
    addresses = read.by_place("written_addresses")
    return tuple(
        OpmlList(item, place, addresses.get(place))
        for place, item in read.by_place("opml_lists").items()
    )


def count_unread(path: Path) -> int:
    """Return how many values of the files have variables without a value.

    Raises:
        ConfigError: All problems of the other values, in the order of the files.
    """
    folder = Folder(options.folder_of(path), options.data_folder())
    environment = Environment(os.environ, folder, is_complete=False)
    read = _read_values(ConfigText(config_text.read(path), path), environment, {})
    return sum(len(file.filling.unread) for file in read.files)


@dataclass(frozen=True, slots=True)
class _ReadValues:
    """The values of a file and of included files, without faults.

    Attributes:
        values: Of the file: texts, None, lists and dicts, by key.
        settings: Defaults stand in for a value with a variable without a value.
        files: The included files, then the file itself.
    """

    values: dict[str, Any]
    settings: GlobalOptions
    files: list[FeedFile]

    def by_place(self, attribute: str) -> dict[FeedPlace, Any]:
        """Return an attribute of the feeds of all files, by their places."""
        return _by_place(self.files, attribute)

    @property
    def has_interval(self) -> bool:
        """Whether the file has `poll.interval`."""
        return "interval" in (self.values.get("poll") or {})

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that were filled into addresses and headers, each once."""
        return tuple(dict.fromkeys(chain.from_iterable(f.filling.secrets for f in self.files)))


def _by_place(files: Iterable[FeedFile], attribute: str) -> dict[FeedPlace, Any]:
    return {
        file.place(index): value
        for file in files
        for index, value in getattr(file.items, attribute).items()
    }


def _read_values(
    text: ConfigText, environment: Environment, new_texts: Mapping[Path, str]
) -> _ReadValues:
    """Return the values of a file and of included files, filled in and checked.

    Raises:
        ConfigError: All problems of the text and of included files, in the order of the files.
    """
    if text.is_list or not isinstance(text.values, dict):
        raise error_of([(text, [ConfigFault((), "must be `key: value` lines")])])
    if oversized := text.oversized_part():
        raise ConfigError([f"{text.path}: {oversized}"])  # to find the line takes seconds
    filling = text.filling(environment)
    values, folder = filling.values, environment.folder
    written_settings = {key: value for key, value in values.items() if key != "feeds"}
    settings = option_validation.read_settings(written_settings, folder=folder)
    config_file = feed_files.read_feeds(text, environment, filling)
    included = feed_files.read_included(
        option_validation.readable_value(GlobalOptions, "include", values, folder=folder) or (),
        text.path,
        environment,
        new_texts,
    )
    files = [*included.files, config_file]
    faults = _faults_by_path(files)
    faults[text.path] += included.faults
    faults[text.path] += repeated_values.repeated_names("views", ViewOptions, values)
    faults[text.path] += repeated_values.repeated_names("notify", NotifyOptions, values)
    faults[text.path] += repeated_values.repeated_sites(values.get("hosts"))
    if isinstance(settings, list):
        faults[text.path] += settings
        settings = GlobalOptions()
    faults_of_texts = [
        (file.text, [*file.filling.faults, *file.filling.without_unread(faults[file.text.path])])
        for file in (config_file, *included.files)
    ]
    if included.unreadable or any(faults or text.problems for text, faults in faults_of_texts):
        raise error_of(faults_of_texts, folder.stamps, included.unreadable)
    return _ReadValues(values, settings, files)


def _faults_by_path(files: Iterable[FeedFile]) -> dict[Path, list[ConfigFault]]:
    """Return the faults of feeds, also of repeated feeds, by path."""
    faults = {file.text.path: list(file.faults) for file in files}
    texts = {file.text.path: file.text for file in files}
    lists = {place: item.opml for place, item in _by_place(files, "opml_lists").items()}
    repetitions = chain(
        repeated_values.repeated_feeds(
            _by_place(files, "addresses"), _by_place(files, "names"), texts
        ),
        repeated_values.repeated_lists(lists, texts),
    )
    for place, fault in islice(repetitions, yaml_document.MAX_PROBLEMS):
        faults[place.path].append(fault)
    return faults


def _faces(feeds: Iterable[Subscription], items: Iterable[FeedOptions]) -> dict[str, Face]:
    """Return the pictures of feeds by `known_url`.

    Args:
        items: As in the file, in the order of the feeds.
    """
    pairs = zip(feeds, items, strict=True)
    return {feed.known_url: item.picture for feed, item in pairs if item.picture is not None}


def reached_at_port(config: Config, port: int) -> Config:
    """Return `config` with a base URL that leads to `port` of this machine.

    A base URL of the file stays as written; every base URL stays if `port` is 0, which stands for
    any free port.
    """
    if not port or config.base_url_given:
        return config
    return replace(config, base_url=f"http://127.0.0.1:{port}")

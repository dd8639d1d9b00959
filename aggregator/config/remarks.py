"""Remarks on likely mistakes in a valid configuration."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta

from aggregator import urls
from aggregator.config import file_permissions, stray_characters
from aggregator.config.feed_requests import is_secret_header
from aggregator.config.files import Pattern
from aggregator.config.options import Config
from aggregator.config.rule_remarks import CategoryNames, remarks_on_rules, remarks_on_sources
from aggregator.config.value_parsers import quoted
from aggregator.model.times import span_text
from aggregator.search.syntax_tree import NameTest

POLITE_INTERVAL = timedelta(minutes=30)
MAX_OF_KIND = 5  # remarks
_BROWSER = re.compile(r"mozilla/|chrome/|safari/|firefox/|opera/|edge?/", re.IGNORECASE)
_CONTACT = re.compile(r"https?://[\w.-]+|[\w.+-]+@[\w-]+\.\w+")
_NOT_LOADED = re.compile(
    r"/\*.*?\*/|(@import|@font-face|url\(\s*[\"']?(?:data:|https?:|//))", re.DOTALL | re.IGNORECASE
)


def notes(config: Config) -> list[str]:
    """Return the remarks, a line each, such as `feeds[3] (boss-mind): polled every 5m; ...`."""
    remarks: list[str] = []
    if not config.feeds and not config.opml_lists:
        remarks.append("feeds: none yet; add one with `aggregator add URL`, or write its address")
    remarks += _clipped(filter(None, map(file_permissions.remark, config.files)), of="files")
    remarks += _on_patterns(config)
    remarks += _on_addresses(config)
    if config.poll.interval < POLITE_INTERVAL:
        remarks.append(f"poll.interval: {_on_short_interval(config.poll.interval)}")
    remarks += _clipped(_on_intervals(config))
    remarks += _clipped(_on_files(config))
    remarks += _clipped(_on_user_agents(config))
    remarks += _clipped(_on_open_headers(config))
    remarks += _clipped(_on_categories(config))
    remarks += _clipped(_on_stories(config), of="stories")
    remarks += _clipped(_on_characters(config))
    remarks += _clipped(_on_style_sheet(config), of="page.css")
    remarks += _clipped(remarks_on_rules(config), of="rules")
    return remarks


def source_notes(config: Config, unknown: Iterable[tuple[str, NameTest]]) -> list[str]:
    """Return remarks on rules that name unknown sources.

    Args:
        unknown: Those of `unknown_sources` that the database does not know either.
    """
    return _clipped(remarks_on_sources(config, unknown), of="rules")


def _on_addresses(config: Config) -> Iterator[str]:
    if urls.is_loopback(urls.host_of(config.base_url)) and not urls.is_loopback(config.web.host):
        yield (
            f"base_url: others reach the pages ({config.web.host}), but links in the merged feeds "
            f"lead to {config.base_url}; write the address that others use"
        )
    for section, allow in (("network", config.network.allow), ("websub", config.websub.allow)):
        for index, entry in enumerate(allow):
            if urls.host_and_port(entry)[0].endswith("/0"):
                yield f"{section}.allow[{index}]: {entry} allows every address there is"


def _on_patterns(config: Config) -> Iterator[str]:
    for index, pattern in enumerate(config.include):
        if not Pattern(config.path.parent, pattern).paths():
            yield f"include[{index}]: no file matches {quoted(pattern)} yet"


def _on_intervals(config: Config) -> Iterator[str]:
    for feed in config.feeds:
        is_short = feed.interval < POLITE_INTERVAL and feed.interval != config.poll.interval
        if is_short and urls.is_web(feed.url):
            yield f"{config.place_of(feed)}: {_on_short_interval(feed.interval)}"


def _on_files(config: Config) -> Iterator[str]:
    for feed in config.feeds:
        if not urls.is_web(feed.url) and not (config.folder / feed.url).is_file():
            hint = "; add https:// if it is on the web" if "." in feed.url.split("/")[0] else ""
            path = urls.masked_input(feed.url)
            yield f"{config.place_of(feed)}: there is no file {path} in {config.folder}{hint}"
    for opml_list in config.opml_lists:
        path = opml_list.address
        if not urls.is_web(path) and not (config.folder / path).is_file():
            yield f"{config.place_of_list(opml_list)}: there is no such file in {config.folder}"


def _on_user_agents(config: Config) -> Iterator[str]:
    """Yield a remark on each user agent hiding the robot from publishers."""
    user_agents: set[str] = set()
    for feed in config.feeds:
        request = config.requests.get(feed.url)
        if request is None or not request.user_agent or request.user_agent in user_agents:
            continue
        user_agents.add(request.user_agent)
        fault = "names a browser" if _BROWSER.search(request.user_agent) else ""
        if not fault and not _CONTACT.search(request.user_agent):
            fault = "has no address to write to"
        if fault:
            yield (
                f"{config.place_of(feed)}: user_agent {fault}; publishers block programs that "
                "hide, so say who asks: my-reader/1.0 (+https://example.org/contact)"
            )


def _on_open_headers(config: Config) -> Iterator[str]:
    for feed in config.feeds:
        request = config.requests.get(feed.url)
        if request and feed.url.lower().startswith("http://") and not urls.is_private(feed.url):
            names = [name for name, _ in request.headers if is_secret_header(name)]
            if names:
                yield f"{config.place_of(feed)}: {names[0]} is sent unencrypted; write https://"


def _on_categories(config: Config) -> Iterator[str]:
    first_spellings: dict[str, str] = {}
    reported: set[str] = set()
    category_names = ((feed, name) for feed in config.feeds for name in feed.categories)
    for feed, category in category_names:
        first = first_spellings.setdefault(urls.category_key(category), category)
        if first != category and category not in reported:
            reported.add(category)
            yield f'{config.place_of(feed)}: category "{category}" is the same page as "{first}"'


def _on_stories(config: Config) -> Iterator[str]:
    categories = CategoryNames(config)
    for category in config.stories.off_in:
        if remark := categories.remark(category):
            yield f"stories: {remark}"


def _on_characters(config: Config) -> Iterator[str]:
    """Yield remarks on stray characters in titles and categories; elsewhere such are faults."""
    texts = [("title", config.title)]
    for feed in config.feeds:
        place = config.place_of(feed)
        texts.append((f"{place}: title", feed.title or ""))
        texts += [(f"{place}: category", category) for category in feed.categories]
    for place, text in texts:
        if character := stray_characters.stray_in_prose(text):
            yield f"{place}: {stray_characters.complaint(character)}"


def _on_style_sheet(config: Config) -> Iterator[str]:
    """Yield remarks on what the content policy of the pages keeps browsers from loading."""
    file = config.page.css
    if file is None:
        return
    for match in _NOT_LOADED.finditer(file.text):
        if match[1]:
            line_number = file.text.count("\n", 0, match.start()) + 1
            column = match.start() - file.text.rfind("\n", 0, match.start())
            reference = re.sub(r"[\s\"']", "", match[1])
            yield (
                f"page.css: {file.path}:{line_number}:{column}: {reference} is not loaded; "
                "pages load no fonts, and pictures from this server alone"
            )


def _on_short_interval(interval: timedelta) -> str:
    return (
        f"polls every {span_text(interval)}; many publishers block readers that come more often "
        f"than every {span_text(POLITE_INTERVAL)}, so keep this for servers of your own"
    )


def _clipped(remarks: Iterator[str], *, of: str = "feeds") -> list[str]:
    of_kind = list(remarks)
    if len(of_kind) <= MAX_OF_KIND:
        return of_kind
    count = len(of_kind) - MAX_OF_KIND
    return [*of_kind[:MAX_OF_KIND], f"{of}: {count:,} more remarks of this kind"]

"""`doctor`: causes of failing feeds, with advice, patches and letters."""

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import click

from aggregator import config as configuration
from aggregator import urls
from aggregator.cli import doctor_findings
from aggregator.cli.common import config_with_present_names, readable_database
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.config_patch import patch_of
from aggregator.cli.doctor_findings import Finding, Treatment, advice_of
from aggregator.cli.feed_arguments import subscribed_feed
from aggregator.cli.feed_examination import AskedFeed, examine
from aggregator.cli.logs import escaped
from aggregator.cli.owner_letter import Robot, letter_of, robot_of
from aggregator.config import Config, NewAddress
from aggregator.database import Connection, database_time
from aggregator.database.feeds import read_health, write_hosts
from aggregator.errors import UsageError
from aggregator.feed_status import FeedStatus, feed_status
from aggregator.model import FeedHealth, Subscription
from aggregator.scheduler import config_sync, poll_settings

_SICK = frozenset({FeedStatus.FAILING, FeedStatus.WAITING, FeedStatus.REMOVED})


@click.command()
@takes_config
@click.argument("feeds", nargs=-1, metavar="[FEED]...")
@click.option("--letter", is_flag=True, help="Write a letter to the operator of each failing feed.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def doctor(feeds: tuple[str, ...], *, letter: bool, as_json: bool) -> None:
    """Ask failing feeds, or the named feeds, for the cause, and give advice.

    At most three requests go to a site, with the pauses of polls; no check for browsers is tried to
    be solved, and nothing is stored.  A feed without a name among the arguments is not asked while
    the server wants to be left alone.  Where another address has the feed, the line to change comes
    as a patch of the configuration file, for `patch -p1` or `git apply` in the folder of the file.

    FEED is a name, an address, a title, or the beginning of a name or title that no other feed has.
    """
    config, asked_feeds = _read(feeds)
    if not asked_feeds:
        click.echo("no feed is failing", err=True)
    settings = poll_settings(config)
    findings = asyncio.run(examine(config, settings, asked_feeds)) if asked_feeds else []
    healths = {asked_feed.feed.name: asked_feed.health for asked_feed in asked_feeds}
    treatments, patch = _treatments(config, findings, healths)
    if letter:
        robot = robot_of(config, settings.fetch.user_agent)
        treatments = [
            replace(treatment, letter=_letter(treatment.finding, robot, healths))
            for treatment in treatments
        ]
    if as_json:
        values = [doctor_findings.as_json(treatment) for treatment in treatments]
        click.echo(
            json.dumps({"feeds": values, "patch": patch or None}, ensure_ascii=False, indent=2)
        )
        return
    for line in _lines(treatments, letter=letter):
        click.echo(escaped(line))
    sys.stdout.write(f"\n{patch}" if patch else "")


def _read(arguments: Sequence[str]) -> tuple[Config, list[AskedFeed]]:
    """Return the configuration with present names, and the feeds to ask."""
    config = load_config()
    with readable_database(config) as connection:
        if connection is not None:
            config = config_sync.with_stored_lists(connection, config)
            config = config_with_present_names(connection, config)
        return config, _asked_feeds(config, arguments, connection)


def _asked_feeds(
    config: Config, arguments: Sequence[str], connection: Connection | None
) -> list[AskedFeed]:
    """Return the feeds of the arguments, or without arguments all feeds with problems.

    Raises:
        UsageError: An argument means no feed or several; or argument and database are missing.
    """
    healths: dict[str, FeedHealth] = {}
    if connection is not None:
        now = database_time(connection)
        stored = read_health.feeds_by_urgency(connection, now=now, history=1)
        healths = {health.source.name: health for health in stored}
    if arguments:
        named_feeds = [subscribed_feed(config, argument, connection) for argument in arguments]
        return [
            _asked_feed(feed, healths.get(feed.name), connection, is_named=True)
            for feed in {feed.name: feed for feed in named_feeds}.values()
        ]
    if connection is None:
        raise UsageError("nothing was polled yet: name a feed, or poll first: aggregator poll")
    feeds = {feed.name: feed for feed in config.feeds}
    return [
        _asked_feed(feeds[name], health, connection)
        for name, health in healths.items()
        if name in feeds and (feed_status(health) in _SICK or health.moved_to)
    ]


def _asked_feed(
    feed: Subscription,
    health: FeedHealth | None,
    connection: Connection | None,
    *,
    is_named: bool = False,
) -> AskedFeed:
    site = urls.site_of(feed.url)
    pause = write_hosts.host_pause(connection, site) if connection is not None else None
    return AskedFeed(feed, health, is_named, pause)


def _treatments(
    config: Config, findings: Sequence[Finding], healths: Mapping[str, FeedHealth | None]
) -> tuple[list[Treatment], str]:
    """Return advice on each finding, and the patch, "" for none."""
    subscribed_as = {
        finding.feed.name: _holder(config, finding) for finding in findings if finding.new_url
    }
    addresses = [
        NewAddress(finding.feed.known_url, finding.new_url, _name_to_write(finding, healths))
        for finding in findings
        if finding.new_url is not None
        and finding.feed.opml_list is None
        and subscribed_as[finding.feed.name] is None
        and urls.masked(finding.new_url) == finding.new_url
        and urls.masked(finding.feed.url) == finding.feed.url
    ]
    files, by_hand = configuration.with_new_addresses(config.path, addresses)
    in_patch = {address.known_url for address in addresses if address not in by_hand}
    treatments = [
        Treatment(
            finding,
            advice_of(
                finding,
                in_patch=finding.feed.known_url in in_patch,
                subscribed_as=subscribed_as.get(finding.feed.name),
            ),
        )
        for finding in findings
    ]
    return treatments, patch_of(files, config.folder)


def _holder(config: Config, finding: Finding) -> str | None:
    """Return the name of another subscription with the new address, None for none."""
    key = configuration.same_feed_key(finding.new_url or "")
    holders = (
        feed.name
        for feed in config.feeds
        if feed.name != finding.feed.name and configuration.same_feed_key(feed.url) == key
    )
    return next(holders, None)


def _name_to_write(finding: Finding, healths: Mapping[str, FeedHealth | None]) -> str | None:
    """Return the name for the file, None for a feed without posts to keep."""
    health = healths[finding.feed.name]
    return finding.feed.name if health is not None and health.entries else None


def _letter(finding: Finding, robot: Robot, healths: Mapping[str, FeedHealth | None]) -> str | None:
    health = healths[finding.feed.name]
    return letter_of(finding, robot, health.failing_since if health else None)


def _lines(treatments: Sequence[Treatment], *, letter: bool) -> Iterator[str]:
    for number, treatment in enumerate(treatments):
        if number:
            yield ""
        yield from doctor_findings.treatment_lines(treatment)
        if treatment.letter is not None:
            yield ""
            yield from treatment.letter.splitlines()
        elif letter:
            yield "  No letter: its operator has nothing to mend, or was not asked now."

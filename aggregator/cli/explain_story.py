"""`explain-story`: the entries of a story, the reasons, and where and why each one is listed."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import click

from aggregator import urls
from aggregator.cli import output
from aggregator.cli.common import config_with_present_names, opened_database
from aggregator.cli.config_option import load_config, takes_config
from aggregator.cli.entry_presence import EntryPresence, dating_text, places_text, presences
from aggregator.cli.logs import escaped
from aggregator.database import Connection
from aggregator.database.entries import read_links
from aggregator.database.stories import read_stories
from aggregator.database.stories.read_stories import Story, StoryEntry, StoryReason
from aggregator.errors import AggregatorError, UsageError
from aggregator.model import PictureState
from aggregator.pictures.picture_sizes import PictureSize, may_lead

_MAX_ID = 2**63 - 1
_OWN_PAGE = re.compile(r"(?:^|/)post/(-?[0-9]{1,19})(?:\.html|/)?(?:[?#].*)?$")
_SIGNS_OF_URLS = frozenset(".:/")


@click.command("explain-story")
@takes_config
@click.argument("place", metavar="ID|URL")
def explain_story(place: str) -> None:
    """Show the story of an entry, and why.

    With all entries of the story, the reasons, the dates of the entries, and the lists that have
    them, or what keeps them out of lists.

    URL is the address of a post, in any form: with or without https://, www. and parameters that
    follow readers; or the address of its page here, /post/ID.  ID is the `id` of an entry in the
    page's source, such as e1866547893248000, with or without e.
    """
    number, config = _number(place), load_config()
    with opened_database(config) as (engine, config), engine.connect() as connection:
        config = config_with_present_names(connection, config)
        ids = [number] if number is not None else _ids_at(connection, place)
        stories = _stories(connection, ids)
        listings = [presences(connection, story.entries, config) for story in stories]
    if not stories:
        advice = "an id is in the page's source" if number is not None else "no post has this link"
        raise AggregatorError(f"{urls.masked_input(place)}: there is no such entry; {advice}")
    for index, (story, of_story) in enumerate(zip(stories, listings, strict=True)):
        if index:
            click.echo()
        for line in lines(story.entries, story.reasons, of_story):
            click.echo(escaped(line))


def _number(place: str) -> int | None:
    """Return the number in an id; None for an address.

    Raises:
        UsageError: The text is neither.
    """
    try:
        number = int(place.removeprefix("e"))
    except ValueError:
        if _SIGNS_OF_URLS.intersection(place):
            return None
        number = _MAX_ID + 1
    if abs(number) > _MAX_ID:
        raise UsageError(
            f"{urls.masked_input(place)}: neither an address nor an id; an id is in the page's "
            "source, such as e1866547893248000"
        )
    return number


def _ids_at(connection: Connection, address: str) -> list[int]:
    """Return the ids of the entries that link to an address, or the id in an address of our own.

    Args:
        address: May lack its scheme.
    """
    for url in (address, f"https://{address.removeprefix('//')}"):
        if ids := read_links.ids_of_link(connection, url):
            return ids
    own_page = _OWN_PAGE.search(address)
    return [int(own_page[1])] if own_page and abs(int(own_page[1])) <= _MAX_ID else []


def _stories(connection: Connection, ids: Iterable[int]) -> list[Story]:
    """Return the stories of entries, each once; none for unknown ids."""
    stories: list[Story] = []
    for entry_id in ids:
        if any(entry.id == entry_id for story in stories for entry in story.entries):
            continue
        story = read_stories.story(connection, entry_id)
        if story is not None:
            stories.append(story)
    return stories


def lines(
    entries: Sequence[StoryEntry],
    reasons: Sequence[StoryReason],
    listings: Mapping[int, EntryPresence],
) -> Iterator[str]:
    """Yield lines about the entries of a story, where they are listed, and their links."""
    numbers = {entry.id: number for number, entry in enumerate(entries, 1)}
    for entry in entries:
        listing = listings[entry.id]
        absence = "in no list" if entry.exclusion else "also in"
        position = "shown in the list" if entry.is_shown else absence
        yield f"{numbers[entry.id]}. {entry.feed}: {entry.title}  ({position})"
        link = entry.url or "no link"
        yield f"   {entry.id}, listed {output.moment(entry.listed_at)} UTC, {link}"
        first_seen = output.moment(entry.first_seen_at)
        yield f"   first seen {first_seen} UTC; {dating_text(listing.dating)}"
        yield f"   {places_text(listing)}"
        yield from (f"   {_picture(state)}" for state in listing.pictures)
    if len(entries) == 1 and not reasons:
        yield "in no story; nothing was found to be the same"
    for reason in reasons:
        linked_ids = (reason.older_id, reason.newer_id)
        ends = " = ".join(str(numbers.get(entry_id, entry_id)) for entry_id in linked_ids)
        outside = "" if set(linked_ids) <= set(numbers) else "; kept apart"
        yield f"{ends}: {reason.rule}, {reason.score} %{outside}"


def _picture(state: PictureState) -> str:
    """Return what became of a picture."""
    if state.stored is not None:
        size = PictureSize(state.stored.width, state.stored.height)
        outcome = f"stored, {size.width} x {size.height}"
        outcome += "" if may_lead(size) else ", too small for a list"
    elif state.failure:
        outcome = state.failure
        outcome += f"; again at {output.moment(state.next_at)} UTC" if state.next_at else ""
    else:
        outcome = "to be fetched" if state.next_at else "not needed so far"
    return f"picture {urls.masked(state.url) or 'in the text'}: {outcome}"

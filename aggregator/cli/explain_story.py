"""`explain-story`: the entries of a story, the reasons, and the dates of the entries."""

from collections.abc import Iterator, Mapping, Sequence

import click

from aggregator import urls
from aggregator.cli import output
from aggregator.cli.common import load_config, opened_database, takes_config
from aggregator.cli.logs import escaped
from aggregator.database.lists import read_lists
from aggregator.database.stories import read_stories
from aggregator.database.stories.read_stories import StoryEntry, StoryReason
from aggregator.errors import AggregatorError, UsageError
from aggregator.model import Dating

_MAX_ID = 2**63 - 1


@click.command("explain-story")
@takes_config
@click.argument("place", metavar="ID")
def explain_story(place: str) -> None:
    """Show the story of an entry, and why.

    With all entries of the story, the reasons, and the dates of the entries.

    ID is the `id` of an entry in the page's source, such as e1866547893248000, with or without e.
    """
    entry_id = _number(place)
    with opened_database(load_config()) as engine, engine.connect() as connection:
        story = read_stories.story(connection, entry_id)
        entries = story.entries if story else []
        datings = {entry.id: read_lists.dating(connection, entry.id) for entry in entries}
    if story is None:
        raise AggregatorError(f"{place}: there is no such entry; an id is in the page's source")
    for line in lines(story.entries, story.reasons, datings):
        click.echo(escaped(line))


def _number(place: str) -> int:
    try:
        number = int(place.removeprefix("e"))
    except ValueError:
        number = _MAX_ID + 1
    if abs(number) > _MAX_ID:
        masked = urls.masked_input(place)
        raise UsageError(
            f"{masked}: no id; an id is in the page's source, such as e1866547893248000"
        )
    return number


def lines(
    entries: Sequence[StoryEntry],
    reasons: Sequence[StoryReason],
    datings: Mapping[int, Dating | None],
) -> Iterator[str]:
    """Yield lines about the entries of a story, their dates, and the links between entries."""
    numbers = {entry.id: number for number, entry in enumerate(entries, 1)}
    for entry in entries:
        position = "shown in the list" if entry.is_shown else "also in"
        yield f"{numbers[entry.id]}. {entry.feed}: {entry.title}  ({position})"
        link = entry.url or "no link"
        yield f"   {entry.id}, listed {output.moment(entry.listed_at)} UTC, {link}"
        yield f"   first seen {output.moment(entry.first_seen_at)} UTC; {_dated(datings[entry.id])}"
    if len(entries) == 1 and not reasons:
        yield "in no story; nothing was found to be the same"
    for reason in reasons:
        linked_ids = (reason.older_id, reason.newer_id)
        ends = " = ".join(str(numbers.get(entry_id, entry_id)) for entry_id in linked_ids)
        outside = "" if set(linked_ids) <= set(numbers) else "; kept apart"
        yield f"{ends}: {reason.rule}, {reason.score} %{outside}"


def _dated(dating: Dating | None) -> str:
    if dating is None:
        return "why it stands there was not kept"
    if dating.is_certain is None:
        return dating.reason
    form = f"read as {dating.form}" if dating.form else "not read as a date"
    doubt = "" if dating.is_certain or not dating.form else ", not surely"
    return f'{dating.reason} ("{dating.text}" in `{dating.field}`, {form}{doubt})'

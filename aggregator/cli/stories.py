"""`explain-story`: which entries are one story, and why."""

from collections.abc import Iterator, Sequence

import click

from aggregator.cli import show
from aggregator.cli.common import load_config, opened_database, takes_config
from aggregator.cli.logs import escaped
from aggregator.database import stories
from aggregator.database.stories import StoryEntry, StoryReason
from aggregator.errors import AggregatorError

_LARGEST = 2**63 - 1


@click.command("explain-story")
@takes_config
@click.argument("entry_id", metavar="ID", type=click.IntRange(-_LARGEST, _LARGEST))
def explain_story(entry_id: int) -> None:
    """Show the entries that are one story with the entry ID, and why.

    ID is the number in the entry's place on the page: "e" and a number in the address of the
    heading, `id="e1866547893248000"`.
    """
    with opened_database(load_config()) as engine, engine.connect() as connection:
        found = stories.story(connection, entry_id)
    if found is None:
        raise AggregatorError(f"{entry_id}: there is no such entry; an id is in the page's source")
    for line in lines(*found):
        click.echo(line)


def lines(entries: Sequence[StoryEntry], reasons: Sequence[StoryReason]) -> Iterator[str]:
    """Return the entries of a story and what links them, for people."""
    if len(entries) == 1 and not reasons:
        yield f"{entries[0].id}: in no story; nothing was found to be the same"
        return
    numbers = {entry.id: number for number, entry in enumerate(entries, 1)}
    for entry in entries:
        shown = "shown in the list" if entry.shown else "also in"
        yield escaped(f"{numbers[entry.id]}. {entry.feed}: {entry.title}  ({shown})")
        yield escaped(f"   {entry.id}, listed {show.moment(entry.listed_at)} UTC, {entry.url}")
    for reason in reasons:
        ends = " = ".join(str(numbers.get(one, one)) for one in (reason.one, reason.other))
        outside = "" if {reason.one, reason.other} <= set(numbers) else "; kept apart"
        yield f"{ends}: {reason.rule}, {reason.score} %{outside}"

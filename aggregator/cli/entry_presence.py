"""Where an entry is listed and why, or what keeps it out of lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from aggregator.cli import exclusion_reasons
from aggregator.config import Config, line_of, line_of_feed
from aggregator.database import Connection
from aggregator.database.lists import read_lists, read_memberships
from aggregator.database.lists.read_memberships import Membership
from aggregator.database.lists.rule_matching import RuleMatcher
from aggregator.database.pictures import read_pictures
from aggregator.database.stories.read_stories import StoryEntry
from aggregator.merged import list_path
from aggregator.model import Dating, PictureState


@dataclass(frozen=True, slots=True)
class EntryPresence:
    """Where an entry is listed, and why there.

    Attributes:
        dating: The reason for the place in lists, None if it was not stored.
        lists: Lists that have the entry.
        exclusion: Why no list has the entry, in words; empty for an entry in lists.
        pictures: Of the entry, in order of preference.
    """

    dating: Dating | None
    lists: Sequence[Membership]
    exclusion: str
    pictures: Sequence[PictureState] = ()


def presences(
    connection: Connection, entries: Sequence[StoryEntry], config: Config
) -> dict[int, EntryPresence]:
    """Return where each entry is listed, by id."""
    lists = read_memberships.memberships(connection, [entry.id for entry in entries])
    matcher = RuleMatcher(connection, {}, timezone=config.timezone)

    def exclusion(entry: StoryEntry) -> str:
        if entry.exclusion is None:
            return ""
        return exclusion_reasons.reason(
            entry.exclusion,
            entry.feed,
            config,
            is_match=lambda rule: bool(matcher.matches([rule], [entry.id])[rule]),
            line_of=lambda setting: (
                line_of_feed(setting.place, setting.key)
                if setting.place
                else line_of(config, setting.key)
            ),
        )

    return {
        entry.id: EntryPresence(
            read_lists.dating(connection, entry.id),
            lists[entry.id],
            exclusion(entry),
            read_pictures.picture_states(connection, entry.id),
        )
        for entry in entries
    }


def places_text(listing: EntryPresence) -> str:
    """Return which lists have an entry, or why none has."""
    if listing.exclusion:
        return f"in no list: {listing.exclusion}"
    shown_in = [unquote(list_path(of.scope)) for of in listing.lists if of.is_shown]
    other_lists = [unquote(list_path(of.scope)) for of in listing.lists if not of.is_shown]
    texts = [f"shown in {', '.join(shown_in)}"] if shown_in else []
    if other_lists:
        texts.append(f"another entry of the story is shown in {', '.join(other_lists)}")
    return "; ".join(texts) or "in no list yet"


def dating_text(dating: Dating | None) -> str:
    """Return how the date of an entry was read, and why the entry stands at its place."""
    if dating is None:
        return "why it stands there was not kept"
    if dating.is_certain is None:
        return dating.reason
    form = f"read as {dating.form}" if dating.form else "not read as a date"
    doubt = "" if dating.is_certain or not dating.form else ", not surely"
    return f'{dating.reason} ("{dating.text}" in `{dating.field}`, {form}{doubt})'

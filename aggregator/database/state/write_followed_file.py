"""Which config.yaml the database follows: that of the process that read its file last."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from aggregator.database.schema import state


@dataclass(frozen=True, slots=True)
class FollowedFile:
    """A config.yaml with which the database agrees.

    Attributes:
        place: Machine and path.
        digest: Of feeds, rules and views.
    """

    place: str
    digest: str


def note_followed_file(connection: Connection, file: FollowedFile) -> None:
    """Write which file the database follows from now on."""
    if followed_file(connection) != file:
        values = {"followed_file": file.place, "followed_digest": file.digest}
        connection.execute(update(state).values(values))


def followed_file(connection: Connection) -> FollowedFile | None:
    """Return which file the database follows; None before a process of this version followed."""
    row = connection.execute(select(state.c.followed_file, state.c.followed_digest)).one()
    return FollowedFile(*row) if all(row) else None

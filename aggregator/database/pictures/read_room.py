"""How much room the files of pictures have."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from aggregator.database.picture_tables import pictures

_STORED = select(
    func.coalesce(func.sum(pictures.c.size), 0),
    func.count(),
    func.min(pictures.c.place),
).where(pictures.c.file_key.is_not(None))


@dataclass(frozen=True, slots=True)
class PictureRoom:
    """The room of a folder with a limit.

    Attributes:
        free: Bytes; below zero if there are too many already.
        average: Bytes of a picture.
        oldest_place: Of the picture that would be deleted first; None without any picture.
    """

    free: int
    average: int
    oldest_place: int | None

    def has_for(self, place: int, size: int) -> bool:
        """Whether a picture would stay in the folder.

        Args:
            place: Id of the newest entry with the picture.
            size: Bytes, 0 if unknown.
        """
        older_makes_room = self.oldest_place is not None and place > self.oldest_place
        return older_makes_room or (size or self.average) <= self.free


def room(connection: Connection, *, max_size: int) -> PictureRoom:
    """Return the room of a folder for files of `max_size` bytes."""
    size, count, oldest_place = connection.execute(_STORED).one()
    size = int(size)  # PostgreSQL adds up as decimal numbers
    return PictureRoom(max_size - size, size // max(count, 1), oldest_place)

"""The table of the command `feeds`: as wide as the terminal, or tabs for programs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aggregator import urls
from aggregator.cli.cell_width import fitted, padded, width
from aggregator.cli.logs import escaped
from aggregator.cli.output import moment
from aggregator.feed_status import feed_status
from aggregator.model import FeedHealth
from aggregator.runtime import terminal

_GAP = 2  # cells between columns


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table.

    Attributes:
        least_width: Cells that a column needs that can be cut; None for a column that is never cut.
        leaves: The column with the highest number leaves first where there is no room; 0 stays.
    """

    head: str
    least_width: int | None = None
    leaves: int = 0


_COLUMNS = (
    _Column("TITLE", least_width=16),
    _Column("STATE"),
    _Column("LAST SUCCESS (UTC)", leaves=4),
    _Column("NEXT POLL (UTC)", leaves=1),
    _Column("POSTS", leaves=2),
    _Column("FEED", least_width=12, leaves=3),
)


def tab_lines(feeds: Sequence[FeedHealth]) -> Iterator[str]:
    """Yield the health of subscriptions, in the given order, with a tab between whole values."""
    yield "\t".join([*(column.head for column in _COLUMNS), "NOTE"])
    for feed in feeds:
        origin = f"from the list {urls.masked(feed.opml_list)}" if feed.opml_list else ""
        note = "; ".join(filter(None, [_note(feed), origin]))
        yield "\t".join(escaped(value) for value in (*_values(feed), note))


def table_lines(feeds: Sequence[FeedHealth], cells: int) -> Iterator[str]:
    """Yield the health of subscriptions, in the given order, as a table that is `cells` wide.

    Titles and names are cut where there is no room, and columns left out.
    """
    heads = tuple(column.head for column in _COLUMNS)
    rows = [heads, *(tuple(map(_as_written, _values(feed))) for feed in feeds)]
    widths = _widths([max(map(width, column)) for column in zip(*rows, strict=True)], cells)
    notes = ["", *(_as_written(_note(feed)) for feed in feeds)]
    for row, note in zip(rows, notes, strict=True):
        parts = [
            padded(fitted(row[index], column_cells), column_cells)
            for index, column_cells in widths.items()
        ]
        yield fitted((" " * _GAP).join(parts).rstrip(), cells)
        if note:
            yield fitted(f"  {note}", cells)


def _widths(natural: Sequence[int], cells: int) -> dict[int, int]:
    """Return the widths of the columns that have room, by index."""
    columns = set(range(len(_COLUMNS)))
    leaving = sorted(columns, key=lambda index: -_COLUMNS[index].leaves)

    def least_width(index: int) -> int:
        return min(natural[index], _COLUMNS[index].least_width or natural[index])

    def missing_cells() -> int:
        return sum(least_width(index) + _GAP for index in columns) - _GAP - cells

    for index in leaving:
        if missing_cells() <= 0 or not _COLUMNS[index].leaves:
            break
        columns.remove(index)
    spare = max(0, -missing_cells())
    widths = {}
    for index in sorted(columns):
        extra = min(spare, natural[index] - least_width(index))
        widths[index] = least_width(index) + extra
        spare -= extra
    return widths


def _values(feed: FeedHealth) -> tuple[str, ...]:
    """Return the values of `_COLUMNS`."""
    return (
        feed.source.title,
        feed_status(feed).value,
        moment(feed.last_success_at),
        moment(feed.next_poll_at),
        str(feed.entries),
        feed.source.name,
    )


def _note(feed: FeedHealth) -> str:
    """Return what is remarkable about a feed, "" for nothing."""
    details = [feed.error or feed.note or ""]
    if feed.moved_to:
        details.append(f"moved to {urls.masked(feed.moved_to)}; `aggregator check` has the line")
    return "; ".join(filter(None, details))


def _as_written(text: str) -> str:
    return terminal.as_written(escaped(text))

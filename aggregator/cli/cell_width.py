"""The width of texts on a terminal, in cells: letters have one, most characters of Chinese two."""

from aggregator.runtime import terminal


def width(text: str) -> int:
    """Return the number of cells of a text."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # not needed for most texts

    return cell_len(text)


def fitted(text: str, cells: int) -> str:
    """Return a text without the end that has no room, with an ellipsis in place of the end.

    Args:
        text: As the terminal shows it (`terminal.as_written`).
        cells: Room, at least 1.
    """
    if width(text) <= cells:
        return text
    ellipsis = terminal.as_written("…")
    room = cells - width(ellipsis)
    if room < 0:
        ellipsis, room = "", cells
    # Character by character an emoji of several would count too much, so prefixes are measured.
    end = room
    while end < len(text) and width(text[: end + 1]) <= room:
        end += 1  # past characters without a width
    while width(text[:end]) > room:
        end -= 1
    return text[:end].rstrip() + ellipsis


def padded(text: str, cells: int) -> str:
    """Return a text with spaces behind up to a width."""
    return text + " " * (cells - width(text))

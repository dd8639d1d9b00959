"""Faults in the values of config.yaml."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class ConfigFault:
    """A fault in a value, or in a key.

    Attributes:
        location: Keys and indexes that lead to the value.
        of_key: The key is wrong, not the value.
        suggest: Returns a message that names the nearest known word; None without a known word.
            The search takes milliseconds, so only the first few faults are printed with
            suggestions.
        index: Where in the text of the value the fault is; None for the whole value.
    """

    location: tuple[str | int, ...]
    message: str
    of_key: bool = False
    suggest: Callable[[], str] | None = field(default=None, compare=False)
    index: int | None = None

    def below(self, *outer: str | int) -> "ConfigFault":
        """Return the fault with the location below `outer`."""
        return replace(self, location=(*outer, *self.location))

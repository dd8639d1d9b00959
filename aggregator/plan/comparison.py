"""The plan of a config.yaml: all changes of a database.  Pure."""

from dataclasses import dataclass, field

from aggregator.plan.feed_changes import FeedChanges


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes of a database by reading a config.yaml.

    Attributes:
        is_first: The database does not exist yet, or is empty.
    """

    feeds: FeedChanges = field(default_factory=FeedChanges)
    is_first: bool = False

    @property
    def has_changes(self) -> bool:
        """Whether reading the file changes anything."""
        return self.feeds != FeedChanges()

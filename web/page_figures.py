"""Which figures a page shows.

A file shows few, as each figure that grows with the posts of other pages makes the file change.
"""

from dataclasses import dataclass

from aggregator.model import ListKind, ListScope


@dataclass(frozen=True, slots=True)
class PageFigures:
    """The figures of a page of a list.

    Attributes:
        of_site: Posts of all lists, busiest sources, time of the last poll, number of problems.
        of_list: Posts of the page's own list.
        of_checks: How the page's own feed is checked, and how often its posts come lately.
    """

    of_site: bool = True
    of_list: bool = True
    of_checks: bool = True


ALL_FIGURES = PageFigures()


def figures_of_file(scope: ListScope, *, is_first: bool) -> PageFigures:
    """Return the figures of a page of a list in a file.

    Args:
        is_first: The page has the newest entries of the list.
    """
    return PageFigures(
        of_site=is_first and scope.kind is ListKind.ALL, of_list=is_first, of_checks=False
    )

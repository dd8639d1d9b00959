"""Which list is meant, and which members and entries a list shows: conditions for statements."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, literal, or_, select

from aggregator.database.schema import WHOLE_LIST_ID, list_members, lists, state
from aggregator.model import HIDDEN, Exclusion, ListKind, ListScope

STORIES_ON = select(state.c.stories).scalar_subquery()
"""Read in each statement, so that turning stories off or on changes one row and no member."""

_NAMED_LIST = lists.alias("meant")  # as a page joins `lists` for the categories of feeds
_SEARCHED = frozenset({Exclusion.BACKLOG, Exclusion.PER_HOUR})

IS_SHOWN = or_(list_members.c.is_representative, ~STORIES_ON)
"""Whether a list shows a member."""


def is_shown_by_source(of: FromClause) -> ColumnElement[bool]:
    """Return whether the list of an entry's source shows the entry.

    Args:
        of: The table of entries, or an alias of it.
    """
    return or_(of.c.exclusion.is_(None), of.c.exclusion.not_in(sorted(HIDDEN)))


def is_subscribed(of: FromClause) -> ColumnElement[bool]:
    """Return whether config.yaml has the feed of an entry.

    Args:
        of: The table of entries, or an alias of it.
    """
    return or_(of.c.exclusion.is_(None), of.c.exclusion != Exclusion.UNSUBSCRIBED)


def is_searched(of: FromClause, *, with_hidden: bool = False) -> ColumnElement[bool]:
    """Return whether searches find an entry, and other entries of its story name it.

    Args:
        of: The table of entries, or an alias of it.
        with_hidden: The search is for entries that config.yaml hides, too.
    """
    exclusions = _SEARCHED | HIDDEN if with_hidden else _SEARCHED
    return or_(of.c.exclusion.is_(None), of.c.exclusion.in_(sorted(exclusions)))


def list_id_of(scope: ListScope) -> ColumnElement[int] | ScalarSelect[Any]:
    """Return the id of the whole list, a category or a view; NULL for an unknown list."""
    if scope.kind is ListKind.ALL:
        return literal(WHOLE_LIST_ID)
    is_meant = (
        _NAMED_LIST.c.kind == scope.kind.value,
        _NAMED_LIST.c.key == scope.key,
        _NAMED_LIST.c.position.is_not(None),
    )
    return select(_NAMED_LIST.c.id).where(*is_meant).scalar_subquery()

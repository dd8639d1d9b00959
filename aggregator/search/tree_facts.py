"""Facts about searches that follow from the syntax tree alone.  Pure."""

from collections.abc import Iterator, Mapping
from itertools import product

from aggregator.search.implications import implies
from aggregator.search.syntax_tree import (
    And,
    DayTest,
    NameTest,
    Node,
    Not,
    Or,
    Phrase,
    Test,
)

_COSTLY = 7  # points, see `is_costly`
_MAX_CONTESTED = 10  # tests whose combinations are computed
_MAX_PAIRS = 2_000  # tests that are compared with each other, which takes a millisecond


def tests_of(node: Node) -> Iterator[tuple[Test, bool]]:
    """Yield each test of a search in order, and whether an even number of `Not` is around it."""
    match node:
        case Not(inner):
            yield from ((test, not is_positive) for test, is_positive in tests_of(inner))
        case And(nodes) | Or(nodes):
            for part in nodes:
                yield from tests_of(part)
        case _:
            yield node, True


def keywords(node: Node | None) -> tuple[Phrase, ...]:
    """Return the phrases that entries of a search have; none that a search excludes."""
    if node is None:
        return ()
    phrases = (test for test, is_positive in tests_of(node) if is_positive)
    return tuple(dict.fromkeys(test for test in phrases if isinstance(test, Phrase)))


def name_tests(node: Node | None) -> tuple[NameTest, ...]:
    """Return the names of sources and categories in a search, each once."""
    if node is None:
        return ()
    tests = (test for test, _ in tests_of(node))
    return tuple(dict.fromkeys(test for test in tests if isinstance(test, NameTest)))


def only_excludes_phrases(node: Node) -> bool:
    """Return whether a search has excluded phrases and nothing else."""
    return all(isinstance(test, Phrase) and not is_positive for test, is_positive in tests_of(node))


def is_costly(node: Node) -> bool:
    """Return whether a search may take many times longer than most searches.

    A word costs one access to the index; the beginning of a word many.  An excluded word is
    searched in all entries that have the words beside it, and without words in every entry.  Links,
    languages and media have no index.
    """
    return _points(node, has_words=False) >= _COSTLY


def _points(node: Node, *, has_words: bool) -> int:
    match node:
        case Phrase(words, is_prefix):
            return len(words) + 2 * is_prefix
        case NameTest():
            return 1
        case DayTest():
            return 0
        case Not(inner):
            phrases = [test for test, _ in tests_of(inner) if isinstance(test, Phrase)]
            points = (2 if has_words else _COSTLY) * sum(len(phrase.words) for phrase in phrases)
            return points + sum(
                _points(test, has_words=True)
                for test, _ in tests_of(inner)
                if not isinstance(test, Phrase)
            )
        case And(nodes):
            has_words = has_words or any(_has_words(part) for part in nodes)
            return sum(_points(part, has_words=has_words) for part in nodes)
        case Or(nodes):
            return sum(_points(part, has_words=has_words) for part in nodes)
        case _:
            return _COSTLY


def _has_words(node: Node) -> bool:
    """Return whether every entry that matches `node` has a word of it."""
    match node:
        case Phrase():
            return True
        case And(nodes):
            return any(_has_words(part) for part in nodes)
        case Or(nodes):
            return all(_has_words(part) for part in nodes)
        case _:
            return False


def is_always_true(node: Node) -> bool:
    """Return whether every entry matches for certain: `a OR -a`, `a OR -title:a`."""
    return _is_certain(node, is_true=True)


def is_never_true(node: Node) -> bool:
    """Return whether no entry can match: `a -a`, `title:a -a`, or a day before an earlier day."""
    return _is_certain(node, is_true=False)


def _is_certain(node: Node, *, is_true: bool) -> bool:
    """Return whether a search has the same truth for all entries; False if that is too much work.

    A test has the value that speaks against certainty.  The tests for which that would be both
    values, or a value that contradicts the value of another test, have all combinations of values
    without such contradictions.
    """
    passed: set[Test] = set()
    failed: set[Test] = set()
    for test, is_positive in tests_of(node):
        (failed if is_positive is is_true else passed).add(test)
    days = [test for test in passed | failed if isinstance(test, DayTest)]
    contradictions = _contradictions(passed.difference(days), failed.difference(days))
    contested = list(dict.fromkeys(test for pair in contradictions for test in pair))
    if len(contested) > _MAX_CONTESTED:
        return False
    fixed = dict.fromkeys(failed, False) | dict.fromkeys(passed, True)
    combinations = [
        values
        for row in product((True, False), repeat=len(contested))
        if not _contradicts(values := dict(zip(contested, row, strict=True)), contradictions)
    ]
    return all(
        _truth(node, fixed | of_days | values) is is_true
        for of_days, values in product(_day_values(days), combinations)
    )


def _contradictions(passed: set[Test], failed: set[Test]) -> list[tuple[Test, Test]]:
    """Return the tests of `passed` that imply one of `failed`, with that one."""
    if len(passed) * len(failed) > _MAX_PAIRS:
        return [(test, test) for test in passed & failed]
    return [(test, implied) for test in passed for implied in failed if implies(test, implied)]


def _contradicts(values: Mapping[Test, bool], contradictions: list[tuple[Test, Test]]) -> bool:
    return any(values[test] and not values[implied] for test, implied in contradictions)


def _day_values(days: list[DayTest]) -> Iterator[dict[Test, bool]]:
    """Yield the combinations of truth that tests of days have in the course of time."""
    bounds = sorted({test.day for test in days})
    yield {test: test.is_before for test in days}
    for moment in bounds:
        yield {test: (moment < test.day) is test.is_before for test in days}


def _truth(node: Node, values: Mapping[Test, bool]) -> bool:
    match node:
        case Not(inner):
            return not _truth(inner, values)
        case And(nodes):
            return all(_truth(part, values) for part in nodes)
        case Or(nodes):
            return any(_truth(part, values) for part in nodes)
        case _:
            return values[node]

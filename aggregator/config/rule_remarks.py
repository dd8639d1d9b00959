"""Remarks on rules and views that are valid but say nothing, or too much.  Pure."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice

from aggregator import urls
from aggregator.config.options import Config, ViewOptions
from aggregator.config.value_parsers import quoted
from aggregator.search.known_names import exact_names, is_part_of
from aggregator.search.search_parser import parse_rule
from aggregator.search.syntax_tree import And, NameField, NameTest, Node, Not, Phrase
from aggregator.search.tree_facts import is_always_true, is_never_true, keywords, name_tests

_HIDE = "hide"
_OR = Phrase(("or",))
_HOURS = 24
_MAX_SUGGESTIONS = 5
_MAX_COMPARED = 5_000  # names that are compared with an unknown one


class CategoryNames:
    """The names of the categories of a file, for remarks on other names."""

    def __init__(self, config: Config) -> None:
        self._slugs = config.category_slugs
        self._unknown_count = 0

    def remark(self, name: str, *, in_part: bool = False) -> str | None:
        """Return a remark on a category that no feed is in, None for a category with a feed.

        Args:
            in_part: A part of the category's name is enough, as in searches.
        """
        if urls.matching_categories(name, self._slugs) or (
            in_part and any(is_part_of(category, name) for category in self._slugs)
        ):
            return None
        self._unknown_count += 1
        is_suggested = self._unknown_count <= _MAX_SUGGESTIONS  # a search takes milliseconds
        names = list(self._slugs) if is_suggested else []
        return f"no feed is in the category {quoted(name)}{_suggestion(name, names)}"


def remarks_on_rules(config: Config) -> Iterator[str]:
    """Yield remarks on the words of rules and views, and on those that all posts match, or none."""
    categories = CategoryNames(config)
    rules = _rules_of(config)
    for place, rule in rules.items():
        if _OR in keywords(rule):
            alternatives = "between alternatives OR is written in capitals"
            yield f'{place}: "or" is a word like others; {alternatives}'
        for test in name_tests(rule):
            is_category = test.field is NameField.CATEGORY
            if is_category and (remark := categories.remark(test.value, in_part=True)):
                yield f"{place}: {remark}"
    if _HIDE in rules:
        yield from _on_hide(_HIDE, rules[_HIDE], "a post")
    for place in map(_place_of_view, config.views, count()):
        if remark := _on_search(rules[place], {"hide": rules.get(_HIDE)}):
            yield f"{place}: {remark}"
    for feed in config.feeds:
        place = config.place_of(feed)
        yield from _on_rules_of(place, rules)
        per_day, per_hour = feed.rules.per_day, config.share
        if per_day is not None and per_hour is not None and per_day >= _HOURS * per_hour:
            yield f"{place}: per_day: never that many are listed, as per_hour is {per_hour}"


def unknown_sources(config: Config) -> list[tuple[str, NameTest]]:
    """Return places of rules, with the sources that they name and that the file does not."""
    names = {feed.name for feed in config.feeds}
    titles = [feed.title for feed in config.feeds if feed.title]
    return [
        (place, test)
        for place, rule in _rules_of(config).items()
        for test in name_tests(rule)
        if test.field is NameField.SOURCE
        if not names.intersection(exact_names(test.value))
        if not any(is_part_of(title, test.value) for title in titles)
    ]


def remarks_on_sources(config: Config, unknown: Iterable[tuple[str, NameTest]]) -> Iterator[str]:
    """Yield remarks on rules that name unknown sources.

    Args:
        unknown: Places of the rules, and the sources.
    """
    names = dict.fromkeys(
        name for feed in config.feeds for name in (feed.name, feed.title) if name is not None
    )
    for number, (place, test) in enumerate(unknown):
        suggestion = _suggestion(test.value, names) if number < _MAX_SUGGESTIONS else ""
        yield f"{place}: no source is called {quoted(test.value)} so far{suggestion}"


def _suggestion(name: str, names: Iterable[str]) -> str:
    similar = difflib.get_close_matches(name, list(islice(names, _MAX_COMPARED)), n=1)
    return f"; did you mean {similar[0]}?" if similar else ""


def _rules_of(config: Config) -> dict[str, Node]:
    """Return all rules, and the searches of views, by their places."""
    texts = {_HIDE: config.hide}
    texts |= {_place_of_view(view, index): view.search for index, view in enumerate(config.views)}
    for feed in config.feeds:
        place = config.place_of(feed)
        texts |= {f"{place}: hide": feed.rules.hide, f"{place}: keep": feed.rules.keep}
    return {place: parse_rule(text) for place, text in texts.items() if text is not None}


def _place_of_view(view: ViewOptions, index: int) -> str:
    return f"views[{index}] ({view.name}): search"


def _on_rules_of(place: str, rules: Mapping[str, Node]) -> Iterator[str]:
    """Yield remarks on the rules of one feed."""
    hide, keep = rules.get(f"{place}: hide"), rules.get(f"{place}: keep")
    if hide is not None:
        yield from _on_hide(f"{place}: hide", hide, "a post of this feed")
        if _leaves_out(rules.get(_HIDE), hide) and not is_never_true(hide):
            yield f"{place}: hide: hide at the top of the file leaves out the same posts"
    if keep is not None:
        hiding = {"hide of this feed": hide, "hide at the top of the file": rules.get(_HIDE)}
        if remark := _on_search(keep, hiding):
            yield f"{place}: keep: {remark}"


def _on_hide(place: str, rule: Node, post: str) -> Iterator[str]:
    if is_always_true(rule):
        yield f"{place}: every post matches, so no list has {post}"
    elif is_never_true(rule):
        yield f"{place}: no post can match, so this hides none"


def _on_search(search: Node, hiding: Mapping[str, Node | None]) -> str | None:
    """Return a remark on a search for the posts of a list, None for a search that makes sense.

    Args:
        hiding: By their names, rules that leave posts out of the list.
    """
    if is_always_true(search):
        return "every post matches"
    if is_never_true(search):
        return "no post can match"
    for name, rule in hiding.items():
        if _leaves_out(rule, search):
            return f"{name} leaves out every post that matches"
    return None


def _leaves_out(rule: Node | None, search: Node) -> bool:
    """Return whether a rule of `hide` matches every post that a search matches."""
    return rule is not None and is_never_true(And((search, Not(rule))))

"""Remarks on rules and views that are valid but say nothing, or too much.  Pure."""

import difflib
from collections.abc import Iterator, Mapping
from itertools import islice

from aggregator import urls
from aggregator.config.options import Config
from aggregator.config.value_parsers import quoted
from aggregator.model import FeedRules
from aggregator.search.search_parser import parse_rule
from aggregator.search.syntax_tree import And, NameField, Node, Not, Phrase
from aggregator.search.tree_facts import is_always_true, is_never_true, keywords, name_tests

_OR = Phrase(("or",))
_HOURS = 24
_MAX_SUGGESTIONS = 5
_MAX_COMPARED = 5_000  # names that are compared with an unknown one


class CategoryNames:
    """The names of the categories of a file, for remarks on other names."""

    def __init__(self, config: Config) -> None:
        self._slugs = config.category_slugs
        self._unknown_count = 0

    def remark(self, name: str) -> str | None:
        """Return a remark on a category that no feed is in, None for a category with a feed."""
        if urls.matching_categories(name, self._slugs):
            return None
        self._unknown_count += 1
        is_suggested = self._unknown_count <= _MAX_SUGGESTIONS  # a search takes milliseconds
        names = list(islice(self._slugs, _MAX_COMPARED)) if is_suggested else []
        similar = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {similar[0]}?" if similar else ""
        return f"no feed is in the category {quoted(name)}{hint}"


def remarks_on_rules(config: Config) -> Iterator[str]:
    """Yield remarks on `hide` of all feeds, on views, on rules of feeds, in this order."""
    categories = CategoryNames(config)
    hide = None if config.hide is None else parse_rule(config.hide)
    if hide is not None:
        yield from _on_words("hide", hide, categories)
        yield from _on_hide("hide", hide, "a post")
    for index, view in enumerate(config.views):
        place, search = f"views[{index}] ({view.name}): search", parse_rule(view.search)
        yield from _on_words(place, search, categories)
        if remark := _on_search(search, {"hide": hide}):
            yield f"{place}: {remark}"
    for index, feed in enumerate(config.feeds):
        place = f"feeds[{index}] ({feed.name})"
        yield from _on_rules_of(place, feed.rules, hide, categories)
        per_day, per_hour = feed.rules.per_day, config.share
        if per_day is not None and per_hour is not None and per_day >= _HOURS * per_hour:
            yield f"{place}: per_day: never that many are listed, as per_hour is {per_hour}"


def _on_rules_of(
    place: str, rules: FeedRules, common_hide: Node | None, categories: CategoryNames
) -> Iterator[str]:
    """Yield remarks on the rules of one feed."""
    keep = None if rules.keep is None else parse_rule(rules.keep)
    hide = None if rules.hide is None else parse_rule(rules.hide)
    if hide is not None:
        yield from _on_words(f"{place}: hide", hide, categories)
        yield from _on_hide(f"{place}: hide", hide, "a post of this feed")
    if keep is not None:
        yield from _on_words(f"{place}: keep", keep, categories)
        hiding = {"hide of this feed": hide, "hide at the top of the file": common_hide}
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
        if rule is not None and is_never_true(And((search, Not(rule)))):
            return f"{name} leaves out every post that matches"
    return None


def _on_words(place: str, rule: Node, categories: CategoryNames) -> Iterator[str]:
    """Yield remarks on words and names that may not mean what their author meant."""
    if _OR in keywords(rule):
        yield f'{place}: "or" is a word like others; between alternatives OR is written in capitals'
    for test in name_tests(rule):
        if test.field is NameField.CATEGORY and (remark := categories.remark(test.value)):
            yield f"{place}: {remark}"

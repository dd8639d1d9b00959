"""Which tests follow from others, whatever the entry: `title:whales` implies `whal*`.  Pure."""

from aggregator.search.predicate import ascii_lower, comparable_part
from aggregator.search.syntax_tree import LanguageTest, LinkTest, Phrase, Test, TextField


def implies(test: Test, implied: Test) -> bool:
    """Return whether every entry that passes `test` is certain to pass `implied`."""
    match test, implied:
        case Phrase(), Phrase():
            is_in_field = implied.field is test.field or (
                test.field is TextField.TITLE and implied.field is TextField.ANY
            )
            return is_in_field and comparable_part(implied) in comparable_part(test)
        case LinkTest(), LinkTest():
            return ascii_lower(implied.value) in ascii_lower(test.value)
        case LanguageTest(), LanguageTest():
            return f"{test.tag}-".lower().startswith(f"{implied.tag}-".lower())
    return test == implied

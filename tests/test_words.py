"""A name says what it holds, and means one thing in the whole program."""

from tests import words

PATHS = words.modules()


def test_bindings_are_called_after_what_they_hold():
    every = [binding for path in PATHS for binding in words.bindings(path)]
    vague = [str(binding) for binding in every if words.is_vague(binding.name)]

    assert len(vague) <= 979, vague  # on its way to 0.5 % of all


def test_docstrings_name_what_they_are_about():
    count, pronouns = words.pronouns(PATHS)

    assert pronouns / count <= 0.109  # on its way to 4.5 %


def test_no_class_name_stands_twice():
    twice = {name for name, places in words.classes(PATHS).items() if len(places) > 1}

    assert len(twice) <= 19, twice


def test_no_module_name_stands_twice():
    assert not {name for name, places in words.stems(PATHS).items() if len(places) > 1}

"""A name says what it holds, and means one thing in the whole program."""

from tests import words

PATHS = words.modules()


def test_bindings_are_called_after_what_they_hold():
    every = [binding for path in PATHS for binding in words.bindings(path)]
    vague = [str(binding) for binding in every if words.is_vague(binding.name)]

    assert len(vague) <= len(every) * 0.001, vague


def test_docstrings_name_what_they_are_about():
    count, pronouns = words.pronouns(PATHS)

    assert pronouns / count <= 0.035


def test_no_class_name_stands_twice():
    assert not {name for name, places in words.classes(PATHS).items() if len(places) > 1}


def test_no_module_name_stands_twice():
    assert not {name for name, places in words.stems(PATHS).items() if len(places) > 1}

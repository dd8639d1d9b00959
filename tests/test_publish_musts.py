"""Documents of difficult entries, held to the musts of their formats one by one."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from aggregator.publish import Format, render
from tests.listed import ATOM, DIFFICULT, FULL, document, entry
from tests.musts import ATOM_MUSTS, JSON_MUSTS, RSS_MUSTS, broken


@pytest.mark.parametrize("rule", ATOM_MUSTS)
def test_atom_keeps_a_must_of_rfc_4287(rule: str) -> None:
    feed = ET.fromstring(render(DIFFICULT, Format.ATOM))

    assert feed.tag == f"{ATOM}feed"
    assert ATOM_MUSTS[rule](feed)


@pytest.mark.parametrize("rule", RSS_MUSTS)
def test_rss_keeps_a_must_of_the_advisory_boards_profile(rule: str) -> None:
    assert RSS_MUSTS[rule](ET.fromstring(render(DIFFICULT, Format.RSS)))


@pytest.mark.parametrize("rule", JSON_MUSTS)
def test_json_keeps_a_must_of_json_feed_1_1(rule: str) -> None:
    assert JSON_MUSTS[rule](json.loads(render(DIFFICULT, Format.JSON)))


@pytest.mark.parametrize("form", Format)
def test_a_document_without_entries_breaks_no_rule(form: Format) -> None:
    assert broken(form, render(document(), form)) == []


def test_the_rules_see_what_is_wrong() -> None:
    wrong = [
        replace(FULL, public_id="no uri"),
        entry(1, url="https://a.example/ b"),
        entry(2, public_id=entry(1).public_id),
        entry(1),
    ]

    for form in Format:
        assert broken(form, render(document(*wrong), form)) != []

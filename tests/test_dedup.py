"""Identity within one feed."""

from dataclasses import replace

import pytest

from aggregator import dedup
from aggregator.dedup import Changes, KnownEntry
from tests.worlds import entry

TEXT = b"0123456789abcdef"


def stored(changes: Changes, start: int = 1) -> dict[bytes, KnownEntry]:
    """Return new entries as the database would know them afterwards."""
    return {
        new.identity: KnownEntry(
            1, number, new.identity, new.entry.content_hash, new.record_hash, new.entry.url
        )
        for number, new in enumerate(changes.new, start)
    }


def poll(entries, known):
    return dedup.compare(entries, dedup.identities(entries), known)


@pytest.mark.parametrize(
    "entries",
    [
        [entry(1), entry(2)],
        [entry(1, guid=None), entry(2, guid=None)],
        [entry(1, guid=None, url=None), entry(2, guid=None, url=None)],
        [entry(1, guid="1"), entry(2, guid="1"), entry(3, guid="1")],
        [entry(1, guid="http://x/A"), entry(2, guid="http://x/a")],
    ],
    ids=["guid", "link", "text", "one guid for all", "guids differ in case"],
)
def test_a_document_adds_each_entry_once_however_often_it_is_read(entries):
    first = poll(entries, {})
    known = stored(first)

    assert len(first.new) == len(entries)
    for document in (entries, entries[::-1], entries[:1], entries[1:], []):
        assert poll(document, known) == Changes()


def test_an_entry_twice_in_one_document_counts_once():
    assert len(poll([entry(1), entry(1), entry(1, title="Other")], {}).new) == 1


def test_a_changed_text_is_a_new_version_of_the_same_entry():
    known = stored(poll([entry(1)], {}))

    (change,) = poll([entry(1, title="Corrected")], known).changed

    assert (change.id, change.text_changed) == (1, True)


def test_changed_trimmings_are_stored_but_are_no_new_text():
    known = stored(poll([entry(1)], {}))

    (change,) = poll([replace(entry(1), categories=("new",))], known).changed

    assert not change.text_changed


def test_a_date_is_never_part_of_identity_or_change():
    one = entry(1, guid=None, url=None)
    known = stored(poll([one], {}))

    assert poll([replace(one, published_at=None, updated_at=None)], known) == Changes()


def test_two_spellings_of_one_link_are_one_entry():
    known = stored(poll([entry(1, guid=None, url="https://example.org/a")], {}))
    other = entry(1, guid=None, url="HTTPS://Example.org:443/./a#top")

    assert poll([other], known).new == ()


@pytest.mark.parametrize(
    "second", [[entry(2, guid="X"), entry(1, guid="X")], [entry(1, guid="X"), entry(2, guid="X")]]
)
def test_a_guid_that_turns_out_to_be_everybodys_doubles_nothing(second):
    known = stored(poll([entry(1, guid="X")], {}))

    changes = poll(second, known)

    assert [new.entry.title for new in changes.new] == ["Post 2"]
    assert changes.changed == ()
    known |= stored(changes, 2)
    for document in (second, second[:1], second[1:]):
        assert poll(document, known) == Changes()


def test_a_guid_that_stands_alone_tells_a_moved_entry():
    known = stored(poll([entry(1)], {}))

    moved = poll([entry(1, url="https://new.example/", title="New", content_html="")], known)

    assert [change.id for change in moved.changed] == [1]


def test_entries_that_share_a_guid_have_ids_of_their_own():
    guid = "https://example.org/"
    found = poll([entry(number, guid=guid) for number in (1, 2, 3)], {}).new

    made = {
        dedup.public_id(new, feed_url="https://f.example/", authority="m,1", taken=False)
        for new in found
    }

    assert len(made) == 3
    assert guid not in made


@pytest.mark.parametrize(
    ("guid", "taken", "kept"),
    [
        ("https://example.org/?p=1", False, True),
        ("urn:uuid:1", False, True),
        ("tag:x,2020:1", False, True),
        ("https://example.org/?p=1", True, False),
        ("1", False, False),
        ("https://example.org/a b", False, False),
        (None, False, False),
    ],
)
def test_the_public_id_is_the_guid_where_that_is_an_absolute_uri(guid, taken, kept):
    (new,) = poll([entry(1, guid=guid)], {}).new
    made = dedup.public_id(new, feed_url="https://f.example/", authority="me,2026", taken=taken)

    assert (made == guid) is kept
    assert kept or made.startswith("tag:me,2026:")


def test_a_password_in_the_feeds_url_does_not_reach_the_id():
    (new,) = poll([entry(1, guid="1")], {}).new

    made = {
        dedup.public_id(new, feed_url=f"https://{user}@f.example/", authority="m,1", taken=False)
        for user in ("ann:secret", "bo:other")
    }

    assert len(made) == 1

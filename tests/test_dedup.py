"""Identity within one feed, as a pure function; tests/test_replay.py has what it is for."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies

from aggregator import dedup
from aggregator.dedup import (
    Change,
    ChangedEntry,
    Changes,
    EditComparison,
    EntryText,
    KeyOwner,
    KnownEntry,
    NewEntry,
    StoredEntries,
    edits,
)
from aggregator.dedup.edits import NOISY_AFTER, change_of, is_garbled_version
from aggregator.dedup.match_rules import CandidatePair, matching_rule
from aggregator.model import Habits
from tests.cpu_time import cpu_limit
from tests.selection import examples, slow_after, slow_but
from tests.worlds import NOW, entry

MIDNIGHT = NOW.replace(hour=0, minute=0)


class Stored:
    """What the database would know of a feed."""

    def __init__(self) -> None:
        self.entries: dict[int, KnownEntry] = {}
        self.owners: dict[int, int | None] = {}
        self.habits = Habits()

    def poll(self, *entries, listed=()) -> Changes:
        memory = StoredEntries(
            by_guid={known.identity: known for known in self.entries.values()},
            owners={key: KeyOwner(entry_id) for key, entry_id in self.owners.items()},
            by_id=self.entries,
            unchanged_ids=set(listed),
        )
        keys = [dedup.keys_of(one) for one in entries]
        changes = dedup.compare(entries, keys, memory, self.habits)
        for new in changes.new_entries:
            assert new.identity not in {known.identity for known in self.entries.values()}
            self._add(len(self.entries) + 1, new)
        for change in changes.changed_entries:
            known = self.entries[change.id]
            text = replace(
                known,
                content_hash=change.entry.content_hash,
                record_hash=change.record_hash,
                url=change.entry.url,
                title=change.entry.title,
            )
            self.entries[change.id] = text
            for key in change.old_keys:
                if self.owners.get(key) == change.id:
                    del self.owners[key]
            self._own(change.id, change.keys)
        for added in changes.added_keys:
            self._own(added.entry_id, [added.key])
        self.owners |= dict.fromkeys(changes.ambiguous_keys)
        self.habits = changes.habits
        return changes

    def _add(self, number: int, new: NewEntry) -> None:
        one = new.entry
        self.entries[number] = KnownEntry(
            1, number, new.identity, one.content_hash, new.record_hash,
            one.guid, one.url, one.title, one.published_at,
        )  # fmt: skip
        self._own(number, new.keys)

    def _own(self, number, keys):
        for key in keys:
            self.owners[key] = number if self.owners.get(key, number) == number else None


def titles(changes: Changes) -> list[str]:
    return [new.entry.title for new in changes.new_entries]


@pytest.mark.parametrize(
    "entries",
    [
        [entry(1), entry(2)],
        [entry(1, guid=None), entry(2, guid=None)],
        [entry(1, guid=None, url=None), entry(2, guid=None, url=None)],
        [entry(1, guid="1"), entry(2, guid="1"), entry(3, guid="1")],
        [entry(1, guid="1", url="https://x/"), entry(2, guid="1", url="https://x/")],
        [entry(1, guid=None, url="https://x/"), entry(2, guid=None, url="https://x/")],
        [entry(1, guid="http://x/A"), entry(2, guid="http://x/a")],
        [entry(1, title="Same"), entry(2, title="Same")],
    ],
    ids=["guid", "link", "text", "one guid", "one guid and link", "one link", "case", "title"],
)
def test_a_document_adds_each_entry_once_however_often_it_is_read(entries):
    stored = Stored()

    assert len(stored.poll(*entries).new_entries) == len(entries)
    for document in (entries, entries[::-1], entries[:1], entries[1:], []):
        changes = stored.poll(*document)
        assert (changes.new_entries, changes.changed_entries) == ((), ())
        assert sorted(
            match.id for match in changes.matches if isinstance(match, KnownEntry)
        ) == sorted(entries.index(one) + 1 for one in document)


def test_an_entry_twice_in_one_document_counts_once():
    assert len(Stored().poll(entry(1), entry(1), entry(1, title="Other")).new_entries) == 1


def test_a_changed_text_is_a_new_version_of_the_same_entry():
    stored = Stored()
    stored.poll(entry(1))

    (change,) = stored.poll(entry(1, title="Corrected")).changed_entries

    assert (change.id, change.change) == (1, Change.TEXT)


def test_changed_trimmings_are_stored_but_are_no_new_text():
    stored = Stored()
    stored.poll(entry(1))

    (change,) = stored.poll(replace(entry(1), categories=("new",))).changed_entries

    assert change.change is Change.MARKUP


def test_a_date_alone_is_no_change():
    stored = Stored()
    stored.poll(entry(1, guid=None, url=None))

    again = entry(1, guid=None, url=None, published_at=None, updated_at=None)
    changes = stored.poll(again)

    assert (changes.new_entries, changes.changed_entries) == ((), ())


def test_an_entry_whose_title_and_text_changed_is_found_by_what_it_is_called_now():
    stored = Stored()
    stored.poll(entry(1, guid="a"), entry(2))
    stored.poll(entry(1, guid="a", title="Second"), entry(2))

    changes = stored.poll(entry(1, guid="b", title="Second", url="https://new/"), entry(2))

    assert (changes.new_entries, [one.id for one in changes.changed_entries]) == ((), [1])
    assert titles(stored.poll(entry(1, guid="c", url="https://x/"), entry(2))) == ["Post 1"]


def test_entries_that_the_document_lists_as_before_have_no_new_names():
    stored = Stored()
    stored.poll(entry(1, guid="a"))

    changes = stored.poll(entry(1, guid="b", content_html="Another text"), listed=[1])

    assert titles(changes) == ["Post 1"]


def test_most_of_a_document_makes_believe_what_one_entry_does_not():
    def moved(number):
        values = {"url": None, "title": "New", "content_html": "x", "published_at": MIDNIGHT}
        return entry(number, guid=f"https://new/{number}", **values)

    old = [entry(number, guid=f"https://old/{number}") for number in range(5)]
    one, many = Stored(), Stored()
    one.poll(*old)
    many.poll(*old)
    alike = [replace(each, guid=f"https://new/{n}") for n, each in enumerate(old[1:], 1)]

    assert titles(one.poll(moved(0), *old[1:])) == ["New"]
    assert titles(many.poll(moved(0), *alike)) == []


def test_guids_that_change_on_every_poll_are_not_asked_any_more():
    stored = Stored()
    for number in range(9):
        stored.poll(entry(1, guid=f"a{number}"), entry(2, guid=f"b{number}"))

    (new,) = stored.poll(entry(3, guid="c")).new_entries

    assert (len(stored.entries), stored.habits.renamed) == (3, 3)
    assert (new.by_guid, len(stored.owners)) == (False, 15)


def test_entries_without_guids_that_keep_their_links_do_not_make_guids_doubtful():
    stored = Stored()
    for version in range(5):
        stored.poll(entry(1, guid=None, title=f"Version {version}"))
    assert stored.habits.renamed == 0

    stored.poll(entry(1, guid=None), entry(2))
    moved = entry(2, url="https://example.org/2", title="New", content_html="<p>New</p>")

    assert stored.poll(moved).new_entries == ()
    assert len(stored.entries) == 2


TELLING = strategies.builds(
    lambda number, guid, url: entry(number, guid=guid and f"{guid}{number}", url=url),
    strategies.integers(1, 6),
    strategies.sampled_from(["g", None]),
    strategies.just(None),
) | strategies.builds(entry, strategies.integers(1, 6))


@pytest.mark.slow
@settings(max_examples=examples(100), deadline=None)
@given(
    strategies.lists(
        strategies.lists(TELLING, max_size=6, unique_by=lambda one: one.content_hash), max_size=6
    ),
    strategies.randoms(use_true_random=False),
)
def test_no_order_of_entries_or_documents_changes_how_many_there_are(documents, random):
    """For entries that are told apart by what they say; each may come in several shapes."""
    counts = set()
    for _ in range(3):
        stored = Stored()
        for document in random.sample(documents, len(documents)):
            stored.poll(*random.sample(document, len(document)))
            assert stored.poll(*document).new_entries == ()
        counts.add(len(stored.entries))
    assert counts == {len({one.content_hash for some in documents for one in some})}


def version(number: int, stays: str, edit: int, *, dated: bool):
    """Return an entry in its version `edit`, in which only what `stays` is as it was."""
    values = {
        "guid": f"g{number}",
        "url": f"https://blog.example/{number}/{edit}",
        "title": f"Title {number} {edit}",
        "content_html": f"<p>A text that nobody would write twice by chance. {number} {edit}</p>",
    } | {
        "guid": {},
        "guid and front page": {"url": "https://blog.example/"},
        "guid and title": {"title": "Links"},
        "link": {"guid": None, "url": f"https://blog.example/{number}?utm_source={edit}"},
        "text": {"guid": None, "url": None, "title": "", "content_html": f"<p>Text {number}.</p>"},
    }[stays]
    return entry(number, **values, **({} if dated else {"published_at": None}))


@settings(max_examples=examples(60), deadline=None)
@given(
    strategies.lists(
        strategies.lists(
            strategies.tuples(strategies.integers(0, 4), strategies.integers(0, 3)),
            min_size=1,
            max_size=5,
            unique_by=lambda one: one[0],
        ),
        max_size=5,
    ),
    strategies.permutations(["guid", "guid and front page", "guid and title", "link", "text"]),
    strategies.booleans(),
)
def test_an_entry_is_known_by_the_one_thing_that_stays_however_it_is_edited(
    documents, stays, dated
):
    stored = Stored()
    seen = set()

    for document in documents:
        entries = [version(one, stays[one], edit, dated=dated) for one, edit in document]
        seen |= {one for one, _ in document}
        stored.poll(*entries)
        assert len(stored.entries) == len(seen)
        assert stored.poll(*entries).new_entries == ()


UNDATED = {"published_at": None}
FRONT_PAGE = {"url": "https://example.org/", "title": "B", "content_html": "b"}


@pytest.mark.parametrize(
    ("key_name", "changes", "has_own_guid", "rule"),
    [
        ("path", {"guid": "http://www.example.org/?p=1"}, True, "same address in another spelling"),
        (
            "path",
            {"guid": "https://b.example/?p=1"},
            True,
            "new guid, and the same title, text or date",
        ),
        ("path", {"guid": "https://b.example/?p=1"}, False, "same path at another host"),
        ("link", {}, True, "same title or text"),
        ("link", FRONT_PAGE, True, "same date"),
        (
            "link",
            {**UNDATED, "title": "B", "content_html": "b"},
            True,
            "no guid or no date to compare, and not a link to a front page",
        ),
        ("link", {**UNDATED, **FRONT_PAGE}, True, "same link"),
        ("text", {}, True, "same date"),
        ("text", UNDATED, True, "no date to compare"),
        ("text", {"published_at": MIDNIGHT, "content_html": "b " * 100}, True, "long text"),
        ("text", {"published_at": MIDNIGHT}, True, "same text"),
        ("title", {}, True, "same date"),
        ("title", UNDATED, False, "no guid and no date to compare, and the same link"),
        ("title", UNDATED, True, "no date to compare"),
        ("title", {"published_at": MIDNIGHT}, True, None),
    ],
)
def test_the_first_rule_of_a_key_that_holds_decides_whether_entries_are_the_same(
    key_name, changes, has_own_guid, rule
):
    known = entry(1)
    known_entry = KnownEntry(
        1, 1, b"", known.content_hash, b"", known.guid, known.url, known.title, known.published_at
    )

    decided_by = matching_rule(
        key_name, CandidatePair(entry(1, **changes), known_entry, has_own_guid)
    )

    assert (decided_by.name if decided_by else None) == rule


def test_entries_that_share_a_guid_have_ids_of_their_own():
    guid = "https://example.org/"
    found = Stored().poll(*(entry(number, guid=guid) for number in (1, 2, 3))).new_entries

    made = {
        dedup.public_id(new, feed_url="https://f.example/", authority="m,1", is_taken=False)
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
    (new,) = Stored().poll(entry(1, guid=guid)).new_entries
    made = dedup.public_id(new, feed_url="https://f.example/", authority="me,2026", is_taken=taken)

    assert (made == guid) is kept
    assert kept or made.startswith("tag:me,2026:")


def test_a_password_in_the_feeds_url_does_not_reach_the_id():
    (new,) = Stored().poll(entry(1, guid="1")).new_entries

    made = {
        dedup.public_id(new, feed_url=f"https://{user}@f.example/", authority="m,1", is_taken=False)
        for user in ("ann:secret", "bo:other")
    }

    assert len(made) == 1


# ------------------------------------------------------------------------ edits


def compared(
    changes: Changes, stored: Mapping[int, EntryText], *, listed: int, **options: int
) -> Changes:
    comparison = EditComparison(changes, **options)
    while ids := comparison.next_ids():
        comparison.compare({number: stored[number] for number in ids if number in stored})
    return comparison.result(known_count=listed)


HOSTILE = [
    "1 ", "1", "123,", "1,1.", "view ", "1 view", "12:34", "3 days ", "vor 3 ", "2026-01-",
    "Jan 1 ", "jan", "1月", "2020年", "ab(1", "&amp;", "&amp;#1", "https://x/?", "http://", ";sid=",
    "vor ",
    "https://x/?a=1&amp;", "https://x/?sid=a", "&amp;sid=a", " ", "<b>", "<", "<a ", ">", "12 May ",
    "é", "éa",
]  # fmt: skip


def bulk(piece: str, *, edits: int = 1) -> tuple[str, str]:
    """Return a long text of one piece, and another version with edits all over it."""
    count = max(1, 200_000 // len(piece) // edits)
    return f"one {piece * count}" * edits, f"other {piece * count}" * edits


@pytest.mark.slow
@pytest.mark.parametrize("piece", slow_after(1, HOSTILE))
def test_no_text_takes_long_to_compare(piece):
    before, after = bulk(piece, edits=50)
    with cpu_limit(3):
        change_of(EntryText("A", before), entry(1, content_html=after))
        is_garbled_version(
            EntryText("A", f"ü{before}ü"), entry(1, title_html="A", content_html=f"Ã¼{before}Ã¼")
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("entries", "parts", "length"),
    slow_but(
        [(4900, 20, 3000)],
        [(4900, 1, 40), (4900, 1, 3000), (4900, 20, 3000), (40, 50, 500_000)],
    ),
)
@pytest.mark.parametrize("piece", slow_after(1, ["1 ", "<", "éa", "word ", "https://x/?a=1&amp;"]))
def test_the_edits_of_a_document_take_no_longer_than_their_budget(piece, entries, parts, length):
    """4,900 changed entries took a minute of the write transaction, on every poll."""
    before, after = (text[:length] for text in bulk(piece, edits=parts))
    changed = entry(1, content_html=after)
    changes = Changes(
        changed_entries=tuple(
            ChangedEntry(number, b"", changed, Change.TEXT) for number in range(entries)
        )
    )
    stored = dict.fromkeys(range(entries), EntryText("A", before))
    with cpu_limit(1):
        result = compared(changes, stored, listed=entries)

    assert {one.change for one in result.changed_entries} <= {
        Change.TEXT, Change.MARKUP, Change.TRIVIAL, Change.UNCOMPARED
    }  # fmt: skip


def test_what_the_budget_does_not_cover_is_stored_and_told_nobody():
    texts = dict.fromkeys(range(9), EntryText("A", "before " * 100))
    changed = [
        ChangedEntry(number, b"", entry(1, content_html="after " * 100), Change.TEXT)
        for number in range(9)
    ]

    result = compared(Changes(changed_entries=tuple(changed)), texts, listed=90, budget=9000)

    extents = [one.change for one in result.changed_entries]
    assert extents == sorted(extents) and set(extents) == {Change.TEXT, Change.UNCOMPARED}
    assert len(result.changed_entries) == 9
    assert not result.changed_entries[-1].is_update


def test_of_a_restless_feed_only_versions_are_looked_at_whose_letters_may_be_spoilt():
    changes = Changes(
        changed_entries=(
            ChangedEntry(1, b"", entry(1, content_html="<p>another</p>"), Change.TEXT),
            ChangedEntry(2, b"", entry(2, content_html=misread(WELL.html, "cp1252")), Change.TEXT),
        ),
        habits=Habits(edited=NOISY_AFTER),
    )
    comparison = EditComparison(changes)

    assert comparison.next_ids() == [2]
    comparison.compare({2: EntryText(entry(2).title_html, WELL.html)})
    result = comparison.result(known_count=2)
    assert [(one.id, one.change) for one in result.changed_entries] == [(1, Change.TEXT)]


WELL = EntryText("Frühstück in Łódź – „süß“", "<p>Käse à la carte … 日本 😀? Ёлка, naïve</p>")


def misread(text: str, codec: str) -> str:
    return text.encode().decode(codec, "replace" if codec == "ascii" else "ignore")


@pytest.mark.parametrize(
    ("title", "html"),
    [
        (misread(WELL.title, "cp1252"), misread(WELL.html, "cp1252")),
        (misread(WELL.title, "latin-1"), misread(WELL.html, "latin-1")),
        (misread(WELL.title, "cp1251"), misread(WELL.html, "cp1251")),
        (misread(WELL.title, "koi8-r"), WELL.html),
        (WELL.title, misread(WELL.html, "mac-roman")),
        (misread(WELL.title, "ascii"), misread(WELL.html, "ascii")),
        (WELL.title.encode("ascii", "replace").decode(), WELL.html),
        (WELL.title, WELL.html.replace("ä", "\ufffd")),
        (WELL.title, WELL.html.replace("日本", "日\ufffd")),
        (WELL.title, WELL.html.replace("à ", "Ã ")),
        ("  " + misread(WELL.title, "cp1252"), WELL.html.replace("<p>", "<p>\n")),
    ],
)
def test_a_version_with_its_letters_spoilt_is_update_from_an_edit(title, html):
    assert is_garbled_version(WELL, entry(1, title_html=title, content_html=html))
    spoilt = EntryText(title, html)
    assert not is_garbled_version(spoilt, entry(1, title_html=WELL.title, content_html=WELL.html))


@pytest.mark.parametrize(
    ("title", "html"),
    [
        (WELL.title, WELL.html),
        (WELL.title, WELL.html.replace("Käse", "Brot")),
        (WELL.title, WELL.html.replace("ä", "ae")),
        (WELL.title, WELL.html.replace("ä", "ö")),
        (WELL.title.replace("„süß“", "“süß”"), WELL.html),
        (WELL.title, WELL.html.replace("😀?", "?")),
        (WELL.title, misread(WELL.html, "cp1252").replace("carte", "menu")),
        (WELL.title, WELL.html.replace("</p>", "\ufffd</p>")),
        (WELL.title, WELL.html.replace("Ёлка", "Elka")),
        ("", ""),
    ],
)
def test_another_text_is_an_edit(title, html):
    assert not is_garbled_version(WELL, entry(1, title_html=title, content_html=html))


def test_what_spoils_an_entry_is_no_change_to_it():
    stored = Stored()
    stored.poll(entry(1, title=WELL.title, title_html=WELL.title, content_html=WELL.html))
    title = misread(WELL.title, "cp1252")

    changes = stored.poll(entry(1, title=title, title_html=title, content_hash=b"2" * 16))
    spoilt = replace(changes.changed_entries[0].entry, content_html=WELL.html)
    changes = replace(changes, changed_entries=(replace(changes.changed_entries[0], entry=spoilt),))

    assert compared(changes, {1: WELL}, listed=1).changed_entries == ()


PIECES = strategies.lists(
    strategies.sampled_from(
        ["word ", "<b>", "</b>", '<a href="https://x.example/?utm_a=1&amp;b=', '2">', "\n",
         "35 views ", "36 views ", "2026-01-02 ", "vor 3 Stunden ", "ü", "x " * 60, "9",
         "https://x.example/a ",
         "12 May ", "2027 ", "&amp; "]
    ),
    max_size=30,
)  # fmt: skip


@settings(deadline=None)
@given(PIECES, PIECES, PIECES, PIECES)
def test_the_parts_that_differ_tell_what_whole_texts_tell(head, before, after, tail):
    old, new = ("".join([*head, *some, *tail]) for some in (before, after))
    # The comparison of whole texts, for which `change_of` takes a short way.
    whole = edits._change(f"A\n{old}", f"A\n{new}")

    assert change_of(EntryText("A", old), entry(1, title_html="A", content_html=new)) is whole


@given(strategies.text(), strategies.text())
def test_a_text_is_compared_with_any_other(one, other):
    same = entry(1, title_html=one, content_html=other)

    assert change_of(EntryText(one, other), same) is Change.TRIVIAL
    assert change_of(EntryText(one, f"{other} more words"), same) is not Change.MARKUP

"""What one feed may store: no more than retention leaves of it, whatever it sends."""

from dataclasses import replace
from datetime import timedelta

from aggregator.database import query
from aggregator.model import Scope, Subscription
from tests import worlds
from tests.worlds import NOW, entry, new_database, record, subscribe


def test_of_a_document_the_newest_entries_are_stored_and_the_others_do_not_come_again(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(worlds, "SETTINGS", replace(worlds.SETTINGS, max_entries=3))
    database = new_database(tmp_path)
    subscribe(database, Subscription("a", "https://a.example/feed"))
    document = [entry(number) for number in (5, 2, 4, 1, 3)]

    reports = [
        record(database, "a", document, now=NOW + hour * timedelta(hours=1)) for hour in range(3)
    ]

    with database.connect() as connection:
        page = query.page(connection, scope=Scope(source="a"), limit=9)
    assert [each.title for each in page.entries] == ["Post 1", "Post 2", "Post 3"]
    assert reports[0].new == 3

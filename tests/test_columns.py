"""Columns give back the value that was written, and an empty one where the database has NULL."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from aggregator.database import columns
from aggregator.model import Constraint, Dating, Enclosure, Habits, Origin, PictureMode

AT = datetime(2026, 11, 23, 14, 33, tzinfo=UTC)
VALUES = {
    columns.UtcDateTime: [None, AT, datetime(1, 1, 1, tzinfo=UTC), AT.replace(microsecond=123_457)],
    columns.TimeSpan: [None, timedelta(0), timedelta(days=-1, microseconds=7)],
    columns.JsonTuple: [(), ("Ada", "Grüße", 'a "b"'), (0, 23)],
    columns.EnclosuresJson: [
        (),
        (Enclosure("https://example.org/a.mp3", "audio/mpeg", 9, 60), Enclosure("https://b.example/")),
    ],
    columns.OriginJson: [None, Origin(), Origin("Title", "id", "https://f", "https://s", "©")],
    columns.PictureModeText: [PictureMode.OFF, PictureMode.LEAD, PictureMode.ALL],
    columns.HabitsJson: [Habits(), Habits(renamed=2, moving_dates=True, zone=(-60, 60, 3))],
    columns.ConstraintsJson: [
        (),
        (Constraint("ttl", "1h", AT, "why"), Constraint("spread", "+1m", None)),
    ],
    columns.DatingText: [
        None,
        Dating("the date it gives"),
        Dating("why", "Mon\t23", "pubDate", "RFC 822", is_certain=True),
        Dating("why", "", "", "", is_certain=False),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, values in VALUES.items() for value in values]
)
def test_a_column_gives_back_what_was_written(database, kind, value):
    table = Table("round_trips", MetaData(), Column("id", Integer), Column("value", kind))
    with database.begin() as connection:
        table.create(connection)
        connection.execute(insert(table), {"id": 1, "value": value})

        assert connection.scalar(select(table.c.value)) == value
        table.drop(connection)


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_null_is_the_empty_value(kind):
    empty = VALUES[kind][0]

    assert kind.decode(None) == empty
    assert kind.encode(empty) is None

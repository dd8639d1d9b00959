"""Search compares texts in one form: decomposed, wide and joined letters, and what is not seen.

On SQLite the index of entries whose words are others in that form is written anew; the rest is only
read.  On PostgreSQL a function makes the form, of texts and of searches alike.
"""

import re
from collections.abc import Sequence
from typing import Any

from alembic import op
from sqlalchemy import text

from aggregator.database.migrations.frozen.indexed_texts import normal, spaced, words

revision = "0016"
down_revision = "0015"

_AT_ONCE = 500
_TEXTS = text(
    "SELECT id, title, summary, coalesce(html, '') FROM entries "
    "LEFT JOIN contents ON entry_id = id WHERE id > :last ORDER BY id LIMIT :limit"
)
_FORGET = text(
    "INSERT INTO entries_text (entries_text, rowid, title, summary, content) "
    "VALUES ('delete', :id, :title, :summary, :content)"
)
_INDEX = text(
    "INSERT INTO entries_text (rowid, title, summary, content) "
    "VALUES (:id, :title, :summary, :content)"
)
_NAMES = ("id", "title", "summary", "content")
_BETWEEN = re.compile(r"[^\w\ue000-\uf8ff]+")  # what FTS5 takes for no part of a word, and more

_INVISIBLE = (
    r"[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200D-\u200F\u202A-\u202E"
    r"\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF0-\uFFF8\U0001D173-\U0001D17A"
    r"\U000E0000-\U000E0FFF]+"
    r"|\u200B(?![\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF])"
    r"|\u200C(?![\u0600-\u06FF\u0750-\u077F\u08A0-\u08FF])"
)
_SYMBOL = (
    r"[\u2100\u2101\u2105\u2106\u2116\u2120-\u2122\u213B\u2460-\u24FF\u3200-\u33FF"
    r"\U0001F100-\U0001F2FF]"
)
_INLINE_TAG = (
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|i|ins|kbd|mark|q|ruby|s|samp|small|span|"
    r"strong|sub|sup|time|u|var|wbr)(?:\s[^>]*)?>"
)
_TAG = r"<[^>]*>|&(?:[a-z]+|#\d+);"
_PUNCTUATION = r"[!-/:-@\[-`{-~]+"


def upgrade() -> None:
    """Bring the index into the new form."""
    if op.get_bind().dialect.name == "sqlite":
        _upgrade_sqlite()
    else:
        _upgrade_postgresql()


def _upgrade_sqlite() -> None:
    connection, last = op.get_bind(), -(1 << 63)
    while rows := connection.execute(_TEXTS, {"last": last, "limit": _AT_ONCE}).all():
        last = rows[-1][0]
        plain = [(*row[:3], words(row[3])) for row in rows]
        others = [row for row in plain if any(map(_has_other_words, row[1:]))]
        if others:
            old = [(row[0], *map(spaced, row[1:])) for row in others]
            new = [(row[0], *(spaced(normal(each)) for each in row[1:])) for row in others]
            connection.execute(_FORGET, [_named(row) for row in old])
            connection.execute(_INDEX, [_named(row) for row in new])


def _has_other_words(value: str) -> bool:
    form = normal(value)
    return form is not value and _BETWEEN.sub(" ", form) != _BETWEEN.sub(" ", value)


def _named(row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(_NAMES, row, strict=True))


def _upgrade_postgresql() -> None:
    connection = op.get_bind()
    seen = _replaced(_replaced("value", _INVISIBLE, ""), _SYMBOL, r" \& ")
    bare = _replaced(f"normalize({seen}, NFKD)", r"[\u0300-\u036F]+", "")
    connection.exec_driver_sql(
        "CREATE FUNCTION search_form(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT "
        f"PARALLEL SAFE AS $$ SELECT normalize({bare}, NFC) $$"
    )
    of_html = _replaced(_replaced("left(html, 100000)", _INLINE_TAG, ""), _TAG, " ")
    for table, value in (("entries", "title || ' ' || summary"), ("contents", of_html)):
        form = _replaced(f"search_form({value})", _PUNCTUATION, " ")
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN text")
        connection.exec_driver_sql(
            f"ALTER TABLE {table} ADD COLUMN text tsvector GENERATED ALWAYS AS "
            f"(to_tsvector('simple', {form})) STORED"
        )
        connection.exec_driver_sql(f"CREATE INDEX ix_{table}_text ON {table} USING gin (text)")


def _replaced(value: str, pattern: str, by: str) -> str:
    return f"regexp_replace({value}, '{pattern}', '{by}', 'g')"

r"""PostgreSQL finds nearly the same words as SQLite does.

Its parser takes "example.org" and "ever-after" for one word, does not know that words go on through
`<b>`, and tells "café" from "cafe".  So it is handed letters and digits with blanks between them.
Only punctuation of ASCII is named: what else is no letter is decided by the parser, as
`[^[:alnum:]]` would blank out all but ASCII in a database with the locale "C".  Words with marks
that are characters of their own (Hindi, Bengali, Thai, pointed Hebrew) are not found.
"""

from alembic import op

revision = "0013"
down_revision = "0012"

_INLINE_TAG = (
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|data|del|dfn|em|i|ins|kbd|mark|q|ruby|s|samp|small|span|"
    r"strong|sub|sup|time|u|var|wbr)(?:\s[^>]*)?>"
)
_BETWEEN_WORDS = r"<[^>]*>|&(?:[a-z]+|#\d+);|[!-/:-@\[-`{-~]+"
_MARKS = r"[\u0300-\u036f]+"
_WORDS = f"normalize(regexp_replace(normalize({{}}, NFD), '{_MARKS}', '', 'g'), NFC)"


def _replaced(text: str, pattern: str, by: str) -> str:
    return f"regexp_replace({text}, '{pattern}', '{by}', 'g')"


_OF_HTML = _replaced(_replaced("left(html, 100000)", _INLINE_TAG, ""), _BETWEEN_WORDS, " ")
_OF_PLAIN = _replaced("title || ' ' || summary", r"[!-/:-@\[-`{-~]+", " ")


def upgrade() -> None:
    """Make the columns that search looks in anew."""
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, text in (("entries", _OF_PLAIN), ("contents", _OF_HTML)):
        words = _WORDS.format(text)
        connection = op.get_bind()
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN text")
        connection.exec_driver_sql(
            f"ALTER TABLE {table} ADD COLUMN text tsvector GENERATED ALWAYS AS "
            f"(to_tsvector('simple', {words})) STORED"
        )
        connection.exec_driver_sql(f"CREATE INDEX ix_{table}_text ON {table} USING gin (text)")

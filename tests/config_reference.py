"""The table of keys in docs/config.md, and docs/config.schema.json, as the program has them.

python -m tests.config_reference      write both anew
"""

import re
from pathlib import Path

from aggregator.config.json_schema import config_schema, schema_text
from aggregator.config.key_reference import KEYS

DOCS = Path(__file__).parents[1] / "docs"
DOCUMENT = DOCS / "config.md"
SCHEMA = DOCS / "config.schema.json"

_TABLE = re.compile(r"(?<=\n\| key \| meaning \| default \|\n\| --- \| --- \| --- \|\n)(?:\|.*\n)+")


def table() -> str:
    """Return the rows of the table of keys."""
    return "".join(f"| `{path}` | {key.meaning} | {key.default} |\n" for path, key in KEYS.items())


def written_table() -> str:
    """Return the rows of the table as docs/config.md has them."""
    (rows,) = _TABLE.findall(DOCUMENT.read_text("utf-8"))
    return rows


def write() -> None:
    """Write the table into docs/config.md, and the schema."""
    text = DOCUMENT.read_text("utf-8")
    DOCUMENT.write_text(text.replace(written_table(), table()), "utf-8")
    SCHEMA.write_text(schema_text(config_schema()), "utf-8")


if __name__ == "__main__":
    write()

"""The log on stderr: one line an event, whatever bytes a server sent, and no secrets in it."""

import logging
import re
import sys
import time

from aggregator.urls import masked_text

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def set_up(*, verbose: bool = False) -> None:
    """Log events of this program to stderr, of its libraries only what is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    lines = _OneLine("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%SZ")
    lines.converter = time.gmtime  # as all other times that are printed
    handler.setFormatter(lines)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("aggregator").setLevel(logging.DEBUG if verbose else logging.INFO)
    # It warns whenever a browser asks for more files at once than there are threads.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def escaped(text: str) -> str:
    """Return `text` with control characters made visible, so that it is one line, and masked."""
    visible = _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return masked_text(visible)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # A traceback, too: texts of a server may stand in it.
        return escaped(super().format(record)).replace("\n", "\\n").replace("\t", "\\t")

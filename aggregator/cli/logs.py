"""The log on stderr: one line for each event, without control characters and secrets.

The journal of systemd adds the time; a line there begins with the priority (sd-daemon(3)).
"""

import logging
import re
import sys
import time

from aggregator.runtime import service_manager
from aggregator.urls import masked_text

_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))  # syslog(3)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def set_up(*, verbose: bool = False) -> None:
    """Log events of this program to stderr, of libraries only warnings and errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JournalLine() if service_manager.is_journal() else _dated_line())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("aggregator").setLevel(logging.DEBUG if verbose else logging.INFO)
    # This logger warns whenever a browser opens more connections than there are threads.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def escaped(text: str) -> str:
    """Return `text` in one line, with control characters escaped and secrets masked."""
    visible = _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return masked_text(visible)


def _dated_line() -> "_OneLine":
    lines = _OneLine("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%SZ")
    lines.converter = time.gmtime  # UTC, as in all printed times
    return lines


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # Including the traceback, which may have texts of a server.
        return escaped(super().format(record))


class _JournalLine(_OneLine):
    def format(self, record: logging.LogRecord) -> str:
        priority = next(p for level, p in _PRIORITIES if record.levelno >= level)
        return f"<{priority}>{super().format(record)}"

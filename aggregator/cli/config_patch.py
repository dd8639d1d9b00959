"""Changes of the configuration's files as a patch.  Pure."""

import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from aggregator import urls
from aggregator.config import ChangedFile

_CONTEXT = 3  # lines
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def patch_of(files: Sequence[ChangedFile], folder: Path) -> str:
    """Return a unified diff for `patch -p1` and `git apply`, "" for no changes.

    Lines with secrets around a change are left out.

    Args:
        folder: Of config.yaml; the names of files in the patch are relative to the folder.
    """
    return "".join(line for file in files for line in _diff(file, folder))


def _diff(file: ChangedFile, folder: Path) -> Iterator[str]:
    path = file.path.absolute()
    is_inside = path.is_relative_to(folder.absolute())
    name = path.relative_to(folder.absolute()).as_posix() if is_inside else path.as_posix()
    texts = _LINE.findall(file.text), _LINE.findall(file.new_text)
    lines: list[str] = []
    for context in range(_CONTEXT, -1, -1):
        lines = list(difflib.unified_diff(*texts, f"a/{name}", f"b/{name}", n=context))
        if all(urls.masked_text(line) == line for line in lines):
            break
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"

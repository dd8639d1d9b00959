"""The files of the folder static/, read once; no other file has an address.

Pages link to each file with a hash of the content (`?v=`), so browsers may keep files for good.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from web.language import available, language, script_words
from web.responses import Body, body

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_VERSION_LENGTH = 12
_NO_WORDS = "null /* words */"
_WITHOUT_READERS = {
    ".css": re.compile(rb"/\*.*?\*/\n?|(?<=[;{},])\n", re.DOTALL),
    ".js": re.compile(rb"^\s*//.*\n|^\s+| // .*", re.MULTILINE),
}  # comments, line ends that part nothing, and the indentation of scripts


@cache  # for the applications after this one, each with a configuration that was read again
def load_assets() -> Mapping[str, Body]:
    """Return the files of static/ by name, app.js once for each language as app.TAG.js."""
    assets = {
        path.name: body(_served(path), _TYPES[path.suffix])
        for path in sorted(_FOLDER.iterdir())
        if path.suffix in _TYPES
    }
    script = assets.pop("app.js")
    for tag in available():
        text = script.data.decode().replace(_NO_WORDS, script_words(language(tag)))
        assets[f"app.{tag}.js"] = body(text.encode(), script.content_type)
    return assets


def _served(path: Path) -> bytes:
    """Return a file without comments, which weigh a fifth of a script."""
    content, left_out = path.read_bytes(), _WITHOUT_READERS.get(path.suffix)
    return left_out.sub(b"", content) if left_out else content


def version(asset: Body) -> str:
    """Return the version of a file, for the parameter `v` of links."""
    return asset.etag[:_VERSION_LENGTH]

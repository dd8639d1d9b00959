"""The files of the folder static/, read once; no other file has an address.

Pages link to each file with a hash of the content (`?v=`), so browsers may keep files for good.
"""

import re
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
_CSS_COMMENTS = re.compile(rb"/\*.*?\*/\n?", re.DOTALL)


def load_assets() -> dict[str, Body]:
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
    """Return a file; of a style sheet without the comments, which weigh as much as ten rules."""
    content = path.read_bytes()
    return _CSS_COMMENTS.sub(b"", content) if path.suffix == ".css" else content


def version(asset: Body) -> str:
    """Return the version of a file, for the parameter `v` of links."""
    return asset.etag[:_VERSION_LENGTH]

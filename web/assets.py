"""The files under static/, read once: what is not in that folder has no address.

Each is addressed with a hash of its content (`?v=`), so browsers may keep it for good.
"""

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


def load_assets() -> dict[str, Body]:
    """Return every file of the folder by name; the script once for each language, as app.TAG.js."""
    assets = {
        path.name: body(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(_FOLDER.iterdir())
        if path.suffix in _TYPES
    }
    script = assets.pop("app.js")
    for tag in available():
        said = script.data.decode().replace(_NO_WORDS, script_words(language(tag)))
        assets[f"app.{tag}.js"] = body(said.encode(), script.content_type)
    return assets


def version(asset: Body) -> str:
    """Return what stands after `?v=`."""
    return asset.etag[:_VERSION_LENGTH]

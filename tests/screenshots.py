"""The pictures of README.md: `python -m tests.screenshots` takes them from the world of the demo.

Look at docs/*.png before they are committed.  What `explain` prints is that of tests/golden.
"""

import io
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from html import escape
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from bench import demo
from tests import golden
from tests.browser import system_chromium

DOCS = Path(__file__).parents[1] / "docs"
PORT = 8964
MAX_BYTES = 150_000
COLOURS = 160  # enough for text and a few drawings; makes the files half as large
AWAY = 3 * 3_600_000  # milliseconds since the visit before
FONT = "body { font-family: 'Liberation Sans', sans-serif; }"  # as wide as most systems' own
TERMINAL = """<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #1c1b19; color: #e8e4da; }
pre { margin: 0; padding: 20px 24px; width: max-content;
      font: 15px/1.5 "DejaVu Sans Mono", monospace; }
b { color: #f0935a; font-weight: normal; }
</style><pre>%s</pre>"""


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run the program on the demo's world until it has pictures; yield the address of its pages."""
    world = demo.World()
    with ThreadingHTTPServer(("127.0.0.1", 0), demo.handler(world)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = demo.write_config(folder, server.server_port, web_port=PORT)
        arguments = [sys.executable, "-m", "aggregator", "run", "-c", str(config)]
        address = f"http://127.0.0.1:{PORT}"
        with subprocess.Popen(arguments) as program:
            while program.poll() is None:
                time.sleep(1)
                with suppress(OSError), urllib.request.urlopen(address) as answer:
                    if answer.read().count(b"/picture/") >= 10:
                        break
            yield address
            program.terminate()
        server.shutdown()


def publish(*names: str) -> None:
    """Write a post for each of some publishers, minutes apart, and wait until they are polled."""
    now, chance = datetime.now(UTC).replace(microsecond=0), random.Random(len(names))
    for minutes, name in enumerate(names, start=1):
        (publisher,) = [each for each in demo.PUBLISHERS if each.name == name]
        publisher.write(chance, now - timedelta(minutes=2 * minutes - 1))
    time.sleep(8)


def opened(browser: Browser, **options: Any) -> Page:
    """Return a page that takes a style of ours, which the policy of the pages forbids."""
    return browser.new_page(bypass_csp=True, locale="en-GB", **options)


def save(page: Page, name: str) -> None:
    """Write a picture of a page to docs, with few colours."""
    page.add_style_tag(content=FONT)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    path = DOCS / f"{name}.png"
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.name}: {picture.width} x {picture.height}, {size:,} bytes")
    assert size <= MAX_BYTES


def visit(page: Page, address: str, *, seen_until: float) -> None:
    """Open the list as a reader who was away for hours and has seen what was stored until then."""
    seen = round(seen_until * 1000)
    cookie = {"name": "seen", "value": f"{seen}.0.{seen - AWAY}.0", "url": address}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto(address, wait_until="networkidle")


def terminal(*names: str) -> str:
    """Return a page that looks like a terminal in which commands of tests/golden were run."""
    lines = []
    for name in names:
        head, _, output = golden.stored(name).decode().partition("--- stdout\n")
        lines.append(f"<b>{escape(head.splitlines()[0])}</b>")
        lines.append(escape(output.partition("--- stderr")[0]))
    return TERMINAL % "\n".join(lines)


def main() -> None:
    """Rewrite the pictures."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=system_chromium())
        page = opened(browser, viewport={"width": 1280, "height": 800}, color_scheme="light")
        phone = opened(
            browser, viewport={"width": 390, "height": 780}, color_scheme="dark",
            is_mobile=True, has_touch=True, device_scale_factor=1.5,
        )  # fmt: skip
        with running(Path(name)) as address:
            start = time.time()
            publish("harbour-tide", "kernel-notes", "slow-lane")
            for each, picture in ((page, "list"), (phone, "phone-dark")):
                visit(each, address, seen_until=start)
                save(each, picture)
            for publisher in demo.PUBLISHERS * 2:  # so that the graphs have something to show
                publish(publisher.name)
            page.goto(f"{address}/status")
            save(page, "status")
        page.goto("about:blank")
        page.set_viewport_size({"width": 1140, "height": 600})
        page.set_content(terminal("explain.txt", "explain-story.txt"))
        save(page, "explain")
        browser.close()


if __name__ == "__main__":
    main()

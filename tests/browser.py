"""Make sure that there is a Chromium for the browser tests: `python -m tests.browser`.

The system's if there is one; else Debian's package where we are root and have apt; else the one
that Playwright brings.  Without one the browser tests are skipped, in CI they fail.
"""

import os
import shutil
import subprocess
import sys


def system_chromium() -> str | None:
    """Return the path of a Chromium that is installed on the system."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def main() -> int:
    """Install a browser unless there is one; say so in one line if that failed."""
    if system_chromium():
        return 0
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and os.geteuid() == 0:
        install = ["apt-get", "install", "-yqq", "chromium"]
        attempts = [["apt-get", "update", "-qq"], install, *attempts]
    for command in attempts:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if system_chromium() or (done.returncode == 0 and "playwright" in command):
            return 0
    print("NO BROWSER: install Chromium; the browser tests can't run without it", file=sys.stderr)
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    raise SystemExit(main())

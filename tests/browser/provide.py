"""Find a browser for the tests, or get one: `python -m tests.browser.provide`.

In this order: an installed Chromium or Chrome, the one that Playwright downloads, the distribution's package when we are root. Without any,
the browser tests are skipped and this says so; with CI=true it fails.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def installed() -> str | None:
    """The path of a browser that is there already."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    from playwright.sync_api import sync_playwright  # slow to import: only when nothing is installed

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def get() -> str | None:
    """A browser, downloaded if need be."""
    found = installed()
    ways = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        ways.append(["apt-get", "install", "--yes", "--no-install-recommends", "chromium", "fonts-noto-core"])
    for way in ways:
        if found:
            break
        say(f"No browser yet: {' '.join(way)}")
        subprocess.run(way, check=False)
        found = installed()
    return found


def say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    browser = get()
    if browser is None:
        say("NO BROWSER: the tests in tests/browser are skipped. Install Chromium, or let `playwright install chromium` work.")
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
    say(f"Browser for the tests: {browser}")

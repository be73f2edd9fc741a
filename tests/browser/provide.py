"""Find a browser for the tests, or get one: `python -m tests.browser.provide`.

In this order: an installed Chromium or Chrome, the one that Playwright downloads, the distribution's package when we are root. Without any,
the browser tests are skipped and this says so; with CI=true it fails. The headless shell comes first: it is the same browser without its
windows, and a page in it takes the processor a third of the time.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def installed() -> str | None:
    """The path of a browser that is there already."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    from playwright.sync_api import sync_playwright  # slow to import: only when nothing is installed

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)  # ms-playwright/chromium-1234/chrome-linux/chrome
    shells = sorted(path.parents[2].glob("chromium_headless_shell-*/*/*headless*shell"))
    return next((str(found) for found in (*reversed(shells), path) if found.exists()), None)


def get() -> str | None:
    """A browser, downloaded if need be."""
    found = installed()
    ways = [[sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for package in NAMES[:2]:  # Debian has both
            ways.append(["apt-get", "install", "--yes", "--no-install-recommends", package, "fonts-noto-core"])
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

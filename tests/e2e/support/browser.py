"""A real browser: the system's Chromium, else the one that Playwright has installed."""

import os

from playwright.sync_api import Browser, Error, Playwright

# Nothing of the browser's own goes over the network.
ARGUMENTS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


def launch(playwright: Playwright) -> Browser:
    try:
        return playwright.chromium.launch(executable_path=os.environ.get("E2E_BROWSER") or None, args=ARGUMENTS)
    except Error as error:
        raise AssertionError(
            "there is no Chromium: install your system's package (Debian: chromium), "
            "or run `target/e2e-venv/bin/playwright install chromium`"
        ) from error

"""A headless Chromium, driven by playwright: for pictures and for the tests that use the admin as people do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Without these it talks to its maker, or dies as root in a container.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class BrowserMissing(Exception):
    """Playwright or a Chromium is not installed; the message says what to do."""


def chromium() -> str:
    """The path of the installed Chromium. Raises BrowserMissing."""
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    raise BrowserMissing("no chromium here: apt-get install chromium")


@contextmanager
def open_browser() -> Iterator["Browser"]:
    """A running browser. Raises BrowserMissing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BrowserMissing("playwright is not installed: make dev") from error
    executable = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()

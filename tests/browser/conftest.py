"""A real Chromium before a real server with something in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from runyard.server.studio_files import StudioFiles
from tests.browser.workspace_content import Content, Logger, fill
from tests.running_server import RunningServer

# Without these Chromium calls home at every start, and waits for the answers that never come.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 180_000
expect.set_options(timeout=WAIT_MS)
SCREENSHOTS_VARIABLE = "BROWSER_SCREENSHOTS"
Look = Callable[[Page, str], None]
Connect = Callable[..., Logger]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module.

    Playwright keeps an event loop running in this thread as long as its browser lives, and the tests of
    another module may run one of their own.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert path, "the browser tests need Chromium: `apt-get install chromium`"
    assert StudioFiles().is_built, "the browser tests need a built Studio: `python hatch_build.py`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


class Visitor:
    """A person with a browser of their own, who notices what they should never see."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        context.set_default_timeout(WAIT_MS)
        self.page.on("dialog", self._note_dialog)
        self.page.on("pageerror", lambda error: self.complaints.append(f"fault: {error}"))
        self.page.on("console", self._note_console)
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _note_dialog(self, dialog) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _note_console(self, message) -> None:
        # A refused call is reported by the browser as well; that one is shown on the page and tested there.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def open(self, address: str) -> Page:
        """Go to an address, as a fresh load."""
        self.page.goto("about:blank")
        self.page.goto(address)
        return self.page


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Make visitors: `visit(width=360, scheme="dark")`. None may have met a dialog or a fault at the end."""
    visitors: list[Visitor] = []
    contexts: list[BrowserContext] = []

    def make(width: int = 1440, height: int = 900, scheme: str = "light") -> Visitor:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            accept_downloads=True,
        )
        contexts.append(context)
        visitors.append(Visitor(context))
        return visitors[-1]

    yield make
    for context in contexts:
        context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest.fixture(scope="session")
def content(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Content]:
    """A server with runs in it, which no test changes."""
    running = RunningServer(tmp_path_factory.mktemp("studio") / "home").start()
    yield fill(running.url)
    running.close()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make clients that log into servers: `connect(url, prefix)`. They are closed when the test ends."""
    loggers: list[Logger] = []

    def make(url: str, prefix: str = "") -> Logger:
        loggers.append(Logger(url, prefix))
        return loggers[-1]

    yield make
    for logger in loggers:
        logger.close()


@pytest.fixture
def look() -> Look:
    """Keep a picture of the page when a folder for pictures is named in the environment."""
    folder = os.environ.get(SCREENSHOTS_VARIABLE)

    def keep(page: Page, name: str) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=str(Path(folder) / f"{name}.png"))

    return keep

"""Administrators at the machine, and people before the form that asks who they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page


def administer(home: Path, *arguments: str) -> str:
    """Run `runyard admin` on a home folder and return what it prints: an API key."""
    command = [sys.executable, "-m", "runyard", "admin", *arguments, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout.strip()


def sign_in(page: Page, api_key: str) -> None:
    """Fill in the form that a team's server answers with."""
    page.get_by_label("API key").fill(api_key)
    page.get_by_role("button", name="Sign in").click()

"""What keeps people from using a page, as axe finds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

AXE = Path(__file__).parents[2] / "studio" / "node_modules" / "axe-core" / "axe.min.js"


def settle(page: Page) -> None:
    """Wait until nothing is loading any more."""
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".skeleton")).to_have_count(0)


def serious_barriers(page: Page) -> list[str]:
    """Return what axe calls serious or critical."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{barrier['id']}: {node['html'][:160]}"
        for barrier in found["violations"]
        if barrier["impact"] in ("serious", "critical")
        for node in barrier["nodes"]
    ]

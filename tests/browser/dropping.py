"""Files and folders of this machine that are dragged over a page and dropped, as Chromium itself does it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page

_COPY = 1


def drag_over(page: Page, target: Locator, *paths: Path, drop: bool = True) -> None:
    """Drag what lies at these paths over the middle of a part of the page, and let go of it there."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box is not None
    at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    dragged = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": _COPY}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", *(["drop"] if drop else [])):
        session.send("Input.dispatchDragEvent", {"type": kind, **at, "data": dragged})
    session.detach()

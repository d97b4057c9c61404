"""Reading what the panels have drawn."""

from __future__ import annotations

import time

from playwright.sync_api import Page

WAIT_S = 180.0

# Pixels that are coloured and not grey, as grid and labels are: the lines themselves.
_COLOURED = """
(panel) => {
  const canvas = panel.querySelector('canvas');
  if (!canvas) return 0;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = data.slice(at, at + 3);
    const spread = Math.max(red, green, blue) - Math.min(red, green, blue);
    if (data[at + 3] > 60 && spread > 60) coloured += 1;
  }
  return coloured;
}
"""


def coloured_pixels(page: Page, metric: str) -> int:
    """Return how many pixels of a metric's panel belong to lines."""
    count: int = page.get_by_role("figure", name=f"Chart of {metric}").evaluate(_COLOURED)
    return count


def wait_for_other_lines(page: Page, metric: str, before: int) -> None:
    """Wait until a panel shows other lines than those that took so many pixels."""
    deadline = time.monotonic() + WAIT_S
    while coloured_pixels(page, metric) == before:
        assert time.monotonic() < deadline, f"the panel of {metric} is as it was"
        page.wait_for_timeout(50)


def wait_for_lines(page: Page, metric: str, at_least: int = 150) -> int:
    """Wait until a panel has lines on it, and return how many pixels they take."""
    page.get_by_role("figure", name=f"Chart of {metric}").locator("canvas").wait_for()
    deadline = time.monotonic() + WAIT_S
    while (count := coloured_pixels(page, metric)) < at_least:
        assert time.monotonic() < deadline, f"the panel of {metric} has {count} coloured pixels"
        page.wait_for_timeout(50)
    return count

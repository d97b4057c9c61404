"""Pictures of compared runs, side by side and step by step."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Connect, Look, Visitor
from tests.browser.workspace_content import picture
from tests.conftest import ServerStarter

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def width_of(page: Page, run: str) -> int | None:
    """Return how wide the picture of a run is by itself, or None where there is none."""
    images = page.get_by_role("figure", name=f"Picture of {run}").locator("img")
    return int(images.evaluate("(image) => image.naturalWidth")) if images.count() else None


def expect_width(page: Page, run: str, width: int) -> None:
    """Wait for a picture of a run by its width."""
    image: Locator = page.get_by_role("figure", name=f"Picture of {run}").locator("img")
    expect(image).to_have_js_property("naturalWidth", width)


def test_pictures_of_compared_runs_stand_side_by_side_and_go_by_their_steps(
    visit: Visit, start_server: ServerStarter, connect: Connect, look: Look
) -> None:
    server = start_server()
    logger = connect(server.url)
    experiment_id = logger.create_experiment("pictures")
    first, second = (logger.create_run(experiment_id, name) for name in ("first", "second"))
    for run_id, steps in ((first, (0, 10, 20)), (second, (0, 20))):
        for step in steps:
            # As `mlflow.log_image(…, key="dog/left", step=step)` names them, with a smaller copy of each.
            name = f"images/dog~left+step+{step}+timestamp+1700000000000+0e4a"
            logger.put_file(experiment_id, run_id, f"{name}.png", picture(100 + step, 60))
            logger.put_file(experiment_id, run_id, f"{name}+compressed.webp", b"RIFF")
    logger.put_file(experiment_id, first, "figures/roc.png", picture(77, 60))
    address = f"{server.url}/#/experiments/{experiment_id}?pane=compare&sel={first},{second}"
    page = visit().open(address)
    for run in ("first", "second"):
        expect_width(page, run, 120)
    settle(page)
    assert serious_barriers(page) == []
    slider = page.get_by_role("slider", name="Step")
    slider.press("ArrowLeft")
    expect_width(page, "first", 110)
    # The other logged nothing at that step: what it had then is shown, with its own step beside it.
    expect_width(page, "second", 100)
    expect(page.get_by_role("figure", name="Picture of second")).to_contain_text("step 0")
    look(page, "compared-pictures")
    page.get_by_role("combobox", name="Which picture").select_option("figures/roc.png")
    expect_width(page, "first", 77)
    expect(page.get_by_role("figure", name="Picture of second")).to_contain_text("None")
    assert width_of(page, "second") is None
    # A link carries what is looked at.
    page = visit().open(page.url)
    expect_width(page, "first", 77)

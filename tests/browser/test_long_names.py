"""Names as long as the server takes them, with markup in them, on the pages that show them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.barriers import settle
from tests.browser.conftest import Look, Visitor
from tests.browser.job_content import JobClient
from tests.browser.workspace_content import Logger
from tests.running_server import RunningServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
NAME = "<b>" + "very-long_" * 20 + "<b>"
WORD = "w" * 120
PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of pages with such names, on a server which no test changes."""
    running = RunningServer(tmp_path_factory.mktemp("long") / "home").start()
    logger, jobs = Logger(running.url), JobClient(running)
    experiment_id = logger.create_experiment(NAME)
    logger.create_run(experiment_id, NAME)
    for name in (NAME, WORD):
        logger.post("registered-models/create", name=name, tags=[PROMPT] if name == WORD else [])
    text = {"key": "mlflow.prompt.text", "value": f"Answer in one line.\n\n{'Be brief. ' * 60}{WORD * 3}"}
    logger.post("model-versions/create", name=WORD, source="dummy-source", tags=[PROMPT, text])
    jobs.ask("POST", "compute", json={"name": "paused"})
    jobs.ask("PATCH", "compute/paused", json={"is_paused": True})
    sweep = {
        "experiment_id": experiment_id,
        "command": ["true"],
        "compute": "paused",
        "run_name": NAME,
        "parameters": {WORD: {"values": [WORD, NAME]}},
        "metric": WORD,
        "sampling": "grid",
    }
    run_id = jobs.ask("POST", "sweeps", json=sweep)["sweep"]["run_id"]
    yield {
        "experiments": f"{running.url}/#/experiments",
        "prompt": f"{running.url}/#/prompts/{WORD}/versions/1",
        "sweeps": f"{running.url}/#/sweeps",
        "sweep": f"{running.url}/#/sweeps/{run_id}",
    }
    logger.close()
    jobs.close()
    running.close()


@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_is_wider_than_its_window(
    visit: Visit, pages: dict[str, str], look: Look, width: int
) -> None:
    page = visit(width=width).page
    wide = {}
    for name, address in pages.items():
        page.goto("about:blank")
        page.goto(address)
        settle(page)
        look(page, f"long-{name}-{width}")
        within = "[document.documentElement, document.querySelector('main')].map(each => each.scrollWidth)"
        wide[name] = max(page.evaluate(within))
    assert {name: measured for name, measured in wide.items() if measured > width} == {}


def test_the_name_of_a_run_leaves_room_for_that_of_its_experiment(
    visit: Visit, pages: dict[str, str]
) -> None:
    page = visit().open(pages["experiments"])
    link = page.get_by_role("link", name=NAME).first
    box = link.bounding_box()
    assert box is not None
    assert box["width"] > 300
    newest = page.locator(".experiments td:nth-child(2) a").first
    expect(newest).to_have_attribute("title", re.compile("^<b>very-long"))


def test_lines_of_a_prompt_are_as_they_were_written(visit: Visit, pages: dict[str, str]) -> None:
    page = visit(width=360).open(pages["prompt"])
    text = page.get_by_role("region", name="Text of the prompt").locator("pre")
    expect(text).to_contain_text("Answer in one line.\n\nBe brief. ", use_inner_text=True)

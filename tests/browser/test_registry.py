"""Registered models and prompts in the Studio: looked at, pointed to, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Connect, Look, Visitor
from tests.browser.workspace_content import HOSTILE_NAME, Logger
from tests.conftest import ServerStarter
from tests.running_server import RunningServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
ODD_NAME = "net's 50% <b>☃"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with models and prompts, which no test changes."""
    running = RunningServer(tmp_path_factory.mktemp("registry") / "home").start()
    logger = Logger(running.url)
    register(logger, "ridge", versions=3)
    register(logger, ODD_NAME, versions=1)
    logger.post("registered-models/alias", name="ridge", alias="champion", version="2")
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    logger.post("registered-models/create", name="greeting", tags=prompt)
    text = {"key": "mlflow.prompt.text", "value": "Say {{ word }}\n<b>twice</b>"}
    logger.post("model-versions/create", name="greeting", source="dummy-source", tags=[*prompt, text])
    logger.close()
    yield running
    running.close()


def register(logger: Logger, name: str, versions: int) -> None:
    """Register versions of a model, each from a run with a file."""
    logger.post("registered-models/create", name=name, description=f"About {name}")
    experiment_id = logger.create_experiment(f"of {name}")
    for number in range(1, versions + 1):
        run_id = logger.create_run(experiment_id, f"run-{number}")
        logger.log_line(run_id, "rmse", [0.5 / number])
        logger.put_file(experiment_id, run_id, "model/MLmodel", f"flavors: {number}\n".encode())
        logger.finish(run_id)
        logger.post("model-versions/create", name=name, source=f"runs:/{run_id}/model", run_id=run_id)


def confirm(page: Page, action: str) -> None:
    """Answer the open dialog, and wait until it is gone."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def test_models_are_listed_and_searched(visit: Visit, registry: RunningServer, look: Look) -> None:
    page = visit().open(registry.url)
    page.get_by_role("navigation", name="Parts of the workspace").get_by_role("link", name="Models").click()
    expect(page.get_by_role("heading", level=1, name="Models")).to_be_visible()
    row = page.get_by_role("row", name="ridge")
    expect(row).to_contain_text("@champion")
    expect(row).to_contain_text("About ridge")
    expect(row.get_by_role("link", name="3", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="greeting")).to_have_count(0)
    look(page, "registry")
    page.get_by_role("searchbox", name="Search models by name").fill("NET'S")
    expect(page.get_by_role("link", name="ridge")).to_have_count(0)
    expect(page.get_by_role("link", name=ODD_NAME)).to_be_visible()
    page.get_by_role("searchbox", name="Search models by name").fill("nothing")
    expect(page.get_by_role("heading", name="No models match")).to_be_visible()


def test_a_models_page_says_which_version_has_which_alias(visit: Visit, registry: RunningServer) -> None:
    page = visit().open(f"{registry.url}/#/models/ridge")
    versions = page.get_by_role("row", name="Version")
    expect(versions.filter(has_text="@champion")).to_have_count(1)
    expect(versions.filter(has_text="Version 2")).to_contain_text("@champion")
    version = page.get_by_role("columnheader", name="Version")
    expect(version).to_have_attribute("aria-sort", "descending")
    links = page.get_by_role("region", name="Versions, all rows").get_by_role("link", name="Version")
    newest_first = links.all_text_contents()
    version.get_by_role("button").click()
    expect(version).to_have_attribute("aria-sort", "ascending")
    expect(links).to_have_text(newest_first[::-1])
    assert "order=version_number%3Aasc" in page.url


def test_a_version_shows_where_it_comes_from_and_its_files(
    visit: Visit, registry: RunningServer, look: Look
) -> None:
    page = visit().open(f"{registry.url}/#/models/ridge")
    page.get_by_role("link", name="Version 2").click()
    expect(page.get_by_role("heading", level=1, name="ridge version 2")).to_be_visible()
    expect(page.get_by_role("region", name="Aliases")).to_contain_text("@champion")
    expect(page.get_by_role("region", name="Metrics of its run", exact=True)).to_contain_text("0.25")
    expect(page.get_by_role("region", name="Details").get_by_text("models:/ridge/2")).to_be_visible()
    page.get_by_role("navigation", name="Files").get_by_role("link", name="MLmodel").click()
    expect(page.get_by_text("flavors: 2")).to_be_visible()
    look(page, "model-version")
    page.get_by_role("region", name="Details").get_by_role("link", name="run-2").click()
    expect(page.get_by_role("heading", level=1, name="run-2")).to_be_visible()


def test_the_addresses_of_mlflow_s_own_pages_open_the_same(visit: Visit, registry: RunningServer) -> None:
    page = visit().open(f"{registry.url}/#/models/{quote(ODD_NAME, safe='')}/versions/1")
    expect(page.get_by_role("heading", level=1, name=f"{ODD_NAME} version 1")).to_be_visible()
    page = visit().open(f"{registry.url}/#/models/{quote(ODD_NAME, safe='')}")
    expect(page.get_by_role("link", name="Version 1")).to_be_visible()


def test_a_prompt_shows_its_text_as_it_is(visit: Visit, registry: RunningServer, look: Look) -> None:
    page = visit(scheme="dark").open(f"{registry.url}/#/models")
    page.get_by_role("button", name="Prompts").click()
    page.get_by_role("link", name="greeting").click()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_role("region", name="Text of the prompt")).to_contain_text(
        "Say {{ word }}\n<b>twice</b>"
    )
    expect(page.get_by_role("region", name="Tags", exact=True)).to_contain_text("No tags were set.")
    look(page, "prompt-dark")


def test_a_model_is_made_described_pointed_to_and_deleted(
    visit: Visit, start_server: ServerStarter, connect: Connect, look: Look
) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/models")
    expect(page.get_by_role("heading", name="No models yet")).to_be_visible()
    look(page, "registry-empty")
    page.get_by_role("button", name="New model").click()
    page.get_by_role("textbox", name="Name").fill("a:b")
    page.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    page.get_by_role("textbox", name="Name").fill(HOSTILE_NAME.replace("/", "|").replace(":", "|"))
    page.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="No versions yet")).to_be_visible()

    register(connect(server.url), "ridge", versions=2)
    page = visit().open(f"{server.url}/#/models/ridge/versions/2")
    page.get_by_role("button", name="Describe").click()
    page.get_by_role("textbox", name="Description").fill("The better one")
    confirm(page, "Save")
    expect(page.get_by_text("The better one")).to_be_visible()
    page.get_by_role("button", name="Add an alias").click()
    page.get_by_role("textbox", name="Alias").fill("champion")
    confirm(page, "Add")
    expect(page.get_by_role("region", name="Aliases")).to_contain_text("@champion")
    page.goto(f"{server.url}/#/models/ridge/versions/1")
    expect(page.get_by_role("heading", level=1, name="ridge version 1")).to_be_visible()
    page.get_by_role("button", name="Add an alias").click()
    page.get_by_role("textbox", name="Alias").fill("champion")
    confirm(page, "Add")
    page.get_by_role("button", name="Remove the alias champion").click()
    expect(page.get_by_role("region", name="Aliases")).to_contain_text("None.")
    page.get_by_role("button", name="Delete").click()
    confirm(page, "Delete")
    expect(page.get_by_role("link", name="Version 2")).to_be_visible()
    expect(page.get_by_role("link", name="Version 1")).to_have_count(0)
    page.get_by_role("button", name="Delete").click()
    confirm(page, "Delete")
    expect(page.get_by_role("heading", level=1, name="Models")).to_be_visible()
    expect(page.get_by_role("link", name="ridge")).to_have_count(0)


def test_what_is_not_there_is_said(visit: Visit, registry: RunningServer) -> None:
    page = visit().open(f"{registry.url}/#/models/none")
    expect(page.get_by_role("alert").first).to_contain_text("none")
    page = visit().open(f"{registry.url}/#/models/ridge/versions/99")
    expect(page.get_by_role("alert").first).to_be_visible()


def test_a_phone_shows_a_version_without_scrolling_sideways(
    visit: Visit, registry: RunningServer, look: Look
) -> None:
    page = visit(width=360, height=740).open(f"{registry.url}/#/models/ridge/versions/2")
    expect(page.get_by_role("region", name="Metrics of its run", exact=True)).to_be_visible()
    look(page, "model-version-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

"""Datasets and environments in the Studio: looked at, described, archived, deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Look, Visitor
from tests.conftest import ServerStarter
from tests.running_server import RunningServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
DOCKERFILE = "FROM python:3.11\nRUN pip install mlflow-skinny\n"


def register(url: str) -> None:
    """Register a dataset in two versions, and environments."""
    with httpx.Client(base_url=url, timeout=60) as client:

        def post(path: str, body: dict[str, Any]) -> None:
            client.post(f"/api/v1/{path}", json=body).raise_for_status()

        for number in (1, 2):
            source = {
                "kind": "datastore",
                "address": f"raw/{number}/*.csv",
                "datastore": "workspaceblobstore",
            }
            words = {"description": f"Words of {number}", "tags": {"team": "vision"}, "as_new_version": True}
            reading = {"format": "delimited", "separator": ";"}
            post(
                "data-assets",
                {"name": "people", "kind": "tabular", "sources": [source], "reading": reading} | words,
            )
        for pip in (["mlflow-skinny"], ["mlflow-skinny", "scikit-learn>=1.6"]):
            python = {"conda": {"channels": ["conda-forge"], "packages": ["python=3.11"], "pip": pip}}
            post(
                "environments", {"name": "training", "python": python, "variables": {"OMP_NUM_THREADS": "4"}}
            )
        post(
            "environments",
            {"name": "boxed", "docker": {"dockerfile": DOCKERFILE}, "tags": {"team": "vision"}},
        )


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a dataset and environments, which no test changes."""
    running = RunningServer(tmp_path_factory.mktemp("assets") / "home").start()
    register(running.url)
    yield running
    running.close()


def confirm(page: Page, action: str) -> None:
    """Answer the open dialog, and wait until it is gone."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def test_a_dataset_shows_its_versions_and_where_its_data_lies(
    visit: Visit, registered: RunningServer, look: Look
) -> None:
    page = visit().open(f"{registered.url}/#/data")
    page.get_by_role("button", name="Datasets").click()
    expect(page.get_by_role("row", name="people")).to_contain_text("Rows")
    look(page, "datasets")
    page.get_by_role("link", name="people").click()
    expect(page.get_by_role("heading", level=1, name="people version 2")).to_be_visible()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_role("heading", level=1, name="people version 1")).to_be_visible()
    expect(page.get_by_text("Words of 1")).to_be_visible()
    expect(page.get_by_role("region", name="Details")).to_contain_text('delimited by ";", with a header')
    expect(page.get_by_role("region", name="Tags", exact=True)).to_contain_text("vision")
    expect(page.get_by_role("region", name="From code")).to_contain_text(
        'Dataset.get_by_name(ws, "people", version=1)'
    )
    paths = page.get_by_role("region", name="Paths", exact=True)
    expect(paths).to_contain_text("workspaceblobstore: raw/1/*.csv")
    look(page, "dataset")
    paths.get_by_role("link", name="Browse the datastore workspaceblobstore").click()
    expect(page.get_by_role("heading", level=1, name="workspaceblobstore")).to_be_visible()


def test_a_dataset_is_described_and_deleted(visit: Visit, start_server: ServerStarter, look: Look) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/data/assets")
    expect(page.get_by_role("heading", name="No datasets yet")).to_be_visible()
    look(page, "datasets-empty")
    register(server.url)
    page = visit().open(f"{server.url}/#/data/assets/people")
    page.get_by_role("button", name="Describe").click()
    page.get_by_role("textbox", name="Description").fill("Who we know")
    confirm(page, "Save")
    expect(page.get_by_text("Who we know")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_label("Name of the dataset").fill("people")
    confirm(page, "Delete")
    expect(page.get_by_role("row", name="people")).to_contain_text("1")
    page.get_by_role("link", name="people").click()
    expect(page.get_by_role("heading", level=1, name="people version 1")).to_be_visible()
    expect(page.get_by_role("link", name="Version 2")).to_have_count(0)


def test_environments_are_listed_and_looked_at(visit: Visit, registered: RunningServer, look: Look) -> None:
    page = visit().open(f"{registered.url}/#/data")
    page.get_by_role("button", name="Environments").click()
    served = page.get_by_role("region", name="Come with the server", exact=True)
    expect(served.get_by_role("link", name="Runyard-Sklearn")).to_be_visible()
    look(page, "environments")
    page.get_by_role("link", name="training").click()
    expect(page.get_by_role("heading", level=1, name="training version 2")).to_be_visible()
    expect(page.get_by_role("region", name="Packages")).to_contain_text("scikit-learn>=1.6")
    expect(page.get_by_role("region", name="Variables", exact=True)).to_contain_text("OMP_NUM_THREADS")
    look(page, "environment")
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_role("region", name="Packages")).not_to_contain_text("scikit-learn")
    page = visit(scheme="dark").open(f"{registered.url}/#/environments/boxed")
    expect(page.get_by_role("region", name="Dockerfile")).to_contain_text("RUN pip install mlflow-skinny")
    look(page, "environment-dark")
    page = visit().open(f"{registered.url}/#/environments/Runyard-Sklearn")
    expect(page.get_by_text("comes with the server")).to_be_visible()
    expect(page.get_by_role("button", name="Archive")).to_have_count(0)


def test_an_environment_is_archived_and_restored(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/environments")
    expect(page.get_by_role("heading", name="No environments yet")).to_be_visible()
    look(page, "environments-empty")
    register(server.url)
    page = visit().open(f"{server.url}/#/environments/boxed")
    page.get_by_role("button", name="Archive").click()
    confirm(page, "Archive")
    expect(page.get_by_text("archived", exact=True)).to_be_visible()
    page.get_by_role("navigation", name="Where you are").get_by_role("link", name="Environments").click()
    expect(page.get_by_role("link", name="training")).to_be_visible()
    expect(page.get_by_role("link", name="boxed")).to_have_count(0)
    page.get_by_role("button", name="With archived").click()
    page.get_by_role("link", name="boxed").click()
    page.get_by_role("button", name="Restore").click()
    confirm(page, "Restore")
    expect(page.get_by_text("archived", exact=True)).to_have_count(0)


@pytest.mark.parametrize(
    "address", ["data/assets", "data/assets/people", "environments", "environments/boxed"]
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_them_without_scrolling_sideways(
    visit: Visit, registered: RunningServer, look: Look, address: str, scheme: str
) -> None:
    page = visit(width=360, height=740, scheme=scheme).open(f"{registered.url}/#/{address}")
    settle(page)
    look(page, f"{address.replace('/', '-')}-narrow-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert serious_barriers(page) == []


def test_what_is_not_there_is_said(visit: Visit, registered: RunningServer) -> None:
    for address in ("data/assets/none", "data/assets/people/versions/99", "environments/none"):
        page = visit().open(f"{registered.url}/#/{address}")
        expect(page.get_by_role("alert").first).to_be_visible()

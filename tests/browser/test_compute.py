"""Compute targets in the Studio: made, paused, changed and deleted, with jobs that wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Look, Visitor
from tests.browser.job_content import TOLD, JobClient, tell
from tests.browser.signing_in import administer, sign_in
from tests.conftest import ServerStarter

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


@pytest.fixture
def jobs(start_server: ServerStarter) -> Iterator[JobClient]:
    """A server of the test's own with two slots."""
    client = JobClient(start_server(environment={"RUNYARD_LOCAL_SLOTS": "2"}))
    yield client
    client.close()


def confirm(page: Page, action: str) -> None:
    """Answer the open dialog, and wait until it is gone."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def test_a_target_is_made_and_changed(visit: Visit, jobs: JobClient, look: Look) -> None:
    page = visit().open(jobs.server.url)
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("button", name="Compute").click()
    expect(page.get_by_role("row", name="local")).to_contain_text("0 of 2")
    page.get_by_role("button", name="New target").click()
    page.get_by_role("textbox", name="Name").fill("local")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("own machine")
    page.get_by_role("textbox", name="Name").fill("long")
    page.get_by_role("spinbutton", name="Slots").fill("3")
    page.get_by_role("textbox", name="Tags").fill("team")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("key=value")
    page.get_by_role("textbox", name="Tags").fill("team=vision\nnote=a=b")
    look(page, "compute-new")
    confirm(page, "Create")
    expect(page.get_by_role("heading", level=1, name="long")).to_be_visible()
    expect(page.get_by_role("region", name="Details")).to_contain_text("0 of 3")
    expect(page.get_by_role("region", name="Tags", exact=True)).to_contain_text("vision")
    page.get_by_role("button", name="Change").click()
    page.get_by_role("spinbutton", name="Slots").fill("4")
    page.get_by_role("textbox", name="Description").fill("Trainings over night")
    confirm(page, "Save")
    expect(page.get_by_text("Trainings over night")).to_be_visible()
    target = jobs.ask("GET", "compute/long")["compute_target"]
    assert (target["slots"], target["tags"]) == (4, {"team": "vision", "note": "a=b"})


def test_a_paused_target_begins_nothing_until_it_is_resumed(
    visit: Visit, jobs: JobClient, tmp_path: Path, look: Look
) -> None:
    jobs.ask("POST", "compute", json={"name": "long", "slots": 1})
    page = visit().open(f"{jobs.server.url}/#/compute")
    row = page.get_by_role("row", name="long")
    row.get_by_role("button", name="Pause long").click()
    expect(row).to_contain_text("Paused")
    first, second = (jobs.submit(TOLD, tmp_path / "told", run_name=name, compute="long") for name in "ab")
    row.get_by_role("link", name="2", exact=True).click()
    expect(page.get_by_role("row", name="a", exact=False).first).to_be_visible()
    page.go_back()
    row.get_by_role("link", name="long").click()
    queue = page.get_by_role("region", name="Queue", exact=True)
    expect(queue.get_by_role("row").nth(1)).to_contain_text("compute target 'long' is paused")
    expect(page.get_by_text("Nothing runs here now.")).to_be_visible()
    look(page, "compute-target-paused")
    page.get_by_role("button", name="Resume long").click()
    running = page.get_by_role("region", name="Running", exact=True)
    expect(running.get_by_role("link", name="a", exact=True)).to_be_visible()
    expect(queue).to_contain_text("Number 1 in the queue: all slots of compute target 'long' are taken")
    expect(page.get_by_role("region", name="Details")).to_contain_text("1 of 1")
    look(page, "compute-target")
    tell(tmp_path / "told", "end")
    for run_id in (first, second):
        jobs.until(run_id, "completed")
    expect(page.get_by_text("Nothing runs here now.")).to_be_visible()
    expect(page.locator(".title")).to_contain_text("Idle")


def test_a_target_is_deleted_by_its_name_and_with_its_jobs_only_if_asked_to(
    visit: Visit, jobs: JobClient, tmp_path: Path
) -> None:
    jobs.ask("POST", "compute", json={"name": "long", "slots": 1})
    run_id = jobs.submit(TOLD, tmp_path / "told", compute="long")
    jobs.until(run_id, "running")
    page = visit().open(f"{jobs.server.url}/#/compute/long")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name of the target").fill("lon")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Type the name")
    dialog.get_by_role("textbox", name="Name of the target").fill("long")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not over")
    dialog.get_by_role("checkbox", name="End its jobs that are not over").check()
    confirm(page, "Delete")
    expect(page.get_by_role("heading", level=1, name="Compute")).to_be_visible()
    expect(page.get_by_role("link", name="long", exact=True)).to_have_count(0)
    assert jobs.until(run_id, "canceled")["reason"] == "compute target 'long' was deleted"


def test_the_servers_own_machine_is_changed_by_its_settings_alone(visit: Visit, jobs: JobClient) -> None:
    page = visit().open(f"{jobs.server.url}/#/compute/local")
    expect(page.get_by_role("region", name="Details")).to_contain_text("0 of 2")
    for name in ("Pause local", "Change", "Delete"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)


def test_a_team_without_slots_is_told_how_to_have_some(
    visit: Visit, start_server: ServerStarter, tmp_path: Path, look: Look
) -> None:
    home = tmp_path / "team"
    api_key = administer(home, "init")
    server = start_server(home=home, mode="serve")
    page = visit().open(f"{server.url}/#/compute")
    sign_in(page, api_key)
    expect(page.get_by_role("heading", name="This server runs no jobs")).to_be_visible()
    look(page, "compute-empty")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_from_compute_targets(
    visit: Visit, start_server: ServerStarter, look: Look, scheme: str
) -> None:
    jobs = JobClient(start_server(environment={"RUNYARD_LOCAL_SLOTS": "2"}))
    jobs.ask("POST", "compute", json={"name": "long", "slots": 1, "tags": {"team": "vision"}})
    jobs.close()
    for address in ("compute", "compute/long"):
        page = visit(width=390, height=844, scheme=scheme).open(f"{jobs.server.url}/#/{address}")
        settle(page)
        look(page, f"{address.replace('/', '-')}-narrow-{scheme}")
        assert page.evaluate("document.querySelector('main').scrollWidth") <= 390
        assert serious_barriers(page) == []


def test_what_is_not_there_is_said(visit: Visit, jobs: JobClient) -> None:
    page = visit().open(f"{jobs.server.url}/#/compute/none")
    expect(page.get_by_role("alert").first).to_contain_text("no compute target")

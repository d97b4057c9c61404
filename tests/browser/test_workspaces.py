"""Workspaces in the Studio: listed, made, opened elsewhere, shared, deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Connect, Look, Visitor
from tests.browser.signing_in import administer, sign_in
from tests.conftest import ServerStarter

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


def confirm(page: Page, action: str) -> None:
    """Answer the open dialog, and wait until it is gone."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def test_a_workspace_is_made_described_opened_and_deleted(
    visit: Visit, start_server: ServerStarter, connect: Connect, look: Look
) -> None:
    server = start_server()
    page = visit().open(server.url)
    page.get_by_role("button", name="Workspace default").click()
    page.get_by_role("link", name="All workspaces").click()
    expect(page.get_by_role("heading", level=1, name="Workspaces")).to_be_visible()
    page.get_by_role("button", name="New workspace").click()
    page.get_by_role("dialog").get_by_label("Name").fill("vision")
    page.get_by_role("dialog").get_by_label("Description").fill("Cats, dogs")
    confirm(page, "Create")
    expect(page.get_by_role("heading", level=1, name="vision")).to_be_visible()
    expect(page.get_by_text("Cats, dogs")).to_be_visible()
    lines = page.get_by_role("region", name="From code")
    expect(lines).to_contain_text(f'mlflow.set_tracking_uri("{server.url}/workspaces/vision")')
    expect(lines).to_contain_text(f'Workspace.get("vision", url="{server.url}")')
    expect(lines).to_contain_text("runyard azureml env")
    settle(page)
    look(page, "workspace")
    assert serious_barriers(page) == []
    page.get_by_role("button", name="Describe").click()
    page.get_by_role("textbox", name="Description").fill("Cats alone")
    confirm(page, "Save")
    expect(page.get_by_text("Cats alone")).to_be_visible()

    connect(server.url, "/workspaces/vision").create_run("0", "doomed")
    page.reload()
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 run in 1 experiment")
    dialog.get_by_label("Name of the workspace").fill("visio")
    dialog.get_by_role("button", name="Delete for good").click()
    expect(dialog.get_by_role("alert")).to_contain_text("vision")
    look(page, "workspace-delete")
    dialog.get_by_label("Name of the workspace").fill("vision")
    confirm(page, "Delete for good")
    expect(page.get_by_role("heading", level=1, name="Workspaces")).to_be_visible()
    expect(page.get_by_role("link", name="vision", exact=True)).to_have_count(0)
    names = [
        each["name"] for each in httpx.get(f"{server.url}/api/v1/workspaces", timeout=60).json()["workspaces"]
    ]
    assert names == ["default"]


def test_who_has_a_role_in_one_workspace_sees_that_one(
    visit: Visit, start_server: ServerStarter, tmp_path: Path, look: Look
) -> None:
    home = tmp_path / "team"
    headers = {"Authorization": f"Bearer {administer(home, 'init')}"}
    server = start_server(home=home, mode="serve")
    httpx.post(
        f"{server.url}/api/v1/workspaces", json={"name": "vision"}, headers=headers, timeout=60
    ).raise_for_status()
    reader = administer(
        home, "key", "create", "--name", "guest", "--scope", "reader", "--workspace", "vision"
    )
    visitor = visit(width=360, height=740, scheme="dark")
    page = visitor.open(f"{server.url}/workspaces/vision/#/workspaces")
    sign_in(page, reader)
    expect(page.get_by_role("row", name="vision")).to_contain_text("on screen")
    expect(page.get_by_role("link", name="default", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="New workspace")).to_have_count(0)
    expect(page.locator(".skeleton")).to_have_count(0)
    look(page, "workspaces-narrow-dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("link", name="vision", exact=True).click()
    expect(page.get_by_role("region", name="Details")).to_be_visible()
    for name in ("Describe", "Delete"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="Share")).to_have_count(0)
    expect(page.locator(".skeleton")).to_have_count(0)
    look(page, "workspace-narrow-dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert serious_barriers(page) == []
    page.goto(f"{server.url}/workspaces/vision/#/workspaces/default")
    expect(page.get_by_role("alert").first).to_be_visible()


def test_sharing_a_workspace_leads_to_its_roles(visit: Visit, start_server: ServerStarter) -> None:
    server = start_server()
    httpx.post(f"{server.url}/api/v1/workspaces", json={"name": "vision"}, timeout=60).raise_for_status()
    page = visit().open(f"{server.url}/#/workspaces/vision")
    page.get_by_role("link", name="Share").click()
    expect(page.get_by_role("heading", name="Roles in vision")).to_be_visible()

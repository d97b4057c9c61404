"""Datastores in the Studio: browsed, filled, emptied, registered, forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Look, Visitor
from tests.browser.signing_in import administer, sign_in
from tests.conftest import ServerStarter
from tests.running_server import RunningServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
BLOBS = "/api/v1/datastores/workspaceblobstore"
ODD_NAME = "it's 50% ☃ #1.csv"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with files in its default datastore, which no test changes."""
    running = RunningServer(tmp_path_factory.mktemp("data") / "home").start()
    with httpx.Client(base_url=running.url, timeout=60) as client:
        for path in ("raw/2026/one.csv", "raw/2026/two.csv", "notes.txt"):
            client.put(f"{BLOBS}/files/{path}", content=b"a,b\n1,2\n").raise_for_status()
    yield running
    running.close()


def confirm(page: Page, action: str) -> None:
    """Answer the open dialog, and wait until it is gone."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def test_datastores_are_listed_and_browsed(visit: Visit, data: RunningServer, look: Look) -> None:
    page = visit().open(data.url)
    page.get_by_role("navigation", name="Parts of the workspace").get_by_role("link", name="Data").click()
    row = page.get_by_role("row", name="workspaceblobstore")
    expect(row).to_contain_text("default")
    expect(page.get_by_role("row", name="workspaceartifactstore")).to_be_visible()
    look(page, "datastores")
    row.get_by_role("link").click()
    page.get_by_role("link", name="raw", exact=True).click()
    page.get_by_role("link", name="2026", exact=True).click()
    expect(page.get_by_role("row", name="two.csv")).to_contain_text("8 B")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download one.csv").click()
    assert Path(download.value.path()).read_bytes() == b"a,b\n1,2\n"
    lines = page.get_by_role("region", name="From code")
    expect(lines).to_contain_text(f'Workspace.get("default", url="{data.url}")')
    expect(lines).to_contain_text("runyard datastore ls raw/2026 -n workspaceblobstore")
    look(page, "datastore")
    page.get_by_role("navigation", name="Folder").get_by_role("link", name="All files").click()
    expect(page.get_by_role("row", name="notes.txt")).to_be_visible()


def test_files_are_uploaded_replaced_and_deleted(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/data/datastores/workspaceblobstore")
    expect(page.get_by_role("heading", name="No files here yet")).to_be_visible()
    look(page, "datastore-empty")
    picker = page.get_by_label("Files to upload")
    plain: FilePayload = {"name": "one.csv", "mimeType": "text/csv", "buffer": b"1\n"}
    odd: FilePayload = {"name": ODD_NAME, "mimeType": "text/csv", "buffer": b"odd"}
    picker.set_input_files([plain, odd])
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads.get_by_text("uploaded", exact=True)).to_have_count(2)
    expect(page.get_by_role("row", name=ODD_NAME)).to_contain_text("3 B")
    # What is there stays until somebody says otherwise.
    picker.set_input_files([FilePayload(name="one.csv", mimeType="text/csv", buffer=b"22\n")])
    expect(uploads.get_by_role("alert")).to_contain_text("already")
    assert httpx.get(f"{server.url}{BLOBS}/files/one.csv", timeout=60).content == b"1\n"
    look(page, "datastore-uploads")
    uploads.get_by_role("button", name="Try again, replacing it").click()
    expect(uploads.get_by_text("uploaded", exact=True)).to_have_count(1)
    assert httpx.get(f"{server.url}{BLOBS}/files/one.csv", timeout=60).content == b"22\n"
    uploads.get_by_role("button", name="Close the list of uploads").click()
    page.get_by_role("button", name=f"Delete {ODD_NAME}").click()
    confirm(page, "Delete")
    expect(page.get_by_role("row", name=ODD_NAME)).to_have_count(0)
    expect(page.get_by_role("row", name="one.csv")).to_be_visible()


def test_a_folder_is_deleted_once_its_name_is_typed(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    files = f"{server.url}{BLOBS}/files"
    for path in ("raw/2026/one.csv", "raw/two.csv", "notes.txt"):
        httpx.put(f"{files}/{path}", content=b"1\n", timeout=60).raise_for_status()
    page = visit().open(f"{server.url}/#/data/datastores/workspaceblobstore/raw")
    page.get_by_role("button", name="Delete 2026").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name of the folder").fill("202")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Type the name of the folder: 2026")
    assert httpx.get(f"{files}/raw/2026/one.csv", timeout=60).status_code == 200
    dialog.get_by_role("textbox", name="Name of the folder").fill("2026")
    look(page, "datastore-delete-folder")
    confirm(page, "Delete")
    expect(page.get_by_role("row", name="2026")).to_have_count(0)
    expect(page.get_by_role("row", name="two.csv")).to_be_visible()
    assert httpx.get(f"{files}/raw/2026/one.csv", timeout=60).status_code == 404
    assert httpx.get(f"{files}/notes.txt", timeout=60).status_code == 200


def test_a_datastore_is_registered_made_default_and_forgotten(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/data")
    page.get_by_role("button", name="Register a datastore").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("scans")
    dialog.get_by_label("Folder of the server", exact=True).fill("/etc")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    look(page, "datastore-refused")
    dialog.get_by_label("Folder of the server", exact=True).fill("")
    confirm(page, "Register")
    expect(page.get_by_role("heading", level=1, name="scans")).to_be_visible()
    page.get_by_role("button", name="Make default").click()
    confirm(page, "Make default")
    expect(page.get_by_text("default", exact=True).first).to_be_visible()
    page.get_by_role("button", name="Unregister").click()
    confirm(page, "Unregister")
    expect(page.get_by_role("heading", level=1, name="Data")).to_be_visible()
    expect(page.get_by_role("link", name="scans")).to_have_count(0)


def test_the_credential_of_a_bucket_goes_in_and_never_comes_out(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    visitor = visit(scheme="dark")
    page = visitor.open(f"{server.url}/#/data")
    page.get_by_role("button", name="Register a datastore").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kind").select_option("s3")
    dialog.get_by_label("Name").fill("scans")
    dialog.get_by_role("textbox", name="Bucket", exact=True).fill("lab-scans")
    dialog.get_by_label("Region").fill("eu-west-1")
    dialog.get_by_label("Access key id").fill("AKIAEXAMPLE")
    secret = dialog.get_by_label("Secret access key")
    expect(secret).to_have_attribute("type", "password")
    secret.fill("very-secret")
    dialog.get_by_label("Register it without looking").check()
    look(page, "datastore-register-dark")
    assert serious_barriers(page) == []
    # Nothing lists it here: its files would be asked of the cloud itself.
    said = {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "Datastore 'scans' does not answer."}
    page.route("**/datastores/scans/files*", lambda route: route.fulfill(status=503, json=said))
    confirm(page, "Register")
    details = page.get_by_role("region", name="Details")
    expect(details).to_contain_text("s3://lab-scans")
    expect(details).to_contain_text("kept, encrypted")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Datastore 'scans' does not answer.")
    expect(page.get_by_text("The server does not answer")).to_have_count(0)
    look(page, "datastore-failed-dark")
    assert "very-secret" not in page.content()


def test_who_may_only_read_is_offered_no_more(
    visit: Visit, start_server: ServerStarter, tmp_path: Path
) -> None:
    home = tmp_path / "team"
    administer(home, "init")
    reader = administer(
        home, "key", "create", "--name", "guest", "--scope", "reader", "--workspace", "default"
    )
    server = start_server(home=home, mode="serve")
    page = visit().open(f"{server.url}/#/data")
    sign_in(page, reader)
    page.get_by_role("link", name="workspaceblobstore").click()
    expect(page.get_by_role("heading", name="No files here yet")).to_be_visible()
    for name in ("Upload files", "Make default", "Unregister"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.goto(f"{server.url}/#/data/datastores/none")
    expect(page.get_by_role("alert").first).to_contain_text("none")


@pytest.mark.parametrize("address", ["#/data", "#/data/datastores/workspaceblobstore/raw/2026"])
def test_a_phone_shows_data_without_scrolling_sideways(
    visit: Visit, data: RunningServer, look: Look, address: str
) -> None:
    page = visit(width=360, height=740).open(f"{data.url}/{address}")
    settle(page)
    look(page, f"data-narrow-{len(address)}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert serious_barriers(page) == []

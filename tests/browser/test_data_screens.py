"""Data in the Studio is made and changed: datasets and environments registered, files shown and uploaded."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import FilePayload, Page, expect

from runyard import Dataset, Workspace
from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Look, Visitor
from tests.browser.signing_in import administer, sign_in
from tests.conftest import ServerStarter
from tests.waiting import until

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
STORE = "/api/v1/datastores/workspaceblobstore/files"
ASSETS = "/api/v1/data-assets"
ENVIRONMENTS = "/api/v1/environments"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)


def put(url: str, **files: bytes) -> None:
    """Put files into the default datastore, by their paths with `__` for a slash."""
    for path, content in files.items():
        name = path.replace("__", "/").replace("_csv", ".csv").replace("_png", ".png").replace("_txt", ".txt")
        httpx.put(f"{url}{STORE}/{name}", content=content, timeout=60).raise_for_status()


def asked(url: str, path: str) -> dict[str, Any]:
    """Return what the server says."""
    found = httpx.get(f"{url}{path}", timeout=60).raise_for_status().json()
    return next(iter(found.values()))


def confirm(page: Page, action: str) -> None:
    """Answer the open dialog, and wait until it is gone."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def test_a_dataset_is_registered_by_browsing_and_its_files_are_looked_at(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    put(server.url, raw__people_csv=b"name;age\nann;29\n", raw__x__more_csv=b"name;age\n", raw__note_txt=b"x")
    page = visit().open(f"{server.url}/#/data/assets")
    page.get_by_role("button", name="Register a dataset").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("people/")
    dialog.get_by_label("Type").select_option("tabular")
    dialog.get_by_label("Separator").select_option(";")
    dialog.get_by_role("button", name="raw").click()
    expect(dialog.get_by_label("Path")).to_have_value("raw")
    dialog.get_by_role("button", name="people.csv").click()
    expect(dialog.get_by_label("Path")).to_have_value("raw/people.csv")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Letters, digits")
    look(page, "register-dataset-refused")
    dialog.get_by_label("Name", exact=True).fill("people")
    dialog.get_by_label("Path").fill("raw/**/*.csv")
    dialog.get_by_label("Description").fill("Who we know")
    dialog.get_by_label("Tags").fill("team=vision")
    confirm(page, "Register")
    expect(page.get_by_role("heading", level=1, name="people version 1")).to_be_visible()
    made = asked(server.url, f"{ASSETS}/people")
    assert made["sources"][0]["address"] == "raw/**/*.csv"
    assert (made["reading"]["separator"], made["tags"]) == (";", {"team": "vision"})
    files = page.get_by_role("region", name="Files", exact=True)
    expect(files.get_by_role("link", name="raw/x/more.csv", exact=True)).to_be_visible()
    expect(files.get_by_role("link", name="raw/note.txt", exact=True)).to_have_count(0)
    files.get_by_role("link", name="raw/people.csv", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("cell", name="ann", exact=True)).to_be_visible()
    look(page, "dataset-file")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    look(page, "dataset-with-files")
    page.get_by_role("link", name="Browse the datastore workspaceblobstore").click()
    expect(page.get_by_role("link", name="note.txt", exact=True)).to_be_visible()


def test_a_dataset_gets_versions_of_the_web_and_of_this_machine_and_is_deleted_whole(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/data/assets")
    page.get_by_role("button", name="Register a dataset").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("photos")
    dialog.get_by_label("Where the data lies").select_option("url")
    dialog.get_by_label("Addresses").fill("https://ann:secret@photos.example/a.zip")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("alert")).to_contain_text("password")
    dialog.get_by_label("Addresses").fill("https://photos.example/a.zip\nhttps://photos.example/b.zip")
    confirm(page, "Register")
    expect(page.get_by_role("region", name="Paths", exact=True)).to_contain_text("b.zip")
    page.get_by_role("button", name="New version").click()
    dialog.get_by_label("Where the data lies").select_option("machine")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Choose the files")
    dialog.get_by_label("Files of the dataset").set_input_files(
        [
            FilePayload(name="a.png", mimeType="image/png", buffer=PIXEL),
            FilePayload(name="b.png", mimeType="image/png", buffer=PIXEL),
        ]
    )
    expect(dialog.get_by_label("Folder in it")).to_have_value("photos/2")
    look(page, "register-dataset-machine")
    confirm(page, "Register")
    expect(page.get_by_role("heading", level=1, name="photos version 2")).to_be_visible()
    assert asked(server.url, f"{ASSETS}/photos")["sources"][0]["address"] == "photos/2"
    page.get_by_role("link", name="photos/2/b.png", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("img", name="b.png")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_label("Delete all its versions").check()
    dialog.get_by_label("Name of the dataset").fill("photo")
    dialog.get_by_role("button", name="Delete").click()
    expect(dialog.get_by_role("alert")).to_contain_text("photos")
    dialog.get_by_label("Name of the dataset").fill("photos")
    confirm(page, "Delete")
    expect(page.get_by_role("heading", name="No datasets yet")).to_be_visible()


def test_files_of_this_machine_are_kept_with_a_dataset_as_a_script_would(
    visit: Visit, start_server: ServerStarter, tmp_path: Path, look: Look
) -> None:
    server = start_server()
    files = {"one.csv": b"a\n1\n", "zwei ☃ #2.csv": b"a\n2\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    page = visit().open(f"{server.url}/#/data/assets")
    dialog = page.get_by_role("dialog")

    def register(button: str, names: list[str]) -> None:
        page.get_by_role("button", name=button).click()
        if button != "New version":
            dialog.get_by_label("Name", exact=True).fill("people")
        dialog.get_by_label("Where the data lies").select_option("upload")
        dialog.get_by_label("Files of the dataset").set_input_files([tmp_path / name for name in names])

    def uploaded() -> list[str]:
        query = {"path": "data-assets"}
        answer = httpx.get(f"{server.url}/api/2.0/mlflow-artifacts/artifacts", params=query, timeout=60)
        return [each["path"] for each in answer.json().get("files", [])]

    register("Register a dataset", list(files))
    dialog.get_by_label("Name", exact=True).fill("no/name")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    assert len(uploaded()) == 1
    # Nothing stays of what comes to nothing.
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    until(lambda: uploaded() == [])
    register("Register a dataset", list(files))
    look(page, "register-dataset-upload")
    confirm(page, "Register")
    expect(page.get_by_role("heading", level=1, name="people version 1")).to_be_visible()
    (source,) = asked(server.url, f"{ASSETS}/people")["sources"]
    assert source["kind"] == "upload"
    workspace = Workspace.get("default", url=server.url)
    found = Dataset.get_by_name(workspace, "people").download(str(tmp_path / "down"))
    assert {Path(each).name: Path(each).read_bytes() for each in found} == files
    # The same files are the same version, whoever uploads them.
    register("New version", list(reversed(files)))
    confirm(page, "Register")
    expect(page.get_by_role("heading", level=1, name="people version 1")).to_be_visible()
    until(lambda: uploaded() == [source["address"].rpartition("/")[2]])
    register("New version", ["one.csv"])
    confirm(page, "Register")
    expect(page.get_by_role("heading", level=1, name="people version 2")).to_be_visible()
    assert len(uploaded()) == 2


def test_an_environment_is_registered_and_a_version_is_made_from_one(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/environments")
    page.get_by_role("button", name="Register an environment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("training")
    dialog.get_by_label("pip packages").fill("-r requirements.txt")
    dialog.get_by_label("conda packages").fill("python=3.11")
    dialog.get_by_label("Variables").fill("OMP_NUM_THREADS=4")
    dialog.get_by_role("button", name="Register").click()
    expect(dialog.get_by_role("alert")).to_contain_text("python.conda.pip")
    look(page, "register-environment-refused")
    dialog.get_by_label("pip packages").fill("mlflow-skinny\nscikit-learn>=1.6\n")
    confirm(page, "Register")
    expect(page.get_by_role("heading", level=1, name="training version 1")).to_be_visible()
    page.get_by_role("button", name="New version").click()
    expect(dialog.get_by_label("Variables")).to_have_value("OMP_NUM_THREADS=4")
    dialog.get_by_label("pip packages").fill("mlflow-skinny\npandas")
    dialog.get_by_label("Image").fill("python:3.11")
    confirm(page, "Register")
    expect(page.get_by_role("heading", level=1, name="training version 2")).to_be_visible()
    expect(page.get_by_role("region", name="Packages")).to_contain_text("pandas")
    made = asked(server.url, f"{ENVIRONMENTS}/training")
    assert made["python"]["conda"]["pip"] == ["mlflow-skinny", "pandas"]
    assert (made["docker"]["image"], made["variables"]) == ("python:3.11", {"OMP_NUM_THREADS": "4"})
    page = visit().open(f"{server.url}/#/environments/Runyard-Sklearn")
    page.get_by_role("button", name="Clone").click()
    page.get_by_role("dialog").get_by_label("Name", exact=True).fill("mine")
    confirm(page, "Register")
    expect(page.get_by_role("heading", level=1, name="mine version 1")).to_be_visible()
    assert (
        asked(server.url, f"{ENVIRONMENTS}/mine")["python"]
        == asked(server.url, f"{ENVIRONMENTS}/Runyard-Sklearn")["python"]
    )


def test_what_is_said_of_things_is_changed_and_taken_away(visit: Visit, start_server: ServerStarter) -> None:
    server = start_server()
    words = {"description": "First words", "tags": {"team": "vision", "old": "1"}}
    source = {"kind": "url", "address": "https://a.example/b.csv"}
    dataset = {"name": "people", "kind": "file", "sources": [source]} | words
    httpx.post(f"{server.url}{ASSETS}", json=dataset, timeout=60).raise_for_status()
    httpx.post(
        f"{server.url}{ENVIRONMENTS}", json={"name": "training"} | words, timeout=60
    ).raise_for_status()
    for address, path in (("data/assets/people", ASSETS), ("environments/training", ENVIRONMENTS)):
        page = visit().open(f"{server.url}/#/{address}")
        expect(page.get_by_text("First words")).to_be_visible()
        page.get_by_role("button", name="Describe").click()
        page.get_by_role("textbox", name="Description").fill("")
        page.get_by_role("textbox", name="Tags").fill("nonsense")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("nonsense")
        page.get_by_role("textbox", name="Tags").fill("team=audio")
        confirm(page, "Save")
        expect(page.get_by_text("First words")).to_have_count(0)
        expect(page.get_by_role("region", name="Tags", exact=True)).to_contain_text("audio")
        kept = asked(server.url, f"{path}/{address.rpartition('/')[2]}")
        assert (kept["description"], kept["tags"]) == ("", {"team": "audio"})
    page = visit().open(f"{server.url}/#/workspaces/default")
    for text in ("Of the lab", ""):
        page.get_by_role("button", name="Describe").click()
        page.get_by_role("textbox", name="Description").fill(text)
        confirm(page, "Save")
        expect(page.get_by_text("Of the lab")).to_have_count(1 if text else 0)
    assert asked(server.url, "/api/v1/workspaces/default")["description"] == ""


def test_the_description_of_a_model_is_taken_away(visit: Visit, start_server: ServerStarter) -> None:
    server = start_server()
    models = f"{server.url}/api/2.0/mlflow/registered-models"
    body = {"name": "iris", "description": "First words"}
    httpx.post(f"{models}/create", json=body, timeout=60).raise_for_status()
    page = visit().open(f"{server.url}/#/models/iris")
    expect(page.get_by_text("First words")).to_be_visible()
    page.get_by_role("button", name="Describe").click()
    page.get_by_role("textbox", name="Description").fill("")
    confirm(page, "Save")
    expect(page.get_by_text("First words")).to_have_count(0)
    found = httpx.get(f"{models}/get", params={"name": "iris"}, timeout=60).json()
    assert found["registered_model"].get("description", "") == ""


def test_what_a_script_uploaded_for_a_dataset_is_looked_at(visit: Visit, start_server: ServerStarter) -> None:
    server = start_server()
    folder = f"data-assets/{'0a' * 16}"
    uploaded = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/{folder}/people.txt"
    httpx.put(uploaded, content=b"name;age\nann;29\n", timeout=60).raise_for_status()
    body = {
        "name": "people",
        "kind": "tabular",
        "sources": [{"kind": "upload", "address": folder, "sha256": "0" * 64}],
        "reading": {"format": "delimited", "separator": ";"},
    }
    httpx.post(f"{server.url}{ASSETS}", json=body, timeout=60).raise_for_status()
    page = visit().open(f"{server.url}/#/data/assets/people")
    page.get_by_role("link", name=f"{folder}/people.txt", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("cell", name="ann", exact=True)).to_be_visible()


def test_files_of_a_datastore_are_looked_at_long_ones_in_part(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    long = b"n,square\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(700_000))
    assert len(long) > 8 * 1024 * 1024
    put(server.url, raw__long_csv=long, raw__dot_png=PIXEL, raw__note_txt=b"only <b>text</b>")
    visitor = visit(scheme="dark")
    page = visitor.open(f"{server.url}/#/data/datastores/workspaceblobstore/raw")
    page.get_by_role("link", name="note.txt", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("only <b>text</b>")).to_be_visible()
    assert page.url.endswith("raw?file=note.txt")
    page.go_back()
    expect(page.locator("dialog")).to_have_count(0)
    page.get_by_role("link", name="dot.png", exact=True).click()
    expect(dialog.get_by_role("img", name="dot.png")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="long.csv", exact=True).click()
    expect(dialog.get_by_text("Only the first 1")).to_be_visible()
    expect(dialog.get_by_role("cell", name="10000", exact=True)).to_be_visible()
    look(page, "datastore-file-dark")
    assert serious_barriers(page) == []
    page = visit().open(f"{server.url}/#/data/datastores/workspaceblobstore/raw?file=none.csv")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("none.csv")
    look(page, "datastore-file-missing")


def test_folders_are_uploaded_chosen_or_dropped(
    visit: Visit, start_server: ServerStarter, tmp_path: Path, look: Look
) -> None:
    server = start_server()
    folder = tmp_path / "scans"
    (folder / "more").mkdir(parents=True)
    (folder / "one.csv").write_bytes(b"1\n")
    (folder / "more" / "two.csv").write_bytes(b"22\n")
    page = visit().open(f"{server.url}/#/data/datastores/workspaceblobstore")
    page.get_by_label("Folder to upload").set_input_files(folder)
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads.get_by_text("2 of 2 files")).to_be_visible()
    look(page, "datastore-folder-uploaded")
    assert httpx.get(f"{server.url}{STORE}/scans/more/two.csv", timeout=60).content == b"22\n"
    (folder / "one.csv").write_bytes(b"changed\n")
    box = page.get_by_role("region", name="Files", exact=True).bounding_box()
    assert box is not None
    drag = {
        "x": box["x"] + 40,
        "y": box["y"] + 40,
        "data": {"items": [], "files": [str(folder)], "dragOperationsMask": 1},
    }
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": kind} | drag)
    look(page, "datastore-dragged-over")
    session.send("Input.dispatchDragEvent", {"type": "drop"} | drag)
    expect(uploads.get_by_role("alert")).to_have_count(2)
    uploads.get_by_role("button", name="Replace all 2").click()
    expect(uploads.get_by_text("2 of 2 files")).to_be_visible()
    assert httpx.get(f"{server.url}{STORE}/scans/one.csv", timeout=60).content == b"changed\n"


def test_who_may_only_read_is_offered_nothing_to_register_or_change(
    visit: Visit, start_server: ServerStarter, tmp_path: Path
) -> None:
    home = tmp_path / "team"
    administer(home, "init")
    keys = {
        scope: administer(home, "key", "create", "--name", scope, "--scope", scope, "--workspace", "default")
        for scope in ("reader", "contributor")
    }
    server = start_server(home=home, mode="serve")
    with httpx.Client(
        base_url=server.url, timeout=60, headers={"Authorization": f"Bearer {keys['contributor']}"}
    ) as client:
        client.put(f"{STORE}/one.csv", content=b"a\n1\n").raise_for_status()
        source = {"kind": "datastore", "address": "one.csv", "datastore": "workspaceblobstore"}
        body = {"name": "people", "kind": "file", "sources": [source]}
        client.post(ASSETS, json=body).raise_for_status()
        client.post(ENVIRONMENTS, json={"name": "training"}).raise_for_status()
    page = visit().open(f"{server.url}/#/data/assets")
    sign_in(page, keys["reader"])
    expect(page.get_by_role("link", name="people")).to_be_visible()
    expect(page.get_by_role("button", name="Register a dataset")).to_have_count(0)
    page.get_by_role("link", name="people").click()
    page.get_by_role("link", name="one.csv", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("cell", name="1")).to_be_visible()
    page.keyboard.press("Escape")
    for name in ("New version", "Describe", "Delete"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    for name in ("training", "Runyard-Sklearn"):
        page.goto(f"{server.url}/#/environments")
        expect(page.get_by_role("button", name="Register an environment")).to_have_count(0)
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
        for button in ("New version", "Clone", "Describe", "Archive"):
            expect(page.get_by_role("button", name=button)).to_have_count(0)
    page.goto(f"{server.url}/#/data/datastores/workspaceblobstore")
    expect(page.get_by_role("link", name="one.csv", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Upload a folder")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_the_forms_without_scrolling_sideways(
    visit: Visit, start_server: ServerStarter, look: Look, scheme: str
) -> None:
    server = start_server()
    put(server.url, raw__people_csv=b"name;age\nann;29\n")
    page = visit(width=390, height=844, scheme=scheme).open(f"{server.url}/#/data/assets")
    settle(page)
    page.get_by_role("button", name="Register a dataset").click()
    page.get_by_role("dialog").get_by_role("button", name="raw").click()
    expect(page.get_by_role("button", name="people.csv")).to_be_visible()
    look(page, f"register-dataset-narrow-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious_barriers(page) == []
    page.keyboard.press("Escape")
    page.goto(f"{server.url}/#/environments")
    page.get_by_role("button", name="Register an environment").click()
    look(page, f"register-environment-narrow-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious_barriers(page) == []
    page.goto(f"{server.url}/#/data/datastores/workspaceblobstore/raw?file=people.csv")
    expect(page.get_by_role("dialog").get_by_text("ann;29")).to_be_visible()
    look(page, f"datastore-file-narrow-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious_barriers(page) == []

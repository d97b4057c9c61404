"""Logging into a run in the Studio: metrics, params, tags and files, and taking them out again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import WAIT_MS, Connect, Look, Visitor
from tests.browser.dropping import drag_over
from tests.browser.signing_in import administer, sign_in
from tests.conftest import ServerStarter
from tests.running_server import RunningServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]


class Runs:
    """A server with one run in an experiment."""

    def __init__(self, server: RunningServer, connect: Connect) -> None:
        self.server = server
        logger = connect(server.url)
        self.experiment_id = logger.create_experiment("by-hand")
        self.run_id = logger.create_run(self.experiment_id, "first")

    def address(self, tab: str = "") -> str:
        """Return where the run's page is, or a tab of it."""
        return f"{self.server.url}/#/experiments/{self.experiment_id}/runs/{self.run_id}{tab}"

    def get(self, address: str, /, **query: str) -> httpx.Response:
        """Read from the server, past the Studio."""
        return httpx.get(f"{self.server.url}/{address}", params=query, timeout=60)

    def data(self) -> dict[str, list[dict[str, object]]]:
        """Return what the run holds."""
        answer = self.get("api/2.0/mlflow/runs/get", run_id=self.run_id)
        found: dict[str, list[dict[str, object]]] = answer.raise_for_status().json()["run"]["data"]
        return found

    def history(self, key: str) -> list[tuple[object, object]]:
        """Return the steps and values of a metric."""
        answer = self.get("api/2.0/mlflow/metrics/get-history", run_id=self.run_id, metric_key=key)
        return [(one["step"], one["value"]) for one in answer.raise_for_status().json().get("metrics", [])]

    def file(self, path: str) -> httpx.Response:
        """Ask for a file of the run."""
        return self.get("get-artifact", run_uuid=self.run_id, path=path)


@pytest.fixture
def runs(start_server: ServerStarter, connect: Connect) -> Runs:
    """A server of one's own with a run."""
    return Runs(start_server(), connect)


def fill(page: Page, action: str, **fields: str) -> None:
    """Fill in the open dialog, and wait until it is gone."""
    dialog = page.get_by_role("dialog")
    for label, text in fields.items():
        dialog.get_by_label(label, exact=True).fill(text)
    dialog.get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def test_metrics_are_logged_point_by_point_and_taken_out(visit: Visit, runs: Runs, look: Look) -> None:
    page = visit().open(runs.address())
    metrics = page.get_by_role("region", name="Metrics", exact=True)
    expect(metrics).to_contain_text("No metrics were logged.")
    metrics.get_by_role("button", name="Log a metric").click()
    dialog = page.get_by_role("dialog", name="Log a metric")
    dialog.get_by_label("Name").fill("accuracy")
    dialog.get_by_label("Value").fill("high")
    dialog.get_by_role("button", name="Log", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("A metric's value is a number")
    look(page, "log-metric-refused")
    fill(page, "Log", Value="0.5")
    expect(metrics.get_by_role("row", name="accuracy")).to_contain_text("0.5")
    metrics.get_by_role("button", name="Log a metric").click()
    # The next point comes behind the last one.
    page.get_by_role("dialog").get_by_label("Name").fill("accuracy")
    expect(page.get_by_role("dialog").get_by_label("Step")).to_have_value("1")
    fill(page, "Log", Value="NaN")
    expect(metrics.get_by_role("row", name="accuracy")).to_contain_text("NaN")
    assert runs.history("accuracy") == [(0, 0.5), (1, "NaN")]
    look(page, "run-logged-by-hand")
    metrics.get_by_role("button", name="Delete the metric accuracy").click()
    fill(page, "Delete")
    expect(metrics).to_contain_text("No metrics were logged.")
    assert runs.history("accuracy") == []


def write_a_note(page: Page) -> None:
    """Describe the run in Markdown, and look at it before it is saved."""
    page.get_by_role("button", name="Describe this run").click()
    items = (
        "**half** the `rate &amp;`",
        "[paper](https://example.org/p)",
        "[no](javascript:alert(1)) <i>raw</i>",
    )
    note = "\n".join(["# Why", "", *(f"- {item}" for item in items)])
    dialog = page.get_by_role("dialog", name="Describe the run")
    dialog.get_by_role("textbox", name="Description").fill(note)
    dialog.get_by_role("button", name="Preview").click()
    expect(dialog.get_by_role("region", name="Preview").get_by_role("listitem")).to_have_count(3)
    fill(page, "Save")
    shown = page.get_by_role("region", name="Description")
    expect(shown.get_by_role("heading", name="Why")).to_be_visible()
    expect(shown.locator("strong")).to_have_text("half")
    expect(shown.locator("code")).to_have_text("rate &amp;")
    expect(shown.get_by_role("link")).to_have_attribute("href", "https://example.org/p")
    expect(shown.get_by_role("listitem").last).to_have_text("no <i>raw</i>")


def test_params_tags_and_a_note_are_set_and_taken_out(visit: Visit, runs: Runs) -> None:
    page = visit().open(runs.address())
    write_a_note(page)
    params = page.get_by_role("region", name="Params", exact=True)
    params.get_by_role("button", name="Log a param").click()
    fill(page, "Log", Name="alpha", Value="0.1")
    expect(params.get_by_role("row", name="alpha")).to_contain_text("0.1")
    # A param is set once, and the server's word on it stands in the dialog.
    params.get_by_role("button", name="Log a param").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("alpha")
    dialog.get_by_label("Value").fill("0.2")
    dialog.get_by_role("button", name="Log", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("alpha")
    page.keyboard.press("Escape")
    tags = page.get_by_role("region", name="Tags", exact=True)
    for value in ("vision", "audio\n& more"):
        tags.get_by_role("button", name="Set a tag").click()
        fill(page, "Set", Name="team/of all", Value=value)
        expect(tags.get_by_role("row", name="team/of all")).to_contain_text(value.splitlines()[-1])
    kept = runs.data()
    assert kept["params"] == [{"key": "alpha", "value": "0.1"}]
    assert {"key": "team/of all", "value": "audio\n& more"} in kept["tags"]
    tags.get_by_role("button", name="Delete the tag team/of all").click()
    fill(page, "Delete")
    params.get_by_role("button", name="Delete the param alpha").click()
    fill(page, "Delete")
    expect(params).to_contain_text("No params were logged.")
    kept = runs.data()
    assert not kept.get("params")
    assert "team/of all" not in [one["key"] for one in kept["tags"]]


def test_files_and_folders_are_uploaded_and_deleted(
    visit: Visit, runs: Runs, look: Look, tmp_path: Path
) -> None:
    page = visit().open(runs.address("/artifacts"))
    expect(page.get_by_role("heading", name="No files")).to_be_visible()
    look(page, "run-files-empty")
    odd: FilePayload = {"name": "it's 50% ☃ #1.txt", "mimeType": "text/plain", "buffer": b"odd"}
    page.get_by_label("Files to upload").set_input_files(
        [FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"one"), odd]
    )
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads.get_by_text("uploaded", exact=True)).to_have_count(2)
    below = tmp_path / "plots" / "deep"
    below.mkdir(parents=True)
    (below / "a.csv").write_text("x,y\n1,2\n")
    page.get_by_label("Folder to upload").set_input_files(tmp_path / "plots")
    files = page.get_by_role("navigation", name="Files")
    expect(files.get_by_role("button", name="plots", exact=True)).to_be_visible()
    assert runs.file(odd["name"]).content == b"odd"
    assert runs.file("plots/deep/a.csv").content == b"x,y\n1,2\n"
    # The same path again is the file that is there from now on, as with a client.
    page.get_by_label("Files to upload").set_input_files(
        [FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"two")]
    )
    expect(uploads.get_by_text("uploaded", exact=True)).to_have_count(1)
    assert runs.file("notes.txt").content == b"two"
    files.get_by_role("link", name="notes.txt").click()
    look(page, "run-files")
    preview = page.get_by_role("region", name="File notes.txt")
    preview.get_by_role("button", name="Delete").click()
    fill(page, "Delete")
    expect(page.get_by_text("Choose a file to look at it.")).to_be_visible()
    files.get_by_role("button", name="Delete the folder plots").click()
    fill(page, "Delete")
    expect(files.get_by_role("button", name="plots", exact=True)).to_have_count(0)
    assert runs.file("notes.txt").status_code == 404
    assert runs.file("plots/deep/a.csv").status_code == 404
    assert runs.file(odd["name"]).status_code == 200


def test_an_upload_that_fails_says_why_and_is_tried_again(visit: Visit, runs: Runs, look: Look) -> None:
    page = visit().open(runs.address("/artifacts"))
    expect(page.get_by_role("heading", name="No files")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_label("Files to upload").set_input_files(
        [FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"one")]
    )
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads.get_by_role("alert")).to_contain_text("It may be stopped or restarting.")
    look(page, "run-files-failed")
    page.context.set_offline(False)
    uploads.get_by_role("button", name="Try again, replacing it").click()
    expect(uploads.get_by_text("uploaded", exact=True)).to_have_count(1)
    assert runs.file("notes.txt").content == b"one"


def test_files_and_folders_that_are_dropped_are_uploaded(
    visit: Visit, runs: Runs, look: Look, tmp_path: Path
) -> None:
    (tmp_path / "plots" / "deep").mkdir(parents=True)
    # A browser reads a folder a hundred entries at a time.
    for number in range(120):
        (tmp_path / "plots" / f"{number}.txt").write_text(str(number))
    (tmp_path / "plots" / "deep" / "it's 50% ☃.csv").write_text("x,y\n1,2\n")
    (tmp_path / "notes.txt").write_text("dropped")
    page = visit().open(runs.address("/artifacts"))
    zone = page.locator(".drop-zone")
    expect(page.get_by_role("heading", name="No files")).to_be_visible()
    drag_over(page, zone, tmp_path / "notes.txt", drop=False)
    expect(zone).to_have_attribute("data-label", "Drop files or folders to upload them here")
    look(page, "run-files-over")
    drag_over(page, zone, tmp_path / "notes.txt", tmp_path / "plots")
    expect(zone).not_to_have_attribute("data-label", "Drop files or folders to upload them here")
    uploads = page.get_by_role("region", name="Uploads")
    expect(uploads).to_contain_text("122 of 122 files there", timeout=2 * WAIT_MS)
    look(page, "run-files-dropped")
    expect(uploads.get_by_role("progressbar", name="All uploads")).to_have_js_property("value", 1)
    files = page.get_by_role("navigation", name="Files")
    expect(files.get_by_role("link", name="notes.txt")).to_be_visible()
    assert runs.file("notes.txt").content == b"dropped"
    assert runs.file("plots/119.txt").content == b"119"
    assert runs.file("plots/deep/it's 50% ☃.csv").content == b"x,y\n1,2\n"


def test_a_large_file_that_is_dropped_shows_how_far_it_is(
    visit: Visit, runs: Runs, look: Look, tmp_path: Path
) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(8_000_000))
    page = visit().open(runs.address("/artifacts"))
    expect(page.get_by_role("heading", name="No files")).to_be_visible()
    session = page.context.new_cdp_session(page)
    line = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send("Network.emulateNetworkConditions", line | {"uploadThroughput": 200_000})
    drag_over(page, page.locator(".drop-zone"), tmp_path / "weights.bin")
    bar = page.get_by_role("progressbar", name="Upload of weights.bin")
    page.wait_for_function("bar => bar.value > 0 && bar.value < 1", arg=bar.element_handle())
    expect(page.get_by_role("region", name="Uploads")).to_contain_text("%")
    look(page, "run-files-on-their-way")
    session.send("Network.emulateNetworkConditions", line | {"uploadThroughput": -1})
    expect(page.get_by_text("uploaded", exact=True)).to_be_visible()
    assert len(runs.file("weights.bin").content) == 8_000_000


def test_a_drop_whose_server_goes_says_which_files_are_not_there(
    visit: Visit, runs: Runs, look: Look, tmp_path: Path
) -> None:
    for name in ("first.bin", "second.bin"):
        (tmp_path / name).write_bytes(name.encode())
    page = visit().open(runs.address("/artifacts"))
    expect(page.get_by_role("heading", name="No files")).to_be_visible()
    held: list[Route] = []
    page.route("**/mlflow-artifacts/artifacts/**", lambda route: held.append(route), times=1)
    drag_over(page, page.locator(".drop-zone"), tmp_path / "first.bin", tmp_path / "second.bin")
    uploads = page.get_by_role("region", name="Uploads")
    # One is on its way, and the other waits for it.
    expect(uploads).to_contain_text("0 of 2 files there")
    expect(uploads.get_by_text("waiting", exact=True)).to_have_count(1)
    expect(uploads.get_by_text("They end when you leave this page.")).to_be_visible()
    runs.server.stop()
    held[0].continue_()
    expect(uploads.get_by_role("alert")).to_have_count(2)
    expect(uploads.get_by_role("alert").first).to_contain_text("It may be stopped or restarting.")
    expect(uploads).to_contain_text("0 of 2 files there, 2 not")
    look(page, "run-files-server-gone")
    runs.server.start()
    uploads.get_by_role("button", name="Replace all 2").click()
    expect(uploads.get_by_text("uploaded", exact=True)).to_have_count(2)
    assert runs.file("first.bin").content == b"first.bin"
    assert runs.file("second.bin").content == b"second.bin"


def test_who_may_read_alone_sees_no_way_to_change_a_run(
    visit: Visit, start_server: ServerStarter, tmp_path: Path
) -> None:
    home = tmp_path / "team"
    administer(home, "init")
    keys = {
        scope: administer(home, "key", "create", "--name", scope, "--scope", scope, "--workspace", "default")
        for scope in ("reader", "contributor")
    }
    server = start_server(home=home, mode="serve")
    created = httpx.post(
        f"{server.url}/api/2.0/mlflow/runs/create",
        json={"experiment_id": "0", "run_name": "first"},
        headers={"Authorization": f"Bearer {keys['contributor']}"},
        timeout=60,
    )
    run_id = created.raise_for_status().json()["run"]["info"]["run_id"]
    address = f"{server.url}/#/experiments/0/runs/{run_id}"
    page = visit().open(address)
    sign_in(page, keys["contributor"])
    page.get_by_role("button", name="Log a param").click()
    fill(page, "Log", Name="alpha", Value="1")
    # To take out for good what was logged is for owners.
    expect(page.get_by_role("row", name="alpha")).to_be_visible()
    expect(page.get_by_role("button", name="Delete the param alpha")).to_have_count(0)
    page = visit().open(address)
    sign_in(page, keys["reader"])
    expect(page.get_by_role("row", name="alpha")).to_be_visible()
    for name in ("Log a metric", "Log a param", "Set a tag"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.get_by_role("link", name="Artifacts").click()
    expect(page.get_by_role("heading", name="No files")).to_be_visible()
    expect(page.get_by_role("button", name="Upload files")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "dark")])
def test_the_dialogs_and_buttons_have_no_barriers(
    visit: Visit, runs: Runs, look: Look, width: int, scheme: str
) -> None:
    page = visit(width=width, scheme=scheme).open(runs.address())
    settle(page)
    page.get_by_role("button", name="Log a metric").click()
    fill(page, "Log", Name="accuracy", Value="0.5")
    look(page, f"run-by-hand-{width}-{scheme}")
    assert serious_barriers(page) == []
    page.get_by_role("button", name="Log a metric").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look(page, f"log-metric-{width}-{scheme}")
    assert serious_barriers(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Artifacts").click()
    page.get_by_label("Files to upload").set_input_files(
        [FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"one")]
    )
    page.get_by_role("link", name="notes.txt").click()
    expect(page.get_by_role("region", name="File notes.txt")).to_be_visible()
    look(page, f"run-files-{width}-{scheme}")
    assert serious_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

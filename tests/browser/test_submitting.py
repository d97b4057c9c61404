"""Jobs and sweeps that are submitted in the Studio; real agents run what was chosen in the browser."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Look, Visitor
from tests.browser.job_content import JobClient
from tests.browser.signing_in import administer, sign_in
from tests.conftest import ServerStarter

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
ENDED = ("completed", "failed", "canceled")

TRAIN = """
import os, pathlib, sys
import helper
print("arguments", sys.argv[1:])
print("variable", os.environ["FLAVOUR"])
print("beside it", helper.WORD, sorted(each.name for each in pathlib.Path(".").iterdir()))
"""
TRIAL = """
import json, os, sys, urllib.request
x = float(sys.argv[sys.argv.index("--x") + 1])
point = {"key": "loss", "value": (x - 2) ** 2, "timestamp": 1, "step": 0}
body = point | {"run_id": os.environ["MLFLOW_RUN_ID"]}
token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
request = urllib.request.Request(
    os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric",
    data=json.dumps(body).encode(),
    headers={"Content-Type": "application/json", "Authorization": "Bearer " + token},
)
urllib.request.urlopen(request, timeout=60).read()
"""


@pytest.fixture
def jobs(start_server: ServerStarter) -> Iterator[JobClient]:
    """A server of the test's own with two slots, and an environment that is this Python as it is."""
    client = JobClient(start_server(environment={"RUNYARD_LOCAL_SLOTS": "2"}))
    python = {"user_managed": True}
    client.ask("POST", "environments", json={"name": "as-it-is", "python": python})
    yield client
    client.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a script, what it needs, and what must not go along."""
    code = tmp_path / "lab"
    (code / "src").mkdir(parents=True)
    (code / ".git").mkdir()
    (code / "src" / "train.py").write_text(TRAIN)
    (code / "src" / "helper.py").write_text('WORD = "helped"\n')
    (code / ".git" / "config").write_text("secret")
    (code / ".gitignore").write_text("*.ckpt\n")
    (code / "large.ckpt").write_text("weights")
    return code


def opened(page: Page, button: str) -> Locator:
    """Open the form by its button."""
    page.get_by_role("button", name=button).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Environment").get_by_role("option", name="as-it-is")).to_be_attached()
    return dialog


def submit(page: Page) -> str:
    """Send the form and return the id of the run whose page opens."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Submit", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Jobs")
    page.wait_for_url("**/runs/*")
    return page.url.rsplit("/", 1)[1]


def files_of(jobs: JobClient, job: dict[str, Any]) -> list[str]:
    """Return the paths in a job's code, as the server reads its archive."""
    return [each["path"] for each in jobs.ask("GET", f"snapshots/{job['snapshot']}/files")["files"]]


def printed(page: Page) -> Locator:
    """Open the log of the run on screen."""
    page.get_by_role("navigation", name="Parts of the run").get_by_role("link", name="Logs").click()
    return page.get_by_role("log")


def test_a_job_is_submitted_with_its_folder_and_runs_again_with_changes(
    visit: Visit, jobs: JobClient, folder: Path, look: Look
) -> None:
    page = visit().open(f"{jobs.server.url}/#/jobs")
    dialog = opened(page, "New job")
    dialog.get_by_label("Experiment").fill("from the studio")
    dialog.get_by_label("Name of the run").fill("by hand")
    dialog.get_by_label("Folder of the code").set_input_files(folder)
    expect(dialog.get_by_text("3 files")).to_be_visible()
    dialog.get_by_label("Script or command").fill("src/train.py --name 'a b' \"\" '$(x)'")
    dialog.get_by_label("Environment").select_option("as-it-is")
    dialog.get_by_text("Data, variables, tags and limits").click()
    dialog.get_by_label("Variables").fill("FLAVOUR=sweet & sour")
    dialog.get_by_label("Tags").fill("team=vision")
    dialog.get_by_label("Attempts at most").fill("2")
    look(page, "submit-filled")
    run_id = submit(page)
    job = jobs.until(run_id, *ENDED)
    assert (job["status"], job["run_name"], job["max_attempts"]) == ("completed", "by hand", 2)
    assert job["arguments"] == ["--name", "a b", "", "$(x)"]
    assert files_of(jobs, job) == [".gitignore", "src/helper.py", "src/train.py"]
    log = printed(page)
    expect(log).to_contain_text("arguments ['--name', 'a b', '', '$(x)']")
    expect(log).to_contain_text("variable sweet & sour")
    expect(log).to_contain_text("beside it helped")
    # Again, with the same code and other words.
    dialog = opened(page, "Run again")
    expect(dialog.get_by_text(f"As before: {job['snapshot'][:12]}")).to_be_visible()
    expect(dialog.get_by_label("Experiment")).to_have_value("from the studio")
    expect(dialog.get_by_label("Environment")).to_have_value("as before")
    expect(dialog.get_by_label("Script or command")).to_have_value("src/train.py --name 'a b' '' '$(x)'")
    look(page, "submit-again")
    dialog.get_by_label("Name of the run").fill("by hand again")
    dialog.get_by_label("Script or command").fill("src/train.py other")
    dialog.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="by hand again")).to_be_visible()
    again = jobs.until(page.url.rsplit("/", 1)[1], *ENDED)
    assert (again["status"], again["arguments"]) == ("completed", ["other"])
    kept = ("snapshot", "experiment_id", "variables", "environment_name", "max_attempts")
    assert [again[field] for field in kept] == [job[field] for field in kept]


def test_a_zip_is_code_as_well(visit: Visit, jobs: JobClient) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("only.py", "print('from a zip')\n")
        archive.writestr("notes/read me.txt", "x" * 5000)
    page = visit().open(f"{jobs.server.url}/#/jobs")
    dialog = opened(page, "New job")
    payload: FilePayload = {"name": "code.zip", "mimeType": "application/zip", "buffer": held.getvalue()}
    dialog.get_by_label("Files of the code").set_input_files([payload])
    # The only script there is, is likely to be the one that is meant.
    expect(dialog.get_by_label("Script or command")).to_have_value("only.py")
    dialog.get_by_label("Environment").select_option("as-it-is")
    job = jobs.until(submit(page), *ENDED)
    assert job["status"] == "completed"
    assert files_of(jobs, job) == ["notes/read me.txt", "only.py"]
    expect(printed(page)).to_contain_text("from a zip")


def test_datasets_are_inputs_with_their_versions(visit: Visit, jobs: JobClient, look: Look) -> None:
    store = "datastores/workspaceblobstore/files"
    for version in (1, 2):
        jobs.ask("PUT", f"{store}/in/{version}/part-{version}.txt", content=b"1")
        source = {"kind": "datastore", "datastore": "workspaceblobstore", "address": f"in/{version}/**"}
        new = {"name": "numbers", "kind": "file", "sources": [source], "as_new_version": True}
        jobs.ask("POST", "data-assets", json=new)
    page = visit().open(f"{jobs.server.url}/#/jobs")
    dialog = opened(page, "New job")
    inputs = dialog.get_by_role("textbox", name="Inputs")
    dialog.get_by_label("What runs").select_option("A command")
    dialog.get_by_label("Script or command").fill("ls '${{inputs.numbers}}' '${{inputs.latest}}'")
    dialog.get_by_text("Data, variables, tags and limits").click()
    inputs.fill("latest=@none")
    dialog.get_by_role("button", name="Submit", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("none")
    inputs.fill("latest=@numbers")
    dialog.get_by_role("combobox", name="Dataset").select_option("numbers")
    expect(dialog.get_by_role("combobox", name="Version")).to_have_value("2")
    dialog.get_by_role("combobox", name="Version").select_option("1")
    dialog.get_by_role("button", name="Add to the inputs").click()
    expect(inputs).to_have_value("latest=@numbers\nnumbers=@numbers:1")
    expect(inputs).to_be_focused()
    look(page, "submit-datasets")
    job = jobs.until(submit(page), *ENDED)
    assert job["status"] == "completed", job["reason"]
    # Which ones it has read stands in its run, and in the form of the next one.
    read = page.get_by_role("region", name="Inputs and outputs")
    expect(read).to_contain_text("numbers")
    expect(printed(page)).to_contain_text("part-1.txt")
    expect(printed(page)).to_contain_text("part-2.txt")
    dialog = opened(page, "Run again")
    dialog.get_by_text("Data, variables, tags and limits").click()
    expect(inputs).to_have_value("latest=@numbers:2\nnumbers=@numbers:1")
    inputs.fill("latest=@numbers:1")
    dialog.get_by_label("Script or command").fill("ls '${{inputs.latest}}'")
    dialog.get_by_label("Name of the run").fill("fewer")
    dialog.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="fewer")).to_be_visible()
    again = jobs.ask("GET", f"jobs/{page.url.rsplit('/', 1)[1]}")["job"]
    assert again["inputs"]["latest"] == job["inputs"]["numbers"]
    assert list(again["inputs"]) == ["latest"]


def test_what_the_server_refuses_is_said_at_its_field(visit: Visit, jobs: JobClient, look: Look) -> None:
    page = visit().open(f"{jobs.server.url}/#/jobs")
    dialog = opened(page, "New job")
    dialog.get_by_label("What runs").select_option("A command")
    dialog.get_by_label("Script or command").fill("echo 'no end")
    dialog.get_by_role("button", name="Submit", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("has no end")
    dialog.get_by_label("Script or command").fill("echo hello")
    dialog.get_by_text("Data, variables, tags and limits").click()
    dialog.get_by_label("Variables").fill("MLFLOW_TRACKING_URI=elsewhere")
    dialog.get_by_role("button", name="Submit", exact=True).click()
    expect(dialog.get_by_label("Variables")).to_have_attribute("aria-invalid", "true")
    look(page, "submit-refused")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    wrong: FilePayload = {"name": "code.zip", "mimeType": "application/zip", "buffer": b"no zip"}
    dialog = opened(page, "New job")
    dialog.get_by_label("Files of the code").set_input_files([wrong])
    expect(dialog.get_by_role("alert")).to_contain_text("no zip")


def test_a_sweep_is_submitted_and_finds_the_best(
    visit: Visit, jobs: JobClient, tmp_path: Path, look: Look
) -> None:
    script = tmp_path / "trial.py"
    script.write_text(TRIAL)
    page = visit().open(f"{jobs.server.url}/#/sweeps")
    dialog = opened(page, "New sweep")
    dialog.get_by_label("Name of the sweep").fill("search")
    dialog.get_by_label("Files of the code").set_input_files(script)
    expect(dialog.get_by_label("Script or command")).to_have_value("trial.py")
    dialog.get_by_label("Parameters").fill("x=1, 2, 4")
    dialog.get_by_label("Metric").fill("loss")
    dialog.get_by_label("Values are found").select_option("grid")
    dialog.get_by_label("Seed").fill("7")
    dialog.get_by_label("Trials that are ended early").select_option("truncation")
    dialog.get_by_label("Share in percent").fill("25")
    dialog.get_by_label("Not before").fill("3")
    dialog.get_by_label("Environment").select_option("as-it-is")
    look(page, "submit-sweep")
    dialog.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="search")).to_be_visible()
    expect(page.get_by_text("3 of 3 trials")).to_be_visible(timeout=180_000)
    sweep = jobs.ask("GET", f"sweeps/{page.url.rsplit('/', 1)[1]}")["sweep"]
    assert (sweep["best_value"], sweep["best"]["parameters"]) == (0.0, {"x": 2})
    expect(page.get_by_role("region", name="Trials, all rows").get_by_text("Completed")).to_have_count(3)
    run_sweep_again(page, jobs, look)


def run_sweep_again(page: Page, jobs: JobClient, look: Look) -> None:
    """Submit the sweep on screen again, with its code and with other values."""
    dialog = opened(page, "Run again")
    expect(dialog.get_by_text("As before:")).to_be_visible()
    expect(dialog.get_by_label("Environment")).to_have_value("as before")
    expect(dialog.get_by_label("Parameters")).to_have_value("x=1, 2, 4")
    expect(dialog.get_by_label("Trials at most")).to_have_value("")
    expect(dialog.get_by_label("Seed")).to_have_value("7")
    expect(dialog.get_by_label("Share in percent")).to_have_value("25")
    expect(dialog.get_by_label("Not before")).to_have_value("3")
    look(page, "submit-sweep-again")
    dialog.get_by_label("Name of the sweep").fill("search again")
    dialog.get_by_label("Parameters").fill('x=normal(2, 0.1) step 0.5\nmode=adam, "a, b"')
    dialog.get_by_label("Values are found").select_option("random")
    dialog.get_by_label("Trials at most").fill("2")
    dialog.get_by_label("Trials that are ended early").select_option("bandit")
    dialog.get_by_role("button", name="Submit", exact=True).click()
    # A bandit has one of two slacks, and the server says which is missing.
    expect(dialog.get_by_role("alert")).to_contain_text("stopping.slack_factor")
    dialog.get_by_label("Slack as a share").fill("0.5")
    dialog.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="search again")).to_be_visible()
    expect(page.get_by_text("2 of 2 trials")).to_be_visible(timeout=180_000)
    sweep = jobs.ask("GET", f"sweeps/{page.url.rsplit('/', 1)[1]}")["sweep"]
    drawn, chosen = sweep["parameters"]["x"], sweep["parameters"]["mode"]
    assert (drawn["kind"], drawn["mean"], drawn["deviation"], drawn["step"]) == ("normal", 2, 0.1, 0.5)
    assert chosen["values"] == ["adam", "a, b"]
    assert (sweep["stopping"]["kind"], sweep["stopping"]["slack_factor"]) == ("bandit", 0.5)
    assert (sweep["seed"], sweep["status"], sweep["best"]["parameters"]["x"]) == (7, "completed", 2)
    expect(page.get_by_role("region", name="Details")).to_contain_text("more than 50 % worse than the best")


def test_who_may_read_alone_is_offered_no_form(
    visit: Visit, start_server: ServerStarter, tmp_path: Path
) -> None:
    home = tmp_path / "team"
    administer(home, "init")
    reader = administer(
        home, "key", "create", "--name", "guest", "--scope", "reader", "--workspace", "default"
    )
    server = start_server(home=home, mode="serve")
    page = visit().open(f"{server.url}/#/jobs")
    sign_in(page, reader)
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    expect(page.get_by_role("button", name="New job")).to_have_count(0)
    page.goto(f"{server.url}/#/sweeps")
    expect(page.get_by_role("heading", name="No sweeps yet")).to_be_visible()
    expect(page.get_by_role("button", name="New sweep")).to_have_count(0)


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "dark")])
def test_the_forms_have_no_barriers(
    visit: Visit, jobs: JobClient, look: Look, width: int, scheme: str
) -> None:
    page = visit(width=width, scheme=scheme).open(f"{jobs.server.url}/#/jobs")
    for address, button in (("jobs", "New job"), ("sweeps", "New sweep")):
        page.goto(f"{jobs.server.url}/#/{address}")
        settle(page)
        dialog = opened(page, button)
        look(page, f"submit-{address}-{width}-{scheme}")
        dialog.get_by_text("Data, variables, tags and limits").click()
        look(page, f"submit-{address}-more-{width}-{scheme}")
        assert serious_barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.keyboard.press("Escape")

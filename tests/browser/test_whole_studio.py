"""What holds for every screen: addresses, sign-in, an absent server, narrow and dark pages, accessibility."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.charts import wait_for_lines
from tests.browser.conftest import Connect, Look, Visitor
from tests.browser.signing_in import administer, sign_in
from tests.browser.workspace_content import Content
from tests.conftest import ServerStarter

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]

AZURE_PREFIX = (
    "/mlflow/v2.0/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/runyard"
    "/providers/Microsoft.MachineLearningServices/workspaces/vision"
)


def create_workspace(url: str, name: str) -> None:
    """Make a second workspace."""
    httpx.post(f"{url}/api/v1/workspaces", json={"name": name}, timeout=60).raise_for_status()


@pytest.mark.parametrize("prefix", ["/workspaces/vision", AZURE_PREFIX])
def test_the_same_build_works_below_every_address_of_a_workspace(
    visit: Visit, start_server: ServerStarter, connect: Connect, prefix: str
) -> None:
    server = start_server()
    create_workspace(server.url, "vision")
    logger = connect(server.url, prefix)
    experiment_id = logger.create_experiment("only-in-vision")
    run_id = logger.create_run(experiment_id, "vision-run")
    logger.put_file(experiment_id, run_id, "notes.txt", b"a note in vision")
    page = visit().open(
        f"{server.url}{prefix}/#/experiments/{experiment_id}/runs/{run_id}/artifacts/notes.txt"
    )
    expect(page.get_by_text("a note in vision")).to_be_visible()
    expect(page.get_by_role("button", name="Workspace vision")).to_be_visible()
    page.get_by_role("link", name="Runyard: experiments").click()
    expect(page.get_by_role("link", name="only-in-vision")).to_be_visible()


def test_workspaces_are_made_and_switched_in_the_header(visit: Visit, start_server: ServerStarter) -> None:
    server = start_server()
    page = visit().open(server.url)
    page.get_by_role("button", name="Workspace default").click()
    page.get_by_role("button", name="New workspace").click()
    page.get_by_role("textbox", name="Name").fill("speech")
    page.get_by_role("button", name="Create", exact=True).click()
    page.wait_for_url(f"{server.url}/workspaces/speech/#/")
    expect(page.get_by_text(f'set_tracking_uri("{server.url}/workspaces/speech")')).to_be_visible()
    page.get_by_role("button", name="Workspace speech").click()
    page.get_by_role("link", name="default 0 runs").click()
    page.wait_for_url(f"{server.url}/workspaces/default/#/")


def test_experiments_are_made_searched_deleted_and_restored(
    visit: Visit, start_server: ServerStarter
) -> None:
    server = start_server()
    page = visit().open(server.url)
    page.get_by_role("button", name="New experiment").click()
    page.get_by_role("textbox", name="Name").fill("Default")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("already exists")
    page.get_by_role("textbox", name="Name").fill("fresh")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="fresh")).to_be_visible()
    page.get_by_role("navigation", name="Where you are").get_by_role("link", name="Experiments").click()
    by_name = page.get_by_role("columnheader", name="Name")
    names = page.get_by_role("table").locator("td:first-child a")
    for way, expected in (("ascending", ["Default", "fresh"]), ("descending", ["fresh", "Default"])):
        by_name.get_by_role("button").click()
        expect(by_name).to_have_attribute("aria-sort", way)
        expect(names).to_have_text(expected)
    page.get_by_role("searchbox", name="Search experiments by name").fill("FRE")
    expect(page.get_by_role("link", name="Default", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Delete fresh").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No experiment matches")).to_be_visible()
    page.get_by_role("button", name="Deleted").click()
    page.get_by_role("button", name="Restore fresh").click()
    page.get_by_role("button", name="Active").click()
    expect(page.get_by_role("link", name="fresh")).to_be_visible()


def test_files_of_a_teams_server_are_shown_to_who_has_signed_in(
    visit: Visit, start_server: ServerStarter, tmp_path: Path
) -> None:
    home = tmp_path / "team"
    api_key = administer(home, "init")
    server = start_server(home=home, mode="serve")
    headers = {"Authorization": f"Bearer {api_key}"}
    body = {"experiment_id": "0", "run_name": "private"}
    made = httpx.post(
        f"{server.url}/api/2.0/mlflow/runs/create", json=body, headers=headers, timeout=60
    ).raise_for_status()
    run_id = made.json()["run"]["info"]["run_id"]
    address = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/notes.txt"
    httpx.put(address, content=b"for members only", headers=headers, timeout=60).raise_for_status()
    page = visit().open(f"{server.url}/#/experiments/0/runs/{run_id}/artifacts/notes.txt")
    sign_in(page, api_key)
    expect(page.get_by_text("for members only")).to_be_visible()


def test_who_may_only_read_sees_and_is_told_what_they_may_not(
    visit: Visit, start_server: ServerStarter, tmp_path: Path, look: Look
) -> None:
    home = tmp_path / "team"
    headers = {"Authorization": f"Bearer {administer(home, 'init')}"}
    reader = administer(
        home, "key", "create", "--name", "guest", "--scope", "reader", "--workspace", "default"
    )
    server = start_server(home=home, mode="serve")
    httpx.post(
        f"{server.url}/api/v1/workspaces", json={"name": "vision"}, headers=headers, timeout=60
    ).raise_for_status()
    page = visit().open(server.url)
    sign_in(page, reader)
    page.get_by_role("button", name="New experiment").click()
    page.get_by_role("textbox", name="Name").fill("not-mine")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("link", name="Default", exact=True)).to_be_visible()
    # Another workspace is closed to them altogether.
    page.goto(f"{server.url}/workspaces/vision/#/")
    expect(page.get_by_role("heading", name="You may not see this")).to_be_visible()
    look(page, "no-right")


def test_grey_lines_stand_where_rows_will_be(visit: Visit, content: Content, look: Look) -> None:
    page = visit().page
    page.route("**/runs/search", lambda route: None)
    page.goto(f"{content.url}/#/experiments/{content.experiment_id}")
    expect(page.get_by_label("Loading runs")).to_be_visible()
    look(page, "loading")


def test_the_page_outlives_its_server_and_recovers_by_itself(
    visit: Visit, start_server: ServerStarter, connect: Connect, look: Look
) -> None:
    server = start_server()
    logger = connect(server.url)
    run_id = logger.create_run("0", "survivor")
    logger.log_line(run_id, "loss", [3.0, 2.0])
    page = visit().open(f"{server.url}/#/experiments/0")
    wait_for_lines(page, "loss", 20)
    server.stop()
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    expect(page.get_by_role("link", name="survivor")).to_be_visible()
    look(page, "stale")
    server.start()
    logger.log_line(run_id, "loss", [0.625], first_step=2)
    expect(page.get_by_text("The server does not answer.")).to_have_count(0)
    expect(page.get_by_role("row", name="survivor")).to_contain_text("0.625")


@pytest.mark.parametrize(
    "address", ["experiments/777777", "experiments/0/runs/gone", "experiments/0/models/m-gone"]
)
def test_an_address_of_nothing_says_so_as_the_pages_heading(
    visit: Visit, content: Content, address: str
) -> None:
    page = visit().open(f"{content.url}/#/{address}")
    expect(page.get_by_role("heading", level=1, name="There is nothing at this address")).to_be_visible()
    assert serious_barriers(page) == []


def test_the_theme_follows_the_system_until_it_is_chosen(visit: Visit, content: Content) -> None:
    page = visit(scheme="dark").open(content.url)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Use the light theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def screens(content: Content) -> dict[str, str]:
    """Every screen, by a name for its pictures."""
    run = f"#/experiments/{content.experiment_id}/runs/{content.run_with_files}"
    return {
        "experiments": "#/experiments",
        "runs": f"#/experiments/{content.experiment_id}",
        "compare": f"#/experiments/{content.experiment_id}?pane=compare&sel={','.join(content.run_ids[:2])}",
        "run": run,
        "metrics": f"{run}/metrics",
        "artifacts": f"{run}/artifacts/predictions.csv",
        "model": f"#/experiments/{content.experiment_id}/models/{content.model_id}",
        "datastores": "#/data",
        "datastore": "#/data/datastores/workspaceblobstore",
        "datasets": "#/data/assets",
        "environments": "#/environments",
        "environment": "#/environments/Runyard-Sklearn",
        "logs": f"{run}/logs",
        "jobs": "#/jobs",
        "compute": "#/compute",
        "compute-target": "#/compute/local",
        "workspaces": "#/workspaces",
        "workspace": "#/workspaces/default",
        "models": "#/models",
        "prompts": "#/prompts",
        "sweeps": "#/sweeps",
        "traces": f"#/experiments/{content.experiment_id}/traces",
        "sessions": f"#/experiments/{content.experiment_id}/chat-sessions",
        "evaluation-datasets": f"#/experiments/{content.experiment_id}/datasets",
        "evaluations": f"#/experiments/{content.experiment_id}/evaluation-runs",
        "judges": f"#/experiments/{content.experiment_id}/judges",
        "share": f"#/experiments/{content.experiment_id}/share",
        "keys": "#/keys",
        "roles": "#/admin",
        "health": "#/admin/health",
        "unknown": "#/nowhere",
    }


SCREENS = (
    "experiments",
    "runs",
    "compare",
    "run",
    "metrics",
    "artifacts",
    "model",
    "datastores",
    "datastore",
    "datasets",
    "environments",
    "environment",
    "logs",
    "jobs",
    "compute",
    "compute-target",
    "workspaces",
    "workspace",
    "models",
    "prompts",
    "sweeps",
    "traces",
    "sessions",
    "evaluation-datasets",
    "evaluations",
    "judges",
    "share",
    "keys",
    "roles",
    "health",
    "unknown",
)


@pytest.mark.parametrize("name", SCREENS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_has_a_serious_barrier(
    visit: Visit, content: Content, look: Look, name: str, scheme: str
) -> None:
    page = visit(scheme=scheme).open(f"{content.url}/{screens(content)[name]}")
    settle(page)
    look(page, f"{name}-{scheme}")
    assert serious_barriers(page) == []


@pytest.mark.parametrize("name", SCREENS)
def test_a_phone_needs_no_sideways_scrolling(visit: Visit, content: Content, look: Look, name: str) -> None:
    page = visit(width=360, height=740).open(f"{content.url}/{screens(content)[name]}")
    settle(page)
    look(page, f"{name}-narrow")
    widest = page.evaluate(
        "Math.max(document.documentElement.scrollWidth, document.querySelector('main').scrollWidth)"
    )
    assert widest <= 360


def test_the_header_of_an_administrator_fits_a_phone(
    visit: Visit, start_server: ServerStarter, tmp_path: Path, look: Look
) -> None:
    home = tmp_path / "team"
    api_key = administer(home, "init")
    server = start_server(home=home, mode="serve")
    name = "a-workspace-with-a-long-name"
    headers = {"Authorization": f"Bearer {api_key}"}
    httpx.post(
        f"{server.url}/api/v1/workspaces", json={"name": name}, headers=headers, timeout=60
    ).raise_for_status()
    page = visit(width=360, height=740).open(f"{server.url}/workspaces/{name}/#/data")
    sign_in(page, api_key)
    expect(page.get_by_role("link", name="Administration")).to_be_visible()
    expect(page.get_by_role("link", name="workspaceblobstore")).to_be_visible()
    look(page, "header-narrow")
    assert page.evaluate("document.querySelector('header.top').scrollWidth") <= 360
    last = page.get_by_role("link", name="Data", exact=True).bounding_box()
    after = page.get_by_role("link", name="Administration").bounding_box()
    assert last is not None
    assert after is not None
    assert last["x"] + last["width"] <= after["x"]


def test_everything_comes_from_the_server_itself(visit: Visit, content: Content) -> None:
    visitor = visit()
    for address in screens(content).values():
        settle(visitor.open(f"{content.url}/{address}"))
    assert [url for url in visitor.requests if not url.startswith((content.url, "blob:", "about:"))] == []

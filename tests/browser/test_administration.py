"""People, roles, keys, the audit log, the trash and the server's health, as an administrator meets them."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Connect, Look, Visitor
from tests.browser.signing_in import administer, sign_in
from tests.browser.workspace_content import Logger
from tests.conftest import ServerStarter
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]

SECTIONS = ["roles", "trash", "storage", "people", "groups", "services", "keys", "audit", "health"]
LARGE = b"x" * 300_000


def throw_away(logger: Logger) -> str:
    """Log a run with a large file, move it to the trash and return its name."""
    run_id = logger.create_run("0", "thrown-away")
    logger.put_file("0", run_id, "weights.bin", LARGE)
    logger.post("runs/delete", run_id=run_id)
    return "thrown-away"


def keep_model_and_trace(logger: Logger) -> None:
    """Log a model with a file, register it, and log a trace."""
    model = logger.post("logged-models", experiment_id="0", name="net")["model"]["info"]
    logger.put_file("0", f"models/{model['model_id']}", "net.bin", LARGE)
    logger.post("registered-models/create", name="net")
    source = f"models:/{model['model_id']}"
    logger.post("model-versions/create", name="net", source=source, model_id=model["model_id"])
    logger.post(
        "traces", experiment_id="0", timestamp_ms=1, request_metadata=[{"key": "a", "value": "b" * 200}]
    )


def measure_anew(server: RunningServer) -> None:
    """Let the server find that it is time to measure, and wait until it has done so."""
    with contextlib.closing(sqlite3.connect(server.home / "runyard.db", timeout=60)) as database, database:
        measured = "SELECT count(*) FROM workspace_use WHERE measured_ms IS NOT NULL"
        until(lambda: database.execute(measured).fetchone() > (0,))  # or what is under way would be kept
        database.execute("UPDATE workspace_use SET measured_ms = 0, claimed_ms = 0")
    with httpx.Client(base_url=f"{server.url}/api/v1", timeout=60) as api:
        until(lambda: api.get("/workspaces/default/usage").json()["workspaces"][0]["measured_ms"])


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of one person that has something to show on every screen."""
    running = RunningServer(tmp_path_factory.mktemp("busy") / "home").start()
    logger = Logger(running.url)
    throw_away(logger)
    keep_model_and_trace(logger)
    logger.close()
    measure_anew(running)
    with httpx.Client(base_url=f"{running.url}/api/v1", timeout=60) as api:
        for name, kind in (("ada", "person"), ("pipeline", "service"), ("vision team", "group")):
            api.post("/principals", json={"name": name, "kind": kind}).raise_for_status()
        api.put("/groups/vision team/members/ada").raise_for_status()
        api.put("/grants", json={"principal": "vision team", "role": "contributor"}).raise_for_status()
        api.post("/keys", json={"principal": "ada", "name": "laptop"}).raise_for_status()
        api.post("/retention-rules", json={"older_than_s": 86400.0, "keep_last": 3}).raise_for_status()
        api.get("/audit", headers={"Authorization": "Bearer ry_000000000000_wrong"})
    yield running
    running.close()


def dialog(page: Page) -> Locator:
    """The dialog that is open."""
    return page.get_by_role("dialog")


def confirm(page: Page, action: str) -> None:
    """Answer the open dialog, and wait until it is gone: a closed one keeps its text for a moment."""
    dialog(page).get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def shown_key(page: Page) -> str:
    """Return the API key that is shown this once, and close what shows it."""
    text = dialog(page).locator("pre").inner_text()
    for _ in range(3):
        page.keyboard.press("Escape")
    confirm(page, "Done")
    return text


@pytest.fixture
def team(start_server: ServerStarter, tmp_path: Path) -> tuple[str, str]:
    """A team's server: its address, and the key of its administrator."""
    home = tmp_path / "team"
    api_key = administer(home, "init", "--name", "ann")
    return start_server(home=home, mode="serve").url, api_key


def test_a_person_is_added_with_a_key_and_sees_what_their_role_allows(
    visit: Visit, team: tuple[str, str], look: Look
) -> None:
    url, administrator_key = team
    page = visit().open(f"{url}/#/admin/people")
    sign_in(page, administrator_key)
    page.get_by_role("button", name="Add a person").click()
    dialog(page).get_by_role("textbox", name="Name").fill("bea")
    dialog(page).get_by_role("button", name="Add").click()
    expect(dialog(page).get_by_role("heading", name="API key of bea")).to_be_visible()
    look(page, "admin-key-once")
    assert serious_barriers(page) == []
    key = shown_key(page)
    assert key.startswith("ry_")
    expect(page.get_by_role("row", name="bea")).to_be_visible()
    assert key not in page.content()

    bea = visit().open(url)
    sign_in(bea, key)
    expect(bea.get_by_role("heading", name="You may not see this")).to_be_visible()

    page.get_by_role("link", name="Roles", exact=True).click()
    page.get_by_role("button", name="Give a role").click()
    dialog(page).get_by_role("combobox", name="Person, service principal or group").fill("bea")
    dialog(page).get_by_role("combobox", name="Role").select_option("reader")
    confirm(page, "Give")
    expect(page.get_by_role("row", name="bea")).to_contain_text("reader")

    bea.get_by_role("button", name="Try again").click()
    expect(bea.get_by_role("link", name="Default", exact=True)).to_be_visible()
    expect(bea.get_by_role("link", name="Administration")).to_have_count(0)
    bea.get_by_role("button", name="Account of bea").click()
    expect(bea.get_by_text("reader of default")).to_be_visible()
    look(bea, "admin-user-menu")
    bea.goto(f"{url}/#/admin/people")
    expect(bea.get_by_role("heading", name="You may not see this")).to_be_visible()
    look(bea, "admin-no-right")

    # What they were not let do stands in the log.
    page.goto(f"{url}/#/admin/audit?caller=bea&outcome=refused")
    refused = page.get_by_role("row", name="refused").first

    def is_written() -> bool:
        page.get_by_role("button", name="Refresh").click()
        page.wait_for_timeout(300)
        return refused.is_visible()

    until(is_written)  # refusals are written down a moment after they were answered
    expect(refused).to_have_class("refused")
    look(page, "audit-refused")
    assert serious_barriers(page) == []


def test_a_key_is_made_used_revoked_and_found_in_the_audit_log(
    visit: Visit, team: tuple[str, str], look: Look
) -> None:
    url, administrator_key = team
    page = visit().open(f"{url}/#/keys")
    sign_in(page, administrator_key)
    page.get_by_role("button", name="New API key").click()
    dialog(page).get_by_role("textbox", name="What it is for").fill("night job")
    dialog(page).get_by_role("combobox", name="May at most").select_option("reader")
    dialog(page).get_by_role("spinbutton", name="Ends after days").fill("7")
    dialog(page).get_by_role("button", name="Make the key").click()
    expect(dialog(page).get_by_role("heading", name="Your new API key")).to_be_visible()
    headers = {"Authorization": f"Bearer {shown_key(page)}"}
    assert httpx.get(f"{url}/api/v1/caller", headers=headers, timeout=60).json()["scope"] == "reader"

    look(page, "my-keys")
    assert serious_barriers(page) == []
    page.get_by_role("button", name="Revoke night job").click()
    confirm(page, "Revoke")
    expect(page.get_by_role("row", name="night job")).to_have_count(0)
    assert httpx.get(f"{url}/api/v1/caller", headers=headers, timeout=60).status_code == 401
    page.get_by_label("Ended ones too").check()
    expect(page.get_by_role("row", name="night job")).to_contain_text("Revoked")

    page.get_by_role("link", name="Administration").click()
    page.get_by_role("link", name="Audit", exact=True).click()
    page.get_by_role("textbox", name="Who").fill("ann")
    page.get_by_role("textbox", name="Action").fill("keys.revoke_key")
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url(re.compile("action=keys.revoke_key"))
    expect(page.get_by_role("row", name="keys.revoke_key")).to_have_count(1)
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text(re.compile(r"Whole: \d+ entries"))).to_be_visible()


def test_an_experiment_is_shared_with_a_group(visit: Visit, team: tuple[str, str], look: Look) -> None:
    url, administrator_key = team
    page = visit().open(f"{url}/#/admin/groups")
    sign_in(page, administrator_key)
    page.get_by_role("button", name="Add a group").click()
    dialog(page).get_by_role("textbox", name="Name").fill("guests")
    confirm(page, "Add")
    expect(page.get_by_role("heading", name="Nobody is in this group yet")).to_be_visible()
    page.get_by_role("button", name="Add a member").click()
    dialog(page).get_by_role("combobox", name="Person or service principal").fill("ann")
    confirm(page, "Add")
    expect(page.get_by_role("region", name="Members of guests", exact=True)).to_contain_text("ann")

    page.goto(f"{url}/#/experiments/0")
    page.get_by_role("link", name="Share").click()
    page.get_by_role("button", name="Give a role").click()
    dialog(page).get_by_role("combobox", name="Person, service principal or group").fill("guests")
    confirm(page, "Give")
    expect(page.get_by_role("row", name="guests")).to_contain_text("reader")
    look(page, "share")
    assert serious_barriers(page) == []
    page.get_by_role("button", name="Change the role of guests").click()
    dialog(page).get_by_role("combobox", name="Role").select_option("contributor")
    confirm(page, "Change")
    expect(page.get_by_role("row", name="guests")).to_contain_text("contributor")
    page.get_by_role("button", name="Take the role from guests").click()
    confirm(page, "Take away")
    expect(page.get_by_role("heading", name="Nobody was given a role here yet")).to_be_visible()


def test_the_trash_is_restored_measured_and_emptied(
    visit: Visit, start_server: ServerStarter, connect: Connect, look: Look
) -> None:
    server = start_server()
    name = throw_away(connect(server.url))
    page = visit().open(f"{server.url}/#/admin/trash")
    page.get_by_role("button", name=f"Restore {name}").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_text("would be freed: nothing")).to_be_visible()
    expect(page.get_by_role("button", name="Delete for good")).to_have_count(0)

    # Another one, which the page has to be told of.
    throw_away(connect(server.url))
    page.reload()
    expect(page.get_by_role("row", name=name)).to_be_visible()
    page.get_by_role("button", name="Measure").click()
    expect(page.get_by_text(re.compile(r"29\d KB would be freed: 1 run, 1 file"))).to_be_visible()
    look(page, "trash-measured")
    page.get_by_role("button", name="Delete for good").click()
    confirm(page, "Delete for good")
    expect(page.get_by_text(re.compile(r"29\d KB freed: 1 run, 1 file"))).to_be_visible()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()


def test_what_models_versions_and_traces_take_is_shown(visit: Visit, busy: RunningServer) -> None:
    page = visit().open(f"{busy.url}/#/admin/storage")
    whole = page.get_by_role("region", name="In all")
    for name, shown in (
        ("Models", r"1\s*29\d KB"),
        ("Registered", r"1\s*1 version, 29\d KB"),
        ("Traces", r"1\s*\d+ B"),
    ):
        expect(whole.locator("dl > div").filter(has_text=name).last).to_contain_text(re.compile(shown))
    page.get_by_role("button", name="Whole server").click()
    row = page.get_by_role("region", name="Workspaces").get_by_role("row", name="default")
    expect(row).to_contain_text(re.compile(r"29\d KB.*29\d KB.*\d+ B"))


def test_the_servers_health_is_told_and_its_signing_key_rotated(visit: Visit, busy: RunningServer) -> None:
    page = visit().open(f"{busy.url}/#/admin/health")
    expect(page.get_by_text("The server can work")).to_be_visible()
    figures = page.get_by_role("region", name="Figures of this server's process")
    expect(figures.get_by_text(re.compile(r"^\d+ (ms|s|min \d+ s)$")).first).to_be_visible()
    page.get_by_role("button", name="Check all data").click()
    expect(page.get_by_text("All data is whole.")).to_be_visible()
    page.get_by_role("button", name="Rotate").click()
    confirm(page, "Rotate")
    expect(page.get_by_role("region", name="Signing key").get_by_text("signs from now on")).to_be_visible()


def test_a_failure_is_told_and_can_be_tried_again(visit: Visit, busy: RunningServer) -> None:
    page = visit().page
    refusal = {"error_code": "INTERNAL_ERROR", "message": "No luck."}
    page.route("**/api/v1/principals*", lambda route: route.fulfill(status=500, json=refusal))
    page.goto(f"{busy.url}/#/admin/people")
    expect(page.get_by_role("alert")).to_contain_text("No luck.")
    page.unroute("**/api/v1/principals*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("row", name="ada")).to_be_visible()


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_screen_of_the_administration_has_a_serious_barrier(
    visit: Visit, busy: RunningServer, look: Look, section: str, scheme: str
) -> None:
    page = visit(scheme=scheme).open(f"{busy.url}/#/admin/{section}")
    settle(page)
    look(page, f"admin-{section}-{scheme}")
    assert serious_barriers(page) == []


@pytest.mark.parametrize("section", SECTIONS)
def test_the_administration_fits_a_phone(visit: Visit, busy: RunningServer, look: Look, section: str) -> None:
    page = visit(width=360, height=740).open(f"{busy.url}/#/admin/{section}")
    settle(page)
    look(page, f"admin-{section}-phone")
    width = page.evaluate(
        "Math.max(...[...document.querySelectorAll('html, main')].map(one => one.scrollWidth))"
    )
    assert width <= 360

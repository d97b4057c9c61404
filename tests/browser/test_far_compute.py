"""Compute targets elsewhere in the Studio: made of what the server says of their kind, changed, and used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from runyard.compute.kinds import KINDS
from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Look, Visitor
from tests.browser.job_content import JobClient
from tests.browser.signing_in import administer, sign_in
from tests.conftest import ServerStarter
from tests.loopback_sshd import LoopbackSshd
from tests.running_server import free_port

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
FINGERPRINT = f"SHA256:{'x' * 43}"


@pytest.fixture
def jobs(start_server: ServerStarter) -> Iterator[JobClient]:
    """A server of the test's own that runs jobs."""
    client = JobClient(start_server(environment={"RUNYARD_LOCAL_SLOTS": "2"}))
    yield client
    client.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LoopbackSshd]:
    """A real sshd; what it runs keeps its things below a home of its own."""
    home = tmp_path / "there"
    home.mkdir()
    running = LoopbackSshd(tmp_path / "sshd", {"HOME": str(home)})
    yield running
    running.close()


def new_target(page: Page, jobs: JobClient, kind: str) -> Locator:
    """Open the form for a new target of a kind, and return it."""
    page.goto(f"{jobs.server.url}/#/compute")
    page.get_by_role("button", name="New target").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kind").select_option(kind)
    return dialog


def confirm(page: Page, action: str) -> None:
    """Answer the open dialog, and wait until it is gone."""
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.locator("dialog")).to_have_count(0)


def target(jobs: JobClient, name: str) -> Any:
    """A target as the server has it."""
    return jobs.ask("GET", f"compute/{name}")["compute_target"]


def test_a_target_that_can_not_be_reached_says_since_when(visit: Visit, jobs: JobClient, look: Look) -> None:
    away = {"name": "away", "kind": "ray", "settings": {"address": f"http://127.0.0.1:{free_port()}"}}
    jobs.ask("POST", "compute", json=away | {"skip_validation": True})
    page = visit().open(f"{jobs.server.url}/#/compute")
    row = page.get_by_role("row", name="away")
    expect(row).to_contain_text("Unreachable")
    expect(row).to_contain_text(re.compile(r"for \d"))
    expect(page.get_by_role("row", name="local")).to_contain_text("Idle")
    look(page, "compute-unreachable")
    assert serious_barriers(page) == []
    row.get_by_role("link", name="away").click()
    expect(page.get_by_role("status").filter(has_text="Unreachable since")).to_contain_text("refused")
    look(page, "compute-target-unreachable")
    assert serious_barriers(page) == []


def test_a_host_is_attached_runs_a_job_and_never_shows_its_key(
    visit: Visit, jobs: JobClient, host: LoopbackSshd, look: Look
) -> None:
    page = visit().open(jobs.server.url)
    dialog = new_target(page, jobs, "ssh")
    expect(dialog.get_by_text("A machine that is reached over SSH")).to_be_visible()
    dialog.get_by_label("Name", exact=True).fill("vm")
    dialog.get_by_label("Host", exact=True).fill("not a host")
    dialog.get_by_label("Username").fill(host.username)
    dialog.get_by_role("button", name="Create", exact=True).click()
    # The field that can't be so says why, and has the cursor.
    wrong = dialog.get_by_label("Host", exact=True)
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_be_focused()
    expect(dialog.get_by_role("alert")).to_have_count(1)
    expect(dialog.get_by_role("alert")).to_contain_text("It must fit the pattern")
    look(page, "compute-new-ssh-refused")
    wrong.fill("127.0.0.1")
    dialog.get_by_role("button", name="Create", exact=True).click()
    # What no single field is to blame for is said below all of them.
    expect(dialog.get_by_role("alert")).to_contain_text("by what is the host known?")
    expect(wrong).not_to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Port", exact=True).fill(str(host.port))
    dialog.get_by_label("Known hosts").fill("\n".join(host.known_hosts))
    dialog.get_by_label("Server URL").fill(jobs.server.url)
    dialog.get_by_label("Private key", exact=True).fill("no key at all")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("was not made")
    dialog.get_by_label("Private key", exact=True).fill(host.key.read_text())
    look(page, "compute-new-ssh")
    confirm(page, "Create")
    expect(page.get_by_role("heading", level=1, name="vm")).to_be_visible()
    details = page.get_by_role("region", name="Details")
    expect(details).to_contain_text("SSH host")
    expect(details).to_contain_text("kept, encrypted")
    run_id = jobs.submit("print('there')", compute="vm")
    assert jobs.until(run_id, "completed", "failed", "lost")["status"] == "completed"
    page.get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Host", exact=True)).to_have_value("127.0.0.1")
    expect(form.get_by_label("Private key", exact=True)).to_have_value("")
    assert "PRIVATE KEY" not in page.content()
    form.get_by_label("Description").fill("Under the desk")
    confirm(page, "Save")
    expect(page.get_by_text("Under the desk")).to_be_visible()
    # Another key that is none takes the place of nothing.
    page.get_by_role("button", name="Change").click()
    form.get_by_label("Private key", exact=True).fill("another")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_contain_text("was not changed")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    again = jobs.submit("print('again')", compute="vm")
    assert jobs.until(again, "completed", "failed", "lost")["status"] == "completed"


def test_every_kind_is_made_by_its_form_and_changed(visit: Visit, jobs: JobClient, look: Look) -> None:
    page = visit().open(jobs.server.url)
    dialog = new_target(page, jobs, "kubernetes")
    dialog.get_by_label("Name", exact=True).fill("k8s")
    dialog.get_by_label("Server", exact=True).fill("https://cluster.example:6443")
    dialog.get_by_label("Node selector").fill("zone=a\ndisk=ssd")
    dialog.get_by_label("Tolerations").fill("gpu")
    dialog.get_by_label("Token").fill("abc")
    dialog.get_by_role("checkbox", name="Keep it without looking").check()
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("written as JSON")
    dialog.get_by_label("Tolerations").fill('[{"key": "gpu", "effect": "Never"}]')
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(dialog.get_by_label("Tolerations")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Tolerations").fill('[{"key": "gpu", "operator": "Exists"}]')
    look(page, "compute-new-kubernetes")
    confirm(page, "Create")
    made = target(jobs, "k8s")
    assert (made["kind"], made["has_credential"]) == ("kubernetes", True)
    assert made["settings"]["node_selector"] == {"zone": "a", "disk": "ssd"}
    assert made["settings"]["tolerations"][0]["operator"] == "Exists"
    assert (made["settings"]["memory"], made["settings"]["run_as_user"]) == ("2Gi", None)

    dialog = new_target(page, jobs, "slurm")
    dialog.get_by_label("Name", exact=True).fill("hpc")
    dialog.get_by_label("Partition").fill("gpu")
    dialog.get_by_label("Sbatch options").fill("--constraint=a100\n--exclusive")
    dialog.get_by_role("checkbox", name="SSH").check()
    dialog.get_by_label("Host", exact=True).fill("login.example")
    dialog.get_by_label("Username").fill("ada")
    dialog.get_by_label("Host key fingerprint").fill(FINGERPRINT)
    dialog.get_by_label("Password").fill("hunter2")
    dialog.get_by_role("checkbox", name="Keep it without looking").check()
    look(page, "compute-new-slurm")
    confirm(page, "Create")
    settings = target(jobs, "hpc")["settings"]
    assert (settings["partition"], settings["ssh"]["host"]) == ("gpu", "login.example")
    assert settings["sbatch_options"] == ["--constraint=a100", "--exclusive"]

    dialog = new_target(page, jobs, "ray")
    dialog.get_by_label("Name", exact=True).fill("rays")
    dialog.get_by_label("Address").fill("http://head.example:8265")
    dialog.get_by_label("Resources per slot").fill("tpu=0.5")
    dialog.get_by_role("checkbox", name="Keep it without looking").check()
    confirm(page, "Create")
    assert target(jobs, "rays")["settings"]["resources_per_slot"] == {"tpu": 0.5}

    page.goto(f"{jobs.server.url}/#/compute/hpc")
    page.get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Host", exact=True)).to_have_value("login.example")
    form.get_by_label("Partition").fill("")
    form.get_by_label("CPUs per slot").fill("4")
    form.get_by_role("checkbox", name="Keep it without looking").check()
    confirm(page, "Save")
    changed = target(jobs, "hpc")
    assert (changed["settings"]["partition"], changed["settings"]["cpus_per_slot"]) == ("", 4)
    assert (changed["settings"]["ssh"]["username"], changed["has_credential"]) == ("ada", True)
    expect(page.get_by_role("region", name="Details")).to_contain_text(re.compile(r"CPUs per slot\s*4"))


def test_a_pool_divides_the_machine(visit: Visit, jobs: JobClient) -> None:
    page = visit().open(jobs.server.url)
    dialog = new_target(page, jobs, "local")
    dialog.get_by_label("Name", exact=True).fill("half")
    dialog.get_by_label("CPUs per slot").fill("1")
    # Nothing is to be looked at on the server's own machine, and nothing to be let in with.
    expect(dialog.get_by_role("checkbox")).to_have_count(0)
    expect(dialog.get_by_role("group", name="Credential")).to_have_count(0)
    confirm(page, "Create")
    assert target(jobs, "half")["settings"] == {"cpus_per_slot": 1}
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("dialog").get_by_label("GPUs per slot")).to_have_value("1")
    page.get_by_role("dialog").get_by_label("Slots", exact=True).fill("2")
    confirm(page, "Save")
    made = target(jobs, "half")
    assert (made["slots"], made["settings"]) == (2, {"cpus_per_slot": 1})


def test_databricks_is_linked_by_lines_to_copy(visit: Visit, jobs: JobClient) -> None:
    page = visit().open(jobs.server.url)
    dialog = new_target(page, jobs, "databricks")
    expect(dialog.get_by_text("runyard databricks link CLUSTER")).to_be_visible()
    expect(dialog.get_by_text(f'url="{jobs.server.url}"').first).to_be_visible()
    confirm(page, "Done")
    assert [each["name"] for each in jobs.ask("GET", "compute")["compute_targets"]] == ["local"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_nobody_is_kept_from_the_form_of_any_kind(
    visit: Visit, jobs: JobClient, look: Look, scheme: str, width: int
) -> None:
    page = visit(width=width, height=844, scheme=scheme).open(f"{jobs.server.url}/#/compute")
    settle(page)
    for kind in [*KINDS, "databricks"]:
        dialog = new_target(page, jobs, kind)
        look(page, f"compute-new-{kind}-{width}-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert dialog.evaluate("one => one.scrollWidth <= one.clientWidth")
        assert serious_barriers(page) == []
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)


def test_who_may_not_manage_is_offered_no_form(
    visit: Visit, start_server: ServerStarter, tmp_path: Path
) -> None:
    home = tmp_path / "team"
    administer(home, "init")
    key = administer(home, "key", "create", "--name", "r", "--scope", "contributor", "--workspace", "default")
    server = start_server(home=home, mode="serve", environment={"RUNYARD_LOCAL_SLOTS": "1"})
    page = visit().open(f"{server.url}/#/compute")
    sign_in(page, key)
    expect(page.get_by_role("row", name="local")).to_be_visible()
    expect(page.get_by_role("button", name="New target")).to_have_count(0)
    asked = page.evaluate("fetch('api/v1/compute-kinds').then(answer => answer.json())")
    assert {each["name"] for each in json.loads(json.dumps(asked))["kinds"]} == set(KINDS)

"""Jobs in the Studio: listed, looked at, followed while they run, canceled. Real agents run real scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Look, Visitor
from tests.browser.job_content import COLOURED, FAILING, TOLD, JobClient, tell
from tests.browser.signing_in import administer, sign_in
from tests.conftest import ServerStarter
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
WORDS = ("--alpha", "a 'b' $(x)", "")
DIFF = "diff --git a/src/train.py b/src/train.py\n--- a/src/train.py\n@@ -1 +1 @@\n-alpha = 1\n+alpha = 2\n"
COMMIT = "7f3a" * 10


class Ended:
    """A server with jobs that are over."""

    def __init__(self, server: RunningServer) -> None:
        self.url = server.url
        jobs = JobClient(server)
        jobs.ask(
            "POST",
            "environments",
            json={"name": "training", "python": {"user_managed": True}, "variables": {"A": "b"}},
        )
        self.coloured = jobs.submit(
            COLOURED,
            *WORDS,
            files={"conf/a b.toml": "alpha = 1\n", "README.md": "<b>read me</b>"},
            run_name="coloured",
            variables={"OMP_NUM_THREADS": "2"},
            tags={"mlflow.source.git.commit": COMMIT, "mlflow.source.git.branch": "trunk"},
            environment={"name": "training"},
        )
        self.failed = jobs.submit(FAILING, run_name="failing")
        self.wordy = jobs.submit("raise SystemExit('why it is so, ' * 40)", run_name="wordy")
        for run_id in (self.coloured, self.failed, self.wordy):
            jobs.until(run_id, "completed", "failed")
        jobs.put_file(self.coloured, "code/git.diff", DIFF.encode())
        jobs.close()

    def page_of(self, run_id: str, tab: str = "") -> str:
        """Return where the page of a run is, or a tab of it."""
        return f"{self.url}/#/experiments/0/runs/{run_id}{f'/{tab}' if tab else ''}"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """A server with jobs that are over, which no test changes."""
    server = RunningServer(
        tmp_path_factory.mktemp("jobs") / "home", environment={"RUNYARD_LOCAL_SLOTS": "2"}
    ).start()
    yield Ended(server)
    server.close()


@pytest.fixture
def own_jobs(start_server: ServerStarter) -> Iterator[JobClient]:
    """A server of the test's own with two slots."""
    client = JobClient(start_server(environment={"RUNYARD_LOCAL_SLOTS": "2"}))
    yield client
    client.close()


def log(page: Page):
    return page.get_by_role("log")


def scrolled_up_by(page: Page) -> float:
    """Return how far the log is scrolled up from its end."""
    measure = "box => box.scrollHeight - box.clientHeight - box.scrollTop"
    return float(page.locator(".log-scroll").evaluate(measure))


def test_a_log_grows_while_the_script_runs_until_it_is_canceled(
    visit: Visit, own_jobs: JobClient, tmp_path: Path, look: Look
) -> None:
    told = tmp_path / "told"
    run_id = own_jobs.submit(TOLD, told, run_name="told")
    visitor = visit()
    page = visitor.open(f"{own_jobs.server.url}/#/jobs")
    row = page.get_by_role("row", name="told")
    expect(row).to_contain_text("Running")
    row.get_by_role("link", name="told").click()
    expect(page.get_by_role("region", name="Job", exact=True)).to_contain_text("Running")
    look(page, "job-running")
    page.get_by_role("link", name="Logs").click()
    expect(log(page)).to_contain_text("it has begun")
    expect(page.get_by_text("Live: more appears here by itself.")).to_be_visible()
    for epoch in (1, 2, 3):
        tell(told, epoch)
        expect(log(page)).to_contain_text(f"epoch {epoch}")
    look(page, "log-live")
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".title")).to_contain_text("Canceled")
    expect(page.get_by_text("The end.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)
    assert own_jobs.job(run_id)["status"] == "canceled"
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("region", name="Job", exact=True)).to_contain_text("canceled by local")


def test_a_log_that_grows_is_never_read_twice(visit: Visit, own_jobs: JobClient, tmp_path: Path) -> None:
    told = tmp_path / "told"
    run_id = own_jobs.submit(TOLD, told)
    own_jobs.until(run_id, "running")
    visitor = visit()
    asked: list[str] = []
    visitor.page.on(
        "request",
        lambda request: (
            asked.append(request.headers.get("range", "all"))
            if "stdout.000001.log" in request.url and "get-artifact" in request.url
            else None
        ),
    )
    page = visitor.open(f"{own_jobs.server.url}/#/experiments/0/runs/{run_id}/logs?stream=stdout")
    expect(log(page)).to_contain_text("it has begun")
    for epoch in range(5):
        tell(told, epoch)
        expect(log(page)).to_contain_text(f"epoch {epoch}")
    tell(told, "end")
    expect(log(page)).to_contain_text("it has ended")
    expect(page.locator(".title")).to_contain_text("Completed")
    expect(page.get_by_text("The end.")).to_be_visible()
    begins = [int(each.removeprefix("bytes=").removesuffix("-")) for each in asked]
    assert begins[0] == 0
    assert begins == sorted(set(begins))


def test_the_end_is_followed_until_somebody_scrolls_up(
    visit: Visit, own_jobs: JobClient, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    run_id = own_jobs.submit(TOLD, told)
    own_jobs.until(run_id, "running")
    tell(told, *range(200))
    page = visit().open(f"{own_jobs.server.url}/#/experiments/0/runs/{run_id}/logs?stream=stdout")
    follow = page.get_by_role("button", name="Follow")
    expect(log(page)).to_contain_text("epoch 199")
    expect(follow).to_have_attribute("aria-pressed", "true")
    until(lambda: scrolled_up_by(page) < 5)
    page.locator(".log-scroll").hover()
    page.mouse.wheel(0, -900)
    expect(follow).to_have_attribute("aria-pressed", "false")
    tell(told, *range(200, 230))
    expect(page.get_by_text("231 lines")).to_be_visible()
    expect(log(page)).not_to_contain_text("epoch 229")
    follow.click()
    expect(log(page)).to_contain_text("epoch 229")
    tell(told, 230)
    expect(log(page)).to_contain_text("epoch 230")
    until(lambda: scrolled_up_by(page) < 5)
    tell(told, "end")


def test_colours_and_bars_are_shown_as_a_terminal_does(visit: Visit, ended: Ended, look: Look) -> None:
    page = visit().open(ended.page_of(ended.coloured, "logs"))
    expect(log(page)).to_contain_text("epoch 299")
    page.locator(".log-scroll").evaluate("box => { box.scrollTop = 0; }")
    expect(page.locator(".ansi-red-fg", has_text="red")).to_have_css("color", "rgb(179, 38, 30)")
    expect(page.get_by_text("orange")).to_have_css("color", "rgb(255, 135, 0)")
    expect(page.locator(".ansi-yellow-fg", has_text="still yellow")).to_be_visible()
    # What a script prints is text, whatever it looks like.
    expect(log(page)).to_contain_text("<img src=x onerror=alert(1)>")
    expect(log(page).locator("img")).to_have_count(0)
    look(page, "log")
    page.get_by_role("button", name="Errors").click()
    expect(page.get_by_text("1 line, ")).to_be_visible()
    expect(log(page)).to_contain_text("100% |####################|")
    expect(log(page)).not_to_contain_text("50%")
    assert "stream=stderr" in page.url


def test_a_log_is_searched_and_filtered(visit: Visit, ended: Ended, look: Look) -> None:
    page = visit().open(ended.page_of(ended.coloured, "logs"))
    field = page.get_by_role("searchbox", name="Search the log")
    field.fill("EPOCH 29")
    expect(page.get_by_text("11 found")).to_be_visible()
    field.press("Enter")
    expect(page.get_by_text("1 of 11 found")).to_be_visible()
    current = page.locator('.log-line[aria-current="true"]')
    expect(current).to_contain_text("epoch 29: ")
    expect(current.locator("mark")).to_have_text("epoch 29")
    page.get_by_role("button", name="The match before").click()
    expect(current).to_contain_text("epoch 299: ")
    page.get_by_role("button", name="The next match").click()
    expect(current).to_contain_text("epoch 29: ")
    page.get_by_role("button", name="Only these lines").click()
    expect(page.locator(".log-line")).to_have_count(11)
    look(page, "log-filtered")
    field.fill("nothing of the kind")
    expect(page.get_by_text("0 found")).to_be_visible()
    expect(page.locator(".log-line")).to_have_count(0)


def test_enter_goes_to_what_was_typed_however_soon_it_comes(visit: Visit, ended: Ended) -> None:
    page = visit().open(ended.page_of(ended.coloured, "logs"))
    expect(log(page)).to_contain_text("epoch 299")
    field = page.get_by_role("searchbox", name="Search the log")
    current = page.locator('.log-line[aria-current="true"]')
    # Key after key without a rest, so that nothing was searched for yet.
    type_at_once(field, "epoch 29", "Enter")
    expect(page.get_by_text("1 of 11 found")).to_be_visible()
    expect(current).to_contain_text("epoch 29: ")
    type_at_once(field, "epoch 15", "Shift+Enter")
    expect(page.get_by_text("11 of 11 found")).to_be_visible()
    expect(current).to_contain_text("epoch 159: ")
    type_at_once(field, "nowhere", "Enter")
    expect(page.get_by_text("0 found")).to_be_visible()
    expect(current).to_have_count(0)
    # An Enter on a button is the button's.
    page.get_by_role("button", name="Wrap").press("Enter")
    expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "true")


def type_at_once(field: Locator, text: str, key: str) -> None:
    """Have the page get a text and a key within one of its turns, as no timer of its can come between."""
    field.evaluate(
        """(field, [text, key]) => {
            field.focus();
            Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, text);
            field.dispatchEvent(new Event("input", { bubbles: true }));
            const [name, shiftKey] = [key.split("+").at(-1), key.startsWith("Shift")];
            const pressed = { key: name, shiftKey, bubbles: true, cancelable: true };
            return new Promise((resolve) => queueMicrotask(() => {
                field.dispatchEvent(new KeyboardEvent("keydown", pressed));
                resolve();
            }));
        }""",
        [text, key],
    )


def test_a_log_is_wrapped_and_downloaded(visit: Visit, ended: Ended) -> None:
    page = visit().open(ended.page_of(ended.coloured, "logs"))
    expect(log(page)).to_contain_text("a long line")
    long_line = page.locator(".log-line", has_text="a long line")
    assert log(page).evaluate("box => box.scrollWidth > box.clientWidth")
    page.get_by_role("button", name="Wrap").click()
    expect(page.locator(".log-lines.wrapped")).to_be_visible()
    assert long_line.evaluate("line => line.offsetHeight") > 18 * 2
    assert log(page).evaluate("box => box.scrollWidth <= box.clientWidth")
    with page.expect_download() as started:
        page.get_by_role("button", name="Download").click()
    content = Path(started.value.path()).read_text()
    assert content.splitlines()[-2].startswith("epoch 299")
    assert started.value.suggested_filename == f"{ended.coloured}-stdout.log"


def test_a_million_lines_are_read_and_any_of_them_is_gone_to(
    visit: Visit, own_jobs: JobClient, look: Look
) -> None:
    run_id = own_jobs.submit("print('a job')", run_name="million")
    own_jobs.until(run_id, "completed")
    text = "".join(f"step {number} loss={number / 3:.3f}\n" for number in range(999_999)).encode()
    for number, begin in enumerate(range(0, len(text), 1_000_000), 2):
        piece = text[begin : begin + 1_000_000]
        own_jobs.put_file(run_id, f"console/stdout.{number:06d}.log", piece)
    page = visit().open(f"{own_jobs.server.url}/#/experiments/0/runs/{run_id}/logs")
    expect(page.get_by_text("1,000,000 lines")).to_be_visible()
    expect(page.locator(".log-line").last).to_contain_text("step 999998 loss")
    assert page.locator(".log-line").count() < 100
    page.get_by_role("searchbox", name="Search the log").fill("step 765432 ")
    expect(page.get_by_text("1 found")).to_be_visible()
    page.get_by_role("button", name="The next match").click()
    current = page.locator('.log-line[aria-current="true"]')
    expect(current).to_be_in_viewport()
    expect(current).to_contain_text("765434step 765432 loss")
    look(page, "log-million")
    page.locator(".log-scroll").evaluate("box => { box.scrollTop = 0; }")
    expect(page.locator(".log-line").first).to_contain_text("1a job")


def test_a_run_that_is_no_job_says_how_a_log_comes_about(visit: Visit, ended: Ended) -> None:
    body = {"experiment_id": "0", "run_name": "by hand", "start_time": 1}
    made = httpx.post(f"{ended.url}/api/2.0/mlflow/runs/create", json=body, timeout=60).json()
    page = visit().open(ended.page_of(made["run"]["info"]["run_id"], "logs"))
    expect(page.get_by_role("heading", name="What this run printed was not kept")).to_be_visible()
    tabs = page.get_by_role("navigation", name="Parts of the run")
    expect(tabs.get_by_role("link", name="Code")).to_have_count(0)
    page = visit().open(ended.page_of(made["run"]["info"]["run_id"], "code"))
    expect(page.get_by_role("heading", name="This run is no job")).to_be_visible()


def test_a_jobs_page_says_what_runs_and_what_became_of_it(visit: Visit, ended: Ended, look: Look) -> None:
    page = visit().open(f"{ended.url}/#/jobs/{ended.coloured}")
    expect(page.get_by_role("heading", level=1, name="coloured")).to_be_visible()
    page.wait_for_url(ended.page_of(ended.coloured))
    expect(page.locator(".title")).to_contain_text("Completed")
    words = page.get_by_role("region", name="Command", exact=True).locator(".word")
    expect(words).to_have_text(["src/train.py", "--alpha", "a 'b' $(x)", "empty"])
    place = page.get_by_role("region", name="Where and when")
    expect(place).to_contain_text("training, version 1")
    expect(page.get_by_role("region", name="Variables", exact=True)).to_contain_text("OMP_NUM_THREADS")
    look(page, "job")
    place.get_by_role("link", name="local").click()
    expect(page.get_by_role("heading", level=1, name="local")).to_be_visible()
    page = visit().open(ended.page_of(ended.failed))
    job = page.get_by_role("region", name="Job", exact=True)
    expect(job).to_contain_text("exit code 1: ValueError: alpha must be positive")
    page.get_by_role("link", name="Logs").click()
    # What it failed of stands there first.
    expect(page.get_by_role("button", name="Errors")).to_have_attribute("aria-pressed", "true")
    expect(log(page)).to_contain_text("ValueError: alpha must be positive")
    page.get_by_role("link", name="Overview").click()
    job.get_by_role("link", name="All jobs").click()
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()


def test_a_jobs_code_is_looked_at(visit: Visit, ended: Ended, look: Look) -> None:
    page = visit().open(ended.page_of(ended.coloured, "code"))
    shown = page.get_by_role("region", name="File src/train.py")
    expect(shown).to_contain_text("import sys, time")
    expect(page.get_by_text("3 files, ")).to_be_visible()
    page.get_by_role("button", name="conf").click()
    page.get_by_role("link", name="a b.toml").click()
    expect(page.get_by_role("region", name="File conf/a b.toml")).to_contain_text("alpha = 1")
    page.get_by_role("link", name="README.md").click()
    expect(page.get_by_role("region", name="File README.md")).to_contain_text("<b>read me</b>")
    expect(page.get_by_role("region", name="Git")).to_contain_text(COMMIT)
    expect(page.get_by_role("region", name="Git")).to_contain_text("trunk")
    diff = page.get_by_role("region", name="Not committed", exact=True)
    expect(diff.locator(".added")).to_have_text("+alpha = 2\n")
    look(page, "job-code")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download all").click()
    assert re.fullmatch(r"[0-9a-f]{64}\.tar\.gz", started.value.suggested_filename)


def test_a_jobs_environment_is_looked_at(visit: Visit, ended: Ended, look: Look) -> None:
    page = visit().open(ended.page_of(ended.coloured, "environment"))
    expect(page.get_by_role("region", name="Variables", exact=True)).to_contain_text("A")
    look(page, "job-environment")
    page.get_by_role("link", name="training, version 1").click()
    expect(page.get_by_role("heading", level=1, name="training version 1")).to_be_visible()
    page = visit().open(ended.page_of(ended.failed, "environment"))
    expect(page.get_by_role("region", name="Details")).to_contain_text("of this job alone")


def test_jobs_are_narrowed_down_by_the_address(visit: Visit, ended: Ended, look: Look) -> None:
    page = visit().open(f"{ended.url}/#/jobs")
    table = page.get_by_role("region", name="Jobs", exact=True)
    expect(table.get_by_role("link", name="coloured")).to_be_visible()
    # A reason that is long is cut in the list.
    wordy = table.get_by_role("row", name="wordy").locator(".job-why")
    expect(wordy).to_contain_text("why it is so")
    assert wordy.evaluate("why => why.scrollHeight > why.clientHeight && why.clientHeight < 80")
    look(page, "jobs")
    for order, runs in (
        ("asc", ["coloured", "failing", "wordy"]),
        ("desc", ["wordy", "failing", "coloured"]),
    ):
        table.get_by_role("button", name="Job").click()
        expect(table.locator("tbody .job-name a")).to_have_text(runs)
        assert f"order=run_name%3A{order}" in page.url
    page.get_by_role("combobox", name="State").select_option("Failed")
    expect(table.get_by_role("link", name="coloured")).to_have_count(0)
    expect(table.get_by_role("link", name="failing")).to_be_visible()
    assert "status=failed" in page.url
    page.reload()
    expect(table.get_by_role("link", name="failing")).to_be_visible()
    page.get_by_role("combobox", name="State").select_option("All states")
    page.get_by_role("searchbox", name="Search jobs by name, script or person").fill("COLOUR")
    expect(table.get_by_role("link", name="failing")).to_have_count(0)
    expect(table.get_by_role("link", name="coloured")).to_be_visible()
    page = visit().open(f"{ended.url}/#/jobs?compute=none&experiment=0")
    expect(page.get_by_role("heading", name="No job matches")).to_be_visible()
    page.get_by_role("button", name="Show all jobs").click()
    expect(page.get_by_role("link", name="coloured")).to_be_visible()


def test_who_has_no_jobs_is_shown_how_to_submit_one(
    visit: Visit, start_server: ServerStarter, look: Look
) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/workspaces/default/#/jobs")
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    expect(page.get_by_text(f"runyard job submit --url {server.url} -w default")).to_be_visible()
    expect(page.get_by_text(f'Workspace.get("default", url="{server.url}")')).to_be_visible()
    look(page, "jobs-empty")


def test_several_jobs_are_canceled_at_once(
    visit: Visit, own_jobs: JobClient, tmp_path: Path, look: Look
) -> None:
    own_jobs.ask("POST", "compute", json={"name": "one", "slots": 1})
    for name in ("first", "second", "third"):
        own_jobs.submit(TOLD, tmp_path / "told", run_name=name, compute="one")
    page = visit().open(f"{own_jobs.server.url}/#/jobs")
    expect(page.get_by_role("row", name="first")).to_contain_text("Running")
    second, third = (page.get_by_role("row", name=name) for name in ("second", "third"))
    expect(second).to_contain_text("Number 1 in the queue: all slots of compute target 'one' are taken")
    expect(third).to_contain_text("Number 2 in the queue: 1 job is before it")
    page.get_by_role("checkbox", name="Select second").check()
    page.get_by_role("checkbox", name="Select third").focus()
    page.keyboard.press("Space")
    chosen = page.get_by_role("region", name="Selected jobs")
    expect(chosen).to_contain_text("2 jobs selected")
    look(page, "jobs-selected")
    chosen.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep running").click()
    chosen.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the jobs").click()
    for row in (second, third):
        expect(row).to_contain_text("Canceled")
    expect(page.get_by_role("row", name="first")).to_contain_text("Running")
    expect(chosen).to_have_count(0)
    tell(tmp_path / "told", "end")
    expect(page.get_by_role("row", name="first")).to_contain_text("Completed")


def test_who_may_only_read_cancels_nothing(visit: Visit, start_server: ServerStarter, tmp_path: Path) -> None:
    home = tmp_path / "team"
    admin = administer(home, "init")
    reader = administer(home, "key", "create", "--name", "r", "--scope", "reader", "--workspace", "default")
    server = start_server(home=home, mode="serve", environment={"RUNYARD_LOCAL_SLOTS": "1"})
    headers = {"Authorization": f"Bearer {admin}"}
    body = {"experiment_id": "0", "command": ["sleep", "600"], "run_name": "sleeper"}
    made = httpx.post(f"{server.url}/api/v1/jobs", json=body, headers=headers, timeout=60).raise_for_status()
    page = visit().open(f"{server.url}/#/jobs")
    sign_in(page, reader)
    expect(page.get_by_role("row", name="sleeper")).to_contain_text("Running")
    expect(page.get_by_role("checkbox")).to_have_count(0)
    page.get_by_role("link", name="sleeper").click()
    expect(page.get_by_role("region", name="Job", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)
    run_id = made.json()["job"]["run_id"]
    httpx.post(f"{server.url}/api/v1/jobs/{run_id}/cancel", json={}, headers=headers, timeout=60)
    expect(page.locator(".title")).to_contain_text("Canceled")


TABS = ("", "logs", "code", "environment")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", TABS)
def test_nobody_is_kept_from_a_jobs_page(
    visit: Visit, ended: Ended, look: Look, tab: str, scheme: str
) -> None:
    page = visit(width=390, height=844, scheme=scheme).open(ended.page_of(ended.failed, tab))
    settle(page)
    look(page, f"job-{tab or 'overview'}-narrow-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.querySelector('main').scrollWidth") <= 390
    assert serious_barriers(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_from_the_list_of_jobs(visit: Visit, ended: Ended, look: Look, scheme: str) -> None:
    page = visit(width=390, height=844, scheme=scheme).open(f"{ended.url}/#/jobs")
    settle(page)
    look(page, f"jobs-narrow-{scheme}")
    assert page.evaluate("document.querySelector('main').scrollWidth") <= 390
    assert serious_barriers(page) == []


def test_what_is_not_there_is_said(visit: Visit, ended: Ended) -> None:
    page = visit().open(f"{ended.url}/#/jobs/{'0' * 32}")
    expect(page.get_by_role("alert")).to_contain_text("has no job")

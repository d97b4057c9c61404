"""Sweeps in the Studio: listed, followed while they run, ended, and thousands of trials put in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Look, Visitor
from tests.browser.job_content import JobClient, tell
from tests.browser.sweep_content import PARABOLA, keep_long_sweep, run_id_of_trial, submit_sweep
from tests.conftest import ServerStarter
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
MANY = 5_000


@pytest.fixture
def jobs(start_server: ServerStarter) -> Iterator[JobClient]:
    """A server of the test's own with two slots, and a target that begins nothing."""
    client = JobClient(start_server(environment={"RUNYARD_LOCAL_SLOTS": "2"}))
    client.ask("POST", "compute", json={"name": "paused"})
    client.ask("PATCH", "compute/paused", json={"is_paused": True})
    yield client
    client.close()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, str]]:
    """A server with a sweep of thousands of trials, which no test changes, and the sweep's id."""
    home = tmp_path_factory.mktemp("long") / "home"
    run_id = keep_long_sweep(home, MANY)
    running = RunningServer(home).start()
    yield running, run_id
    running.close()


def trials_of(page: Page) -> Locator:
    """The table of trials."""
    return page.get_by_role("region", name="Trials, all rows")


def first_of(page: Page, column: int) -> str:
    """What stands in a column of the first trial."""
    return trials_of(page).locator("tbody tr[aria-rowindex='2'] td").nth(column).inner_text()


def test_a_sweep_is_followed_to_its_best_trial_and_back(
    visit: Visit, jobs: JobClient, tmp_path: Path, look: Look
) -> None:
    told = tmp_path / "told"
    run_id = submit_sweep(jobs, PARABOLA, told, run_name="alpha beta", max_sweep_duration_s=3600)
    page = visit().open(jobs.server.url)
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("button", name="Sweeps").click()
    row = page.get_by_role("row", name="alpha beta")
    # The last trial waits to be told, so that the sweep goes on.
    expect(row).to_contain_text("3 of 4")
    expect(row).to_contain_text("minimize loss")
    expect(row.get_by_role("cell").nth(3)).to_have_text("0.5")
    expect(row).to_contain_text("Running")
    look(page, "sweeps")
    row.get_by_role("link", name="alpha beta").click()
    expect(page.get_by_role("heading", level=1, name="alpha beta")).to_be_visible()
    table = trials_of(page)
    expect(table.get_by_role("row")).to_have_count(5)
    expect(table.locator("tbody tr").nth(0)).to_contain_text("best")
    expect(table.locator("tbody tr").nth(3)).to_contain_text("Running")
    assert (first_of(page, 1), first_of(page, 2)) == ("0.5", "3")
    look(page, "sweep-live")
    tell(told, "end")
    expect(page.locator(".title")).to_contain_text("Completed")
    expect(page.locator(".title")).to_contain_text("4 of 4 trials")
    expect(table.locator("tbody tr").nth(3)).to_contain_text("Completed")
    details = page.get_by_role("region", name="Details")
    expect(details).to_contain_text("every combination, from seed")
    expect(details).to_contain_text("1 h 0 min")
    expect(page.get_by_role("region", name="Parameters", exact=True)).to_contain_text("one of 1, 2, 3, 4")
    details.get_by_role("link", name="0.5, trial 2").click()
    expect(page.get_by_role("heading", level=1, name="alpha beta-2")).to_be_visible()
    page.get_by_role("link", name="that this is a trial of").click()
    expect(page.get_by_role("heading", level=1, name="alpha beta")).to_be_visible()
    page.get_by_role("link", name="Its run").click()
    page.get_by_role("link", name="its charts and all its trials").click()
    page.get_by_role("link", name="all of this experiment").click()
    expect(page.get_by_text("Of the experiment Default")).to_be_visible()
    expect(page.get_by_role("row", name="alpha beta")).to_contain_text("Completed")
    assert jobs.ask("GET", f"sweeps/{run_id}")["sweep"]["status"] == "completed"


def test_a_sweep_is_cancelled_once_that_is_confirmed(visit: Visit, jobs: JobClient, tmp_path: Path) -> None:
    run_id = submit_sweep(jobs, PARABOLA, tmp_path / "told", run_name="endless", max_concurrent=1)
    page = visit().open(f"{jobs.server.url}/#/sweeps/{run_id}")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Keep running").click()
    expect(page.locator("dialog")).to_have_count(0)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the sweep").click()
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator(".title")).to_contain_text("Canceled")
    expect(page.get_by_text("canceled by local", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    until(lambda: jobs.ask("GET", f"sweeps/{run_id}")["sweep"]["status"] == "canceled")


def test_why_a_trial_failed_stands_beside_it(
    visit: Visit, jobs: JobClient, tmp_path: Path, look: Look
) -> None:
    tell(told := tmp_path / "told", "end")
    words = ["--told", str(told), "--breaks", "yes"]
    run_id = submit_sweep(jobs, PARABOLA, told, run_name="halting", arguments=words)
    page = visit().open(f"{jobs.server.url}/#/sweeps/{run_id}")
    expect(page.locator(".title")).to_contain_text("Completed")
    failed = trials_of(page).locator("tbody tr", has_text="Failed")
    expect(failed).to_have_count(1)
    expect(failed.get_by_role("cell").last).to_have_text("exit code 1: no such thing")
    expect(page.get_by_role("columnheader", name="Reason")).to_be_visible()
    look(page, "sweep-failed-trial")
    assert serious_barriers(page) == []


def test_thousands_of_trials_are_put_in_order_and_scrolled(
    visit: Visit, long: tuple[RunningServer, str], look: Look
) -> None:
    server, run_id = long
    page = visit().open(f"{server.url}/#/sweeps/{run_id}")
    trials = page.get_by_role("region", name="Trials", exact=True)
    expect(trials.get_by_role("heading")).to_have_text(f"Trials {MANY}")
    best = first_of(page, 1)
    assert float(best) < 1.5
    expect(page.get_by_role("region", name="Details")).to_contain_text(f"{best}, trial")
    # Few of them are in the page, the last one when it is scrolled to.
    assert trials_of(page).get_by_role("row").count() < 60
    look(page, "sweep-long")
    page.get_by_role("button", name="Trial", exact=True).click()
    expect(trials_of(page).locator("tbody tr[aria-rowindex='2']")).to_contain_text("0")
    page.get_by_role("button", name="Trial", exact=True).click()
    expect(trials_of(page).get_by_role("link", name=str(MANY - 1), exact=True)).to_be_visible()
    page.get_by_role("button", name="loss", exact=True).click()
    trials_of(page).evaluate("table => table.scrollTo(0, table.scrollHeight)")
    # The one trial that has logged nothing is the last, whichever way the others are ordered.
    expect(trials_of(page).get_by_role("row").last.get_by_role("link")).to_have_text("7")
    page.reload()
    assert "order=value" in page.url
    expect(trials_of(page).locator("tbody tr[aria-rowindex='2'] td").nth(1)).to_have_text(best)


def test_charts_show_which_parameter_matters_and_open_a_trial(
    visit: Visit, long: tuple[RunningServer, str]
) -> None:
    server, run_id = long
    page = visit().open(f"{server.url}/#/sweeps/{run_id}?parameter=optimizer")
    chart = page.get_by_role("figure", name="loss over optimizer")
    expect(chart.locator("canvas")).to_be_visible()
    page.get_by_role("combobox", name="Parameter").select_option("lr")
    chart = page.get_by_role("figure", name="loss over lr")
    over = chart.locator(".u-over")
    box = over.bounding_box()
    assert box is not None
    under = chart.locator(".trial-under")
    over.hover(position={"x": box["width"] / 2, "y": box["height"] * 0.8})
    expect(under).to_contain_text("loss")
    number = under.inner_text().removeprefix("Trial ").partition(":")[0]
    over.click(position={"x": box["width"] / 2, "y": box["height"] * 0.8})
    page.wait_for_url(f"{server.url}/#/experiments/0/runs/*")
    expect(page.get_by_role("alert")).to_contain_text(f"Run with id={run_id_of_trial(int(number))}")


def test_a_workspace_without_sweeps_says_how_to_begin_one(visit: Visit, start_server: ServerStarter) -> None:
    server = start_server()
    page = visit().open(f"{server.url}/#/sweeps")
    expect(page.get_by_role("heading", name="No sweeps yet")).to_be_visible()
    expect(page.get_by_text(f"runyard sweep submit --url {server.url}")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_nobody_is_kept_from_sweeps(
    visit: Visit, long: tuple[RunningServer, str], look: Look, scheme: str, width: int
) -> None:
    server, run_id = long
    for address in ("sweeps", f"sweeps/{run_id}"):
        page = visit(width=width, height=844, scheme=scheme).open(f"{server.url}/#/{address}")
        settle(page)
        if "/" in address:
            expect(page.locator(".trial-plot canvas")).to_have_count(2)
        look(page, f"{'sweep' if '/' in address else 'sweeps'}-{width}-{scheme}")
        assert page.evaluate("document.querySelector('main').scrollWidth") <= width
        assert serious_barriers(page) == []


def test_what_is_no_sweep_is_said(visit: Visit, long: tuple[RunningServer, str]) -> None:
    server, _ = long
    page = visit().open(f"{server.url}/#/sweeps/{'9' * 32}")
    expect(page.get_by_role("alert").first).to_contain_text("no sweep")

"""Two evaluations side by side in the Studio; the genuine client has logged them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.barriers import serious_barriers, settle
from tests.browser.conftest import Connect, Look, Visitor
from tests.conftest import ServerStarter
from tests.running_server import RunningServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "tests.browser.logged_evaluations"


@dataclass(frozen=True)
class Evaluated:
    """A server with two evaluations, and their runs."""

    url: str
    experiment_id: str
    left: str
    right: str

    @property
    def screen(self) -> str:
        """The address of the screen without a choice."""
        return f"{self.url}/#/experiments/{self.experiment_id}/evaluation-runs"

    @property
    def both(self) -> str:
        """The address that MLflow's own pages have for the two."""
        return f"{self.screen}?selectedRunUuid={self.left}&compareToRunUuid={self.right}"


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluated]:
    """Two evaluations, which no test changes."""
    folder = tmp_path_factory.mktemp("evaluated")
    server = RunningServer(folder / "home").start()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", PROGRAM, server.url],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    yield Evaluated(server.url, **json.loads(done.stdout.splitlines()[-1]))
    server.close()


def row_of(page: Page, question: str):
    """The row of a request."""
    return page.get_by_role("region", name="Answers, all rows").get_by_role("row").filter(has_text=question)


def test_two_evaluations_stand_side_by_side(visit: Visit, evaluated: Evaluated, look: Look) -> None:
    page = visit().open(evaluated.both)
    summary = page.get_by_role("region", name="Assessments, all rows")
    brief = summary.get_by_role("row").filter(has_text="brief").get_by_role("cell")
    expect(brief.nth(1)).to_have_text("3 of 3 yes")
    expect(brief.nth(2)).to_have_text("1 of 2 yes")
    length = summary.get_by_role("row").filter(has_text="length").get_by_role("cell")
    expect(length.nth(1)).to_contain_text("of 3")
    expect(length.nth(3)).to_contain_text("+5.66")
    look(page, "evaluations-compared")
    differing = row_of(page, "What is a trace?")
    expect(differing.get_by_role("cell").nth(1)).to_contain_text("A request.")
    expect(differing.get_by_role("cell").nth(2)).to_contain_text("A request, followed.")
    expect(differing.get_by_text("differs:").first).to_be_attached()
    expect(row_of(page, "What is a run?").get_by_text("differs:")).to_have_count(0)
    expect(row_of(page, "What is a sweep?").get_by_role("cell").nth(2)).to_contain_text(
        "It was not asked this."
    )
    page.get_by_role("checkbox", name="Only the 2 that differ").check()
    expect(row_of(page, "What is a run?")).to_have_count(0)
    expect(row_of(page, "What is a sweep?")).to_be_visible()
    differing.get_by_role("link", name="Trace").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("answer")


def test_runs_are_chosen_and_reached_from_their_comparison(
    visit: Visit, evaluated: Evaluated, look: Look
) -> None:
    page = visit().open(f"{evaluated.screen}?selectedRunUuid={evaluated.left}")
    # The client prints this address: one run, and the other is still to be chosen.
    expect(page.get_by_label("One run")).to_have_value(evaluated.left)
    expect(page.get_by_role("heading", name="Choose two runs")).to_be_visible()
    expect(page.get_by_role("link", name="The traces of the one alone")).to_be_visible()
    look(page, "evaluations-empty")
    page.get_by_label("Another run").select_option("second")
    expect(row_of(page, "What is a run?")).to_be_visible()
    assert f"compareToRunUuid={evaluated.right}" in page.url
    selected = f"{evaluated.left},{evaluated.right}"
    page.goto(f"{evaluated.url}/#/experiments/{evaluated.experiment_id}?pane=compare&sel={selected}")
    page.get_by_role("link", name="Their traces").click()
    expect(page.get_by_role("region", name="Answers, all rows")).to_be_visible()


def test_runs_without_traces_and_runs_that_are_not_there_say_so(
    visit: Visit, start_server: ServerStarter, connect: Connect
) -> None:
    server = start_server()
    logger = connect(server.url)
    experiment_id = logger.create_experiment("plain")
    left, right = (logger.create_run(experiment_id, name) for name in ("one", "other"))
    screen = f"{server.url}/#/experiments/{experiment_id}/evaluation-runs?selectedRunUuid={left}"
    page = visit().open(f"{screen}&compareToRunUuid={right}")
    expect(page.get_by_role("heading", name="No assessments")).to_be_visible()
    expect(page.get_by_role("heading", name="No traces")).to_be_visible()
    page = visit().open(f"{screen}&compareToRunUuid={'0' * 32}")
    expect(page.get_by_role("alert")).to_contain_text("There is nothing at this address")


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "dark")])
def test_the_comparison_has_no_barriers(
    visit: Visit, evaluated: Evaluated, look: Look, width: int, scheme: str
) -> None:
    page = visit(width=width, scheme=scheme).open(evaluated.both)
    expect(row_of(page, "What is a run?")).to_be_visible()
    settle(page)
    look(page, f"evaluations-{width}-{scheme}")
    assert serious_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

"""MLflow's own pages over this server: the package that people install, in a real browser.

What its pages let fail unseen is theirs; dialogs, what the policy of the page refuses, and requests that
leave this server are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Connect, Look, Visitor
from tests.browser.signing_in import administer, sign_in
from tests.browser.trace_content import HOSTILE, log_traces
from tests.browser.workspace_content import Content, fill
from tests.running_server import RunningServer
from tests.waiting import until

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".envs" / "mlflow-ui" / "bin" / "python"
REFUSED_BY_POLICY = "Content Security Policy"
WORKSPACE = "/workspaces/default/mlflow/"
# On a machine's own address the page opens a panel of an assistant over what one wants to see.
CLOSED_PANEL = "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"
Visit = Callable[..., Visitor]


def served(home: Path, mode: str = "up") -> RunningServer:
    """A server of this source tree, in the environment that has MLflow's package."""
    assert PYTHON.exists(), "the tests of MLflow's pages need `python3 scripts/bootstrap.py test`"
    environment = {"PYTHONPATH": str(ROOT / "src")}
    return RunningServer(home, mode=mode, environment=environment, python=PYTHON).start()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Content]:
    running = served(tmp_path_factory.mktemp("mlflow") / "home")
    yield fill(running.url, many=3)
    running.close()


@pytest.fixture
def visitor(visit: Visit) -> Iterator[Visitor]:
    """Somebody whose browser notices what is ours to mend."""
    visitor = visit()
    visitor.page.add_init_script(CLOSED_PANEL)
    yield visitor
    server = visitor.page.url.split("/workspaces/")[0].split("/mlflow/")[0]
    assert [url for url in visitor.requests if not url.startswith((server, "blob:", "data:", "about:"))] == []
    visitor.complaints[:] = [
        told for told in visitor.complaints if told.startswith("dialog:") or REFUSED_BY_POLICY in told
    ]


def test_experiments_are_listed_made_renamed_and_deleted(
    visitor: Visitor, content: Content, look: Look
) -> None:
    page = visitor.open(f"{content.url}{WORKSPACE}#/experiments")
    expect(page.get_by_role("link", name="ridge-diabetes")).to_be_visible()
    look(page, "mlflow-experiments")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_placeholder("Input an experiment name").fill("made in the page")
    page.get_by_role("dialog").get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_test_id("experiment-link")).to_have_text("made in the page")
    page.get_by_test_id("overflow-menu-trigger").first.click()
    page.get_by_text("Edit experiment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").first.fill("renamed in the page")
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_test_id("experiment-link")).to_have_text("renamed in the page")
    page.goto(f"{content.url}{WORKSPACE}#/experiments")
    row = page.get_by_role("row", name="renamed in the page")
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(page.get_by_role("link", name="ridge-diabetes")).to_be_visible()


def test_runs_are_searched_drawn_and_compared(visitor: Visitor, content: Content, look: Look) -> None:
    at = f"{content.url}{WORKSPACE}#/experiments/{content.experiment_id}"
    page = visitor.open(f"{at}/runs")
    for number in range(4):
        expect(page.get_by_role("link", name=f"ridge-{number}", exact=True)).to_be_visible()
    search = page.get_by_placeholder("metrics.rmse < 1")
    search.fill('params.alpha = "0.2"')
    search.press("Enter")
    expect(page.get_by_role("link", name="ridge-0", exact=True)).to_have_count(0)
    expect(page.get_by_role("link", name="ridge-1", exact=True)).to_be_visible()
    look(page, "mlflow-runs")
    page = visitor.open(f"{at}/runs?compareRunsMode=CHART&searchFilter=")
    expect(page.locator(".js-plotly-plot .scatterlayer .trace").first).to_be_attached()
    look(page, "mlflow-charts")
    runs = quote(str(list(content.run_ids[:2])).replace("'", '"'))
    experiments = quote(f'["{content.experiment_id}"]')
    page = visitor.open(f"{content.url}{WORKSPACE}#/compare-runs?runs={runs}&experiments={experiments}")
    expect(page.get_by_role("heading", name="Comparing 2 Runs from 1 Experiment")).to_be_visible()
    page.get_by_role("tab", name="Scatter Plot").click()
    expect(page.locator(".js-plotly-plot .scatterlayer .point")).to_have_count(2)
    look(page, "mlflow-scatter")
    page = visitor.open(f"{at}/models")
    expect(page.get_by_role("link", name="ridge", exact=True)).to_be_visible()
    look(page, "mlflow-models")


def test_what_is_traced_and_evaluated_opens_without_a_refusal(
    visitor: Visitor, content: Content, tmp_path: Path, look: Look
) -> None:
    refused: list[str] = []
    visitor.page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    traced = log_traces(content.url, tmp_path, span_count=3)
    at = f"{content.url}{WORKSPACE}#/experiments/{traced.experiment_id}"
    page = visitor.open(f"{at}/traces")
    expect(page.get_by_text("And how is it there?").first).to_be_visible()
    page = visitor.open(f"{at}/traces?selectedEvaluationId={traced.in_session}")
    page.get_by_text("ask_model").first.click()
    expect(page.get_by_text("Be brief.").first).to_be_visible()
    look(page, "mlflow-trace")
    page = visitor.open(f"{at}/evaluation-runs")
    expect(page.get_by_text("traced").first).to_be_visible()
    page = visitor.open(f"{at}/datasets")
    page.get_by_text("questions", exact=True).first.click()
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    # This page asks for the traces of no experiment, and lists judges beside a gateway alone.
    with page.expect_response("**/traces/search") as asked:
        page = visitor.open(f"{at}/judges")
    assert asked.value.ok
    expect(page.get_by_text("Create and manage judges")).to_be_visible()
    # What Runyard has not got on purpose it says.
    assert [url for url in refused if "/assistant/" not in url] == []


def preview(page: Page, name: str) -> None:
    page.get_by_text(name, exact=True).first.click()
    expect(page.get_by_text(f"/{name}").first).to_be_visible()


def test_s20_a_run_shows_its_metrics_and_previews_its_files_without_running_them(
    visitor: Visitor, content: Content, look: Look
) -> None:
    at = f"{content.url}{WORKSPACE}#/experiments/{content.experiment_id}/runs/{content.run_with_files}"
    page = visitor.open(at)
    expect(page.get_by_role("heading", name="ridge-3")).to_be_visible()
    expect(page.get_by_text("Finished")).to_be_visible()
    expect(page.get_by_text("Baseline.")).to_be_visible()
    look(page, "mlflow-run")
    page = visitor.open(f"{at}/model-metrics")
    expect(page.locator(".js-plotly-plot .scatterlayer .trace").first).to_be_attached()
    page = visitor.open(f"{at}/artifacts")
    preview(page, "notes.txt")
    expect(page.get_by_text("plain text of a note")).to_be_visible()
    preview(page, "predictions.csv")
    expect(page.get_by_role("cell", name="one, and a half")).to_be_visible()
    preview(page, "drawing.svg")
    expect(page.locator("img[src^='blob:']").first).to_be_visible()
    assert not [told for told in visitor.complaints if REFUSED_BY_POLICY in told]
    preview(page, "report.html")
    expect(page.frame_locator("iframe").get_by_role("heading", name="report")).to_be_visible()
    look(page, "mlflow-artifact")
    # Its script was refused by the page's policy, which the frame inherits; nothing else was.
    refused: list[str] = []

    def is_told() -> bool:
        page.evaluate("1")  # what the browser has to tell is told while it is asked something
        refused[:] = [told for told in visitor.complaints if REFUSED_BY_POLICY in told]
        return bool(refused)

    until(is_told)
    assert len(refused) == 1
    assert "inline script" in refused[0]
    visitor.complaints.remove(refused[0])


def labelled(page: Page, name: str) -> None:
    """Set an alias in the dialog that is open."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").fill(name)
    dialog.get_by_role("combobox").press("Enter")
    dialog.get_by_role("button", name="Save aliases").click()
    expect(dialog).to_have_count(0)


def test_a_logged_model_is_registered_and_its_version_gets_an_alias_and_a_tag(
    visitor: Visitor, content: Content, look: Look
) -> None:
    at = f"{content.url}{WORKSPACE}#/experiments/{content.experiment_id}/models"
    page = visitor.open(at)
    page.get_by_role("link", name="ridge", exact=True).click()
    page.get_by_role("button", name="Register model").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").click()
    page.locator("[class*=select-item-option]").filter(has_text="Create New Model").last.click()
    dialog.get_by_placeholder("Input a model name").fill("ridge by hand")
    dialog.get_by_role("button", name="Register").click()
    expect(page.get_by_text("Model registered successfully")).to_be_visible()
    page = visitor.open(f"{content.url}{WORKSPACE}#/models/{quote('ridge by hand')}/versions/1")
    expect(page.get_by_role("link", name="ridge-3")).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).first.click()
    labelled(page, "champion")
    expect(page.get_by_text("champion").first).to_be_visible()
    page.get_by_role("button", name="Tags").click()
    page.get_by_placeholder("Name").fill("stage")
    page.get_by_placeholder("Value").fill("tried")
    page.get_by_role("button", name="Add", exact=True).last.click()
    expect(page.get_by_role("cell", name="tried")).to_be_visible()
    look(page, "mlflow-version")


def test_versions_of_a_prompt_are_made_compared_and_named(
    visitor: Visitor, content: Content, connect: Connect, look: Look
) -> None:
    client = connect(content.url)
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    client.post("registered-models/create", name="greet", tags=[is_prompt])
    text = {"key": "mlflow.prompt.text", "value": "Hello {{name}}"}
    client.post("model-versions/create", name="greet", source="dummy-source", tags=[is_prompt, text])
    page = visitor.open(f"{content.url}{WORKSPACE}#/prompts")
    page.get_by_role("link", name="greet").click()
    expect(page.get_by_role("heading", name="Viewing version 1")).to_be_visible()
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="Create prompt version").click()
    dialog.get_by_placeholder("Type prompt content").fill("Good day {{name}}")
    dialog.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="Viewing version 2")).to_be_visible()
    page.get_by_role("button", name="Add", exact=True).first.click()
    labelled(page, "polite")
    page.get_by_text("Compare", exact=True).click()
    expect(page.get_by_role("heading", name="Comparing version 2 with version 1")).to_be_visible()
    expect(page.get_by_text("Good day {{name}}").first).to_be_visible()
    expect(page.get_by_text("Hello {{name}}").first).to_be_visible()
    expect(page.get_by_text("polite").first).to_be_visible()
    look(page, "mlflow-prompts")


def test_a_run_goes_to_the_trash_and_comes_back(visitor: Visitor, content: Content, look: Look) -> None:
    at = f"{content.url}{WORKSPACE}#/experiments/{content.experiment_id}/runs"

    def choose(page: Page) -> None:
        expect(page.get_by_role("link", name="ridge-1", exact=True)).to_be_visible()
        page.locator(".ag-row").filter(has_text="ridge-1").get_by_role("checkbox").first.check()

    page = visitor.open(at)
    choose(page)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="ridge-1", exact=True)).to_have_count(0)
    page = visitor.open(f"{at}?lifecycleFilter=Deleted")
    choose(page)
    look(page, "mlflow-trash")
    page.get_by_role("button", name="Restore").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(page.get_by_role("link", name="ridge-1", exact=True)).to_have_count(0)
    page = visitor.open(f"{at}?lifecycleFilter=Active")
    expect(page.get_by_role("link", name="ridge-1", exact=True)).to_be_visible()


def test_a_trace_is_assessed(visitor: Visitor, content: Content, tmp_path: Path, look: Look) -> None:
    traced = log_traces(content.url, tmp_path, span_count=3)
    at = f"{content.url}{WORKSPACE}#/experiments/{traced.experiment_id}/traces"
    page = visitor.open(f"{at}?selectedEvaluationId={traced.in_session}")
    page.get_by_role("button", name="Assess").first.click()
    page.get_by_role("button", name="Add feedback").click()
    page.get_by_role("menuitem", name="Human feedback").click()
    pane = page.get_by_test_id("assessments-pane")
    pane.get_by_placeholder("Enter a feedback name").fill("helpful")
    pane.get_by_role("button", name="Create", exact=True).click()
    expect(pane.get_by_role("button", name="Create", exact=True)).to_have_count(0)
    expect(pane.get_by_text("helpful")).to_be_visible()
    expect(pane.get_by_text("Feedback (2)")).to_be_visible()
    look(page, "mlflow-assess")


def test_a_team_signs_in_by_the_studio_and_comes_to_the_page_that_it_asked_for(
    visitor: Visitor, tmp_path: Path, look: Look
) -> None:
    home = tmp_path / "team"
    api_key = administer(home, "init", "--name", "ann")
    running = served(home, mode="serve")
    try:
        page = visitor.open(f"{running.url}{WORKSPACE}#/experiments?searchFilter=Def")
        sign_in(page, api_key)
        expect(page.get_by_role("link", name="Default", exact=True)).to_be_visible()
        page.wait_for_url(f"{running.url}{WORKSPACE}#/experiments?searchFilter=Def*")
        look(page, "mlflow-team")
        # The Studio leads there as well.
        page = visitor.open(f"{running.url}/workspaces/default/#/experiments")
        page.get_by_role("link", name="MLflow", exact=True).click()
        page.wait_for_url(f"{running.url}{WORKSPACE}**")
        expect(page.get_by_role("heading", name="Welcome to MLflow")).to_be_visible()
    finally:
        running.close()

"""The page of one run, its files and its models."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.charts import wait_for_lines
from tests.browser.conftest import Look, Visitor
from tests.browser.workspace_content import HOSTILE_NAME, HOSTILE_PAGE, Content
from tests.running_server import RunningServer

pytestmark = pytest.mark.browser
Visit = Callable[..., Visitor]

MLFLOW_SCRIPT = """
import mlflow
mlflow.set_experiment("from-the-client")
with mlflow.start_run(run_name="client-run"):
    mlflow.log_param("alpha", 0.5)
    mlflow.log_metric("rmse", 0.75, step=3)
"""


def run_address(content: Content, tail: str = "") -> str:
    """The address of the run that has files."""
    return f"{content.url}/#/experiments/{content.experiment_id}/runs/{content.run_with_files}{tail}"


def open_file(visitor: Visitor, content: Content, path: str) -> Page:
    """Open a file by its link and wait for its name."""
    page = visitor.open(run_address(content, f"/artifacts/{path}"))
    expect(page.get_by_role("region", name=f"File {path}")).to_be_visible()
    return page


def test_the_run_page_shows_what_was_logged(visit: Visit, content: Content, look: Look) -> None:
    page = visit().open(run_address(content))
    expect(page.get_by_role("heading", level=1, name="ridge-3")).to_be_visible()
    expect(page.get_by_role("region", name="Description")).to_contain_text("<b>Not markup.</b>")
    expect(page.get_by_role("region", name="Details")).to_contain_text("train.py")
    expect(
        page.get_by_role("region", name="Params", exact=True).get_by_role("row", name="alpha")
    ).to_contain_text("0.4")
    expect(
        page.get_by_role("region", name="Metrics", exact=True).get_by_role("row", name="r2")
    ).to_contain_text("0.43")
    expect(page.get_by_role("region", name="Tags", exact=True)).to_contain_text("tabular")
    look(page, "run")


def test_times_are_local_with_utc_beside_them(visit: Visit, content: Content) -> None:
    page = visit().open(run_address(content))
    started = page.get_by_role("region", name="Details").locator("time").first
    expect(started).to_have_attribute("title", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? UTC$"))


@pytest.mark.parametrize("tail", ["", "/overview", "/something/else"])
def test_any_tail_that_mlflow_may_add_opens_the_run(visit: Visit, content: Content, tail: str) -> None:
    page = visit().open(run_address(content, tail))
    expect(page.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("heading", level=1, name="ridge-3")).to_be_visible()


def test_the_metrics_of_a_run_are_drawn(visit: Visit, content: Content, look: Look) -> None:
    page = visit().open(run_address(content, "/model-metrics"))
    wait_for_lines(page, "train/loss", 60)
    page.get_by_role("button", name="log y").click()
    expect(page).to_have_url(re.compile("y=log"))
    wait_for_lines(page, "train/loss", 60)
    page.get_by_role("button", name="Relative").click()
    expect(page).to_have_url(re.compile("x=relative"))
    wait_for_lines(page, "train/loss", 1)
    assert "y=log" in page.url
    look(page, "run-metrics")


def test_a_panel_fills_the_screen_and_escape_brings_it_back(visit: Visit, content: Content) -> None:
    page = visit().open(run_address(content, "/metrics"))
    wait_for_lines(page, "train/loss", 60)
    panel = page.get_by_role("figure", name="Chart of train/loss")
    panel.get_by_role("button", name=re.compile("full screen")).click()
    expect(panel).to_have_class(re.compile("full"))
    box = panel.bounding_box()
    assert box is not None
    assert (box["width"], box["height"]) == (1440, 900)
    page.keyboard.press("Escape")
    expect(panel).not_to_have_class(re.compile("full"))


def test_a_csv_is_a_table(visit: Visit, content: Content, look: Look) -> None:
    page = open_file(visit(), content, "predictions.csv")
    expect(page.get_by_role("columnheader", name="predicted")).to_be_visible()
    expect(page.get_by_role("cell", name="one, and a half")).to_be_visible()
    look(page, "artifact-csv")


def test_a_picture_is_shown(visit: Visit, content: Content) -> None:
    page = open_file(visit(), content, "figures/loss.png")
    picture = page.get_by_role("img", name="loss.png")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("naturalWidth", 60)
    # The folder that it lies in is open.
    expect(page.get_by_role("button", name="figures", exact=True)).to_have_attribute("aria-expanded", "true")


def test_json_is_indented_and_text_is_as_it_stands(visit: Visit, content: Content) -> None:
    page = open_file(visit(), content, "metrics.json")
    expect(page.get_by_role("region", name="Text of the file")).to_have_text(
        re.compile(r'\{\s+"folds": \[\s+1,')
    )
    page.get_by_role("link", name="notes.txt").click()
    expect(page.get_by_role("region", name="Text of the file")).to_have_text("plain text of a note")


def test_a_pickle_is_for_download_only(visit: Visit, content: Content) -> None:
    page = open_file(visit(), content, "model/model.pkl")
    expect(page.get_by_role("heading", name="No preview for this kind of file")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "model.pkl"
    assert download.value.path().read_bytes() == b"\x80\x04\x00"


def test_a_page_of_html_is_shown_as_text(visit: Visit, content: Content) -> None:
    page = open_file(visit(), content, "report.html")
    expect(page.get_by_role("region", name="Text of the file")).to_have_text(HOSTILE_PAGE)
    expect(page.get_by_role("heading", name="report", exact=True)).to_have_count(0)


def test_a_drawing_with_a_script_is_a_picture_without_one(visit: Visit, content: Content) -> None:
    page = open_file(visit(), content, "drawing.svg")
    expect(page.get_by_role("img", name="drawing.svg")).to_have_js_property("naturalWidth", 120)
    assert page.locator("svg rect").count() == 0


def test_names_with_markup_stay_text_everywhere(visit: Visit, content: Content, look: Look) -> None:
    visitor = visit()
    page = visitor.open(f"{content.url}/#/experiments")
    expect(page.get_by_role("link", name=HOSTILE_NAME).first).to_be_visible()
    page = visitor.open(f"{content.url}/#/experiments/{content.hostile_id}")
    expect(page.get_by_role("heading", level=1, name=HOSTILE_NAME)).to_be_visible()
    wait_for_lines(page, "loss", 1)
    page.get_by_role("figure", name="Chart of loss").locator(".u-over").hover()
    expect(page.locator(".tooltip")).to_contain_text(HOSTILE_NAME)
    page.get_by_role("link", name=HOSTILE_NAME).first.click()
    expect(page.get_by_role("region", name="Params", exact=True)).to_contain_text(HOSTILE_NAME)
    expect(page.get_by_role("region", name="Description")).to_contain_text(HOSTILE_NAME)
    look(page, "hostile")
    assert page.locator("img[src=x]").count() == 0
    assert [url for url in visitor.requests if not url.startswith((content.url, "blob:", "about:"))] == []


def test_a_logged_model_has_a_page(visit: Visit, content: Content) -> None:
    page = visit().open(f"{content.url}/#/experiments/{content.experiment_id}/models/{content.model_id}")
    expect(page.get_by_role("heading", level=1, name="ridge")).to_be_visible()
    expect(
        page.get_by_role("region", name="Params", exact=True).get_by_role("row", name="alpha")
    ).to_contain_text("0.3")
    page.get_by_role("link", name=content.run_with_files).click()
    expect(page.get_by_role("heading", level=1, name="ridge-3")).to_be_visible()


def test_files_of_a_logged_model_are_previewed(visit: Visit, content: Content) -> None:
    page = visit().open(f"{content.url}/#/experiments/{content.experiment_id}/models/{content.model_id}")
    page.get_by_role("link", name="MLmodel").click()
    expect(page.get_by_role("region", name="Text of the file")).to_have_text(re.compile("flavors:"))


def test_a_run_that_is_not_there_says_so(visit: Visit, content: Content, look: Look) -> None:
    page = visit().open(f"{content.url}/#/experiments/{content.experiment_id}/runs/{'0' * 32}")
    expect(page.get_by_role("heading", name="There is nothing at this address")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    look(page, "error")


def test_the_link_that_mlflows_client_prints_opens_the_run(visit: Visit, server: RunningServer) -> None:
    printed = subprocess.run(
        [sys.executable, "-c", MLFLOW_SCRIPT],
        env={"MLFLOW_TRACKING_URI": server.url, "PATH": "/usr/bin:/bin", "HOME": str(server.home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    link = re.search(r"View run client-run at: (\S+)", printed.stdout + printed.stderr)
    assert link, printed.stdout + printed.stderr
    page = visit().open(link.group(1))
    expect(page.get_by_role("heading", level=1, name="client-run")).to_be_visible()
    expect(
        page.get_by_role("region", name="Metrics", exact=True).get_by_role("row", name="rmse")
    ).to_contain_text("0.75")

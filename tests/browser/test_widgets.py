"""The widgets' pages in a real browser, fed with what the Python side makes of a real server."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from runyard import CompareWidget, Experiment, Run, RunsWidget, RunWidget, Workspace
from runyard.sdk.widgets.live import LiveView
from tests.browser.conftest import Look, Visitor
from tests.browser.shown_widgets import page_with
from tests.running_server import RunningServer

pytestmark = pytest.mark.browser

Visit = Callable[..., Visitor]
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\u202e\"'`${1}"


@pytest.fixture(scope="module")
def workspace(server: RunningServer) -> Workspace:
    return Workspace.get("default", url=server.url)


@pytest.fixture(scope="module")
def trained(workspace: Workspace) -> list[Run]:
    """Three runs that ended, of different length and luck."""
    experiment = Experiment(workspace, "trained")
    runs = []
    for number, rate in enumerate((0.5, 0.05, 0.005)):
        with experiment.start_logging(display_name=f"rate {rate}") as run:
            run.log_params({"rate": rate, "optimizer": "adam"})
            for step in range(40 + 20 * number):
                run.log("loss", 1 / (1 + rate * step) + 0.02 * ((step * 7) % 5))
                run.log("accuracy", 1 - 1 / (2 + rate * step))
            run.log("final", 3 - number)
        runs.append(run)
    return runs


@pytest.fixture
def open_widget(visit: Visit) -> Callable[..., tuple[Page, Visitor]]:
    def shown(view: LiveView, scheme: str = "light", width: int = 1000) -> tuple[Page, Visitor]:
        visitor = visit(width=width, height=700, scheme=scheme)
        visitor.page.set_content(page_with(view.content, scheme))
        expect(visitor.page.locator(".runyard header")).to_be_visible()
        return visitor.page, visitor

    return shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_run_shows_its_facts_metrics_and_curves(trained: list[Run], open_widget, look: Look, scheme: str):
    page, visitor = open_widget(RunWidget(trained[0]), scheme)
    look(page, f"widget-run-{scheme}")
    link = page.get_by_role("link", name="rate 0.5")
    expect(link).to_have_attribute("href", trained[0].get_portal_url())
    expect(page.get_by_text("Completed")).to_be_visible()
    expect(page.get_by_role("row", name="final 3")).to_be_visible()
    expect(page.get_by_role("img")).to_have_count(2)
    expect(page.locator(".runyard")).to_have_attribute("data-theme", scheme)
    assert all(address.startswith(("blob:", "about:")) for address in visitor.requests), visitor.requests


def test_a_chart_tells_the_value_under_the_pointer(trained: list[Run], open_widget):
    page, _ = open_widget(CompareWidget(trained))
    chart = page.get_by_role("img", name="accuracy by step")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 46 / 320, box["y"] + box["height"] / 2)
    reading = page.locator("figure", has=chart).locator(".runyard-reading")
    expect(reading).to_have_text("step 0: rate 0.5 0.5 · rate 0.05 0.5 · rate 0.005 0.5")
    page.mouse.move(0, 0)
    expect(reading).to_be_empty()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_runs_side_by_side(trained: list[Run], open_widget, look: Look, scheme: str):
    page, _ = open_widget(CompareWidget(trained), scheme)
    look(page, f"widget-compare-{scheme}")
    params = page.get_by_role("table", name="Params that differ")
    expect(params.get_by_role("row", name="rate 0.5 0.05 0.005")).to_be_visible()
    expect(params.get_by_text("optimizer")).to_have_count(0)
    expect(page.get_by_text("Params that are the same in all: 1")).to_be_visible()
    expect(page.get_by_role("table", name="Metrics").get_by_role("row", name="final 3 2 1")).to_be_visible()
    expect(page.get_by_role("img", name="loss by step").locator(".runyard-line")).to_have_count(3)


def names(page: Page) -> list[str]:
    return page.locator("tbody tr td:nth-child(2)").all_inner_texts()


def test_a_table_is_sorted_searched_and_chosen_from(trained: list[Run], open_widget, look: Look):
    page, _ = open_widget(RunsWidget(trained))
    look(page, "widget-runs-light")
    assert names(page) == ["rate 0.5", "rate 0.05", "rate 0.005"]
    page.get_by_role("button", name="rate", exact=True).click()
    assert names(page) == ["rate 0.005", "rate 0.05", "rate 0.5"]
    expect(page.get_by_role("button", name="rate ↑")).to_be_focused()
    page.keyboard.press("Enter")
    assert names(page) == ["rate 0.5", "rate 0.05", "rate 0.005"]
    page.get_by_role("searchbox").fill("0.05 comp")
    assert names(page) == ["rate 0.05"]
    expect(page.get_by_text("1 of 3 runs")).to_be_visible()
    page.get_by_role("checkbox", name="Choose rate 0.05").check()
    assert page.evaluate("[model.state.selected, model.saved]") == [[trained[1].id], 1]


def test_who_searches_while_runs_come_in_keeps_the_words(trained: list[Run], open_widget):
    page, _ = open_widget(RunsWidget(trained[:1]))
    page.get_by_role("searchbox").press_sequentially("0.05")
    page.evaluate("content => model.change(content)", RunsWidget(trained).content)
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("0.05")
    assert names(page) == ["rate 0.05"]


def test_a_run_that_goes_on_is_drawn_anew_until_the_widget_ends(
    workspace: Workspace, open_widget, look: Look
):
    run = Experiment(workspace, "going on").start_logging(display_name="in progress")
    run.log("loss", 1.0)
    widget = RunWidget(run)
    page, _ = open_widget(widget, "dark")
    expect(page.get_by_text("Running")).to_be_visible()
    expect(page.get_by_role("img")).to_have_count(0)
    run.log("loss", 0.5)
    run.log("loss", float("nan"))
    run.log("loss", 0.25)
    widget.refresh()
    page.evaluate("content => model.change(content)", widget.content)
    expect(page.get_by_role("img", name="loss by step")).to_be_visible()
    look(page, "widget-run-in-progress-dark")
    page.evaluate("content => model.change(content)", {**widget.content, "problem": "No server answers."})
    expect(page.get_by_role("alert")).to_have_text("No server answers.")
    page.get_by_role("button", name="Refresh").click()
    assert page.evaluate("model.sent") == ["refresh"]
    page.evaluate("end()")
    assert page.evaluate("model.heard['change:content'].length") == 0
    run.complete()


def test_names_are_text_whatever_they_say(workspace: Workspace, open_widget, look: Look):
    experiment = Experiment(workspace, "hostile")
    runs = []
    for number in range(2):
        with experiment.start_logging(display_name=HOSTILE) as run:
            run.tag("mlflow.note.content", HOSTILE)
            run.log_params({"said": f"{HOSTILE}{number}"})
            run.log("a b/c", number)
            run.log("a b/c", float("inf"))
        runs.append(run)
    for view in (RunWidget(runs[0]), RunsWidget(runs), CompareWidget(runs)):
        page, visitor = open_widget(view)
        look(page, f"widget-hostile-{type(view).__name__}")
        expect(page.get_by_role("link", name="<img src=x").first).to_be_visible()
        assert page.locator("img, #cell script, #cell b").count() == 0
        assert all(address.startswith(("blob:", "about:")) for address in visitor.requests)
        assert "<img" not in view._repr_html_()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_to_show_is_said(workspace: Workspace, open_widget, look: Look, scheme: str):
    page, _ = open_widget(RunsWidget(Experiment(workspace, "empty")), scheme)
    look(page, f"widget-runs-empty-{scheme}")
    expect(page.get_by_text("There are no runs yet.")).to_be_visible()
    with Experiment(workspace, "bare").start_logging(display_name="bare") as run:
        pass
    page, _ = open_widget(RunWidget(run), scheme, width=360)
    look(page, f"widget-run-bare-{scheme}")
    expect(page.get_by_role("table")).to_have_count(0)


def test_a_link_to_no_web_address_is_no_link(trained: list[Run], visit: Visit):
    content = json.loads(json.dumps(RunWidget(trained[0]).content))
    content["run"]["url"] = "javascript:alert(1)"
    page = visit().page
    page.set_content(page_with(content))
    expect(page.get_by_text("rate 0.5")).to_be_visible()
    expect(page.get_by_role("link")).to_have_count(0)

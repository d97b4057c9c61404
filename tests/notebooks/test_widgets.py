"""The widgets' Python side over a real server: what they send to a page, and what they are without one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from runyard import CompareWidget, Experiment, Run, RunsWidget, RunWidget, Workspace
from runyard.app import administration, open_stores
from runyard.azureml.widgets import RunDetails
from runyard.errors import InvalidParameter, InvalidState, Unavailable
from runyard.settings import Mode, Settings
from tests.notebooks.kernel import cells, outputs, printed, run_notebook
from tests.running_server import RunningServer

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def workspace(server: RunningServer) -> Workspace:
    return Workspace.get("default", url=server.url)


@pytest.fixture(scope="module")
def runs(workspace: Workspace) -> list[Run]:
    experiment = Experiment(workspace, "widgets")
    ended = []
    for number in range(3):
        with experiment.start_logging(display_name=f"{HOSTILE}{number}") as run:
            run.log_params({"alpha": number, "same": HOSTILE})
            for value in (1.0, float("nan"), float("inf"), number):
                run.log("loss", value)
            run.log("once", number)
        ended.append(run)
    return ended


def test_what_a_run_shows_is_json_and_thinned(workspace: Workspace):
    with Experiment(workspace, "long").start_logging() as run:
        run.log_list("loss", [1 / (step + 1) for step in range(5_000)])
    content = RunWidget(run).content
    (line,) = content["charts"][0]["lines"]
    assert 100 < len(line["x"]) == len(line["y"]) < 1_000
    assert (line["x"][0], content["metrics"]) == (0, [["loss", pytest.approx(1 / 5_000)]])


def test_values_that_json_has_no_number_for_are_words(runs: list[Run]):
    content = RunWidget(runs[0]).content
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["charts"][0]["lines"][0]["y"] == [1.0, "NaN", "Infinity", 0.0]
    assert [chart["key"] for chart in content["charts"]] == ["loss"]


def test_a_comparison_shows_the_params_that_differ(runs: list[Run]):
    content = CompareWidget(runs).content
    assert content["params"] == [["alpha", ["0", "1", "2"]]]
    assert content["equal_params"] == 1
    assert ["once", [0.0, 1.0, 2.0]] in content["metrics"]
    assert [line["run"] for line in content["charts"][0]["lines"]] == [0, 1, 2]


@pytest.mark.parametrize("amount", [0, 1, 21])
def test_a_comparison_wants_two_to_twenty_runs(amount: int, workspace: Workspace):
    experiment = Experiment(workspace, "many")
    if not list(experiment.get_runs()):
        for _ in range(21):
            experiment.start_logging().complete()
    with pytest.raises(InvalidParameter, match="between 2 and 20"):
        CompareWidget(list(experiment.get_runs())[:amount])


def test_a_table_shows_the_newest_runs_of_an_experiment(runs: list[Run]):
    table = RunsWidget(runs[0].experiment, max_runs=2)
    assert [row["id"] for row in table.content["rows"]] == [runs[2].id, runs[1].id]
    assert table.content["has_more"]
    assert table.content["rows"][0]["params"] == ["2", HOSTILE]
    with pytest.raises(InvalidParameter, match="max_runs=0"):
        RunsWidget(runs, max_runs=0)


def test_runs_that_were_chosen_on_the_page_can_be_compared(runs: list[Run]):
    table = RunsWidget(runs)
    assert table.selected == []
    table.widget.selected = [runs[2].id, runs[0].id, "of nobody"]
    assert table.selected == [runs[0], runs[2]]
    table.close()


def test_the_page_is_asked_for_by_its_mime_type_and_tables_stand_beside_it(runs: list[Run]):
    bundle = RunWidget(runs[0])._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
    assert bundle["text/plain"].startswith("RunWidget(")


@pytest.mark.parametrize("kind", [RunWidget, RunsWidget, CompareWidget])
def test_without_anywidget_there_are_escaped_tables(kind, runs: list[Run], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    view = kind(runs[0]) if kind is RunWidget else kind(runs)
    bundle = view._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "<script" not in bundle["text/html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;0" in bundle["text/html"]
    assert runs[0].get_portal_url() in bundle["text/html"]


def test_an_offline_run_is_said_to_be_one():
    run = Run.get_context()
    run.show()
    with pytest.raises(InvalidState, match="offline"):
        RunWidget(run)


def test_outside_of_a_notebook_a_line_is_printed(runs: list[Run], capsys: pytest.CaptureFixture[str]):
    RunDetails(runs[0]).show()
    CompareWidget(runs).show()
    first, second = capsys.readouterr().out.splitlines()
    assert first == repr(runs[0])
    assert second == "CompareWidget(3 runs)"
    assert RunDetails(runs[0]).get_widget_data()["run"]["id"] == runs[0].id


def test_no_credential_gets_into_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stores = open_stores(Settings(mode=Mode.SERVE, home=tmp_path / "home"))
    key = administration(stores).make_first_administrator("ann").text
    stores.close()
    monkeypatch.setenv("RUNYARD_TOKEN", key)
    running = RunningServer(tmp_path / "home", mode="serve").start()
    run = Experiment(Workspace.get("default", url=running.url), "secret").start_logging()
    run.complete()
    widget = RunWidget(run)
    sent = json.dumps(widget.widget.get_state(), default=str) + widget._repr_html_()
    running.close()
    assert run.id in sent
    assert key not in sent
    assert "eyJ" not in sent  # nor a token that was made from it


def test_a_server_that_went_away_is_said_beside_what_was_read(tmp_path: Path):
    running = RunningServer(tmp_path / "home").start()
    run = Experiment(Workspace.get("default", url=running.url), "left").start_logging()
    run.log("loss", 1.0)
    widget = RunWidget(run)
    running.close()
    with pytest.raises(Unavailable):
        widget.refresh()
    widget._hear(None, "refresh", None)
    assert "problem" in widget.content
    assert widget.content["metrics"] == [["loss", 1.0]]


FOLLOWED = """
import time
from runyard import Experiment, RunWidget, Workspace
run = Experiment(Workspace.get("default", url={url!r}), "followed").start_logging(display_name="followed")
widget = RunWidget(run)
widget.show()
for value in (3.0, 2.0, 1.0):
    run.log("loss", value)
run.complete()
until_s = time.monotonic() + 120
while widget.content["run"]["status"] != "Completed" and time.monotonic() < until_s:
    time.sleep(0.1)
print(widget.content["run"]["status"])
"""


@pytest.mark.slow
def test_a_run_is_followed_while_its_own_cell_is_still_busy(server: RunningServer, tmp_path: Path):
    ran = run_notebook(cells(FOLLOWED.format(url=server.url)), tmp_path)
    assert printed(ran) == "Completed\n"
    (shown,) = [output for output in outputs(ran) if output.output_type == "display_data"]
    page_id = shown.data["application/vnd.jupyter.widget-view+json"]["model_id"]
    states = ran.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    seen = states[page_id]["state"]["content"]
    assert (seen["run"]["status"], seen["metrics"]) == ("Completed", [["loss", 1.0]])
    assert seen["charts"][0]["lines"][0]["y"] == [3.0, 2.0, 1.0]

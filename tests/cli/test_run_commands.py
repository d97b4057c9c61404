"""`runyard run` against the real server, on runs that `runyard demo` has trained."""

from pathlib import Path

import pytest

from runyard import Experiment, Workspace
from runyard.cli import demo
from tests.cli.conftest import CommandLine
from tests.logged_model import log_model
from tests.running_server import RunningServer

pytestmark = pytest.mark.usefixtures("_at_server")

EPOCHS = 12


@pytest.fixture
def run_ids(runyard: CommandLine, server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs of the demo, trained once for the module, the newest first."""
    workspace = Workspace.get("default", url=server.url)
    if "demo" not in workspace.experiments:
        monkeypatch.setattr(demo, "_TRAINING_LIBRARIES", ("no_such_library",))
        assert runyard("demo", "--epochs", EPOCHS).code == 0
    return [run.id for run in workspace.experiments["demo"].get_runs()]


def test_runs_are_listed_the_newest_first(runyard: CommandLine, run_ids: list[str]):
    ended = runyard("run", "list", "--experiment", "demo")
    assert [row[0] for row in ended.rows] == run_ids
    assert {row[2] for row in ended.rows} == {"Completed"}
    assert all("val/accuracy=" in row[5] for row in ended.rows)
    assert [row[0] for row in runyard("run", "list", "--max", 2).rows] == run_ids[:2]


def test_runs_are_filtered_and_ordered_as_mlflow_does(runyard: CommandLine, run_ids: list[str]):
    wide = runyard("run", "list", "-e", "demo", "--filter", "params.hidden_units = '12'", "--json").json
    assert [run["params"]["hidden_units"] for run in wide] == ["12", "12"]
    ordered = runyard("run", "list", "-e", "demo", "--order-by", "metrics.`train/loss` ASC", "--json").json
    losses = [run["metrics"]["train/loss"] for run in ordered]
    assert losses == sorted(losses)
    wrong = runyard("run", "list", "-e", "demo", "--filter", "foo bar")
    assert wrong.code == 1
    assert "foo" in wrong.err


def test_an_experiment_that_is_not_there_ends_with_3(runyard: CommandLine):
    ended = runyard("run", "list", "--experiment", "nothing")
    assert ended.code == 3
    assert "'nothing'" in ended.err


def test_a_run_is_shown_with_all_that_it_has(runyard: CommandLine, run_ids: list[str]):
    shown = runyard("run", "show", run_ids[0])
    for expected in (
        run_ids[0],
        "hidden_units",
        "val/accuracy",
        "decision.png",
        "/#/experiments/",
        "Completed",
    ):
        assert expected in shown.out
    described = runyard("run", "show", run_ids[0], "--json").json
    assert described["files"] == ["decision.png", "weights.json"]
    assert described["params"]["epochs"] == str(EPOCHS)


def test_a_run_that_is_not_there_ends_with_3(runyard: CommandLine):
    assert runyard("run", "show", "0" * 32).code == 3


def test_metrics_are_shown_with_their_course(runyard: CommandLine, run_ids: list[str]):
    rows = {row[0]: row[1:] for row in runyard("run", "metrics", run_ids[0]).rows}
    last, course, lowest, highest, points = rows["train/loss"]
    assert int(points) == len(course) == EPOCHS
    assert float(lowest) <= float(last) <= float(highest)
    described = runyard("run", "metrics", run_ids[0], "--json").json
    assert {metric["point_count"] for metric in described} == {EPOCHS}


def test_all_points_of_one_metric_are_shown(runyard: CommandLine, run_ids: list[str]):
    rows = runyard("run", "metrics", run_ids[0], "train/loss").rows
    assert [row[0] for row in rows] == [str(step) for step in range(EPOCHS)]
    points = runyard("run", "metrics", run_ids[0], "train/loss", "--json").json
    assert [point["step"] for point in points] == list(range(EPOCHS))
    missing = runyard("run", "metrics", run_ids[0], "loss")
    assert missing.code == 3
    assert "train/loss" in missing.err


def test_files_are_brought_here(runyard: CommandLine, run_ids: list[str], tmp_path: Path):
    assert runyard("run", "download", run_ids[0]).out == f"2 files in {Path.cwd()}\n"
    assert Path("decision.png").read_bytes().startswith(b"\x89PNG")
    one = runyard("run", "download", run_ids[0], "weights.json", "--to", tmp_path / "new", "--json")
    assert one.json == [str(tmp_path / "new" / "weights.json")]
    assert (tmp_path / "new" / "weights.json").stat().st_size > 100
    missing = runyard("run", "download", run_ids[0], "nothing")
    assert missing.code == 3


def test_files_of_a_model_that_mlflow_logged_are_shown_and_brought_here(
    runyard: CommandLine, server: RunningServer, tmp_path: Path
):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "MLmodel").write_text("flavors: {}")
    workspace = Workspace.get("default", url=server.url)
    with Experiment(workspace, "logged").start_logging() as run:
        log_model(run, workspace, tmp_path / "out", "ridge")
    assert "  ridge/MLmodel" in runyard("run", "show", run.id).out.splitlines()
    assert runyard("run", "show", run.id, "--json").json["files"] == ["ridge/MLmodel"]
    assert runyard("run", "download", run.id, "ridge/MLmodel").code == 0
    assert runyard("run", "download", run.id, "ridge").code == 0
    assert Path("MLmodel").read_text() == Path("ridge/MLmodel").read_text() == "flavors: {}"


def test_runs_go_to_the_trash_and_come_back(runyard: CommandLine, run_ids: list[str]):
    first, second = run_ids[:2]
    assert len(runyard("run", "delete", first, second).out.splitlines()) == 2
    assert {row[0] for row in runyard("run", "list", "-e", "demo", "--deleted").rows} == {first, second}
    assert "in the trash" in runyard("run", "show", first).out
    assert runyard("run", "restore", first, second, "--json").json == [
        {"run_id": first, "is_active": True},
        {"run_id": second, "is_active": True},
    ]
    assert runyard("run", "list", "-e", "demo", "--deleted").rows == []


def test_what_was_done_before_an_error_is_said(runyard: CommandLine, run_ids: list[str]):
    ended = runyard("run", "delete", run_ids[0], "0" * 32)
    assert ended.code == 3
    assert run_ids[0] in ended.out
    assert runyard("run", "restore", run_ids[0]).code == 0

"""`runyard log`, `run tail|open|tag` and `model register|list|show|download` against the real server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard import Run, Workspace
from runyard.sdk import mlflow_spool
from runyard.sdk.spool import outbox
from tests.cli.conftest import CommandLine
from tests.running_server import RunningServer, scrubbed

pytestmark = pytest.mark.usefixtures("_at_server")


@pytest.fixture(autouse=True)
def _spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RUNYARD_SPOOL_DIR", str(tmp_path / "spools"))
    yield
    outbox.close_all()
    mlflow_spool._outboxes.clear()


@pytest.fixture
def run(server: RunningServer) -> Run:
    experiment = Workspace.get("default", url=server.url).experiments["Default"]
    return experiment.start_logging(display_name="by hand")


def test_metrics_params_files_tables_and_pictures_are_logged(runyard: CommandLine, run: Run):
    Path("points.csv").write_text("x,y\n1,a\n2.5,b\n")
    Path("rows.json").write_text('[{"x": 1}, {"y": 2}]')
    Path("photo.png").write_bytes(b"png")
    Path("folder").mkdir()
    Path("folder/inner.txt").write_text("inner")
    calls = [
        ("metric", "loss", 0.5, 0.25, -1),
        ("metric", "late", 7, "--step", 10),
        ("param", "alpha=0.1", "text=a=b"),
        ("artifact", "photo.png", "--name", "plots/photo.png"),
        ("artifact", "folder"),
        ("table", "points", "points.csv"),
        ("table", "rows", "rows.json"),
        ("image", "photo", "photo.png"),
    ]
    for call in calls:
        ended = runyard("log", *call, "--run", run.id)
        assert (ended.code, run.id in ended.out) == (0, True), ended.err
    assert run.get_metrics() == {
        "loss": [0.5, 0.25, -1.0],
        "late": 7.0,
        "points": {"x": [1, 2.5], "y": ["a", "b"]},
        "rows": {"x": [1, None], "y": [None, 2]},
        "photo": "images/photo.png",
    }
    assert run.get_params() == {"alpha": "0.1", "text": "a=b"}
    assert {"plots/photo.png", "folder/inner.txt"} <= set(run.get_file_names())
    assert list(run.get_metric_points("late").steps) == [10]
    assert runyard("log", "metric", "loss", 1, "-r", run.id, "--json").json["is_sent"] is True


def test_what_can_not_be_logged_is_said(runyard: CommandLine, run: Run):
    Path("bad.json").write_text("[")
    Path("empty.csv").write_text("x,y\n")
    runyard("log", "param", "alpha=1", "--run", run.id)
    for call, said in (
        (("metric", "a?b", 1), "name"),
        (("metric", "loss"), "value"),
        (("param", "alpha"), "key=value"),
        (("param", "alpha=2"), "'1' already"),
        (("artifact", "none"), "none"),
        (("table", "t", "bad.json"), "bad.json"),
        (("table", "t", "empty.csv"), "empty.csv"),
        (("image", "i", "none.png"), "none.png"),
    ):
        ended = runyard("log", *call, "--run", run.id)
        assert ended.code == 1
        assert said in ended.err
    assert runyard("log", "metric", "loss", 1, "--run", "0" * 32).code == 3
    assert "--run" in runyard("log", "metric", "loss", 1).err


def test_the_run_at_hand_is_the_one_of_the_environment(
    runyard: CommandLine, run: Run, server: RunningServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_RUN_ID", run.id)
    assert runyard("log", "metric", "loss", 0.5).code == 0
    assert run.get_metrics() == {"loss": 0.5}


def test_a_run_is_tagged_and_opened(runyard: CommandLine, run: Run, monkeypatch: pytest.MonkeyPatch):
    assert runyard("run", "tag", run.id, "team=robots", "checked=").code == 0
    tags = runyard("run", "tag", run.id, "--remove", "checked", "--json").json
    assert (tags["team"], "checked" in tags) == ("robots", False)
    assert runyard("run", "tag", run.id).code == 1
    opened: list[str] = []

    def no_browser(url: str) -> bool:
        opened.append(url)
        return False

    monkeypatch.setattr("webbrowser.open", no_browser)
    assert runyard("run", "open", run.id, "--print").out.strip() == run.get_portal_url()
    assert runyard("open", run.id, "--print").out.strip() == run.get_portal_url()
    assert runyard("open", "--print").out.strip() == f"{run.experiment.workspace.tracking_uri}/"
    assert runyard("open", "none").code == 3
    assert opened == []
    assert "no browser" in runyard("run", "open", run.id).err
    assert opened == [run.get_portal_url()]


def test_what_a_script_prints_can_be_read_along(
    runyard: CommandLine, server: RunningServer, tmp_path: Path, run: Run
):
    script = tmp_path / "train.py"
    script.write_text("import sys\nprint('héllo')\nprint('oh', file=sys.stderr)\nraise SystemExit(2)\n")
    environment = scrubbed(os.environ) | {
        "RUNYARD_HOME": str(server.home),
        "HOME": str(tmp_path),
        "RUNYARD_SPOOL_DIR": str(tmp_path / "spools"),
    }
    command = [sys.executable, "-m", "runyard", "run", "--experiment", "tail", str(script)]
    subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False)
    started = next(Workspace.get("default", url=server.url).experiments["tail"].get_runs())
    ended = runyard("run", "tail", started.id)
    assert (ended.code, ended.out) == (1, "héllo\n")
    assert "oh\n" in ended.err
    assert "Failed" in ended.err
    silent = runyard("run", "tail", run.id, "--once")
    assert (silent.code, silent.out) == (0, "")
    assert "nothing" in silent.err


def test_models_are_registered_listed_shown_and_brought_here(runyard: CommandLine, run: Run):
    Path("weights").mkdir()
    Path("weights/w.bin").write_bytes(b"12345")
    made = runyard(
        *("model", "register", "cli-ridge", "weights", "--tag", "team=robots", "--property", "data=11"),
        *("--description", "The one.", "--framework", "ScikitLearn"),
    )
    assert made.out == "cli-ridge version 1\n"
    run.upload_file("outputs/w.bin", Path("weights/w.bin"))
    of_run = runyard("model", "register", "cli-ridge", "outputs", "--run", run.id, "--json").json
    assert (of_run["version"], of_run["runId"]) == (2, run.id)
    rows = runyard("model", "list", "cli-ridge").rows
    assert [row[:2] for row in rows] == [["cli-ridge", "2"], ["cli-ridge", "1"]]
    assert [row[1] for row in runyard("model", "list", "--latest", "--run", run.id).rows] == ["2"]
    assert [row[1] for row in runyard("model", "list", "cli-ridge", "-t", "team=robots").rows] == ["1"]
    shown = runyard("model", "show", "cli-ridge:1").out
    for expected in ("The one.", "robots", "data", "w.bin  5 bytes", "models:/cli-ridge/1"):
        assert expected in shown
    assert runyard("model", "show", "cli-ridge", "--json").json["files"] == ["w.bin"]
    assert runyard("model", "download", "cli-ridge:1", "--to", "here").code == 0
    assert runyard("model", "download", "cli-ridge:1", "--to", "here").code == 1
    assert runyard("model", "download", "cli-ridge:1", "--to", "here", "--overwrite").code == 0
    assert Path("here/w.bin").read_bytes() == b"12345"
    assert runyard("model", "show", "cli-none").code == 3
    assert runyard("model", "register", "a/b", "weights").code == 1
    assert runyard("model", "delete", "cli-ridge").code == 0
    assert runyard("model", "list", "cli-ridge").rows == []

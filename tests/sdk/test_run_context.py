"""A script finds the run that it is part of; tried by hand it prints, and a dead network does not stop it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runyard import Experiment, Run, Workspace
from runyard.errors import InvalidState, NotFound, Unavailable
from runyard.sdk import mlflow_spool
from runyard.sdk.spool import outbox
from tests.running_server import RunningServer, scrubbed

SCRIPT = """
import sys
from runyard import Run

run = Run.get_context(allow_offline=False)
run.log("loss", 0.5)
run.log_table("t", {"a": [1, 2]})
run.tag("seen", "yes")
run.complete()
print(run.id)
if len(sys.argv) > 1:
    raise SystemExit(3)
"""


@pytest.fixture(autouse=True)
def _spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RUNYARD_SPOOL_DIR", str(tmp_path / "spools"))
    for name in ("MLFLOW_RUN_ID", "AZUREML_RUN_ID", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    yield
    outbox.close_all()
    mlflow_spool._outboxes.clear()


def test_without_a_run_what_is_logged_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "a.txt").write_text("12345")
    with Run.get_context() as run:
        assert run.id.startswith("OfflineRun")
        run.log("loss", 0.5)
        run.log_row("row", x=1, y=2)
        run.log_params({"alpha": 0.1})
        run.upload_file("a.txt", tmp_path / "a.txt")
        run.child_run("below").log("loss", 0.25)
        assert run.get_metrics() == {}
    printed = capsys.readouterr().out
    for expected in (
        "loss = 0.5 (step 0)",
        "row/y = 2.0",
        "alpha = 0.1",
        "a.txt (5 bytes)",
        "0.25",
        "finished",
    ):
        assert expected in printed
    with pytest.raises(InvalidState, match="offline"):
        run.get_file_names()
    with pytest.raises(InvalidState, match="MLFLOW_RUN_ID"):
        Run.get_context(allow_offline=False)


@pytest.mark.parametrize("variable", ["MLFLOW_RUN_ID", "AZUREML_RUN_ID"])
def test_the_environment_names_the_run(
    experiment: Experiment, workspace: Workspace, variable: str, monkeypatch: pytest.MonkeyPatch
):
    begun = experiment.start_logging()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", workspace.tracking_uri)
    monkeypatch.setenv(variable, begun.id)
    run = Run.get_context()
    run.log("loss", 0.5)
    assert run == begun
    run.flush()
    assert begun.get_metrics() == {"loss": 0.5}
    monkeypatch.setenv(variable, "0" * 32)
    with pytest.raises(NotFound):
        Run.get_context()


def test_while_no_server_answers_what_is_logged_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1/workspaces/vision")
    monkeypatch.setenv("RUNYARD_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_RUN_ID", "a" * 32)
    monkeypatch.setenv("RUNYARD_SPOOL_EXIT_WAIT_S", "0")
    run = Run.get_context()
    run.log("loss", 0.5)
    run.log_table("t", {"a": [1]})
    run.complete()
    with pytest.raises(Unavailable, match="runyard sync"):
        run.flush(1)
    with pytest.raises(Unavailable, match="nothing was uploaded"):
        run.upload_file("a", __file__)


def test_a_script_under_runyard_run_logs_into_its_run(server: RunningServer, tmp_path: Path):
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = scrubbed(os.environ) | {
        "RUNYARD_URL": server.url,
        "HOME": str(tmp_path),
        "RUNYARD_HOME": str(server.home),
        "RUNYARD_SPOOL_DIR": str(tmp_path / "spools"),
    }
    for arguments, status in (((), "Completed"), (("fail",), "Failed")):
        ended = subprocess.run(
            [sys.executable, "-m", "runyard", "run", "--experiment", "context", "train.py", *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == (3 if arguments else 0), ended.stderr
        run = Workspace.get("default", url=server.url).get_run(ended.stdout.split()[0])
        assert run.get_metrics() == {"loss": 0.5, "t": {"a": [1, 2]}}
        assert (run.status, run.get_tags()["seen"]) == (status, "yes")

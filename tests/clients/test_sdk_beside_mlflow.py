"""What Runyard's SDK logs MLflow's genuine client reads, and the other way round."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runyard import Experiment, Model, Workspace
from tests.clients.test_genuine_clients import _interpreter
from tests.running_server import RunningServer, scrubbed

pytestmark = pytest.mark.clients

READER = Path(__file__).with_name("sdk_reader.py")
NOTEBOOK = Path(__file__).with_name("sdk_after_mlflow.py")


def test_each_reads_what_the_other_logged(
    server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNYARD_SPOOL", "off")
    monkeypatch.chdir(tmp_path)
    workspace = Workspace.create("both", url=server.url)
    people = {"who": ["Ada", "Alan"], "age": [36, 41]}
    (tmp_path / "weights.txt").write_text("0.5")
    (tmp_path / "photo.png").write_bytes(b"png")
    with Experiment(workspace, "diabetes").start_logging(display_name="ridge") as run:
        run.log_params({"alpha": 0.1})
        run.log("loss", 0.5)
        run.log("loss", 0.25, step=7)
        run.log_row("circle", sine=0.0, cosine=1.0)
        run.log_table("people", people)
        run.log_image("photo", path="photo.png")
        data = {"class_labels": ["cat", "dog"], "matrix": [[9, 1], [2, 8]]}
        chart = {"schema_type": "confusion_matrix", "schema_version": "v1", "data": data}
        run.log_confusion_matrix("animals", chart)
        run.upload_file("outputs/notes.txt", "weights.txt")
        with run.child_run() as child:
            pass
        Model.register(workspace, "weights.txt", "ridge")
        run.register_model("ridge", "outputs")

    environment = scrubbed(os.environ) | {
        "HOME": str(tmp_path),
        "MLFLOW_TRACKING_URI": workspace.tracking_uri,
    }
    command = [str(_interpreter("mlflow-3.17")), "-W", "ignore", str(READER), run.id, "ridge"]
    ended = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout.splitlines()[-1])
    own, version = seen.pop("own"), seen.pop("version")
    assert seen == {
        "status": "FINISHED",
        "name": "ridge",
        "params": {"alpha": "0.1"},
        "losses": [[0, 0.5], [7, 0.25]],
        "columns": ["circle/cosine", "circle/sine"],
        "table": people,
        "chart": "confusion_matrix",
        "images": ["images/photo.png"],
        "children": [child.id],
        "weights": "0.5",
        "of_run": "0.5",
    }
    theirs = workspace.get_run(own)
    answers = {"question": ["a", "b"], "score": [1, 2]}
    assert theirs.get_metrics() == {"rmse": [3.0, 2.0], "eval/answers": answers}
    theirs.log_list("rmse", [1.0])
    assert theirs.get_metrics("rmse") == {"rmse": [3.0, 2.0, 1.0]}
    model = Model(workspace, "ridge")
    assert (model.version, model.run_id) == (int(version), own)
    assert Path(model.download(tmp_path / "here")).read_text() == "0.25"


def test_the_sdk_finds_at_once_what_mlflow_logged(server: RunningServer, tmp_path: Path):
    environment = scrubbed(os.environ) | {
        "HOME": str(tmp_path),
        "MLFLOW_TRACKING_URI": server.url,
        "RUNYARD_SPOOL_READ_WAIT_S": "60",
    }
    command = [sys.executable, "-W", "ignore", str(NOTEBOOK)]
    ended = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    seen = json.loads(ended.stdout.splitlines()[-1])
    assert seen == {"status": "Running", "losses": {"loss": [0.5, 0.25]}, "is_found": True}

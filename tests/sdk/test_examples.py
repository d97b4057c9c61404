"""The examples run as a person runs them: alone, by the address in the environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runyard import Workspace
from tests.running_server import RunningServer, scrubbed

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
def test_many_curves_logs_as_many_runs_and_steps_as_it_was_told(server: RunningServer, tmp_path: Path):
    environment = scrubbed(os.environ) | {
        "MLFLOW_TRACKING_URI": server.url,
        "HOME": str(tmp_path),
        "RUNYARD_SPOOL_DIR": str(server.home.with_name("spools")),
    }
    command = [sys.executable, str(EXAMPLES / "many_curves.py"), "--runs", "3", "--steps", "250"]
    ended = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "Logged 3 runs of 250 steps" in ended.stdout
    runs = list(Workspace.get("default", url=server.url).experiments["many-curves"].get_runs())
    assert len(runs) == 3
    for run in runs:
        metrics = run.get_metrics()
        assert len(metrics) == 6
        assert all(isinstance(values, list) and len(values) == 250 for values in metrics.values())
    assert list(tmp_path.iterdir()) == []


def test_each_example_is_explained():
    explained = (EXAMPLES / "README.md").read_text()
    assert all(f"`{example.name}`" in explained for example in EXAMPLES.glob("*.py"))

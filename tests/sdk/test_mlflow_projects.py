"""MLflow's projects as jobs, by the genuine client against the real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runyard import Workspace
from tests.running_server import scrubbed

PROJECT = """\
name: line
entry_points:
  main:
    parameters:
      slope: {type: float, default: 1.0}
      label: {type: string, default: plain}
    command: "python line.py {slope} {label}"
  fails:
    command: "exit 3"
"""
LINE = """\
import sys
import mlflow
print(sys.argv[1:])
with mlflow.start_run():
    mlflow.log_metric("slope_seen", float(sys.argv[1]))
"""
CALLER = """\
import json, sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("projects")
config = {"attempts": 1, "tags": {"team": "robots"}}
done = mlflow.projects.run(
    sys.argv[2], backend="runyard", parameters={"slope": 2, "label": "a b; $(ls)", "more": "x"},
    env_manager="local", backend_config=config, run_name="the line",
)
run = mlflow.get_run(done.run_id)
try:
    mlflow.projects.run(sys.argv[2], "fails", backend="runyard", env_manager="local")
except mlflow.exceptions.ExecutionException as error:
    failed = str(error)
print(json.dumps({"status": run.info.status, "name": run.info.run_name, "failed": failed,
    "params": run.data.params, "metrics": run.data.metrics, "tags": run.data.tags}))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "MLproject").write_text(PROJECT)
    (folder / "line.py").write_text(LINE)
    return folder


def test_a_project_runs_where_the_workspace_has_a_place_for_it(
    workspace: Workspace, project: Path, tmp_path: Path
):
    caller = tmp_path / "caller.py"
    caller.write_text(CALLER)
    ended = subprocess.run(
        [sys.executable, caller, workspace.tracking_uri, project],
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    assert "['2', 'a b; $(ls)', '--more', 'x']" in ended.stdout
    said = json.loads(ended.stdout.splitlines()[-1])
    assert (said["status"], said["name"], said["metrics"]) == ("FINISHED", "the line", {"slope_seen": 2.0})
    assert said["params"]["slope"] == "2"
    tags = said["tags"]
    assert (tags["team"], tags["mlflow.project.backend"]) == ("robots", "runyard")
    assert (tags["mlflow.source.type"], tags["mlflow.project.entryPoint"]) == ("PROJECT", "main")
    assert "failed" in said["failed"]


def test_what_a_project_or_a_job_has_not_is_refused(workspace: Workspace, project: Path):
    program = """
import json, sys
from runyard.errors import InvalidParameter
from runyard.sdk.mlflow_projects import RunyardBackend

for config, address in (
    ({"script": "a.py"}, sys.argv[2]),
    ({"nonsense": 1}, sys.argv[2]),
    ({"DOCKER_ARGS": {"gpus": "all"}}, sys.argv[2]),
    ({"docker_auth": {"username": "anna"}, "DOCKER_ARGS": {}}, sys.argv[2]),
    ({}, "sqlite:///mlflow.db"),
):
    try:
        RunyardBackend().run(sys.argv[1], "main", {}, None, config, address, "0")
    except InvalidParameter as error:
        print(json.dumps(str(error)))
"""
    refused = [json.loads(line) for line in asked(program, project, workspace.tracking_uri)]
    words = ("script", "nonsense", "docker_args", "docker login", "tracking URI")
    for word, message in zip(words, refused, strict=True):
        assert word in message


def test_an_environment_of_a_project_names_files_of_it(tmp_path: Path):
    (tmp_path / "requirements.txt").write_text("numpy\n# a remark\nscipy>=1\n")
    path = tmp_path / "python_env.yaml"
    path.write_text("python: '3.12'\ndependencies:\n  - mlflow-skinny\n  - -r requirements.txt\n")
    program = """
import json, sys
from pathlib import Path
from runyard.sdk.mlflow_projects import _of_python_env

conda = _of_python_env(Path(sys.argv[1]), Path(sys.argv[2])).python.conda_dependencies
print(json.dumps([conda.get_python_version(), *conda.pip_packages]))
"""
    (said,) = asked(program, path, tmp_path)
    assert json.loads(said)[:3] == ["3.12", "mlflow-skinny", "numpy"]


def test_an_image_of_a_project_has_its_variables_and_no_folders_of_the_machine():
    program = """
import json, os
from runyard.errors import InvalidParameter
from runyard.sdk.mlflow_projects import _of_docker_env

os.environ["OF_HERE"] = "a b"
image = {"image": "trainer:3"}
made = _of_docker_env({**image, "environment": [["OWN", 1], "OF_HERE"]})
print(json.dumps([made.docker.base_image, dict(made.environment_variables)]))
for wrong in ({"volumes": ["/a:/b"]}, {"environment": ["NOT_HERE"]}):
    try:
        _of_docker_env({**image, **wrong})
    except InvalidParameter as error:
        print(json.dumps(str(error)))
"""
    made, volumes, variable = map(json.loads, asked(program))
    assert made == ["trainer:3", {"OWN": "1", "OF_HERE": "a b"}]
    assert ("`volumes`" in volumes, "'NOT_HERE'" in variable) == (True, True)


def asked(program: str, *arguments: object) -> list[str]:
    """What a program prints, line by line: MLflow, once loaded, would be there for all tests that follow."""
    ended = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()

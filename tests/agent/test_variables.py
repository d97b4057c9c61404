"""The variables of a script, and the words that start it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from runyard.agent.assignment import Assignment, Environment, read_assignment
from runyard.agent.console import StreamLog
from runyard.agent.data import JobData
from runyard.agent.environments import Python
from runyard.agent.orders import Orders
from runyard.agent.preparation import Preparation
from runyard.agent.server import Server
from runyard.agent.steps import CannotPrepare, Steps
from runyard.agent.variables import script_variables
from runyard.sdk.configuration import find_configuration
from runyard.sdk.run_context import RUN_ID_VARIABLES
from tests.agent.job_folder import JobFolder

PYTHON = Path("/envs/x/bin/python")


@pytest.fixture
def assignment(job: JobFolder) -> Assignment:
    return read_assignment(job.assign({"train.py": ""}).path)


@pytest.fixture
def preparation(job: JobFolder, assignment: Assignment, tmp_path: Path) -> Preparation:
    (tmp_path / "out").mkdir()
    orders = Orders()
    steps = Steps(StreamLog("setup", tmp_path / "out"), orders, tmp_path)
    server = Server(assignment.url, assignment.key)
    return Preparation(assignment, job.path, server, orders, steps, 0o022)


def variables(assignment: Assignment, ca_file: Path | None = None) -> dict[str, str]:
    return script_variables(assignment, PYTHON, ca_file, {"VIRTUAL_ENV": "/envs/x"})


@pytest.mark.parametrize("asked", ["true", "false"])
def test_mlflow_reports_to_its_makers_only_where_a_job_wants_it(assignment: Assignment, asked: str):
    assert variables(assignment)["MLFLOW_DISABLE_TELEMETRY"] == "true"
    with_own = replace(assignment, variables={"MLFLOW_DISABLE_TELEMETRY": asked})
    assert variables(with_own)["MLFLOW_DISABLE_TELEMETRY"] == asked


def test_ours_are_the_last_word_and_the_jobs_come_before_the_environments(assignment: Assignment):
    environment = Environment(variables={"A": "environment", "B": "environment", "RUNYARD_TOKEN": "theirs"})
    job = replace(
        assignment, environment=environment, variables={"B": "job", "MLFLOW_TRACKING_URI": "theirs"}
    )
    found = variables(job)
    assert (found["A"], found["B"]) == ("environment", "job")
    assert (found["MLFLOW_TRACKING_URI"], found["RUNYARD_TOKEN"]) == (job.url, job.key)
    assert all(found[name] == "run" for name in RUN_ID_VARIABLES)


def test_what_a_scheduler_gave_reaches_the_script_and_its_token_does_not(assignment: Assignment, monkeypatch):
    gave = {
        "SLURM_JOB_ID": "7",
        "SLURMD_NODENAME": "n1",
        "CUDA_VISIBLE_DEVICES": "1",
        "ROCR_VISIBLE_DEVICES": "1",
    }
    for name, value in {**gave, "SLURM_JWT": "secret"}.items():
        monkeypatch.setenv(name, value)
    found = variables(assignment)
    assert {name: found.get(name) for name in gave} == gave
    assert "SLURM_JWT" not in found


def test_programs_of_the_environment_come_before_a_path_of_the_jobs(assignment: Assignment):
    assert variables(assignment)["PATH"] == f"/envs/x/bin{os.pathsep}{os.environ['PATH']}"
    assert variables(replace(assignment, variables={"PATH": "/own"}))["PATH"] == "/envs/x/bin:/own"
    assert variables(assignment)["VIRTUAL_ENV"] == "/envs/x"
    # Who wants another one says so.
    assert variables(replace(assignment, variables={"VIRTUAL_ENV": "/own"}))["VIRTUAL_ENV"] == "/own"


def test_what_is_not_known_is_not_said(assignment: Assignment):
    found = variables(replace(assignment, experiment_name=""))
    assert "MLFLOW_EXPERIMENT_NAME" not in found
    assert "AZUREML_ARM_PROJECT_NAME" not in found
    assert "RUNYARD_CA" not in found


def test_an_authority_is_for_runyard_and_mlflow_alone(assignment: Assignment):
    found = variables(assignment, Path("/job/ca.pem"))
    assert found["RUNYARD_CA"] == found["MLFLOW_TRACKING_SERVER_CERT_PATH"] == "/job/ca.pem"
    # Other servers are trusted as before.
    assert found.get("REQUESTS_CA_BUNDLE") == os.environ.get("REQUESTS_CA_BUNDLE")


def test_the_sdk_finds_the_workspace_from_the_folder_of_the_script(
    preparation: Preparation, job: JobFolder, monkeypatch
):
    preparation.command()
    monkeypatch.chdir(job.path / "code")
    found = find_configuration()
    assert (found.workspace_name, found.runyard_url) == (
        "lab",
        job.server.url.removesuffix("/workspaces/lab"),
    )


def test_code_that_is_there_already_is_not_got_again(preparation: Preparation, job: JobFolder):
    preparation.command()
    assert len(job.server.requests) == 1
    preparation.command()
    assert len(job.server.requests) == 1
    assert not (job.path / "code.tar.gz").exists()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"script": "train.py", "arguments": ("a b", "")}, [str(PYTHON), "train.py", "a b", ""]),
        ({"script": "-x.py"}, [str(PYTHON), "./-x.py"]),
        ({"script": "train.py", "is_azureml": True}, [str(PYTHON), "-m", "runyard.azureml", "train.py"]),
        ({"script": "", "command": ("sh", "-c", "$x")}, ["sh", "-c", "$x"]),
    ],
)
def test_a_script_is_started_by_its_python_and_a_command_by_itself(
    preparation: Preparation, changed: dict, words: list[str], tmp_path: Path
):
    preparation.code.mkdir()
    for name in ("train.py", "-x.py"):
        (preparation.code / name).touch()
    changed_preparation = replace(preparation, assignment=replace(preparation.assignment, **changed))
    data = JobData(tmp_path, (), ())
    assert changed_preparation._words(Python(PYTHON), data) == words


def test_an_authority_is_kept_beside_the_code(preparation: Preparation, job: JobFolder):
    assert preparation._ca_file() is None
    with_one = replace(preparation, assignment=replace(preparation.assignment, ca="-----BEGIN"))
    found = with_one._ca_file()
    assert found is not None
    assert found.read_text() == "-----BEGIN"
    assert not found.is_relative_to(preparation.code)


@pytest.mark.parametrize("named", ["x.tar.gz", "../x", "/tmp/--option.whl", "http://elsewhere/x.whl"])
def test_a_wheel_is_a_file_of_that_name_or_below_the_workspace(preparation: Preparation, named: str):
    with_one = replace(preparation, assignment=replace(preparation.assignment, sdk_wheel=named))
    with pytest.raises(CannotPrepare):
        with_one._wheel()


def test_a_wheel_is_there_though_the_folder_it_was_in_is_cleared(preparation: Preparation, tmp_path: Path):
    named = tmp_path / "sdk" / "runyard-1.0-py3-none-any.whl"
    named.parent.mkdir()
    named.write_bytes(b"wheel")
    with_one = replace(preparation, assignment=replace(preparation.assignment, sdk_wheel=str(named)))
    found = with_one._wheel()
    named.unlink()
    assert found is not None
    assert (found.name, found.read_bytes()) == (named.name, b"wheel")
    with pytest.raises(CannotPrepare, match=r"can't be had: .*No such file"):
        with_one._wheel()

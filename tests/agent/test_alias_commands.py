"""Commands in Azure's words: a script that Python runs finds Runyard's SDK as ``azureml``."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runyard.agent.assignment import Assignment, read_assignment
from runyard.agent.console import StreamLog
from runyard.agent.data import JobData
from runyard.agent.environments import Python
from runyard.agent.orders import Orders
from runyard.agent.preparation import Preparation
from runyard.agent.server import Server
from runyard.agent.steps import Steps
from tests.agent.job_folder import JobFolder

ALIAS = ["-m", "runyard.azureml"]


def words_of(job: JobFolder, command: list[str], *, is_azureml: bool = True) -> list[str]:
    """Return what is started for a command."""
    assignment: Assignment = replace(read_assignment(job.assign(command=command).path), is_azureml=is_azureml)
    (job.path / "out").mkdir()
    orders = Orders()
    steps = Steps(StreamLog("setup", job.path / "out"), orders, job.path)
    server = Server(assignment.url, assignment.key)
    preparation = Preparation(assignment, job.path, server, orders, steps, 0o022)
    return preparation._words(Python(Path("/envs/x/bin/python")), JobData(job.path, (), ()))


@pytest.mark.parametrize(
    ("command", "started"),
    [
        (["python", "train.py", "--a", "b.py"], ["python", *ALIAS, "train.py", "--a", "b.py"]),
        (["python3.11", "-u", "a/train.py"], ["python3.11", "-u", *ALIAS, "a/train.py"]),
        (["/opt/x/bin/python3", "train.py"], ["/opt/x/bin/python3", *ALIAS, "train.py"]),
        (["python", "-m", "pytest", "a.py"], ["python", "-m", "pytest", "a.py"]),
        (["python", "-c", "print('a.py')"], ["python", "-c", "print('a.py')"]),
        (["torchrun", "train.py"], ["torchrun", "train.py"]),
        (["pythonic", "train.py"], ["pythonic", "train.py"]),
        (["python"], ["python"]),
    ],
)
def test_a_script_of_a_command_has_the_names_too(job: JobFolder, command: list[str], started: list[str]):
    assert words_of(job, command) == started


@pytest.mark.parametrize(
    ("text", "started"),
    [
        ("python train.py --x '$A'", "python -m runyard.azureml train.py --x '$A'"),
        ("pip list && python3 -u ./a/t.py && ls", "pip list && python3 -u -m runyard.azureml ./a/t.py && ls"),
        ("echo python train.py", "echo python train.py"),
        ("python -m pytest t.py", "python -m pytest t.py"),
        ("python 'a b.py'", "python 'a b.py'"),
    ],
)
def test_so_has_one_that_a_shell_is_told_of(job: JobFolder, text: str, started: str):
    assert words_of(job, ["sh", "-c", text]) == ["sh", "-c", started]


def test_a_command_in_other_words_than_azure_s_stays_as_it_is(job: JobFolder):
    assert words_of(job, ["python", "train.py"], is_azureml=False) == ["python", "train.py"]


def test_what_is_started_sees_its_own_name_and_arguments(job: JobFolder, tmp_path: Path):
    script = "import sys\nfrom azureml.core import Run\nprint(__name__, sys.argv, Run.__name__)\n"
    (tmp_path / "t.py").write_text(script)
    command = words_of(job, [sys.executable, "t.py", "a b", "-x"])
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert ended.stdout == "__main__ ['t.py', 'a b', '-x'] Run\n", ended.stderr

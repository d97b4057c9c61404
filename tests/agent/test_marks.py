"""What an agent leaves in its folder, and what it reads there."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.assignment import UnreadableAssignment, read_assignment
from runyard.agent.marks import (
    CANCELED,
    COMPLETED,
    JobEnd,
    Marks,
    boot_id,
    kill_group,
    started_ticks,
    write_whole,
)
from runyard.entities.environment import CondaSpec, DockerSpec, EnvironmentSpec, PythonSpec

LEAST = {
    "url": "http://127.0.0.1:1/workspaces/lab/",
    "key": "ryj_x",
    "run_id": "run",
    "experiment_id": "0",
    "workspace": "lab",
    "artifact_path": "/0/run/artifacts/",
    "attempt": 1,
    "cache": "/cache",
}


def test_an_outcome_and_an_end_are_read_as_they_were_written(tmp_path: Path):
    marks = Marks(tmp_path)
    assert marks.read_outcome() is None
    marks.write_outcome(JobEnd(CANCELED, 143, "because"))
    assert Marks(tmp_path).read_outcome() == JobEnd(CANCELED, 143, "because")
    marks.write_end(JobEnd(COMPLETED, 0))
    end = json.loads((tmp_path / "end.json").read_text())
    assert end == {"status": "completed", "exit_code": 0, "reason": ""}


def test_an_agents_id_outlives_it_and_its_process_does_not(tmp_path: Path):
    first = Marks(tmp_path).write_agent()
    assert Marks(tmp_path).write_agent() == first
    assert len(first) == 32
    mark = json.loads((tmp_path / "agent.json").read_text())
    own = {"pid": os.getpid(), "started": started_ticks(os.getpid()), "boot": boot_id()}
    assert mark == own | {"agent_id": first}


@pytest.mark.parametrize("content", ["", "{", "[]", '"x"', "\xff"])
def test_a_mark_that_cannot_be_read_is_none(tmp_path: Path, content: str):
    for name in ("agent.json", "script.json", "outcome.json"):
        (tmp_path / name).write_bytes(content.encode("latin-1"))
    marks = Marks(tmp_path)
    assert marks.read_outcome() is None
    assert not marks.has_script
    assert marks.write_agent()
    marks.kill_script()


def test_a_folder_is_taken_by_one(tmp_path: Path):
    first, second = Marks(tmp_path), Marks(tmp_path)
    assert first.take_folder()
    assert not second.take_folder()


def test_a_file_is_whole_or_as_it_was(tmp_path: Path):
    path = tmp_path / "mark"
    write_whole(path, b"one")
    with pytest.raises(TypeError):
        write_whole(path, None)  # type: ignore[arg-type]
    assert path.read_bytes() == b"one"
    os.umask(os.umask(0o077))
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"


def test_a_start_is_read_whatever_the_program_is_called(tmp_path: Path):
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "600"]) as process:
        ticks = started_ticks(process.pid)
        assert ticks is not None
        assert 0 <= ticks - (started_ticks(os.getpid()) or 0) < 100 * os.sysconf("SC_CLK_TCK") * 3_600
        process.kill()
    assert started_ticks(process.pid) is None


def test_a_script_of_an_agent_that_died_is_ended_with_what_it_started(tmp_path: Path):
    with subprocess.Popen(["sh", "-c", "sleep 600; true"], start_new_session=True) as script:
        marks = Marks(tmp_path)
        marks.write_script(script.pid)
        assert Marks(tmp_path).has_script
        # It stays in the table of processes until its parent, this test, has asked for it.
        os.waitid(os.P_PID, script.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        kill_group(script.pid)
        script.wait()
        marks.kill_script()
    assert not kill_group(script.pid)


def write(folder: Path, **changed: Any) -> Path:
    (folder / "assignment.json").write_text(json.dumps(LEAST | changed))
    return folder


def test_an_assignment_needs_little(tmp_path: Path):
    found = read_assignment(write(tmp_path))
    assert (found.url, found.artifact_path) == ("http://127.0.0.1:1/workspaces/lab", "0/run/artifacts")
    assert (found.script, found.command, found.beat_s, found.stop_grace_s) == ("", (), 5.0, 10.0)
    assert found.environment.is_empty
    assert "ryj_x" not in repr(found)


def test_an_environment_is_read_as_the_server_writes_it(tmp_path: Path):
    conda = CondaSpec(("conda-forge",), ("python=3.11", "pip"), ("numpy>=2",))
    spec = EnvironmentSpec(PythonSpec(conda=conda), DockerSpec(image="python:3.11"), {"A": "b"})
    found = read_assignment(write(tmp_path, environment=json.loads(spec.as_json()))).environment
    assert (found.channels, found.packages, found.pip) == (conda.channels, conda.packages, conda.pip)
    assert (found.image, found.dockerfile, found.variables) == ("python:3.11", "", {"A": "b"})
    assert found.is_contained
    assert not found.is_empty
    assert read_assignment(
        write(tmp_path, environment=json.loads(EnvironmentSpec().as_json()))
    ).environment.is_empty


@pytest.mark.parametrize(
    "changed",
    [
        {"attempt": "1"},
        {"attempt": True},
        {"arguments": "a b"},
        {"arguments": [1]},
        {"variables": {"A": 1}},
        {"beat_s": "soon"},
        {"environment": {"python": {"conda": {"pip": "numpy"}}}},
        {"environment": {"python": {"is_user_managed": "no"}}},
        {"environment": [], "url": None},
    ],
)
def test_an_assignment_of_other_types_is_none(tmp_path: Path, changed: dict[str, Any]):
    with pytest.raises(UnreadableAssignment):
        read_assignment(write(tmp_path, **changed))


def test_marks_are_for_nobody_else(tmp_path: Path):
    code = (
        "import os, sys; from pathlib import Path; os.umask(0o077)\n"
        "from runyard.agent.marks import Marks; Marks(Path(sys.argv[1])).write_agent()\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert stat.S_IMODE((tmp_path / "agent.json").stat().st_mode) == 0o600

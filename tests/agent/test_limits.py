"""What limits an agent limits the containers of its job, which are in no control group of the agent's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runyard.agent.limits import within_own
from runyard.agent.shares import Share


def groups(folder: Path, *lines: str) -> Path:
    path = folder / "cgroup"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n")


def memory(folder: Path, own: Path, given_bytes: int = 0) -> int:
    return within_own(Share(memory_bytes=given_bytes), folder / "sys", own).memory_bytes


def test_the_smallest_limit_of_a_group_and_of_those_around_it_counts(tmp_path: Path):
    own = groups(tmp_path, "0::/system.slice/slurmstepd.scope/job_7/step_0")
    assert memory(tmp_path, own) == 0
    write(tmp_path / "sys/system.slice/slurmstepd.scope/job_7/memory.max", "3000")
    write(tmp_path / "sys/system.slice/slurmstepd.scope/job_7/step_0/memory.max", "max")
    assert memory(tmp_path, own) == 3000
    write(tmp_path / "sys/system.slice/memory.max", "2000")
    assert memory(tmp_path, own) == 2000
    assert memory(tmp_path, own, given_bytes=1000) == 1000
    assert memory(tmp_path, own, given_bytes=9000) == 2000


def test_the_older_interface_is_read_too(tmp_path: Path):
    own = groups(tmp_path, "9:name=systemd:/", "4:cpu,memory:/slurm/uid_0/job_7", "0::/")
    write(tmp_path / "sys/memory/memory.limit_in_bytes", str(2**63 - 4096))
    assert memory(tmp_path, own) == 0
    write(tmp_path / "sys/memory/slurm/uid_0/memory.limit_in_bytes", "5000")
    assert memory(tmp_path, own) == 5000


def test_an_agent_in_a_container_sees_its_own_limit_at_the_root(tmp_path: Path):
    own = groups(tmp_path, "0::/not/seen/from/here")
    write(tmp_path / "sys/memory.max", "7000")
    assert memory(tmp_path, own) == 7000


@pytest.mark.parametrize("text", ["", "é", "no group"])
def test_where_nothing_is_known_nothing_is_limited(tmp_path: Path, text: str):
    assert memory(tmp_path, groups(tmp_path, text)) == 0
    assert memory(tmp_path, tmp_path / "none") == 0


def test_processors_that_the_agent_has_not_are_not_its_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {5, 2})
    assert within_own(Share(), tmp_path, tmp_path / "none").cpus == (2, 5)
    assert within_own(Share(cpus=(2,)), tmp_path, tmp_path / "none").cpus == (2,)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert within_own(Share(), tmp_path, tmp_path / "none").cpus == ()

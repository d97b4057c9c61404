"""Which file counts what the kernel kills in a container, by what an engine and the machine say of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runyard.agent.contained import Contained
from runyard.agent.container_memory import ContainerMemory
from tests.waiting import until


def kills_seen(folder: Path, groups: str, file: str) -> int | None:
    """Return what is counted in a container "abc", the first process of which is in these groups."""
    engine = folder / "engine"
    engine.write_text(f'#!/bin/sh\ntouch "{folder}/asked"\necho abc 77\n')
    engine.chmod(0o700)
    (folder / "proc" / "77").mkdir(parents=True)
    (folder / "proc" / "77" / "cgroup").write_text(groups)
    counting = folder / "root" / file
    counting.parent.mkdir(parents=True)
    counting.write_text("oom 4\noom_kill 3\n")
    memory = ContainerMemory(Contained((str(engine),)), folder / "root", folder / "proc")
    until((folder / "asked").exists)
    return memory.close()


@pytest.mark.parametrize(
    ("groups", "file", "kills"),
    [
        ("0::/machine/libpod-abc.scope\n", "machine/libpod-abc.scope/memory.events", 3),
        ("5:pids:/docker/abc\n4:cpu,memory:/docker/abc\n", "memory/docker/abc/memory.oom_control", 3),
        ("0::/docker/abc\n4:memory:/docker/abc\n", "memory/docker/abc/memory.oom_control", 3),
        # The engine is one of another machine: here the number is somebody else's.
        ("0::/user/other\n", "user/other/memory.events", None),
        ("4:memory:/user/other\n", "memory/user/other/memory.oom_control", None),
        ("", "memory/memory.oom_control", None),
    ],
)
def test_the_file_of_the_containers_own_group_is_read(
    tmp_path: Path, groups: str, file: str, kills: int | None
):
    assert kills_seen(tmp_path, groups, file) == kills


@pytest.mark.parametrize("says", ["exit 1", "echo abc", "echo", "echo abc ../x"])
def test_an_engine_that_does_not_know_it_is_asked_again_and_counts_nothing(tmp_path: Path, says: str):
    engine = tmp_path / "engine"
    engine.write_text(f'#!/bin/sh\necho >> "{tmp_path}/asked"\n{says}\n')
    engine.chmod(0o700)
    memory = ContainerMemory(Contained((str(engine),)), tmp_path, tmp_path)
    until(lambda: (tmp_path / "asked").exists() and len((tmp_path / "asked").read_text()) > 1)
    assert memory.close() is None

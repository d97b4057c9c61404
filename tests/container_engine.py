"""A podman of the tests' own: its images and containers lie in a folder, and the machine's are not touched."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

BASE = Path(__file__).parents[1] / ".envs" / "container-base" / "base.tar"
IMAGE = "localhost/runyard-tests/base:1"
IS_POSSIBLE = shutil.which("podman") is not None and BASE.is_file() and os.geteuid() == 0
needs_podman = pytest.mark.skipif(
    not IS_POSSIBLE, reason="containers need root, podman and the tests' image: `make test` makes them"
)


class TestsPodman:
    """Runs containers where neither crun nor systemd's control groups can be had, as on machines of a CI.

    Args:
        folder: Where it keeps all.
    """

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self.words = [
            *("podman", "--root", str(folder / "store"), "--runroot", str(folder / "run")),
            *("--storage-driver", "overlay", "--runtime", "runc", "--cgroup-manager", "cgroupfs"),
        ]
        self.run("import", str(BASE), IMAGE)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that tell an agent of it."""
        return {
            "RUNYARD_CONTAINER_ENGINE": shlex.join(self.words),
            "RUNYARD_CONTAINER_OPTIONS": "--ulimit nofile=4096:4096 --ulimit nproc=4096:4096",
        }

    def run(self, *words: str) -> str:
        """Return what it prints."""
        done = subprocess.run([*self.words, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout.strip()

    def containers(self) -> list[str]:
        """Return the names of all containers, those too that have ended."""
        return self.run("ps", "--all", "--format", "{{.Names}}").split()

    def images(self) -> list[str]:
        """Return the names of all images that have one."""
        found = json.loads(self.run("images", "--format", "json"))
        return sorted(name for each in found for name in each.get("Names") or ())

    def close(self) -> None:
        """Leave nothing behind."""
        self.run("rm", "--all", "--force")
        self.run("rmi", "--all", "--force")

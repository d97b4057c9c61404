"""The launcher for Slurm against the rules, on a real cluster, and what only it can do wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runyard.agent.station import AGENT
from runyard.compute.base import AgentState, Launch
from runyard.compute.machine import ThisMachine
from runyard.compute.slurm import SlurmLauncher, SlurmSettings
from runyard.errors import Unavailable
from runyard.testing.launcher_rules import NOBODY, RUN_ID, LauncherRules, assignment, report_of, state_of
from tests.slurm_cluster import CPUS, SlurmCluster, installed
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not installed(), reason="no Slurm, or not root")]
HANDLE = f"{RUN_ID}/1"
NAME = f"runyard-{RUN_ID}-1"


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    started = SlurmCluster()
    yield started
    started.close()


@pytest.fixture(autouse=True)
def _finds_it(cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in cluster.variables.items():
        monkeypatch.setenv(name, value)


def open_launcher(folder: Path, *, settled_within_s: float = 0.0, **settings: Any) -> SlurmLauncher:
    told = SlurmSettings(folder=str(folder), python=sys.executable, **settings)
    return SlurmLauncher(ThisMachine(), told, NOBODY, looks_every_s=0.0, settled_within_s=settled_within_s)


class TestSlurmLauncher(LauncherRules):
    @pytest.fixture(autouse=True)
    def _in(self, tmp_path: Path, cluster: SlurmCluster) -> None:
        self.folder = tmp_path
        self.cluster = cluster

    def open_launcher(self, folder: Path) -> SlurmLauncher:
        return open_launcher(folder)

    def kill_agent(self, launched: str) -> None:
        path = self.folder / "jobs" / launched / AGENT
        until(path.exists)
        os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)

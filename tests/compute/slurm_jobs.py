"""A server and its jobs on a cluster of Slurm that the tests have started."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.compute.test_jobs_end_to_end import Jobs
from tests.running_server import RunningServer
from tests.slurm_cluster import SlurmCluster


class SlurmJobs(Jobs):
    """A client of jobs on a target that is the cluster."""

    def __init__(self, server: RunningServer, cluster: SlurmCluster, folder: Path) -> None:
        super().__init__(server)
        self.cluster = cluster
        self.folder = folder
        self._elements: dict[str, str] = {}
        (folder / "home").mkdir(parents=True)
        self.attach("cluster")

    def attach(self, name: str, **settings: Any) -> None:
        places = {"folder": str(self.folder / "jobs %j $(x)"), "python": sys.executable}
        told = {"server_url": self.server.url, **places, **settings}
        body = {"name": name, "kind": "slurm", "slots": 8, "settings": told}
        self.ask("POST", "compute", json=body)

    def submit(self, script: str, *arguments: object, **more: Any) -> str:
        return super().submit(script, *arguments, **({"compute": "cluster"} | more))

    def place(self, run_id: str, attempt: int = 1) -> Path:
        found = (self.folder / "jobs %j $(x)").glob(f"*/{run_id}/{attempt}")
        return next(found, self.folder / "nowhere")

    def in_slurm(self, run_id: str, attempt: int = 1) -> str:
        """Return what Slurm calls the state of a job; it may be an element of an array."""
        states = self.cluster.states()
        for link in (self.folder / "jobs %j $(x)").glob("*/arrays/*/*"):
            with contextlib.suppress(FileNotFoundError):
                handle = os.readlink(link).removeprefix("../../")
                self._elements[handle] = f"runyard-array-{link.parent.name}_{link.name}"
        alone = states.get(f"runyard-{run_id}-{attempt}", "")
        return alone or states.get(self._elements.get(f"{run_id}/{attempt}", ""), "")

    def arrays(self) -> dict[str, int]:
        """Return how many elements each array has that Slurm knows, by its name."""
        found = (name.rpartition("_") for name in self.cluster.states() if name.startswith("runyard-array-"))
        return Counter(name for name, _, _ in found)

    @contextlib.contextmanager
    def together(self, compute: str = "cluster") -> Iterator[None]:
        """Have the jobs that are submitted meanwhile begin in one look of the queue."""
        self.ask("PATCH", f"compute/{compute}", json={"is_paused": True})
        yield
        self.ask("PATCH", f"compute/{compute}", json={"is_paused": False})


@contextlib.contextmanager
def slurm_jobs(
    cluster: SlurmCluster, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[SlurmJobs]:
    """Start a server on this machine, which has a target on the cluster.

    Args:
        cluster: Where the jobs run.
        folder: For all that is kept.
        environment: More variables of the server, which its jobs have too.
    """
    variables = {**cluster.variables, "HOME": str(folder / "home"), **(environment or {})}
    (folder / "home").mkdir()
    server = RunningServer(folder / "server", environment=variables).start()
    try:
        yield SlurmJobs(server, cluster, folder / "shared")
    finally:
        server.close()

"""What the agents of jobs are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runyard.entities.job import Job, JobSpec
from runyard.errors import InvalidParameter, NotFound
from runyard.services.operation import Operation
from runyard.services.own_wheel import write_own_wheel
from runyard.settings import Settings
from runyard.stores.artifacts.paths import proxied_path
from runyard.stores.opening import Stores

BEAT_S = 5.0
STOP_GRACE_S = 10.0


class Assignments:
    """Writes assignments.

    Args:
        stores: What the server remembers.
        settings: How it runs.
        operation: The server; it knows its own address once it takes connections.
    """

    def __init__(self, stores: Stores, settings: Settings, operation: Operation) -> None:
        self._stores = stores
        self._settings = settings
        self._operation = operation

    def of(self, job: Job, attempt: int, key: str) -> Mapping[str, Any]:
        """Return what an agent on this machine is told of an attempt, as JSON has it.

        Raises:
            NotFound: The run is being removed for good.
        """
        run = self._stores.metadata.runs.get_run(job.workspace, job.run_id)
        experiment = self._stores.metadata.experiments.get_experiment(job.workspace, job.experiment_id)
        spec = job.spec
        return {
            "url": f"{self._operation.address}/workspaces/{quote(job.workspace, safe='')}",
            "ca": self._operation.authority,
            "key": key,
            "workspace": job.workspace,
            "run_id": job.run_id,
            "run_name": run.name,
            "experiment_id": job.experiment_id,
            "experiment_name": experiment.name,
            "artifact_path": _artifact_path(run.artifact_uri),
            "attempt": attempt,
            "snapshot": spec.snapshot,
            "script": spec.script,
            "arguments": list(spec.arguments),
            "command": list(spec.command),
            "environment": asdict(spec.environment),
            "variables": dict(spec.variables),
            "max_duration_s": spec.max_duration_s,
            "inputs": [asdict(each) for each in spec.inputs],
            "outputs": [asdict(each) for each in spec.outputs],
            "is_azureml": spec.is_azureml,
            "beat_s": BEAT_S,
            "stop_grace_s": STOP_GRACE_S,
            "cache": str(self._settings.home / "environments"),
            "sdk_wheel": str(own_wheel(self._settings)) if _is_made(spec) else "",
        }


def own_wheel(settings: Settings) -> Path:
    """Return the path of the SDK's wheel for the environments of jobs."""
    return write_own_wheel(settings.home / "environments" / "sdk")


def own_wheel_named(settings: Settings, name: str) -> bytes:
    """Return the SDK's wheel if it is called that.

    Raises:
        NotFound: It is not.
    """
    wheel = own_wheel(settings)
    if name != wheel.name:
        raise NotFound(f"The SDK of this server is {wheel.name}, and not {name[:100]!r}.")
    return wheel.read_bytes()


def _is_made(spec: JobSpec) -> bool:
    """Whether the environment is made for the job, and is not one that is there."""
    conda = spec.environment.python.conda
    return not spec.environment.python.is_user_managed and bool(conda.packages or conda.pip)


def _artifact_path(artifact_uri: str) -> str:
    """Return where a run's files lie behind the server; empty where clients write them elsewhere."""
    try:
        place = proxied_path(artifact_uri)
    except InvalidParameter:
        place = None
    return "" if place is None else str(place)

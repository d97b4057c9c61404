"""A job: code that a workspace runs for somebody on a compute target, recorded by a run of the same id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from runyard.entities.environment import EnvironmentSpec
from runyard.entities.run import RunStatus

SCRIPT_TAG = "mlflow.source.name"
"""Tag of a run: what it runs, in a few words."""
JOB_TAG = "runyard.job"
"""Tag of a run that a job's own code began: the run of that job."""
REASON_TAG = "runyard.end_reason"
"""Tag of a run: why it did not end well."""
EXIT_CODE_TAG = "runyard.exit_code"
"""Tag of a run: the exit code of its script."""


class JobStatus(str, Enum):
    """Where a job is in its life."""

    QUEUED = "queued"
    """It waits for a slot."""
    STARTING = "starting"
    """It has a slot, and its agent was told to begin."""
    PREPARING = "preparing"
    """Its agent gets the code and makes the environment."""
    RUNNING = "running"
    """The script runs."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    LOST = "lost"
    """Its agent has said nothing for three beats; it is as before when it reports again."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self in _OVER

    @property
    def holds_slots(self) -> bool:
        """Whether its slots are taken."""
        return not self.is_over and self is not JobStatus.QUEUED

    @property
    def run_status(self) -> RunStatus:
        """What its run is in the meantime."""
        return _OF_RUN[self]


_OVER = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELED})
_OF_RUN = {
    JobStatus.QUEUED: RunStatus.SCHEDULED,
    JobStatus.STARTING: RunStatus.SCHEDULED,
    JobStatus.PREPARING: RunStatus.SCHEDULED,
    JobStatus.RUNNING: RunStatus.RUNNING,
    JobStatus.COMPLETED: RunStatus.FINISHED,
    JobStatus.FAILED: RunStatus.FAILED,
    JobStatus.CANCELED: RunStatus.KILLED,
    JobStatus.LOST: RunStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class DataPlace:
    """A file or folder of a datastore; without one, of the workspace's artifacts."""

    datastore: str
    path: str


@dataclass(frozen=True, slots=True)
class JobInput:
    """Data that a job reads.

    Args:
        name: The word ``${{inputs.name}}`` stands for where it is.
        places: What is brought to the machine of the job before its script.
        asset_id: The version of a data asset that it is, if any; without places the word stands for this.
    """

    name: str
    places: tuple[DataPlace, ...] = ()
    asset_id: str = ""


@dataclass(frozen=True, slots=True)
class JobOutput:
    """A folder that a job fills, and that goes to a datastore after its script.

    Args:
        name: The word ``${{outputs.name}}`` stands for the folder.
        datastore: Name of the datastore.
        path: The folder in it.
        overwrite: Whether files that are there are replaced.
    """

    name: str
    datastore: str
    path: str
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a job runs; it never changes.

    Args:
        snapshot: SHA-256 of the archive with the code; empty for a command that needs none.
        script: Path of a Python script in it; empty where there is a ``command``.
        arguments: What the script is given, word by word.
        command: Words of a command to run in place of a script.
        environment: What it needs around it.
        environment_name: By which name that is kept, if it is.
        environment_version: And as which version.
        variables: Variables of its process, above those of the environment.
        slots: How many slots of the target it takes.
        max_duration_s: After how many seconds of the script it is ended; 0 for never.
        max_attempts: How often it is begun at most, if it fails.
        priority: Jobs with more are begun first.
        is_azureml: Whether the script's ``azureml`` is Runyard's SDK.
        inputs: Data that it reads.
        outputs: Folders that go to datastores after it.
    """

    snapshot: str = ""
    script: str = ""
    arguments: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: EnvironmentSpec = field(default_factory=EnvironmentSpec)
    environment_name: str = ""
    environment_version: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)
    slots: int = 1
    max_duration_s: int = 0
    max_attempts: int = 1
    priority: int = 0
    is_azureml: bool = False
    inputs: tuple[JobInput, ...] = ()
    outputs: tuple[JobOutput, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands; times are milliseconds since the epoch.

    Args:
        run_id: Id of the job and of its run.
        workspace: Where it lies.
        experiment_id: The experiment of its run.
        compute: Name of its target.
        spec: What it runs.
        status: Where it is in its life.
        submitted_ms: When it was submitted.
        principal_id: By whom.
        submitted_by: Their name then.
        attempt: How often it was begun, this time included; 0 before the first.
        started_ms: When the script of this attempt was started.
        ended_ms: When the job ended.
        seen_ms: When its agent, or a server about it, reported last.
        canceled_ms: When somebody asked that it be ended.
        exit_code: The script's.
        reason: Why it did not end well, or why it waits.
        host: The machine that has begun it.
        launched: What its launcher needs to find it again.
        agent_id: The agent that may report about this attempt.
        key_sha256: Digest of the key that this attempt calls the server with; empty once it is over.
    """

    run_id: str
    workspace: str
    experiment_id: str
    compute: str
    spec: JobSpec
    status: JobStatus
    submitted_ms: int
    principal_id: str
    submitted_by: str
    attempt: int = 0
    started_ms: int | None = None
    ended_ms: int | None = None
    seen_ms: int = 0
    canceled_ms: int | None = None
    exit_code: int | None = None
    reason: str = ""
    host: str = ""
    launched: str = ""
    agent_id: str = ""
    key_sha256: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a job stands in the queue of its target.

    Args:
        position: Its place, counted from 1.
        reason: What it waits for, in words; empty if it is begun in a moment.
    """

    position: int
    reason: str

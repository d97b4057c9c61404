"""Runyard's own messages about jobs and the code that they run."""

from __future__ import annotations

from collections.abc import Mapping

from runyard.entities.job import DataPlace, Job, JobInput, JobOutput, JobSpec, Waiting
from runyard.protocol.messages.common import Int64, Wire
from runyard.protocol.messages.environments import WireDocker, WirePython, wire_docker, wire_python


class JobEnvironment(Wire):
    """What a job needs around it: an environment of the workspace by name, or what one would hold.

    Without a version it is the one registered last. A name with a content is what the content is shown as.
    """

    name: str = ""
    version: Int64 | None = None
    python: WirePython | None = None
    docker: WireDocker | None = None
    variables: dict[str, str] = {}


class WirePlace(Wire, omit_defaults=False):
    """A file or folder of a datastore; without one, of the workspace's artifacts."""

    path: str
    datastore: str = ""


class WireInput(Wire, omit_defaults=False):
    """Data of a job: what lies at some places is brought to it; without any it is told of a data asset."""

    places: list[WirePlace] = []
    asset_id: str = ""


class WireOutput(Wire, omit_defaults=False):
    """A folder of a job that goes to a datastore after its script; ``{run_id}`` in its path is the run's."""

    datastore: str
    path: str = ""
    overwrite: bool = False


class SubmitJob(Wire):
    """Body of ``POST /api/v1/jobs``: a ``script`` of the ``snapshot``, or a ``command``.

    ``max_duration_s`` of 0 is for ever. ``is_azureml`` lets the script import Runyard's SDK as ``azureml``.
    ``run_id`` is the client's own, 32 hexadecimal digits: the same request again is the same job. In
    arguments ``${{inputs.name}}`` and ``${{outputs.name}}`` stand for paths of ``inputs`` and ``outputs``.
    """

    experiment_id: str
    compute: str = "local"
    snapshot: str = ""
    script: str = ""
    arguments: list[str] = []
    command: list[str] = []
    environment: JobEnvironment | None = None
    variables: dict[str, str] = {}
    slots: Int64 = 1
    max_duration_s: Int64 = 0
    max_attempts: Int64 = 1
    priority: Int64 = 0
    is_azureml: bool = False
    inputs: dict[str, WireInput] = {}
    outputs: dict[str, WireOutput] = {}
    run_name: str = ""
    tags: dict[str, str] = {}
    run_id: str | None = None


class ListJobs(Wire):
    """Query of ``GET /api/v1/jobs``.

    ``statuses`` are names of states with commas between them; ``active`` stands for all that are not over.
    ``text`` is somewhere in the run's name or id, the script or command's name, or the submitter's name,
    whatever the case of its letters.
    ``order_by`` has keys as ``duration_ms DESC``: ``run_name``, ``status``, ``compute``, ``priority``,
    ``submitted_by``, ``submitted_ms``, ``started_ms``, ``ended_ms`` or ``duration_ms``, which for a job that
    runs is until now. What has no value comes last; the latest submitted comes first among those alike.
    """

    compute: str | None = None
    experiment_id: str | None = None
    statuses: str = ""
    text: str = ""
    order_by: list[str] = []
    max_results: Int64 = 100
    page_token: str | None = None


class WireJob(Wire, omit_defaults=False):
    """A job, and what its run is called.

    ``position`` counts from 1 in the queue of its target, and ``waits_for`` says what it waits for there;
    ``reason`` says why it ended so, or why an attempt before failed.
    ``status`` is queued, starting, preparing, running, completed, failed, canceled or lost.
    """

    run_id: str
    experiment_id: str
    compute: str
    status: str
    attempt: int
    max_attempts: int
    priority: int
    slots: int
    snapshot: str
    script: str
    arguments: list[str]
    command: list[str]
    environment_name: str
    environment_version: int
    variables: dict[str, str]
    max_duration_s: int
    is_azureml: bool
    inputs: dict[str, WireInput]
    outputs: dict[str, WireOutput]
    submitted_ms: int
    submitted_by: str
    started_ms: int | None
    ended_ms: int | None
    is_cancel_requested: bool
    exit_code: int | None
    reason: str
    host: str
    run_name: str = ""
    position: int | None = None
    waits_for: str = ""


class JobAnswer(Wire, omit_defaults=False):
    """One job, and the environment that it was submitted with, whatever has become of that since."""

    job: WireJob
    environment: JobEnvironment | None = None


class ListJobsAnswer(Wire, omit_defaults=False):
    """A page of jobs."""

    jobs: list[WireJob]
    next_page_token: str | None = None


class BeginJob(Wire):
    """Body of ``POST /api/v1/jobs/{run_id}/begin``: an agent is there, and asks whether it is the one.

    ``agent_id`` is its own, drawn at random. Another agent of the same attempt is refused with INVALID_STATE.
    """

    attempt: Int64
    agent_id: str


class ReportJob(Wire):
    """Body of ``POST /api/v1/jobs/{run_id}/report``: the agent lives. ``status`` is preparing or running."""

    attempt: Int64
    agent_id: str
    status: str


class ReportAnswer(Wire, omit_defaults=False):
    """What the agent is to do: go on, or end the script."""

    is_cancel_requested: bool


class EndJob(Wire):
    """Body of ``POST /api/v1/jobs/{run_id}/end``: ``status`` is completed, failed or canceled.

    The same again is answered as the first time.
    """

    attempt: Int64
    agent_id: str
    status: str
    exit_code: Int64 | None = None
    reason: str = ""


class SnapshotAnswer(Wire, omit_defaults=False):
    """Code that is kept: ``sha256`` of the archive, a tar compressed by gzip."""

    sha256: str
    size_bytes: int


class WireSnapshotFile(Wire, omit_defaults=False):
    """A file of a job's code, by its path below the folder."""

    path: str
    size_bytes: int
    is_executable: bool


class ListSnapshotFilesAnswer(Wire, omit_defaults=False):
    """The files of a job's code in the order of the archive; ``is_cut`` if there may be more."""

    files: list[WireSnapshotFile]
    is_cut: bool


def job_inputs(wire: Mapping[str, WireInput]) -> tuple[JobInput, ...]:
    """Return what a job reads, as it was written."""
    return tuple(
        JobInput(name, tuple(DataPlace(at.datastore, at.path) for at in each.places), each.asset_id)
        for name, each in wire.items()
    )


def job_outputs(wire: Mapping[str, WireOutput]) -> tuple[JobOutput, ...]:
    """Return what comes out of a job, as it was written."""
    return tuple(JobOutput(name, each.datastore, each.path, each.overwrite) for name, each in wire.items())


def _wire_inputs(spec: JobSpec) -> dict[str, WireInput]:
    return {each.name: _wire_input(each) for each in spec.inputs}


def _wire_input(input: JobInput) -> WireInput:
    places = [WirePlace(path=each.path, datastore=each.datastore) for each in input.places]
    return WireInput(places=places, asset_id=input.asset_id)


def _wire_outputs(spec: JobSpec) -> dict[str, WireOutput]:
    return {
        each.name: WireOutput(datastore=each.datastore, path=each.path, overwrite=each.overwrite)
        for each in spec.outputs
    }


def wire_job(job: Job, run_name: str = "", waiting: Waiting | None = None) -> WireJob:
    """Return a job as Runyard writes it."""
    spec = job.spec
    return WireJob(
        run_id=job.run_id,
        experiment_id=job.experiment_id,
        compute=job.compute,
        status=job.status.value,
        attempt=job.attempt,
        max_attempts=spec.max_attempts,
        priority=spec.priority,
        slots=spec.slots,
        snapshot=spec.snapshot,
        script=spec.script,
        arguments=list(spec.arguments),
        command=list(spec.command),
        environment_name=spec.environment_name,
        environment_version=spec.environment_version,
        variables=dict(spec.variables),
        max_duration_s=spec.max_duration_s,
        is_azureml=spec.is_azureml,
        inputs=_wire_inputs(spec),
        outputs=_wire_outputs(spec),
        submitted_ms=job.submitted_ms,
        submitted_by=job.submitted_by,
        started_ms=job.started_ms,
        ended_ms=job.ended_ms,
        is_cancel_requested=job.canceled_ms is not None,
        exit_code=job.exit_code,
        reason=job.reason,
        host=job.host,
        run_name=run_name,
        position=waiting.position if waiting else None,
        waits_for=waiting.reason if waiting else "",
    )


def wanted_job(experiment_id: str, compute: str, spec: JobSpec) -> SubmitJob:
    """Return what asks for a job that runs this."""
    return SubmitJob(
        experiment_id=experiment_id,
        compute=compute,
        snapshot=spec.snapshot,
        script=spec.script,
        arguments=list(spec.arguments),
        command=list(spec.command),
        environment=wire_job_environment(spec),
        variables=dict(spec.variables),
        slots=spec.slots,
        max_duration_s=spec.max_duration_s,
        max_attempts=spec.max_attempts,
        priority=spec.priority,
        is_azureml=spec.is_azureml,
        inputs=_wire_inputs(spec),
        outputs=_wire_outputs(spec),
    )


def wire_job_environment(job: JobSpec) -> JobEnvironment:
    """Return what a job needs around it, as Runyard writes it."""
    spec = job.environment
    return JobEnvironment(
        name=job.environment_name,
        version=job.environment_version or None,
        python=wire_python(spec.python),
        docker=wire_docker(spec.docker),
        variables=dict(spec.variables),
    )

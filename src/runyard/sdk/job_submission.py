"""Submitting: the code goes to the server, then the job, then what git knows of the code."""

from __future__ import annotations

import logging
import os
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runyard.errors import InvalidParameter, RunyardError
from runyard.protocol.limits import check_first_tags
from runyard.protocol.messages.jobs import SubmitJob, WireJob
from runyard.protocol.messages.runs import RunAnswer, RunId, WireRun
from runyard.protocol.messages.sweeps import WireSweep
from runyard.sdk.artifact_uploads import proxied_folder, upload
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.job_records import submit_job
from runyard.sdk.run_configuration import checked_variables
from runyard.sdk.script.git_state import read_git_state, write_git_diff
from runyard.sdk.script.program import Program
from runyard.sdk.script.recorded_run import ARGUMENTS_TAG, MAX_ARGUMENTS_LENGTH, MAX_DIFF_BYTES, NOTE_TAG
from runyard.sdk.script_run_config import ScriptRunConfig
from runyard.sdk.snapshot import taken_snapshot
from runyard.sdk.sweep_records import submit_sweep

if TYPE_CHECKING:
    from runyard.sdk.sweep_config import SweepConfig

DIFF = "code/git.diff"

_log = logging.getLogger("runyard.job")


@dataclass(frozen=True, slots=True)
class Submission:
    """What is said of a job beside its configuration.

    Args:
        experiment_id: Where its run is made.
        name: What that is called; empty draws a name.
        tags: Its first tags.
        max_attempts: How often it is begun at most; None leaves that to the configuration.
        priority: Jobs with more are begun first; None as well.
        slots: How many slots it takes; None as well.
    """

    experiment_id: str
    name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    max_attempts: int | None = None
    priority: int | None = None
    slots: int | None = None


@dataclass(frozen=True, slots=True)
class SentCode:
    """Code that is at the server, with what git knows of it.

    Args:
        sha256: What the server knows it by.
        tags: What git says, as tags of the run.
        diff: What differs from the commit.
    """

    sha256: str
    tags: Mapping[str, str] = field(default_factory=dict)
    diff: bytes = field(default=b"", repr=False)


class Submitter:
    """Submits jobs; a folder that several have in common is sent once.

    Args:
        connection: Reaches the workspace.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sent: dict[str, SentCode] = {}

    def submit(self, config: ScriptRunConfig, submission: Submission) -> tuple[WireJob, WireRun]:
        """Submit a job, and return it with its run.

        Raises:
            NotFound: There is no such folder, script, target or environment.
            InvalidParameter: A part of the configuration can't be; the message names it.
            TooLarge: The code is too large; the largest files are named.
            Forbidden: The credential does not allow it.
        """
        wanted, code = self._prepared(config, submission)
        job = submit_job(self._connection, wanted)
        return job, self.run_of(job.run_id, code)

    def submit_sweep(self, config: SweepConfig, submission: Submission) -> tuple[WireSweep, WireRun]:
        """Submit a sweep, and return it with its run.

        Raises:
            RunyardError: As for :meth:`submit`.
        """
        wanted, code = self._prepared(config.run_config, submission)
        sweep = submit_sweep(self._connection, config._message(wanted))
        return sweep, self.run_of(sweep.run_id, code)

    def _prepared(self, config: ScriptRunConfig, submission: Submission) -> tuple[SubmitJob, SentCode]:
        """Send the code, and return what to ask for."""
        wanted = _message(config, submission)
        code = self.sent_code(config.source_directory)
        tags = {**code.tags, **wanted.tags, **submission.tags}
        check_first_tags(tags)
        wanted.snapshot, wanted.tags = code.sha256, tags
        return wanted, code

    def run_of(self, run_id: str, code: SentCode) -> WireRun:
        """Return the run of what was submitted, which keeps what differs from the code's commit."""
        run = self._connection.get(f"{MLFLOW}/runs/get", RunAnswer, RunId(run_id=run_id)).run
        if code.diff:
            self._keep_diff(run, code.diff)
        return run

    def sent_code(self, source_directory: str | None) -> SentCode:
        """Send a folder, unless that was done, and return what it is known by."""
        if source_directory is None:
            return SentCode("")
        folder = Path(source_directory)
        key = os.path.realpath(folder)
        if key not in self._sent:
            with taken_snapshot(folder) as snapshot:
                snapshot.send(self._connection)
            tags, diff = _git_facts(folder)
            self._sent[key] = SentCode(snapshot.sha256, tags, diff)
        return self._sent[key]

    def _keep_diff(self, run: WireRun, diff: bytes) -> None:
        with tempfile.TemporaryDirectory(prefix="runyard-") as temporary:
            path = Path(temporary) / "git.diff"
            path.write_bytes(diff)
            try:
                folder = proxied_folder(f"run {run.info.run_id!r}", run.info.artifact_uri)
                upload(self._connection, folder, [(DIFF, path)])
            except RunyardError as error:  # the job is submitted all the same
                _log.warning("What differs from git's commit is not kept: %s", error)


def _message(config: ScriptRunConfig, submission: Submission) -> SubmitJob:
    data = config.data()
    script, command = config.checked_script(), config.checked_command(data)
    arguments, wishes = config.checked_arguments(data), config.run_config
    return SubmitJob(
        experiment_id=submission.experiment_id,
        compute=wishes.target,
        script=script,
        arguments=[] if command else arguments,
        command=command,
        environment=config.wire_environment(),
        variables=checked_variables(wishes.environment_variables),
        slots=whole_number(submission.slots, wishes.node_count, 1, "slots"),
        max_duration_s=whole_number(None, wishes.max_run_duration_seconds, 0, "max_run_duration_seconds"),
        max_attempts=whole_number(submission.max_attempts, wishes.max_attempts, 1, "max_attempts"),
        priority=whole_number(submission.priority, wishes.priority, 0, "priority", least=None),
        is_azureml=config.is_azureml,
        inputs=data.inputs,
        outputs=data.outputs,
        run_name=submission.name,
        tags=arguments_tag(arguments),
        run_id=uuid.uuid4().hex,
    )


def arguments_tag(arguments: Sequence[str]) -> dict[str, str]:
    """Return the tag that shows what a script is given; none where that is nothing."""
    shown = Program("", tuple(arguments)).shown_arguments()[:MAX_ARGUMENTS_LENGTH]
    return {ARGUMENTS_TAG: shown} if shown else {}


def whole_number(
    said: int | None, configured: int | None, default: int, parameter: str, *, least: int | None = 0
) -> int:
    """Return the number that is said, else the configured one, else the default.

    Raises:
        InvalidParameter: It is no whole number, or less than it may be.
    """
    wanted = configured if said is None else said
    if wanted is None:
        return default
    if type(wanted) is not int or (least is not None and wanted < least):
        raise InvalidParameter(f"{parameter}={wanted!r} must be a whole number.")
    return wanted


def _git_facts(folder: Path) -> tuple[dict[str, str], bytes]:
    """Return where the working tree stands, as tags, and what differs from its commit."""
    state = read_git_state(folder)
    if state is None:
        return {}, b""
    if not state.is_dirty:
        return state.tags(), b""
    with tempfile.TemporaryDirectory(prefix="runyard-") as temporary:
        path = Path(temporary) / "git.diff"
        is_whole = write_git_diff(folder, path, MAX_DIFF_BYTES)
        note = {} if is_whole else {NOTE_TAG: f"{DIFF} is cut off after {MAX_DIFF_BYTES} bytes."}
        return {**state.tags(), **note}, path.read_bytes()

"""What a run has that a workspace runs as a job: its place in the queue, its console, its end."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urlencode

from runyard.errors import Forbidden, InvalidState, NotFound
from runyard.protocol.messages.artifacts import WireFile
from runyard.protocol.messages.jobs import JobEnvironment, WireJob
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import Connection
from runyard.sdk.environment import Environment
from runyard.sdk.job_records import cancel_job, get_job, get_job_answer, status_word
from runyard.sdk.run_beginning import PARENT_TAG
from runyard.sdk.run_console import FOLDER, Console, whole_lines
from runyard.sdk.run_life import ERROR_TAG, RunFailed, RunLife
from runyard.sdk.run_sinks import print_line

if TYPE_CHECKING:
    from runyard.sdk.experiment import Experiment
    from runyard.sdk.run import Run
    from runyard.sdk.script_run_config import ScriptRunConfig

COMPUTE_TAG = "runyard.compute"
"""Tag of a run that a job is behind: the name of its target."""

_OF_THIS_PROCESS = "MLFLOW_RUN_ID"
_SNAPSHOTS = "/api/v1/snapshots"


@names_arguments
class RunJob(RunLife):
    """A run, with the job that is behind it if there is one; of all others it is what it was."""

    _connection: Connection
    _job: WireJob | None

    @abstractmethod
    def _known_tags(self) -> Mapping[str, str]:
        """Return all tags that the run is known to have."""

    @abstractmethod
    def _files_below(self, folder: str) -> Any:
        """Yield the files below a folder of the run."""

    @abstractmethod
    def get_portal_url(self) -> str:
        """Return the address of the run's page in the Studio."""

    @abstractmethod
    def download_files(
        self, prefix: str | None = None, output_directory: str | os.PathLike[str] | None = None
    ) -> None:
        """Bring files of the run to this machine."""

    @property
    @abstractmethod
    def experiment(self) -> Experiment:
        """The experiment that the run belongs to."""

    @property
    def job(self) -> WireJob | None:
        """The job that is behind this run, as it was when it was last read; None if there is none.

        Example:
            >>> job.job.script
            'train.py'
            >>> run.job is None
            True
        """
        return self._known_job()

    def get_environment(self) -> Environment:
        """Return the environment that the run's job was submitted with, as it was then.

        Raises:
            InvalidState: The run is no job's.

        Example:
            >>> job.get_environment().name
            'submitted'
        """
        if self._known_job() is None:
            raise InvalidState(f"Run {self.id} was not submitted, so nothing is known of its environment.")
        return Environment._submitted(
            get_job_answer(self._connection, self.id).environment or JobEnvironment()
        )

    def console(self) -> Console:
        r"""Return what the run's script prints, to be read along with.

        Example:
            >>> job.console().read("console/stdout.000001.log").decode()
            'trained\n'
        """
        return Console(self._connection, self.id, self.get_status)

    def cancel(self) -> None:
        """End the run as cancelled; a job's script is ended, and one that waits is not begun any more.

        Of a run that is no job's, a process that still logs to it is not stopped by that.

        Example:
            >>> run.cancel()
            >>> run.get_status()
            'Canceled'
        """
        if self._known_job() is None:
            super().cancel()
            return
        self._job = cancel_job(self._connection, self.id)

    def fail(self, error_details: str | BaseException | None = None, error_code: str | None = None) -> None:
        """End the run as failed; a job's script is ended, if that is not the one that says so.

        Args:
            error_details: What went wrong.
            error_code: A word for that, by which runs can be found.

        Example:
            >>> run.fail("no more memory", error_code="MEMORY")
            >>> run.get_details()["error"]["error"]["code"]
            'MEMORY'
        """
        if os.environ.get(_OF_THIS_PROCESS) != self.id and self._known_job() is not None:
            self._job = cancel_job(self._connection, self.id)
        super().fail(error_details, error_code)

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Wait until the run has ended, and return its details.

        A server that is away meanwhile is waited for, ten minutes at most.

        Args:
            show_output: Whether to show where it is, and, of a job, what its script prints.
            wait_post_processing: Taken for Azure's scripts; no effect.
            raise_on_error: Whether a run that did not end well raises.

        Raises:
            RunFailed: It failed or was cancelled; the message says why.
            NotFound: The run does not exist any more.

        Example:
            >>> job.wait_for_completion()["status"]
            'Completed'
        """
        if not show_output or self._known_job() is None:
            return super().wait_for_completion(show_output, wait_post_processing, raise_on_error)
        print_line(f"RunId: {self.id}")
        print_line(f"Web View: {self.get_portal_url()}")
        self.stream_console()
        status = self.get_status()
        why = self._known_tags().get(ERROR_TAG, "")
        print_line(f"Run {self.id} is {status}{f': {why}' if why else '.'}")
        if raise_on_error and status != "Completed":
            raise RunFailed(f"Run {self.id!r} is {status}{f': {why}' if why else '.'}")
        return self.get_details()

    def stream_console(
        self,
        out: TextIO | None = None,
        error: TextIO | None = None,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Show what the run's script prints, and what is said while it is prepared, until the run has ended.

        Args:
            out: Where to; by default this program's standard output.
            error: Where what the script prints to its standard error goes, and what prepares it says.
            pause: Waits between two looks.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> job.stream_console(error=io.StringIO())
            trained
        """
        for stream, text in whole_lines(self.console().follow(pause)):
            target = (out or sys.stdout) if stream == "stdout" else (error or sys.stderr)
            target.write(text)
            target.flush()

    def get_detailed_status(self) -> dict[str, str]:
        """Return where the run is now, and of a job that waits, why it does.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.get_detailed_status()
            {'status': 'Running'}
        """
        status, job = self.get_status(), self._known_job()
        why = "" if job is None else _why_it_waits(job)
        return {"status": status, "details": why} if why else {"status": status}

    def get_details_with_logs(self) -> dict[str, Any]:
        r"""Return what :meth:`get_details` returns, with what its script printed under ``logFiles``.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> job.get_details_with_logs()["logFiles"]["console/stdout.000001.log"]
            'trained\n'
        """
        details, console = self.get_details(), self.console()
        read = {name: console.read(name).decode("utf-8", "replace") for name in self._log_names()}
        return {**details, "logFiles": read}

    def get_all_logs(self, destination: str | os.PathLike[str] | None = None) -> list[str]:
        """Bring what the run's script printed to this machine, and return the paths of the files.

        Args:
            destination: The folder to put them into; by default one that is called as the run's id is.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> "logs/console/stdout.000001.log" in job.get_all_logs("logs")
            True
        """
        folder = Path(destination if destination is not None else self.id)
        names = self._log_names()
        if names:
            self.download_files(FOLDER, folder)
        return [str(folder / name) for name in names]

    def download_logs(self, destination: str | os.PathLike[str] | None = None) -> list[str]:
        """Bring what the script printed to this machine; see :meth:`get_all_logs`.

        Example:
            >>> "logs/console/stdout.000001.log" in job.download_logs("logs")
            True
        """
        return self.get_all_logs(destination)

    def submit_child(self, config: ScriptRunConfig, tags: Mapping[str, str] | None = None) -> Run:
        """Submit a script as a run below this one; see :meth:`Experiment.submit`.

        Args:
            config: What to run and where.
            tags: First tags of the run.

        Example:
            >>> child = run.submit_child(ScriptRunConfig("training", "train.py"))
            >>> child.parent == run
            True
        """
        return self.experiment.submit(config, {PARENT_TAG: self.id, **(tags or {})})

    def get_snapshot_id(self) -> str:
        """Return what the code of the run's job is known by: the SHA-256 of its archive.

        Raises:
            InvalidState: The run is no job's, or has no code.

        Example:
            >>> len(job.get_snapshot_id())
            64
        """
        job = self._known_job()
        if job is None or not job.snapshot:
            raise InvalidState(
                f"Run {self.id!r} has no snapshot: it was not submitted. What `runyard run` keeps of its "
                "code are files, run.download_files('code')."
            )
        return job.snapshot

    def restore_snapshot(
        self, snapshot_id: str | None = None, path: str | os.PathLike[str] | None = None
    ) -> str:
        """Bring the code of the run's job to this machine, as a tar.gz, and return the path of that.

        Args:
            snapshot_id: Which code; by default that of this run.
            path: The folder to put it into; by default the working directory.

        Raises:
            InvalidState: The run is no job's, or has no code.
            NotFound: The server does not have it any more.

        Example:
            >>> with tarfile.open(job.restore_snapshot(path="again")) as archive:
            ...     archive.getnames()
            ['train.py']
        """
        sha256 = snapshot_id or self.get_snapshot_id()
        folder = Path(path or ".")
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{sha256}.tar.gz"
        with self._connection.open(f"{_SNAPSHOTS}/{sha256}/content", ()) as answer, target.open("wb") as file:
            for piece in answer.body:
                file.write(piece)
        return str(target)

    def _known_job(self) -> WireJob | None:
        if self._job is None:
            self._read_job()
        return self._job

    def _read_job(self) -> None:
        """Read the job again, if there is one."""
        self._job = None
        if COMPUTE_TAG in self._known_tags():
            # It may be removed, the run imported from elsewhere, or this be its own script.
            with contextlib.suppress(NotFound, Forbidden):
                self._job = get_job(self._connection, self.id)

    def _job_status(self, otherwise: str) -> str:
        if self._job is None:
            return otherwise
        # Somebody said that it failed, and had its script ended.
        has_failed = self._job.is_cancel_requested and otherwise == "Failed"
        return otherwise if has_failed else status_word(self._job)

    def _log_names(self) -> Sequence[str]:
        found: list[WireFile] = list(self._files_below(FOLDER))
        return sorted(file.path for file in found)

    def _job_details(self) -> dict[str, Any]:
        """Return what Azure's SDK says of a run that was submitted."""
        job = self._job
        if job is None:
            return {}
        why = _why_it_waits(job)
        return {
            "target": job.compute,
            "runDefinition": _definition(job),
            "logFiles": {name: self._address_of(name) for name in self._log_names()},
            "submittedBy": job.submitted_by,
            **({"warnings": [{"source": "queue", "message": why}]} if why else {}),
        }

    def _address_of(self, name: str) -> str:
        page = self.get_portal_url().partition("/#/")[0]
        return f"{page}/get-artifact?{urlencode({'run_uuid': self.id, 'path': name})}"


def _why_it_waits(job: WireJob) -> str:
    """Return what a job waits for, or why an attempt before failed; empty for one that does not wait."""
    return job.waits_for or job.reason if job.status == "queued" else ""


def _definition(job: WireJob) -> dict[str, Any]:
    return {
        "script": job.script or None,
        "command": list(job.command),
        "arguments": list(job.arguments),
        "framework": "Python",
        "communicator": "None",
        "target": job.compute,
        "maxRunDurationSeconds": job.max_duration_s or None,
        "nodeCount": job.slots,
        "priority": job.priority,
        "maxAttempts": job.max_attempts,
        "environment": {
            "name": job.environment_name or None,
            "version": str(job.environment_version) if job.environment_version else None,
        },
        "environmentVariables": dict(job.variables),
        "snapshotId": job.snapshot or None,
    }

"""How a run ends, and waiting for that."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

import msgspec
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from runyard.entities.run import RunStatus
from runyard.errors import InvalidParameter, RunyardError, Unavailable
from runyard.protocol.messages.runs import RunInfoAnswer, UpdateRun, WireRun
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import number
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.job_records import GOING_ON
from runyard.sdk.patience import Patience
from runyard.sdk.progress import Bars
from runyard.sdk.run_sinks import RunSink, in_records, print_line

ERROR_TAG = "runyard.end_reason"
ERROR_CODE_TAG = "runyard.error_code"
POLL_S, LONGEST_POLL_S = 0.2, 5.0
MAX_ERROR_LENGTH = 5_000

Self = TypeVar("Self", bound="RunLife")


class RunFailed(RunyardError):
    """A run that was waited for has failed or was cancelled."""


@names_arguments
class RunLife(ABC):
    """The end of a run: by word, by the end of a ``with`` block, or waited for."""

    _record: WireRun
    _connection: Connection

    @property
    @abstractmethod
    def id(self) -> str:
        """The run's id."""

    @abstractmethod
    def _open_sink(self) -> RunSink:
        """Return where to log to."""

    @abstractmethod
    def get_status(self) -> str:
        """Return where the run is now."""

    @abstractmethod
    def get_details(self) -> dict[str, Any]:
        """Return what the server knows of the run."""

    @abstractmethod
    def _known_tags(self) -> Mapping[str, str]:
        """Return all tags that the run is known to have."""

    def start(self) -> None:
        """Mark the run as running, as one that was queued or has ended.

        Raises:
            NotFound: The run does not exist any more.

        Example:
            >>> run.complete()
            >>> run.start()
            >>> run.get_status()
            'Running'
        """
        self._open_sink().flush()
        update = UpdateRun(run_id=self.id, status=RunStatus.RUNNING.value)
        answer = self._connection.post(f"{MLFLOW}/runs/update", update, RunInfoAnswer, is_repeatable=True)
        self._record = msgspec.structs.replace(self._record, info=answer.run_info)

    def complete(self) -> None:
        """End the run well, once what was logged is on its way; what the network holds up is sent later.

        Example:
            >>> run.complete()
            >>> run.get_status()
            'Completed'
        """
        self._end(RunStatus.FINISHED)

    def fail(self, error_details: str | BaseException | None = None, error_code: str | None = None) -> None:
        """End the run as failed.

        Args:
            error_details: What went wrong.
            error_code: A word for that, by which runs can be found.

        Example:
            >>> run.fail("no more memory", error_code="MEMORY")  # doctest: +SKIP
        """
        if isinstance(error_details, BaseException):
            error_details = f"{type(error_details).__name__}: {error_details}"
        tags = {
            key: str(value)[:MAX_ERROR_LENGTH]
            for key, value in ((ERROR_TAG, error_details), (ERROR_CODE_TAG, error_code))
            if value
        }
        for record in in_records(self.id, tags=tags):
            self._open_sink().log(record)
        self._end(RunStatus.FAILED)

    def cancel(self) -> None:
        """End the run as cancelled. A process that still logs to it is not stopped by that."""
        self._end(RunStatus.KILLED)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Wait until all that was logged is at the server.

        Args:
            timeout_seconds: How long at most.

        Raises:
            Unavailable: It is not; it stays in the spool, and is sent later.

        Example:
            >>> run.log("loss", 0.5)
            >>> run.flush()
        """
        if number(timeout_seconds, "timeout_seconds") < 0:
            raise InvalidParameter(f"timeout_seconds={timeout_seconds!r} must be at least 0.")
        if not self._open_sink().flush(timeout_seconds):
            raise Unavailable(
                f"Not all that was logged to run {self.id!r} is at the server. It waits on this machine, and "
                "is sent when the server answers, or with `runyard sync`."
            )

    def wait_for_completion(
        self, show_output: bool = False, wait_post_processing: bool = False, raise_on_error: bool = True
    ) -> dict[str, Any]:
        """Wait until the run has ended, and return its details.

        A server that is away meanwhile is waited for, ten minutes at most.

        Args:
            show_output: Whether to show on the screen where it is.
            wait_post_processing: Taken for Azure's scripts; no effect.
            raise_on_error: Whether a run that did not end well raises.

        Raises:
            RunFailed: It failed or was cancelled.
            NotFound: The run does not exist any more.

        Example:
            >>> run.wait_for_completion()["status"]  # doctest: +SKIP
            'Completed'
        """
        with Bars(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        ) as bars:
            waiting = bars.begin(f"Run {self.id}", None)

            def tell(status: str) -> None:
                bars.update(waiting, description=f"Run {self.id}: {status}")

            status = self._wait(tell, show_output=show_output)
        if raise_on_error and status != "Completed":
            why = self._known_tags().get(ERROR_TAG, "")
            raise RunFailed(f"Run {self.id!r} is {status}{f': {why}' if why else '.'}")
        return self.get_details()

    def _wait(self, tell: Callable[[str], None], *, show_output: bool) -> str:
        said, pause_s, patience = "", POLL_S, Patience()
        while True:
            status = patience.ask(self.get_status)
            tell(status)
            if status != said:
                if show_output:
                    print_line(f"Run {self.id}: {status}")
                said = status
            if status not in GOING_ON:
                return status
            time.sleep(pause_s)
            pause_s = min(LONGEST_POLL_S, pause_s * 1.5)

    def _end(self, status: RunStatus) -> None:
        ended_ms = time.time_ns() // 1_000_000
        sink = self._open_sink()
        sink.end(status.value, ended_ms)
        sink.flush()
        ended = msgspec.structs.replace(self._record.info, status=status.value, end_time=ended_ms)
        self._record = msgspec.structs.replace(self._record, info=ended)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.complete()
        elif isinstance(error, KeyboardInterrupt):
            self.cancel()
        else:
            self.fail(error)

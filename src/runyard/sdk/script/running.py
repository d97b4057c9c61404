"""Running a script from its beginning to its end, recorded."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from runyard.sdk.script.child import ScriptEnd, run_child
from runyard.sdk.script.console import StreamLog
from runyard.sdk.script.program import Program
from runyard.sdk.script.recorded_run import RecordedRun
from runyard.sdk.spool.outbox import Outbox

STDOUT, STDERR = 1, 2
MAX_REASON_LENGTH = 1_000

_log = logging.getLogger("runyard.script")


@dataclass(frozen=True, slots=True)
class RunWishes:
    """What a person asks for beside the script.

    Args:
        experiment: Name of the experiment; empty means the workspace's default.
        name: What the run is called; empty draws a name.
        has_system_metrics: Whether MLflow is to measure the machine while the script runs.
        is_flushed: Whether the run must be at the server before the script starts.
    """

    experiment: str = ""
    name: str = ""
    has_system_metrics: bool = False
    is_flushed: bool = False


def run_recorded(program: Program, outbox: Outbox, wishes: RunWishes) -> tuple[RecordedRun, ScriptEnd]:
    """Run a program, and record console, code, git's state, environment and end; return run and end.

    Nothing about the server or the network holds the script up.

    Raises:
        NotFound: There is no such script.
        OSError: It can't be started.
    """
    program.check()
    run = RecordedRun(outbox, program, wishes.experiment, wishes.name)
    _keep_code(run)
    run.begin_surroundings()
    if wishes.is_flushed:
        outbox.flush()
    environment = run.environment()
    if wishes.has_system_metrics:
        environment["MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"] = "true"
    logs = {
        descriptor: StreamLog(name, run.folder, run.keep, outbox.is_sent, descriptor)
        for descriptor, name in ((STDOUT, "stdout"), (STDERR, "stderr"))
    }

    def look() -> None:
        for log in logs.values():
            log.look()

    end = ScriptEnd("FAILED", "it could not be started", 1)
    try:
        takers = {descriptor: log.take for descriptor, log in logs.items()}
        end = _with_last_word(run_child(program.command, environment, takers, look), logs[STDERR].last_line)
    finally:
        for log in logs.values():
            log.close()
        status = run.end(end.status, end.exit_code, end.reason)
    return run, replace(end, status=status)


def _keep_code(run: RecordedRun) -> None:
    try:
        note = run.keep_code()
    except OSError as error:
        note = f"The code is not kept: {error}"
    if note:
        _log.warning("%s", note)


def _with_last_word(end: ScriptEnd, last_line: str) -> ScriptEnd:
    """Return the end with what the script said last: for Python's own errors that is the error."""
    if end.exit_code == 0 or not last_line or end.reason.startswith("ended by"):
        return end
    return replace(end, reason=f"{end.reason}: {last_line}"[:MAX_REASON_LENGTH])

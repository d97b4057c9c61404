"""How a job ended, as an exit code and a line."""

from __future__ import annotations

from runyard.cli.printing import note
from runyard.sdk.run import Run

_HIGHEST = 255


def exit_code_of(run: Run) -> int:
    """Say how the job of a run has ended, and return its script's exit code; at least 1 if that is bad."""
    status, job = run.get_status(), run.job
    reason = f" ({job.reason})" if job and job.reason else ""
    note(f"Run {run.display_name} {run.id}: {status}{reason}")
    if status == "Completed":
        return 0
    code = job.exit_code if job and job.exit_code is not None else 1
    return code if 1 <= code <= _HIGHEST else 1

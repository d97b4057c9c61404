"""How a job ended, as an exit code and a line, and what is said to who waits no longer for that."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from runyard.cli.printing import note, one_line
from runyard.sdk.run import Run

_HIGHEST = 255


def exit_code_of(run: Run) -> int:
    """Say how the job of a run has ended, and return its script's exit code; at least 1 if that is bad."""
    status, job = run.get_status(), run.job
    reason = f" ({job.reason})" if job and job.reason else ""
    note(one_line(f"Run {run.display_name} {run.id}: {status}{reason}"))
    if status == "Completed":
        return 0
    code = job.exit_code if job and job.exit_code is not None else 1
    return code if 1 <= code <= _HIGHEST else 1


@contextlib.contextmanager
def interruptible(again: str, end: str) -> Iterator[None]:
    """Let Ctrl-C end a wait, and say that it ended nothing else.

    Args:
        again: The command that goes on with the wait.
        end: The one that ends what is waited for.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    try:
        yield
    except KeyboardInterrupt:
        note(f"Only the wait has ended. `{again}` goes on with it; `{end}` ends what was submitted.")
        raise

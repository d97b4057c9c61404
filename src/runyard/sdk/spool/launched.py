"""The run that `runyard run` began for a script, as the script's process learns of it."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from runyard.decoding import learnt
from runyard.sdk.spool.records import RunBegun

LAUNCHED_RUN = "RUNYARD_LAUNCHED_RUN"
"""The variable that tells it."""


class LaunchedRun(msgspec.Struct, frozen=True):
    """A run whose beginning and end are `runyard run`'s.

    Args:
        tracking_uri: The address of its workspace.
        begun: How it was begun. Whoever logs to it puts this into a spool first, for nobody knows which
            process's spool is sent first.
        end_path: A file for the status that the script itself gives the run.
    """

    tracking_uri: str
    begun: RunBegun
    end_path: str

    def encoded(self) -> str:
        """Return it as the variable has it."""
        return msgspec.json.encode(self).decode()

    def note_end(self, status: str) -> bool:
        """Leave a status for `runyard run` to find; return whether that could be done."""
        try:
            Path(self.end_path).write_text(status, encoding="utf-8")
        except OSError:
            return False
        return True


def launched_run(tracking_uri: str) -> LaunchedRun | None:
    """Return the run that `runyard run` began in a workspace for this process, if it did."""
    try:
        launched = msgspec.json.decode(
            os.environ.get(LAUNCHED_RUN) or "null", type=learnt(LaunchedRun | None)
        )
    except msgspec.MsgspecError:
        return None
    return launched if launched is not None and launched.tracking_uri == tracking_uri else None

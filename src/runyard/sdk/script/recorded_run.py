"""The run of a script: begun before the script, ended after it, all of it through the spool."""

from __future__ import annotations

import os
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import msgspec

from runyard.entities.run_names import random_name
from runyard.sdk.local_user import local_user
from runyard.sdk.script.code_files import CodeFiles, find_code
from runyard.sdk.script.git_state import read_git_state, write_git_diff
from runyard.sdk.script.program import Program
from runyard.sdk.script.surroundings import installed_packages, read_surroundings
from runyard.sdk.spool.launched import LAUNCHED_RUN, LaunchedRun
from runyard.sdk.spool.outbox import Outbox
from runyard.sdk.spool.records import FileLogged, Logged, RunBegun, RunUpdated

MAX_DIFF_BYTES = 10_000_000
MAX_ARGUMENTS_LENGTH = 5_000

ARGUMENTS_TAG = "runyard.arguments"
END_REASON_TAG = "runyard.end_reason"
EXIT_CODE_TAG = "runyard.exit_code"
NOTE_TAG = "runyard.code.note"

_DEFAULT_EXPERIMENT_ID = "0"


class RecordedRun:
    """A run of the client's own making, with what is known of the script around it.

    Args:
        outbox: Where to put it all.
        program: What is run.
        experiment: Name of the experiment; empty means the workspace's default.
        name: What the run is called; empty draws a name.
    """

    def __init__(self, outbox: Outbox, program: Program, experiment: str = "", name: str = "") -> None:
        self._outbox = outbox
        self._program = program
        self._temporary = tempfile.TemporaryDirectory(prefix="runyard-")
        self.folder = Path(self._temporary.name)
        user, name = local_user(), name or random_name()
        tags = {
            "mlflow.runName": name,
            "mlflow.user": user,
            "mlflow.source.name": program.name,
            "mlflow.source.type": "LOCAL",
        }
        if program.arguments:
            tags[ARGUMENTS_TAG] = program.shown_arguments()[:MAX_ARGUMENTS_LENGTH]
        self.begun = RunBegun(
            run_id=uuid.uuid4().hex,
            experiment_id="" if experiment else _DEFAULT_EXPERIMENT_ID,
            experiment_name=experiment,
            user_id=user,
            name=name,
            started_ms=_now_ms(),
            tags=tags,
        )
        outbox.add(self.begun)
        self._surroundings = threading.Thread(target=self._keep_surroundings, daemon=True)

    def environment(self) -> dict[str, str]:
        """Return the variables that make the script's own MLflow log to this run."""
        launched = LaunchedRun(self._outbox.tracking_uri, self.begun, str(self._end_path))
        told = {
            **os.environ,
            "MLFLOW_TRACKING_URI": self._outbox.tracking_uri,
            "MLFLOW_RUN_ID": self.begun.run_id,
            LAUNCHED_RUN: launched.encoded(),
            # Else what a script prints comes in blocks, and the last block of a killed one never.
            "PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED") or "1",
        }
        if self.begun.experiment_name:
            told["MLFLOW_EXPERIMENT_NAME"] = self.begun.experiment_name
            told.pop("MLFLOW_EXPERIMENT_ID", None)
        return told

    def keep_code(self) -> str:
        """Keep the code as it is now and where git stands; return a note on what is left out.

        Raises:
            OSError: The temporary folder can't be written.
        """
        folder = self._program.folder
        code = find_code(folder, "" if self._program.is_module else Path(self._program.name).name)
        for name in code.names:
            self.keep(folder / name, f"code/files/{name}")
        notes = [self._keep_git(folder), self._keep_left_out(code)]
        note = " ".join(filter(None, notes))
        if note:
            self._log({NOTE_TAG: note})
        return note

    def begin_surroundings(self) -> None:
        """Begin to look at Python, packages and machine, beside the script: some of it takes seconds."""
        self._surroundings.start()

    def keep(self, local: Path, path: str) -> None:
        """Keep a copy of a file under a path of the run.

        Raises:
            OSError: There is no such file to read.
        """
        record = FileLogged(
            folder=f"{_DEFAULT_EXPERIMENT_ID}/{self.begun.run_id}/artifacts",
            path=path,
            content="",
            run_id=self.begun.run_id,
        )
        self._outbox.add_file(local, record)

    def end(self, status: str, exit_code: int, reason: str) -> str:
        """End the run and return its status: the script's own word counts where it ended well."""
        if self._surroundings.ident is not None:
            self._surroundings.join()
        if status == "FINISHED":
            status = self._noted_end() or status
        self._log({EXIT_CODE_TAG: str(exit_code)} | ({END_REASON_TAG: reason} if reason else {}))
        self._outbox.add(RunUpdated(self.begun.run_id, status=status, ended_ms=_now_ms()))
        self._temporary.cleanup()
        return status

    @property
    def _end_path(self) -> Path:
        return self.folder / "end"

    def _noted_end(self) -> str:
        try:
            return self._end_path.read_text(encoding="utf-8")
        except OSError:
            return ""

    def _log(self, tags: Mapping[str, str]) -> None:
        self._outbox.add(Logged(self.begun.run_id, tags=dict(tags)))

    def _keep_git(self, folder: Path) -> str:
        state = read_git_state(folder)
        if state is None:
            return ""
        self._log(state.tags())
        if not state.is_dirty:
            return ""
        diff = self.folder / "git.diff"
        is_whole = write_git_diff(folder, diff, MAX_DIFF_BYTES)
        self.keep(diff, "code/git.diff")
        return "" if is_whole else f"code/git.diff is cut off after {MAX_DIFF_BYTES} bytes."

    def _keep_left_out(self, code: CodeFiles) -> str:
        if not code.left_out:
            return ""
        listing = self.folder / "left-out.txt"
        listing.write_text("".join(f"{line}\n" for line in code.left_out), encoding="utf-8")
        self.keep(listing, "code/left-out.txt")
        count = len(code.left_out)
        return f"{count} source {'file is' if count == 1 else 'files are'} left out: see code/left-out.txt."

    def _keep_surroundings(self) -> None:
        surroundings, packages = self.folder / "environment.json", self.folder / "requirements.txt"
        surroundings.write_bytes(msgspec.json.format(msgspec.json.encode(read_surroundings())))
        packages.write_text("".join(f"{line}\n" for line in installed_packages()), encoding="utf-8")
        for kept in (surroundings, packages):
            self.keep(kept, f"environment/{kept.name}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""The head of a Ray cluster on this machine: started for a person, ended when its last target is deleted."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from runyard.errors import Unavailable

PORT = 8265
"""Where Ray's dashboard listens, on this machine alone."""
ADDRESS = f"http://127.0.0.1:{PORT}"
STARTED_WITHIN_S = 120.0
STOPPED_WITHIN_S = 30.0
_GAVE_UP = "timed out during startup"
"""What Ray says when its own parts were not up within half a minute: on a busy machine they take longer."""
_MOST_SHOWN = 500


class RayHead:
    """One head, as a process of its own that lives on without who started it.

    Ray listens on all interfaces of the machine, whatever it is told; so it is never started without asking
    everybody for a token.

    Args:
        folder: Where its token, its log and its process are written down.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = folder / "process"
        self._log = folder / "head.log"

    @property
    def token(self) -> str:
        """What the cluster asks for; made when it is first asked for."""
        path = self._folder / "token"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32), encoding="ascii")
        return path.read_text(encoding="ascii")

    @property
    def is_running(self) -> bool:
        """Whether it lives: it holds a lock for as long as it does."""
        return self._is_held()

    def start(self) -> None:
        """Start it, if it does not live, and return when it takes jobs.

        Raises:
            Unavailable: There is no Ray beside this Python, or it does not start.
        """
        if self.is_running:
            return
        program = Path(sys.executable).with_name("ray")
        if not program.exists():
            raise Unavailable(f"There is no Ray beside {sys.executable}: pip install 'runyard[ray]'.")
        head = self._started(program)
        until_s = time.monotonic() + STARTED_WITHIN_S
        while self._answer() != http.client.OK or head.poll() is not None:
            is_over = head.poll() is not None
            if time.monotonic() > until_s or (is_over and _GAVE_UP not in self._last_words()):
                self.stop()
                raise Unavailable(f"Ray did not start: {self._last_words()}")
            if is_over:
                self._remove_files()
                head = self._started(program)
            time.sleep(0.2)

    def stop(self) -> None:
        """End it, and what runs on it; return when it is gone."""
        if not self.is_running:
            return
        pid = int(self._written()[0])
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        until_s = time.monotonic() + STOPPED_WITHIN_S
        while self._is_held():
            if time.monotonic() > until_s:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            time.sleep(0.1)
        self._remove_files()

    def _written(self) -> list[str]:
        """Return what is written down of it: its process, and the folder of what it writes itself."""
        return self._process.read_text(encoding="utf-8").split("\n")

    def _remove_files(self) -> None:
        """Remove what it has written; its parts end a moment after it, and may write until then."""
        own = Path(self._written()[1])
        until_s = time.monotonic() + STOPPED_WITHIN_S
        while own.exists() and time.monotonic() < until_s:
            shutil.rmtree(own, ignore_errors=True)
            time.sleep(0.1)

    def _is_held(self) -> bool:
        if not self._process.exists():
            return False
        with self._process.open("r+b") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _started(self, program: Path) -> subprocess.Popen[bytes]:
        told = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self._folder / "token"),
        }
        self.token  # noqa: B018 - it must be there
        # The paths of Ray's sockets are as long as the kernel allows, almost, without a home's in them.
        own = tempfile.mkdtemp(prefix="runyard-ray-")
        words = ["start", "--head", "--block", "--disable-usage-stats", "--temp-dir", f"{own}/ray"]
        words += ["--dashboard-host", "127.0.0.1", "--dashboard-port", str(PORT)]
        with self._process.open("w+b") as lock, self._log.open("wb") as log:
            fcntl.flock(lock, fcntl.LOCK_EX)
            head = subprocess.Popen(
                [str(program), *words],
                env=told,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )
            lock.write(f"{head.pid}\n{own}".encode())
        return head

    def _answer(self) -> int:
        """Return the status that the dashboard answers with; 0 if nobody does."""
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
        try:
            connection.request("GET", "/api/jobs/", headers={"Authorization": f"Bearer {self.token}"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def _last_words(self) -> str:
        said = self._log.read_text(encoding="utf-8", errors="replace").strip() if self._log.exists() else ""
        return said[-_MOST_SHOWN:] or "it says nothing."

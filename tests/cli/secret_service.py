"""A real keyring of a desktop (gnome-keyring, by the Secret Service) on a message bus of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.running_server import scrubbed
from tests.waiting import until

PASSWORD = b"of the tests"


class SecretService:
    """Starts when it is made; :meth:`close` ends it.

    Args:
        folder: Where it keeps its files; short, as it has sockets there.
    """

    def __init__(self, folder: Path) -> None:
        for name in ("run", "home"):
            (folder / name).mkdir(mode=0o700, parents=True)
        programs = [shutil.which(name) for name in ("dbus-daemon", "gnome-keyring-daemon")]
        assert None not in programs, "`make test` installs them: python3 scripts/bootstrap.py test"
        self._bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address=1", f"--address=unix:dir={folder}/run"],
            stdout=subprocess.PIPE,
        )
        assert self._bus.stdout is not None
        self.variables = {
            "DBUS_SESSION_BUS_ADDRESS": self._bus.stdout.readline().decode().strip(),
            "XDG_RUNTIME_DIR": str(folder / "run"),
            "HOME": str(folder / "home"),
            "XDG_DATA_HOME": str(folder / "home" / "data"),
        }
        self._keyrings = folder / "home" / "data" / "keyrings"
        self._daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**scrubbed(os.environ), **self.variables},
        )
        assert self._daemon.stdin is not None
        self._daemon.stdin.write(PASSWORD)
        self._daemon.stdin.close()
        until(lambda: (self._keyrings / "login.keyring").exists())

    def holds(self, text: str) -> bool:
        """Return whether a text lies in its files as it is."""
        return any(text.encode() in each.read_bytes() for each in self._keyrings.iterdir())

    def close(self) -> None:
        """End it and its bus."""
        for process in (self._daemon, self._bus):
            process.terminate()
            process.wait(60)
        if self._bus.stdout is not None:
            self._bus.stdout.close()

"""A PostgreSQL cluster for one contestant: in a temporary folder, on loopback, gone with it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg

USER = "postgres"
STARTS_WITHIN_S = 30.0
STOPS_WITHIN_S = 30.0


class NoPostgres(Exception):
    """There is no PostgreSQL on this machine, or it does not start."""


class Cluster:
    """A running cluster with Debian's settings; nobody but this machine's users can reach it."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._process = self._start()
        self._wait_until_ready()

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{USER}"

    @property
    def pid(self) -> int:
        """The id of the process that all others of the cluster are below."""
        return self._process.pid

    def bytes_in_use(self) -> int:
        """Return the size of the database once rewritten without gaps, so that no dead row counts."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("VACUUM FULL")
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Stop the cluster; clients are cut off."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        self._folder.mkdir()
        # PostgreSQL refuses to run as root.
        user = USER if os.geteuid() == 0 else None
        if user:
            shutil.chown(self._folder, user)
        programs, data = find_programs(), self._folder / "data"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": self._folder}
        making = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run(making, check=True, user=user, **quiet)  # type: ignore[call-overload]  # mypy reads no **
        serving = [programs / "postgres", "-D", data, "-p", str(self._port), "-k", self._folder]
        serving += ["-c", "listen_addresses=127.0.0.1"]
        return subprocess.Popen(serving, user=user, **quiet)  # type: ignore[call-overload, no-any-return]  # as above

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.close()
                raise NoPostgres(f"the cluster did not start within {STARTS_WITHIN_S:.0f} s")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs: Debian keeps them off the PATH.

    Raises:
        NoPostgres: There is none.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if folders:
        return folders[-1].parent
    found = shutil.which("initdb")
    if found is None:
        raise NoPostgres("no PostgreSQL on this machine; on Debian: apt-get install postgresql")
    return Path(found).parent


def version() -> str:
    """Return the version of PostgreSQL's server."""
    asked = subprocess.run(
        [find_programs() / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return asked.stdout.split()[2]

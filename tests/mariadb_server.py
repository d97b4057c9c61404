"""A MariaDB of the tests' own, on a port of the loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pymysql

from tests.running_server import free_port
from tests.waiting import until

OWNER, READER = "owner", "reader"
READY_WITHIN_S = 240
INSTALL, SERVE = "mariadb-install-db", "mariadbd"


def is_installed() -> bool:
    """Whether this machine has one."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    return all(shutil.which(program, path=path) for program in (INSTALL, SERVE))


class MariadbServer:
    """A server with one database, which its owner may change and its reader may not."""

    database = "mlflow"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="runyard-mariadb-"))
        self._port = free_port()
        user = "mysql" if os.geteuid() == 0 else None
        if user:
            shutil.chown(self._folder, user)
        where = [f"--datadir={self._folder / 'data'}", *([f"--user={user}"] if user else [])]
        environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
        # Without the options of the machine's own server, wherever those are.
        install = [INSTALL, "--no-defaults", *where, "--auth-root-authentication-method=normal"]
        subprocess.run(install, env=environment, check=True, capture_output=True, timeout=600)
        here = [f"--socket={self._folder / 'socket'}", f"--port={self._port}", "--bind-address=127.0.0.1"]
        fast = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--skip-log-bin"]
        self._process = subprocess.Popen(
            [SERVE, "--no-defaults", *where, *here, *fast],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(self._answers, READY_WITHIN_S)
        self.execute(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4")
        for name, rights in ((OWNER, "ALL"), (READER, "SELECT")):
            self.execute(f"CREATE USER {name}@'127.0.0.1'")
            self.execute(f"GRANT {rights} ON {self.database}.* TO {name}@'127.0.0.1'")

    def address(self, user: str) -> str:
        """Return the URL of the database for one of its users."""
        return f"mysql+pymysql://{user}@127.0.0.1:{self._port}/{self.database}?charset=utf8mb4"

    def execute(self, sql: str) -> None:
        """Run one statement as the administrator."""
        connection = pymysql.connect(unix_socket=str(self._folder / "socket"), user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)

    def close(self) -> None:
        """Stop it and leave nothing behind."""
        self._process.kill()
        self._process.wait(60)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        # PyMySQL would leave a socket open that nobody answers.
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self._folder / "socket")) == 0

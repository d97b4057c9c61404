"""A PostgreSQL cluster of the tests' own, and databases in it that cost next to nothing."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from runyard.stores.metadata.all_tables import tables
from runyard.stores.postgres import PostgresDatabase, open_postgres
from tests.waiting import until

OWNER = "runyard"
ASKED, KEPT_OUT = "asked_for_a_password", "kept_out"
"""Users that a cluster asks for a password, and lets in never; a test makes them."""
DEBIAN = Path("/usr/lib/postgresql")
FAST = ("-c", "fsync=off", "-c", "full_page_writes=off")
_WIPE = ";".join(
    # The audit log refuses to be emptied; who owns the cluster may say that its triggers don't count.
    ["SET session_replication_role = replica"]
    + [f"DELETE FROM {table.name}" for table in reversed(tables.sorted_tables)]
    + ["SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"]
)


def installed() -> Path | None:
    """Return where the programs of the newest PostgreSQL of this machine are, if there is one."""
    newest = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    found = newest[-1] if newest else Path(on_path) if on_path else None
    return found.parent if found and (found.parent / "pg_ctl").exists() else None


class PostgresServer:
    """A cluster on a socket in a folder of its own; nobody else reaches it.

    Args:
        programs: Where ``initdb`` and ``pg_ctl`` are.
        is_durable: Whether it waits for the disk, as a real one does.
    """

    def __init__(self, programs: Path, is_durable: bool = False) -> None:
        self._programs = programs
        self._options = () if is_durable else FAST
        # PostgreSQL refuses to be run by root; Debian's package makes a user for it.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="runyard-pg-"))
        self._numbers = itertools.count()
        self._idle: list[str] = []
        self._template: str | None = None
        if self._user:
            shutil.chown(self._folder, self._user)
        options = ("--no-sync", "--encoding=UTF8", "--locale=C", "--auth=trust")
        self._run("initdb", "-D", str(self._data), "-U", OWNER, *options)
        access = self._data / "pg_hba.conf"
        access.write_text(
            f"local all {ASKED} scram-sha-256\nlocal all {KEPT_OUT} reject\n" + access.read_text()
        )
        self.start()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def address(self, name: str, user: str = OWNER) -> str:
        """Return the URL of a database of this cluster."""
        return f"postgresql://{user}:not-to-be-shown@/{name}?host={self._folder}"

    def start(self) -> None:
        """Start it, and return once it takes connections."""
        listening = ("-c", f"unix_socket_directories={self._folder}", "-c", "listen_addresses=")
        options = " ".join((*listening, "-c", "max_connections=300", *self._options))
        self._run(
            "pg_ctl", "-D", str(self._data), "-w", "-l", str(self._folder / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "fast") -> None:
        """Stop it: "fast" hangs up on its clients, "immediate" is as a crash."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def restart(self, mode: str = "fast") -> None:
        """Stop it, and start it again."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Stop it and leave nothing behind."""
        subprocess.run(
            [self._programs / "pg_ctl", "-D", self._data, "-m", "immediate", "stop"],
            user=self._user,
            stdout=subprocess.DEVNULL,
            check=False,
            cwd="/",
        )
        shutil.rmtree(self._folder, ignore_errors=True)

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        with psycopg.connect(self.address(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def hang_up(self) -> None:
        """End all connections of clients, as an administrator may."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

    def new_database(self) -> str:
        """Return the name of a new database, without any tables."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        return name

    def take_database(self) -> str:
        """Return the name of a database with its tables, all of them empty; give it back when done."""
        if self._idle:
            return self._idle.pop()
        if self._template is None:
            self._template = self.new_database()
            open_postgres(self.address(self._template), 1).close()
            self._let_go(self._template)
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY file_copy")
        return name

    def give_back(self, name: str) -> None:
        """Empty a database for the next test; whoever is still connected to it is hung up on."""
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        self.execute(_WIPE, name)
        self._idle.append(name)

    def drop(self, name: str) -> None:
        """Remove a database; whoever is still connected to it is hung up on."""
        self._let_go(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _let_go(self, name: str) -> None:
        # PostgreSQL itself waits for five seconds, which may be too short for one that is about to end.
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        until(lambda: self.execute(f"{ended} WHERE datname = '{name}'")[0][0] == 0)

    def open(self, name: str, connections: int = 8) -> PostgresDatabase:
        """Open a database as a server does."""
        return open_postgres(self.address(name), connections)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd="/",
        )
        if done.returncode:
            log = self._folder / "log"
            shown = log.read_text() if log.exists() else ""
            raise AssertionError(f"{program} {arguments} failed: {done.stderr}\n{shown}")

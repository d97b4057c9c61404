"""The servers that are measured: how each is started in a folder of its own on loopback, and stopped."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import machine
from benchmarks.client import Address
from benchmarks.cluster import Cluster

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".envs"
PORTS = (10_240, 32_768)
PORTS_TRIED = 100
STARTS_WITHIN_S = 300.0
STOPS_WITHIN_S = 20.0
POLL_S = 0.005
STEERING = ("RUNYARD_", "MLFLOW_", "FML_", "http_proxy", "https_proxy", "all_proxy", "no_proxy")


@dataclass(frozen=True)
class Contestant:
    """A product on an engine."""

    name: str
    title: str
    product: str
    engine: str
    environment: str = ""
    left_out: frozenset[str] = frozenset()

    @property
    def is_runyard(self) -> bool:
        """Whether it is what all others are compared with."""
        return self.product == "runyard"

    @property
    def python(self) -> Path:
        """The interpreter of the environment that it is installed in."""
        if self.environment:
            return ENVIRONMENTS / self.environment / "bin" / "python"
        return Path(sys.executable)

    @property
    def is_installed(self) -> bool:
        """Whether set-up has put it there."""
        return self.python.exists()

    def version(self) -> str:
        """Return the version that is installed."""
        code = f"import importlib.metadata as m; print(m.version({self.product!r}))"
        asked = subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True)
        return asked.stdout.strip()

    def command(self, folder: Path, port: int, database_url: str | None) -> list[str]:
        """Return what starts it; as its documents say, with nothing tuned."""
        if self.product == "mlflow":
            store = database_url or f"sqlite:///{folder}/mlflow.db"
            served = ["--backend-store-uri", store, "--artifacts-destination", f"{folder}/artifacts"]
            # No figure depends on it; without it a busy machine sees its workers killed as they import.
            served += ["--uvicorn-opts", "--timeout-worker-healthcheck 120"]
            mlflow = str(self.python.with_name("mlflow"))
            return [mlflow, "server", "--host", "127.0.0.1", "--port", str(port), *served]
        if self.product == "fasttrackml":
            store = (database_url or f"sqlite://{folder}/fml.db").replace("postgresql://", "postgres://")
            served = [
                "--listen-address",
                f"127.0.0.1:{port}",
                "--default-artifact-root",
                f"{folder}/artifacts",
            ]
            return [str(self.python.with_name("fml")), "server", "--database-uri", store, *served]
        served = ["--home", f"{folder}/home", "--port", str(port)]
        if database_url:
            served += ["--database", database_url]
        return [str(self.python), "-m", "runyard", "up", *served]


# What reads a large data set is the same work in both installs of MLflow, and takes minutes to seed.
LARGE_SETS = frozenset({"H", "G", "G-growth", "F", "F-growth", "ftml-860"})
CONTESTANTS = (
    Contestant("runyard-sqlite", "Runyard", "runyard", "sqlite"),
    Contestant("runyard-postgres", "Runyard, PostgreSQL", "runyard", "postgres"),
    Contestant("mlflow-shipped", "MLflow as shipped", "mlflow", "sqlite", "mlflow-3.17", LARGE_SETS),
    Contestant("mlflow-sqlite", "MLflow", "mlflow", "sqlite", "peer-mlflow"),
    Contestant("fasttrackml-sqlite", "FastTrackML", "fasttrackml", "sqlite", "peer-fasttrackml"),
    Contestant(
        "fasttrackml-postgres", "FastTrackML, PostgreSQL", "fasttrackml", "postgres", "peer-fasttrackml"
    ),
    Contestant("mlflow-postgres", "MLflow, PostgreSQL", "mlflow", "postgres", "peer-mlflow"),
)
# MLflow on PostgreSQL is left to those who ask for it: it takes long, and FastTrackML is ahead of it.
USUAL = tuple(one.name for one in CONTESTANTS if one.name != "mlflow-postgres")


class DidNotStart(Exception):
    """A server that ended, or didn't answer in time; the message ends with what it printed."""


@dataclass
class Running:
    """A started contestant."""

    contestant: Contestant
    folder: Path
    address: Address
    process: subprocess.Popen[bytes]
    cluster: Cluster | None
    started_in_s: float

    def cpu_s(self) -> float:
        """Return the CPU seconds used so far, PostgreSQL's included."""
        return machine.cpu_s(self.process.pid) + (machine.cpu_s(self.cluster.pid) if self.cluster else 0)

    def memory(self) -> machine.Memory:
        """Return what the server holds; PostgreSQL's share is its own."""
        return machine.memory(self.process.pid)

    def bytes_in_use(self) -> int:
        """Return what the database's content takes; gaps that new rows will fill don't count."""
        if self.cluster:
            return self.cluster.bytes_in_use()
        return sum(_sqlite_bytes(path) for path in self.folder.rglob("*.db"))


def _sqlite_bytes(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as connection:
        size, pages, free = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_size", "page_count", "freelist_count")
        )
    return size * (pages - free)


@contextlib.contextmanager
def running(contestant: Contestant, folder: Path) -> Iterator[Running]:
    """Start a contestant in an empty folder; stop it, and all that it started, at the end.

    Raises:
        DidNotStart: It ended or stayed silent.
    """
    folder.mkdir()
    folder.chmod(0o711)
    cluster = Cluster(folder / "postgres", free_port()) if contestant.engine == "postgres" else None
    try:
        server = _start(contestant, folder, cluster)
        try:
            yield server
        finally:
            _stop(server.process, folder)
    finally:
        if cluster:
            cluster.close()


def _start(contestant: Contestant, folder: Path, cluster: Cluster | None) -> Running:
    address = Address("127.0.0.1", free_port())
    command = contestant.command(folder, address.port, cluster.url if cluster else None)
    log = folder / "server.log"
    started = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
    while not is_healthy(address):
        late = time.perf_counter() - started > STARTS_WITHIN_S
        if late or process.poll() is not None:
            _stop(process, folder)
            what = "was silent for too long" if late else f"ended with code {process.returncode}"
            raise DidNotStart(f"{contestant.name} {what}: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(POLL_S)
    return Running(contestant, folder, address, process, cluster, time.perf_counter() - started)


def _environment(folder: Path) -> dict[str, str]:
    """Return the machine's variables without what would steer a server, and with nobody called outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
    kept = {name: value for name, value in kept.items() if name.lower() not in STEERING}
    return kept | {"HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def _stop(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOPS_WITHIN_S)
    # MLflow's own helpers outlive it at times, and one that is just starting is nobody's child yet.
    for one in _at_home_in(folder):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()


def _at_home_in(folder: Path) -> Iterator[psutil.Process]:
    """Yield the processes that a contestant of this folder started, whoever is their parent by now."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("HOME") == str(folder):
                yield process


def is_healthy(address: Address) -> bool:
    """Tell whether a server answers."""
    connection = http.client.HTTPConnection(address.host, address.port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """Return a loopback port that nobody listens on, and that no client will be given as its own."""
    for _ in range(PORTS_TRIED):
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise DidNotStart(f"none of {PORTS_TRIED} ports was free")

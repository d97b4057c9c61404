"""Stores that genuine MLflow clients have filled, once for all tests, and a server to import them into."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running_server import RunningServer, free_port, is_healthy, scrubbed
from tests.transfer.importing import complete_import
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
FILLED_WITHIN_S = 600
READY_WITHIN_S = 240  # MLflow makes its tables first, by all migrations that there have been
# What these versions can make here: SQLAlchemy 2.1 is too new for the databases of 2.22.
MADE = {
    "1.30-database": "mlflow-1.30",
    "1.30-folder": "mlflow-1.30",
    "2.22-folder": "mlflow-2.22",
    "3.17-database": "mlflow-3.17",
    "3.17-folder": "mlflow-3.17",
}


def environment() -> dict[str, str]:
    """Return what a genuine client of the version 3.17 needs to make a file store."""
    return scrubbed(os.environ) | {"MLFLOW_ALLOW_FILE_STORE": "true", "GIT_PYTHON_REFRESH": "quiet"}


def fill_store(client: str, uri: str, folder: Path, *words: str) -> None:
    """Fill a store through the genuine client of an environment, which works in the folder."""
    ended = subprocess.run(
        [
            ROOT / ".envs" / client / "bin" / "python",
            "-W",
            "ignore",
            Path(__file__).with_name("mlflow_store.py"),
            uri,
            *words,
        ],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=FILLED_WITHIN_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a copy-free store by its name in `MADE`: it is made when it is first asked for."""
    made: dict[str, Path] = {}

    def fill(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            is_database = name.endswith("database")
            uri = "sqlite:///mlflow.db" if is_database else str(folder / "mlruns")
            fill_store(MADE[name], uri, folder)
            made[name] = folder / ("mlflow.db" if is_database else "mlruns")
        return made[name]

    return fill


@pytest.fixture
def store(filled: Callable[[str], Path], tmp_path: Path) -> Path:
    """A file store of the oldest client, which a test may change."""
    return _copied(filled("1.30-folder"), tmp_path)


@pytest.fixture
def newer_store(filled: Callable[[str], Path], tmp_path: Path) -> Path:
    """A file store with registered models, which a test may change."""
    return _copied(filled("2.22-folder"), tmp_path)


def _copied(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept.parent, tmp_path / "copied")
    copied = tmp_path / "copied" / kept.name
    for meta in copied.rglob("meta.yaml"):
        meta.write_text(meta.read_text().replace(str(kept.parent), str(copied.parent)))
    return copied


@pytest.fixture(scope="session")
def imported(
    filled: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], tuple[RunningServer, Any]]]:
    """Return a server that has imported the store of a name, and the report; for tests that only read."""
    made: dict[str, tuple[RunningServer, Any]] = {}
    servers: list[RunningServer] = []

    def complete(name: str) -> tuple[RunningServer, Any]:
        if name not in made:
            running = RunningServer(tmp_path_factory.mktemp("imported") / "home").start()
            servers.append(running)
            made[name] = running, complete_import(filled(name), to=running)
        return made[name]

    yield complete
    for running in servers:
        running.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    """An empty Runyard."""
    running = RunningServer(tmp_path / "home")
    running.start()
    yield running
    running.close()


class MlflowServers:
    """Genuine servers of MLflow's, each on a port of its own."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, client: str, folder: Path, uri: str, *words: str | Path) -> str:
        """Start `mlflow server` of an environment on a store, in a folder, and return its address."""
        programs, port = ROOT / ".envs" / client / "bin", free_port()
        named = ["--backend-store-uri", uri, "--port", str(port), "--workers", "1", *words]
        # MLflow 1.30 looks for gunicorn in the path.
        path = f"{programs}:{os.environ['PATH']}"
        with (folder / "server.log").open("wb") as log:
            self._running.append(
                subprocess.Popen(
                    [programs / "mlflow", "server", *named],
                    cwd=folder,
                    # Nobody gives it jobs, and those who wait for some cost it a minute of a core.
                    env={**environment(), "PATH": path, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
        url = f"http://127.0.0.1:{port}"
        until(lambda: is_healthy(url), READY_WITHIN_S)
        return url

    def stop(self) -> None:
        """Kill them all."""
        for each in self._running:
            if each.poll() is None:
                os.killpg(each.pid, signal.SIGKILL)
            each.wait(60)


@pytest.fixture
def mlflow_servers() -> Iterator[MlflowServers]:
    servers = MlflowServers()
    yield servers
    servers.stop()


@pytest.fixture
def mlflow_server(filled: Callable[[str], Path], mlflow_servers: MlflowServers) -> Callable[[str], str]:
    """Start `mlflow server` of a version on the store that it made, and return its address."""

    def start(name: str) -> str:
        kept = filled(name)
        uri = f"sqlite:///{kept}" if name.endswith("database") else str(kept)
        root = kept.parent / "mlruns"
        return mlflow_servers.start(MADE[name], kept.parent, uri, "--default-artifact-root", root)

    return start


@pytest.fixture
def serving_mlflow(mlflow_servers: MlflowServers, tmp_path: Path) -> str:
    """The address of MLflow 3.17 as a team runs it: filled by clients that had the server keep the files."""
    folder = tmp_path / "serving"
    folder.mkdir()
    kept = ("--artifacts-destination", folder / "art")
    url = mlflow_servers.start("mlflow-3.17", folder, "sqlite:///mlflow.db", *kept)
    fill_store("mlflow-3.17", url, folder, "5")
    return url

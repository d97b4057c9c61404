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


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a copy-free store by its name in `MADE`: it is made when it is first asked for."""
    made: dict[str, Path] = {}

    def fill(name: str) -> Path:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            is_database = name.endswith("database")
            uri = "sqlite:///mlflow.db" if is_database else str(folder / "mlruns")
            python = ROOT / ".envs" / MADE[name] / "bin" / "python"
            script = Path(__file__).with_name("mlflow_store.py")
            ended = subprocess.run(
                [python, "-W", "ignore", script, uri],
                cwd=folder,
                env=environment(),
                capture_output=True,
                text=True,
                timeout=FILLED_WITHIN_S,
                check=False,
            )
            assert ended.returncode == 0, ended.stderr[-3000:]
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


@pytest.fixture
def mlflow_server(filled: Callable[[str], Path]) -> Iterator[Callable[[str], str]]:
    """Start `mlflow server` of a version on the store that it made, and return its address."""
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> str:
        kept, port = filled(name), free_port()
        uri = f"sqlite:///{kept}" if name.endswith("database") else str(kept)
        mlflow = ROOT / ".envs" / MADE[name] / "bin" / "mlflow"
        words: list[str | Path] = [
            mlflow,
            "server",
            "--backend-store-uri",
            uri,
            "--port",
            str(port),
            "--workers",
            "1",
        ]
        words += ["--default-artifact-root", str(kept.parent / "mlruns")]
        # MLflow 1.30 looks for gunicorn in the path.
        path = f"{ROOT / '.envs' / MADE[name] / 'bin'}:{os.environ['PATH']}"
        log = (kept.parent / "server.log").open("wb")
        running.append(
            subprocess.Popen(
                words,
                cwd=kept.parent,
                env={**environment(), "PATH": path},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )
        log.close()
        url = f"http://127.0.0.1:{port}"
        until(lambda: is_healthy(url))
        return url

    yield start
    for each in running:
        if each.poll() is None:
            os.killpg(each.pid, signal.SIGKILL)
        each.wait(60)

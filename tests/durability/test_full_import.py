"""An import that meets a full disk, is stopped or loses its source: said, and the same command goes on."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.durability.test_full_disk import SIZE_MB, small_disk
from tests.running_server import RunningServer
from tests.transfer.importing import MLFLOW, all_runs, begin, complete_import, end, freeze_when

pytestmark = pytest.mark.slow

RUNS, LARGE = 200, 12
MEGABYTE = 1024 * 1024
ROOM_BYTES = 300 * 1024


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with 200 runs of a file each, 12 of them large."""
    running = RunningServer(tmp_path_factory.mktemp("source") / "home").start()
    with httpx.Client(base_url=running.url, timeout=60) as http:
        for number in range(RUNS):
            body = {"experiment_id": "0", "start_time": number}
            made = http.post(f"{MLFLOW}/runs/create", json=body).raise_for_status().json()
            run_id = made["run"]["info"]["run_id"]
            content = bytes(MEGABYTE) if number < LARGE else b"small"
            place = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/weights.bin"
            http.put(place, content=content).raise_for_status()
            http.post(
                f"{MLFLOW}/runs/update", json={"run_id": run_id, "status": "FINISHED"}
            ).raise_for_status()
    yield running
    running.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path / "home").start()
    yield running
    running.close()


def _files(server: RunningServer) -> int:
    body = {"run_ids": list(all_runs(server))}
    counted = httpx.post(f"{server.url}/api/v1/import/counts", json=body, timeout=60).raise_for_status()
    return int(counted.json()["files"])


def _comes_whole(source: RunningServer, server: RunningServer) -> None:
    kept = complete_import(source.url, to=server)["kept"]
    assert (kept["runs"], kept["files"]) == (RUNS, RUNS)
    assert kept["file_bytes"] == LARGE * MEGABYTE + (RUNS - LARGE) * len(b"small")


def _met_in_the_middle(source: RunningServer, server: RunningServer) -> subprocess.Popen[str]:
    """Begin an import and return its process, which is frozen once files have come."""
    process = begin(source.url, to=server)
    # The folder is asked and not the server: by its answer all of it could have come.
    freeze_when(process, lambda: any(server.home.rglob("weights.bin")))
    return process


def test_a_full_disk_of_the_server_is_said_and_the_import_goes_on(source: RunningServer, tmp_path: Path):
    with small_disk(tmp_path / "small") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes((SIZE_MB - 8) * MEGABYTE))
        server = RunningServer(disk / "home", log_path=tmp_path / "server.log").start()
        try:
            code, report, err = end(begin(source.url, to=server))
            assert (code, report) == (1, None)
            assert "give the same command again" in err
            assert 0 <= _files(server) < RUNS
            ballast.unlink()
            _comes_whole(source, server)
        finally:
            server.close()


def test_a_full_disk_of_the_client_is_said_and_the_import_goes_on(
    source: RunningServer, server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with small_disk(tmp_path / "small") as disk:
        (disk / "ballast").write_bytes(bytes(SIZE_MB * MEGABYTE - ROOM_BYTES))
        monkeypatch.setenv("TMPDIR", str(disk))
        code, report, err = end(begin(source.url, to=server))
        assert (code, report) == (1, None)
        assert f"The disk of {disk} on this machine is full" in err
        assert "give the same command again" in err
        assert [each.name for each in disk.iterdir()] == ["ballast"]
        monkeypatch.delenv("TMPDIR")
    _comes_whole(source, server)


def test_an_import_that_is_interrupted_goes_on(source: RunningServer, server: RunningServer):
    process = _met_in_the_middle(source, server)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    code, report, err = end(process)
    assert (code, report) == (130, None), err
    assert 0 < _files(server) < RUNS
    _comes_whole(source, server)


def test_an_import_goes_on_after_its_source_was_killed(source: RunningServer, server: RunningServer):
    process = _met_in_the_middle(source, server)
    source.kill9()
    process.send_signal(signal.SIGCONT)
    try:
        code, report, err = end(process)
    finally:
        source.start()
    assert (code, report) == (5, None), err
    assert 0 < _files(server) < RUNS
    _comes_whole(source, server)

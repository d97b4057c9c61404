"""A disk that fills up while clients log: said at once, nothing lost or doubled, and it heals by itself."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_server import RunningServer

pytestmark = pytest.mark.slow

SIZE_MB = 32
CLIENTS = 4
POINTS = 500
KEYS = ("loss", "accuracy")
MLFLOW = "/api/2.0/mlflow"


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 32 MB of its own at ``folder``."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class FillingClient(threading.Thread):
    """Logs batch after batch into a run of its own until the server refuses one."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__(name=f"filling-{number}")
        self.http = httpx.Client(base_url=url, timeout=60)
        answer = self.http.post(f"{MLFLOW}/runs/create", json={"experiment_id": "0", "start_time": 1})
        self.run_id: str = answer.raise_for_status().json()["run"]["info"]["run_id"]
        self.acknowledged: list[tuple[str, int, float]] = []
        self.refusal: httpx.Response | None = None
        self._step = 0
        self.log()  # before there are others: one that began late would find the disk full

    def run(self) -> None:
        """Log until refused."""
        while self.refusal is None:
            self.log()

    def log(self) -> httpx.Response:
        """Log one batch, and keep in mind whether it was acknowledged."""
        steps = range(self._step, self._step + POINTS)
        self._step += POINTS
        points = [(key, step, 1.0 / (step + 1 + index)) for step in steps for index, key in enumerate(KEYS)]
        metrics = [
            {"key": key, "step": step, "timestamp": 1_000_000 + step * 7919 % 10_007, "value": value}
            for key, step, value in points
        ]
        answer = self.http.post(f"{MLFLOW}/runs/log-batch", json={"run_id": self.run_id, "metrics": metrics})
        if answer.status_code == httpx.codes.OK:
            self.acknowledged += points
        else:
            self.refusal = answer
        return answer

    def history(self, key: str) -> list[tuple[str, int, float]]:
        """Read all points of a metric."""
        found: list[tuple[str, int, float]] = []
        query: dict[str, Any] = {"run_id": self.run_id, "metric_key": key, "max_results": 25_000}
        while True:
            page = self.http.get(f"{MLFLOW}/metrics/get-history", params=query).raise_for_status().json()
            found += [(key, int(each.get("step", 0)), each["value"]) for each in page.get("metrics", [])]
            query["page_token"] = page.get("next_page_token")
            if not query["page_token"]:
                return found

    def expect_all(self) -> None:
        """Each acknowledged point is there once, in history, table and search alike."""
        for key in KEYS:
            assert Counter(self.history(key)) == Counter(p for p in self.acknowledged if p[0] == key)
        last = {key: (step, value) for key, step, value in self.acknowledged}
        shown = self.http.get(f"{MLFLOW}/runs/get", params={"run_id": self.run_id}).raise_for_status().json()
        assert _latest(shown["run"]) == last
        found = self.http.post(f"{MLFLOW}/runs/search", json={"experiment_ids": ["0"], "max_results": 100})
        runs = {run["info"]["run_id"]: run for run in found.raise_for_status().json()["runs"]}
        assert _latest(runs[self.run_id]) == last


def _latest(run: dict[str, Any]) -> dict[str, tuple[int, float]]:
    return {each["key"]: (int(each.get("step", 0)), each["value"]) for each in run["data"]["metrics"]}


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Iterator[tuple[RunningServer, list[FillingClient], Path]]:
    """A server whose disk four clients have filled; part of it is taken by a file that can go."""
    with small_disk(tmp_path_factory.mktemp("disk") / "small") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(22 * 1024 * 1024))
        server = RunningServer(disk / "home", log_path=disk.parent / "server.log").start()
        clients = [FillingClient(server.url, number) for number in range(CLIENTS)]
        try:
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            yield server, clients, ballast
        finally:
            for client in clients:
                client.http.close()
            server.close()


def test_a_full_disk_is_said_at_once_and_when_to_try_again(full):
    _, clients, _ = full
    for client in clients:
        assert client.acknowledged
        assert client.refusal is not None
        assert client.refusal.status_code == 507, client.refusal.text
        assert client.refusal.json()["error_code"] == "RESOURCE_EXHAUSTED"
        assert int(client.refusal.headers["Retry-After"]) > 0


def test_all_that_was_acknowledged_can_be_read_from_a_full_disk(full):
    _, clients, _ = full
    for _ in range(3):
        for client in clients:
            # The write-ahead log may have room left in it, so that a write goes through now and then.
            assert client.log().status_code in (200, 507)
            client.expect_all()


def test_artifacts_are_refused_whole_on_a_full_disk_and_can_be_deleted(full):
    _, clients, _ = full
    client = clients[0]
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{client.run_id}/artifacts/large.bin"
    answer = client.http.put(path, content=bytes(4 * 1024 * 1024))
    assert answer.status_code == 507, answer.text
    assert "Retry-After" in answer.headers
    assert client.http.get(path).status_code == 404


def test_a_server_that_was_killed_on_a_full_disk_starts_and_reads(full):
    server, clients, _ = full
    server.kill9()
    server.start()
    for client in clients:
        client.expect_all()
        assert client.log().status_code in (200, 507)
        client.expect_all()


def test_with_room_again_it_goes_on_by_itself_and_nothing_was_doubled(full):
    server, clients, ballast = full
    ballast.unlink()
    for client in clients:
        assert client.log().status_code == 200, server.output
        client.expect_all()
        client.http.post(f"{MLFLOW}/runs/update", json={"run_id": client.run_id, "status": "FINISHED"})
    server.stop()
    checked = subprocess.run(
        [*server.program, "check", "--home", str(server.home), "--json"], capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    server.start()
    for client in clients:
        client.expect_all()

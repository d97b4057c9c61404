"""A backup while clients log: one moment of all runs, restored elsewhere by one command."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.durability.logging_client import KEYS, MLFLOW, LoggingClient
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow

CLIENTS = 4
LOGGED_BEFORE = 25
BACKUPS = 2


class PairedClient(threading.Thread):
    """Logs each step to one run and, once that is acknowledged, to another: no moment shows it otherwise."""

    def __init__(self, url: str, finish: threading.Event) -> None:
        super().__init__(name="paired")
        self._http = httpx.Client(base_url=url, timeout=60)
        self._finish = finish
        self.run_ids = [self._create_run(), self._create_run()]

    def run(self) -> None:
        """Log until told to finish."""
        step = 0
        while not self._finish.is_set():
            for run_id in self.run_ids:
                body = {"run_id": run_id, "key": "loss", "value": 1.0, "timestamp": 1 + step, "step": step}
                self._http.post(f"{MLFLOW}/runs/log-metric", json=body).raise_for_status()
            step += 1
        self._http.close()

    def _create_run(self) -> str:
        answer = self._http.post(f"{MLFLOW}/runs/create", json={"experiment_id": "0", "start_time": 1})
        run_id: str = answer.raise_for_status().json()["run"]["info"]["run_id"]
        return run_id


def runyard(*arguments: object) -> str:
    """Run a command of the command line, which must succeed."""
    command = [sys.executable, "-m", "runyard", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def expect_one_moment(
    home: Path, clients: list[LoggingClient], paired: PairedClient, least: list[int]
) -> None:
    """Each run holds its first batches and no others, with the params, tags and files that came with them."""
    server = RunningServer(home).start()
    try:
        with httpx.Client(base_url=server.url, timeout=60) as http:
            for client, logged_before in zip(clients, least, strict=True):
                _expect_first_batches(http, client, logged_before)
            first, second = (
                http.get(
                    f"{MLFLOW}/metrics/get-history", params={"run_id": run_id, "metric_key": "loss"}
                ).json()
                for run_id in paired.run_ids
            )
            ahead = len(first.get("metrics", [])) - len(second.get("metrics", []))
            assert ahead in (0, 1)
    finally:
        server.close()


def _expect_first_batches(http: httpx.Client, client: LoggingClient, logged_before: int) -> None:
    kept = Counter(point for key in KEYS for point in client.history_of(http, key))
    last = max(step for _, _, step, _ in kept)
    assert last >= logged_before - 1
    assert kept == Counter(point for point in client.acknowledged if point[2] <= last)
    run = http.get(f"{MLFLOW}/runs/get", params={"run_id": client.run_id}).raise_for_status().json()["run"]
    assert {"key": "last", "value": f"{last}"} in run["data"]["tags"]
    params = {each["key"]: each["value"] for each in run["data"]["params"]}
    assert params == {key: value for key, value in client.params.items() if int(value) <= last}
    for name, content in client.files.items():
        if int(name.removeprefix("file-").removesuffix(".bin")) < logged_before - 1:
            path = f"/api/2.0/mlflow-artifacts/artifacts/0/{client.run_id}/artifacts/{name}"
            assert http.get(path).raise_for_status().content == content


def test_r16_a_backup_under_load_is_one_moment_and_comes_back_whole(tmp_path):
    server = RunningServer(tmp_path / "home").start()
    finish, abandon = threading.Event(), threading.Event()
    clients = [LoggingClient([server.url], number, finish, abandon) for number in range(CLIENTS)]
    paired = PairedClient(server.url, finish)
    backups: list[tuple[Path, list[int]]] = []
    for client in (*clients, paired):
        client.start()
    try:
        for number in range(BACKUPS):
            while min(client.batch_count for client in clients) < LOGGED_BEFORE * (number + 1):
                assert all(client.is_alive() for client in clients)
                time.sleep(0.05)
            least = [client.batch_count for client in clients]
            earlier = ["--earlier", backups[-1][0]] if backups else []
            target = tmp_path / f"backup-{number}"
            made = json.loads(runyard("backup", target, "--home", server.home, "--json", *earlier))
            assert made["rows"]["runs"] == CLIENTS + 2
            backups.append((target, least))
    finally:
        finish.set()
        for client in (*clients, paired):
            client.join()
        server.close()
    assert [client.surprises for client in clients] == [[]] * CLIENTS
    for target, least in backups:
        home = tmp_path / f"home-of-{target.name}"
        runyard("restore", target, "--home", home)
        assert json.loads(runyard("check", "--home", home, "--json"))["is_whole"]
        expect_one_moment(home, clients, paired, least)

"""A training goes on whatever becomes of network and server, and all that it logged arrives, once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.durability.test_lost_answers import history, tags_of
from tests.lossy_proxy import LossyProxy
from tests.running_server import RunningServer, free_port, scrubbed

pytestmark = [pytest.mark.slow, pytest.mark.scaled]

# Read here, since the environment is scrubbed before a test runs.
KILLS = int(os.environ.get("RUNYARD_CLIENT_KILLS", "100"))
HERE = Path(__file__).parent
TRAINING, KILLED, COST = (
    HERE / f"{name}.py" for name in ("spooled_training", "killed_clients", "spooled_cost")
)
MLFLOW = "/api/2.0/mlflow"
WITHIN_S = 600


class Client:
    """A machine that trains: its own folder, its own spools, one address."""

    def __init__(self, folder: Path, tracking_uri: str, **choices: str) -> None:
        self.folder = folder
        self.spools = folder / "spools"
        folder.mkdir(exist_ok=True)
        self.environment = scrubbed(os.environ) | {
            "HOME": str(folder),
            "MLFLOW_TRACKING_URI": tracking_uri,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "RUNYARD_SPOOL_DIR": str(self.spools),
            **choices,
        }

    def start(self, script: Path, *arguments: object) -> subprocess.Popen[str]:
        """Begin a script; its output is to be read."""
        with (self.folder / "stderr").open("w") as stderr:
            return subprocess.Popen(
                [sys.executable, "-W", "ignore", str(script), *map(str, arguments)],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def train(self, experiment: str, steps: int) -> str:
        """Run the training to its end and return its run's id."""
        process = self.start(TRAINING, experiment, steps)
        output, _ = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0, self.stderr
        assert "ended" in output.splitlines()
        return output.splitlines()[0]

    def command(self, *words: str, **more: str) -> Any:
        """Run a command of ours and return the JSON that it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "runyard", *words, "--json"],
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    @property
    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()


@contextmanager
def at(server: RunningServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as http:
        yield http


def expect_all(server: RunningServer, run_id: str, steps: int) -> Mapping[str, Any]:
    """Fail unless the run has each point once, its params, its last tag, its file and its end; return it."""
    with at(server) as http:
        points = history(http, run_id, "loss")
        assert sorted((step, value) for _, step, value in points) == [
            (step, 1 / (step + 1)) for step in range(steps)
        ]
        assert len(history(http, run_id, "a")) == len(history(http, run_id, "b")) == steps
        assert tags_of(http, run_id)["last"] == str(steps - 1)
        run: Mapping[str, Any] = http.get(f"{MLFLOW}/runs/get", params={"run_id": run_id}).json()["run"]
        assert {each["key"]: each["value"] for each in run["data"]["params"]} == {
            "steps": str(steps),
            "kind": "spooled",
        }
        assert run["info"]["status"] == "FINISHED"
        folder = run["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
        file = http.get(f"/api/2.0/mlflow-artifacts/artifacts/{folder}/model/weights.txt").raise_for_status()
        assert file.text == "these are weights"
    return run


def spools_of(client: Client) -> list[Path]:
    # One whose name begins with a dot was being made when its client died, before anything was logged.
    return [path for path in client.spools.iterdir() if path.is_dir() and path.name[0] != "."]


def test_a_training_on_a_good_network_leaves_nothing_behind(server, tmp_path):
    client = Client(tmp_path / "client", server.url)
    expect_all(server, client.train("plain", 300), 300)
    assert spools_of(client) == []


def test_a_training_into_another_workspace_ends_up_there(server, tmp_path):
    httpx.post(f"{server.url}/api/v1/workspaces", json={"name": "vision"}, timeout=60).raise_for_status()
    client = Client(tmp_path / "client", f"{server.url}/workspaces/vision")
    run_id = client.train("plain", 20)
    with at(server) as http:
        assert len(history(http, run_id, "loss")) == 0
        path = f"/workspaces/vision{MLFLOW}/metrics/get-history"
        found = http.get(path, params={"run_id": run_id, "metric_key": "loss"}).json()
    assert len(found["metrics"]) == 20


def test_a_run_that_the_script_left_open_is_ended_with_the_script(server, tmp_path):
    script = tmp_path / "open.py"
    script.write_text(
        "import mlflow\nprint(mlflow.start_run().info.run_id)\nmlflow.log_metric('loss', 1.0)\n"
    )
    client = Client(tmp_path / "client", server.url)
    with client.start(script) as process:
        output, _ = process.communicate(timeout=WITHIN_S)
    with at(server) as http:
        run = http.get(f"{MLFLOW}/runs/get", params={"run_id": output.splitlines()[0]}).json()["run"]
    assert run["info"]["status"] == "FINISHED"
    assert spools_of(client) == []


@pytest.mark.parametrize("part", [0.2, 0.5])
def test_r07_lost_torn_and_refused_answers_lose_nothing_and_double_nothing(server, tmp_path, part: float):
    proxy = LossyProxy(server.url, part=part, seed=7)
    client = Client(tmp_path / "client", proxy.url, RUNYARD_SPOOL_EXIT_WAIT_S="300", PAUSE_S="0.01")
    try:
        run_id = client.train("lossy", 200)
    finally:
        proxy.close()
    assert sum(proxy.met.values()) > 0
    expect_all(server, run_id, 200)


def test_a_training_outlives_servers_that_are_killed_and_restarted(start_server, tmp_path):
    server = start_server()
    client = Client(tmp_path / "client", server.url, RUNYARD_SPOOL_EXIT_WAIT_S="300", PAUSE_S="0.02")
    with client.start(TRAINING, "restarts", 400) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        for until in (50, 150, 250):
            while int(process.stdout.readline()) < until:
                pass
            server.kill9()
            while int(process.stdout.readline()) < until + 50:
                pass
            server.start()
        assert process.stdout.read().splitlines()[-1] == "ended"
        assert process.wait(WITHIN_S) == 0
    expect_all(server, run_id, 400)
    assert "Traceback" not in client.stderr


def test_a_run_begun_offline_is_sent_from_another_machine(start_server, tmp_path):
    port = free_port()
    client = Client(
        tmp_path / "node", f"http://127.0.0.1:{port}", RUNYARD_SPOOL="on", RUNYARD_SPOOL_EXIT_WAIT_S="0"
    )
    run_id = client.train("far away", 100)
    assert "runyard sync" in client.stderr
    (waiting,) = client.command("spool", "list")
    assert waiting["waiting"] > 300
    moved = tmp_path / "moved"
    client.spools.rename(moved)
    server = start_server()
    other = Client(tmp_path / "other", server.url)
    (sent,) = other.command("sync", str(moved), "--to", server.url)
    assert (sent["sent"], sent["waiting"], sent["refused"]) == (waiting["waiting"], 0, 0)
    run = expect_all(server, run_id, 100)
    with at(server) as http:
        query = {"experiment_id": run["info"]["experiment_id"]}
        found = http.get(f"{MLFLOW}/experiments/get", params=query).json()["experiment"]
    assert found["name"] == "far away"
    assert other.command("sync", str(moved)) == []


def test_what_one_process_left_the_next_one_sends_first(start_server, tmp_path):
    server = start_server()
    url, port = server.url, server.port
    client = Client(tmp_path / "client", url, RUNYARD_SPOOL_EXIT_WAIT_S="60")
    first = client.train("plain", 10)
    server.kill9()
    second = Client(client.folder, url, RUNYARD_SPOOL_EXIT_WAIT_S="0").train("plain", 20)
    assert len(spools_of(client)) == 1
    server.start()
    third = client.train("plain", 30)
    for run_id, steps in ((first, 10), (second, 20), (third, 30)):
        expect_all(server, run_id, steps)
    assert spools_of(client) == []
    assert server.port == port


def test_r06_a_server_that_takes_connections_and_never_answers_holds_up_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        choices = {"RUNYARD_SPOOL": "on", "RUNYARD_SPOOL_EXIT_WAIT_S": "0"}
        client = Client(tmp_path / "client", url, **choices)
        client.train("half open", 200)
        (waiting,) = client.command("spool", "list")
        assert waiting["waiting"] > 600


def test_r04_a_spool_stops_at_its_limit_says_so_and_the_training_goes_on(tmp_path):
    choices = {"RUNYARD_SPOOL": "on", "RUNYARD_SPOOL_EXIT_WAIT_S": "0", "RUNYARD_SPOOL_MAX_MB": "0.05"}
    client = Client(tmp_path / "client", f"http://127.0.0.1:{free_port()}", **choices)
    client.train("full", 500)
    assert client.stderr.count("takes no more") == 1
    assert "calls were dropped and are lost" in client.stderr
    size = sum(path.stat().st_size for path in client.spools.rglob("*") if path.is_file())
    assert size <= 50_000 + 1_000  # how far it was sent is noted beside it
    (waiting,) = client.command("spool", "list")
    assert waiting["waiting"] > 100


def test_r02_every_point_whose_call_returned_arrives_however_clients_die(start_server, tmp_path):
    server = start_server()
    notes = tmp_path / "notes"
    notes.mkdir()
    client = Client(tmp_path / "client", server.url, RUNYARD_SPOOL="on")
    finish = threading.Event()
    away = threading.Thread(target=_come_and_go, args=(server, finish))
    away.start()
    try:
        with client.start(KILLED, KILLS, KILLS, notes) as process:
            assert process.wait(WITHIN_S * 10) == 0, client.stderr
    finally:
        finish.set()
        away.join()
    client.command("sync")
    noted = {path.name: [int(line) for line in path.read_text().split()] for path in notes.iterdir()}
    assert sum(map(len, noted.values())) > KILLS
    with at(server) as http:
        for run_id, steps in noted.items():
            kept = [step for _, step, _ in _whole_history(http, run_id)]
            # The call that was cut short may have been kept too.
            assert sorted(kept) == list(range(len(kept)))
            assert len(steps) <= len(kept) <= len(steps) + 1
    assert spools_of(client) == []


@pytest.mark.nightly
def test_what_a_call_costs_is_printed(server, tmp_path, capsys):
    client = Client(tmp_path / "client", server.url)
    with client.start(COST, 5000) as process:
        output, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, client.stderr
    cost = json.loads(output.splitlines()[-1])
    with capsys.disabled():
        for what, percentiles in cost.items():
            sys.stdout.write(f"\nmlflow.log_metric, {what}, in µs: {percentiles}\n")


def _come_and_go(server: RunningServer, finish: threading.Event) -> None:
    """Let the server be there, and not be there, until told to finish; then it is there."""
    while not finish.wait(3):
        server.kill9()
        finish.wait(2)
        server.start()


def _whole_history(http: httpx.Client, run_id: str) -> list[tuple[int, int, float]]:
    found: list[tuple[int, int, float]] = []
    query: dict[str, Any] = {"run_id": run_id, "metric_key": "loss", "max_results": 10_000}
    while True:
        answer = http.get(f"{MLFLOW}/metrics/get-history", params=query)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return found
        page = answer.raise_for_status().json()
        found += [
            (int(each["timestamp"]), int(each.get("step", 0)), each["value"])
            for each in page.get("metrics", [])
        ]
        query["page_token"] = page.get("next_page_token")
        if not query["page_token"]:
            return found

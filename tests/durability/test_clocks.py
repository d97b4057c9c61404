"""R08: clocks that are wrong, jump, or change to summer time: nothing is lost, and steps give the order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from runyard.sdk.spool.folder import SpoolFolder, spool_paths
from tests.durability.test_lost_answers import history, tags_of
from tests.durability.test_spool import MLFLOW, WITHIN_S, Client, at, spools_of
from tests.running_server import RunningServer, free_port, scrubbed

pytestmark = pytest.mark.slow

TRAINING = Path(__file__).with_name("spooled_clock.py")
DAY_S = 86_400
STEPS = 20


def train(client: Client, experiment: str, *clock: float, run_id: str = "", **more: str) -> str:
    """Train with a clock that is wrong by each of these seconds in turn; return the run's id."""
    client.environment |= more
    process = client.start(TRAINING, experiment, STEPS, run_id or "new", *clock)
    output, _ = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 0, client.stderr
    return output.splitlines()[0]


def series(http: httpx.Client, run_id: str) -> list[tuple[int, float]]:
    """What a chart gets: steps and values."""
    body = {"run_ids": [run_id], "keys": ["loss"]}
    answer = http.post("/api/v1/series", json=body).raise_for_status().json()["series"][0]
    return list(zip(answer["x"], answer["last"], strict=True))


def shown(url: str, run_id: str) -> str:
    """What `runyard run show` says of a run."""
    command = [sys.executable, "-m", "runyard", "run", "show", run_id, "--url", url]
    environment = scrubbed(os.environ)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("clock", "zone"),
    [
        ((DAY_S,), "UTC"),
        ((-DAY_S,), "UTC"),
        ((0, -3600), "UTC"),
        ((DAY_S, -DAY_S), "UTC"),
        # A leap second is a second that is there twice.
        ((0, -1, 0), "UTC"),
        # Local time does not matter: neither where it is far away nor where it changes.
        ((0, 3600), "Europe/Berlin"),
        ((0,), "Pacific/Kiritimati"),
    ],
)
def test_r08_steps_give_the_order_and_nothing_lasts_less_than_nothing(
    clock: tuple[float, ...], zone: str, server: RunningServer, tmp_path: Path
):
    client = Client(tmp_path / "client", server.url)
    run_id = train(client, "clocks", *clock, TZ=zone)
    with at(server) as http:
        points = history(http, run_id, "loss")
        charted = series(http, run_id)
        run = http.get(f"{MLFLOW}/runs/get", params={"run_id": run_id}).json()["run"]
        last = tags_of(http, run_id)["last"]
    assert charted == [(step, float(step)) for step in range(STEPS)]
    # MLflow's own order of a history: by time, as the client told it, then step, then value.
    assert points == sorted(points)
    assert sorted(step for _, step, _ in points) == list(range(STEPS))
    assert (last, run["info"]["status"]) == (str(STEPS - 1), "FINISHED")
    (duration,) = [line for line in shown(server.url, run_id).splitlines() if line.startswith("Duration")]
    assert "-" not in duration.removeprefix("Duration")
    assert spools_of(client) == []


def test_r08_two_clients_with_other_clocks_log_one_run(server: RunningServer, tmp_path: Path):
    ahead, behind = (Client(tmp_path / name, server.url) for name in ("ahead", "behind"))
    run_id = train(ahead, "two clocks", DAY_S, FIRST_STEP="0")
    assert train(behind, "two clocks", -DAY_S, run_id=run_id, FIRST_STEP=str(STEPS)) == run_id
    with at(server) as http:
        assert series(http, run_id) == [(step, float(step)) for step in range(2 * STEPS)]
        times = {step: time_ms for time_ms, step, _ in history(http, run_id, "loss")}
    assert times[STEPS] < times[0]


def test_r08_what_was_logged_later_is_sent_later_though_the_clock_went_back(start_server, tmp_path: Path):
    port = free_port()
    choices = {"RUNYARD_SPOOL": "on", "RUNYARD_SPOOL_EXIT_WAIT_S": "0"}
    client = Client(tmp_path / "client", f"http://127.0.0.1:{port}", **choices)
    run_id = train(client, "set back", 0, FIRST_STEP="0")
    assert train(client, "set back", -DAY_S, run_id=run_id, FIRST_STEP="100", BLIND="1") == run_id
    made = [SpoolFolder(path).origin.created_ms for path in spool_paths(client.spools)]
    assert made == sorted(made)
    assert len(made) == 2
    server = start_server(port=port)
    sent: list[dict[str, Any]] = client.command("sync")
    assert [one["refused"] for one in sent] == [0, 0]
    with at(server) as http:
        assert tags_of(http, run_id)["last"] == str(100 + STEPS - 1)
        assert json.dumps(series(http, run_id)).count("[") == 2 * STEPS + 1

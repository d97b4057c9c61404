"""R06 and R07: whatever the network or the server does, the loop is not held up and all arrives, once."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from runyard.protocol.messages.workspaces import ServerAnswer
from runyard.sdk.connection import Connection
from runyard.sdk.spool.choices import SpoolChoices
from runyard.sdk.spool.outbox import LONGEST_BACK_OFF_S, Outbox
from runyard.sdk.spool.records import Logged, Point, RunBegun
from runyard.sdk.transport import HttpTransport
from tests.durability.test_lost_answers import history, tags_of
from tests.durability.test_spool import MLFLOW, WITHIN_S, Client, at, spools_of
from tests.faulty_network import FaultyNetwork
from tests.lossy_proxy import LOSSES, LossyProxy
from tests.running_server import RunningServer

pytestmark = pytest.mark.slow

LOOP = Path(__file__).with_name("spooled_loop.py")
STEPS = 120
RUN = "a" * 32
CAP_BYTES = 20_000_000
PAUSES_SEEN = 12


@pytest.fixture
def network(server: RunningServer) -> Iterator[FaultyNetwork]:
    network = FaultyNetwork(server.url)
    yield network
    network.close()


def cut(network: FaultyNetwork) -> None:
    network.cut()


def lose_a_fifth(network: FaultyNetwork) -> None:
    network.loss = 0.2


def delay_5_s(network: FaultyNetwork) -> None:
    # There and back.
    network.latency_s = 2.5


def open_half(network: FaultyNetwork) -> None:
    network.half_open()


@pytest.mark.scaled
@pytest.mark.parametrize("fault", [cut, lose_a_fifth, delay_5_s, open_half])
def test_r06_a_loop_opens_no_connection_and_all_arrives_once(
    fault: Callable[[FaultyNetwork], None],
    network: FaultyNetwork,
    server: RunningServer,
    tmp_path: Path,
    capsys,
):
    """The fault begins in the midst of the loop and lasts for 10 seconds of it; then the network heals."""
    client = Client(tmp_path / "client", network.url, RUNYARD_SPOOL_EXIT_WAIT_S="300")
    with client.start(LOOP, "network", STEPS, 0.1) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        for line in process.stdout:
            if line == "10\n":
                fault(network)
            if line == "110\n":
                network.heal()
            if line.startswith("{"):
                found = json.loads(line)
        assert process.wait(WITHIN_S) == 0, client.stderr
    with capsys.disabled():
        sys.stdout.write(f"\nR06, {fault.__name__}: {found}\n")
    assert found["by the loop"] == 0
    assert "Traceback" not in client.stderr
    with at(server) as http:
        for key, values in (("loss", [1 / (step + 1) for step in range(STEPS)]), ("a", [*range(STEPS)])):
            points = sorted(history(http, run_id, key), key=lambda point: point[1])
            assert [(step, value) for _, step, value in points] == list(enumerate(values))
        assert tags_of(http, run_id)["last"] == str(STEPS - 1)
    assert spools_of(client) == []


class VirtualTime:
    """Lets the outbox's thread believe that it waited; the test lets that pass step by step."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pauses_s: list[float] = []

    def wait(self, changed: threading.Condition, is_so: Callable[[], bool], timeout_s: float) -> object:
        """Wait a moment in place of ``timeout_s``, which is noted."""
        self.now_s += timeout_s
        self.pauses_s.append(timeout_s)
        return changed.wait_for(is_so, 0.001)


def outbox_at(url: str, root: Path, clock: VirtualTime) -> Outbox:
    """An outbox with real files and real connections, which only waits by another clock."""
    choices = SpoolChoices(mode="on", root=root, max_bytes=CAP_BYTES, read_wait_s=0, exit_wait_s=60)

    def connect() -> Connection:
        connection = Connection(HttpTransport(url, read_timeout_s=60, is_patient=False))
        connection.get("/api/v1/server", ServerAnswer)
        return connection

    return Outbox(url, connect, choices, clock.wait)


def log_steps(outbox: Outbox, run_id: str, steps: range) -> None:
    for step in steps:
        assert outbox.add(
            Logged(run_id, [Point("loss", float(step), 1 + step, step)], tags={"last": str(step)})
        )


def expect_once(http: httpx.Client, run_id: str, count: int) -> None:
    found = sorted(_all_points(http, run_id))
    assert found == [(1 + step, step, float(step)) for step in range(count)]
    assert tags_of(http, run_id)["last"] == str(count - 1)


@pytest.mark.parametrize(("named", "lasts_s"), [("10 s", 10), ("10 min", 600), ("24 h", 86_400)])
def test_r06_a_network_that_is_cut_for_long_loses_nothing(
    named: str, lasts_s: int, network: FaultyNetwork, server: RunningServer, tmp_path: Path, capsys
):
    clock, run_id = VirtualTime(), f"{lasts_s:032x}"
    outbox = outbox_at(network.url, tmp_path / "spools", clock)
    outbox.add(RunBegun(run_id, experiment_id="0"))
    log_steps(outbox, run_id, range(100))
    _until(outbox.is_sent)
    network.cut()
    cut_s, tried, logged = clock.now_s, network.connections, 100
    while clock.now_s < cut_s + lasts_s:
        log_steps(outbox, run_id, range(logged, logged + 1))
        logged += 1
        assert not outbox.is_sent()
        threading.Event().wait(0.002)
    attempts = network.connections - tried
    size = sum(path.stat().st_size for path in (tmp_path / "spools").rglob("*") if path.is_file())
    network.heal()
    _until(outbox.is_sent)
    outbox.close()
    with capsys.disabled():
        sys.stdout.write(f"\nR06, cut for {named}: {attempts} attempts, {logged} records, {size} bytes\n")
    assert size < CAP_BYTES
    # After the first minute it tries once in 30 to 60 seconds, and now and then because somebody logs.
    assert attempts < 20 + lasts_s / 10
    with at(server) as http:
        expect_once(http, run_id, logged)


@pytest.mark.parametrize("loss", LOSSES)
def test_r07_each_answer_that_is_none_is_tried_again_and_counts_once(
    loss: str, server: RunningServer, tmp_path: Path
):
    proxy, clock = LossyProxy(server.url, part=0.6, seed=7, losses=(loss,)), VirtualTime()
    run_id = f"{LOSSES.index(loss) + 1:032x}"
    outbox = outbox_at(proxy.url, tmp_path / "spools", clock)
    try:
        outbox.add(RunBegun(run_id, experiment_id="0"))
        for start in range(0, 200, 10):
            log_steps(outbox, run_id, range(start, start + 10))
            _until(outbox.is_sent)
        outbox.close()
    finally:
        proxy.close()
    assert proxy.met[loss] > 5
    with at(server) as http:
        expect_once(http, run_id, 200)


def test_r07_the_back_off_grows_to_a_minute_and_has_jitter(network: FaultyNetwork, tmp_path: Path):
    clock = VirtualTime()
    network.cut()
    outbox = outbox_at(network.url, tmp_path / "spools", clock)
    outbox.add(Logged(RUN, tags={"a": "b"}))
    _until(lambda: len(clock.pauses_s) >= 4 * PAUSES_SEEN)
    first, late = clock.pauses_s[:8], clock.pauses_s[PAUSES_SEEN : 4 * PAUSES_SEEN]
    for failures, pause_s in enumerate(first, start=1):
        longest_s = min(LONGEST_BACK_OFF_S, 0.5 * 2**failures)
        assert longest_s / 2 <= pause_s <= longest_s
    assert all(LONGEST_BACK_OFF_S / 2 <= pause_s <= LONGEST_BACK_OFF_S for pause_s in late)
    assert len({round(pause_s, 3) for pause_s in late}) > PAUSES_SEEN
    outbox.close()


def _until(is_so: Callable[[], bool]) -> None:
    for _ in range(60_000):
        if is_so():
            return
        threading.Event().wait(0.002)
    raise AssertionError("it did not come to be so")


def _all_points(http: httpx.Client, run_id: str) -> list[tuple[int, int, float]]:
    query: dict[str, Any] = {"run_id": run_id, "metric_key": "loss", "max_results": 25_000}
    page = http.get(f"{MLFLOW}/metrics/get-history", params=query).raise_for_status().json()
    return [(int(each["timestamp"]), int(each.get("step", 0)), each["value"]) for each in page["metrics"]]

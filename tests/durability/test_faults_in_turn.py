"""The promise as a whole: network, server and disk fail in turn, and no call of the training tells of it."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.durability.test_faulty_network import LOOP
from tests.durability.test_full_disk import small_disk
from tests.durability.test_full_spool import fill
from tests.durability.test_lost_answers import history, tags_of
from tests.durability.test_spool import WITHIN_S, Client, at, spools_of
from tests.faulty_network import FaultyNetwork
from tests.running_server import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.scaled]

STEPS = 220


def test_r04_r06_a_training_whose_network_server_and_disk_fail_in_turn_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Each fault lasts for 40 steps; in the last one the network is cut too, so that no room is made."""
    server = RunningServer(tmp_path / "home").start()
    network = FaultyNetwork(server.url)
    try:
        with small_disk(tmp_path / "disk") as disk:
            full: list[Path] = []
            # The loop goes on while the server starts, which may take longer than all of its steps.
            restart = threading.Thread(target=server.start)

            def cut_and_fill() -> None:
                network.cut()
                full.append(fill(disk))

            def make_room_and_heal() -> None:
                full.pop().unlink()
                network.heal()

            turns: dict[int, Callable[[], object]] = {
                20: network.cut,
                60: network.heal,
                80: server.kill9,
                120: restart.start,
                140: cut_and_fill,
                # What was under way when the network was cut may have made room again.
                150: lambda: fill(disk),
                180: make_room_and_heal,
            }
            choices = {"RUNYARD_SPOOL_DIR": str(disk / "spools"), "RUNYARD_SPOOL_EXIT_WAIT_S": "300"}
            client = Client(tmp_path / "client", network.url, **choices)
            client.spools = disk / "spools"
            with client.start(LOOP, "in turn", STEPS, 0.05) as process:
                assert process.stdout is not None
                run_id = process.stdout.readline().strip()
                for line in process.stdout:
                    turns.get(int(line) if line.strip().isdigit() else -1, lambda: None)()
                    if line.startswith("{"):
                        found = json.loads(line)
                restart.join()
                assert process.wait(WITHIN_S) == 0, client.stderr
            with capsys.disabled():
                sys.stdout.write(f"\nR04 and R06, in turn: {found}\n")
            assert found["by the loop"] == 0
            assert "Traceback" not in client.stderr
            assert client.stderr.count("waits in memory") == 1
            assert "are lost" not in client.stderr
            assert spools_of(client) == []
        with at(server) as http:
            wanted: dict[str, list[float]] = {"a": [*range(STEPS)]}
            wanted["loss"] = [1 / (step + 1) for step in range(STEPS)]
            for key, values in wanted.items():
                points = sorted(history(http, run_id, key), key=lambda point: point[1])
                assert [(step, value) for _, step, value in points] == list(enumerate(values))
            assert tags_of(http, run_id)["last"] == str(STEPS - 1)
    finally:
        network.close()
        server.close()

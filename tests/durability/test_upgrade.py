"""Upgrades from each released schema: killed in the middle and begun again, refused where they can't be."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from runyard.app import open_stores
from runyard.services.integrity import check_integrity
from runyard.stores.schema_version import known_versions
from tests.durability.first_schema import FirstSchema, make_first_schema
from tests.running_server import RunningServer
from tests.sample_home import settings_of

# Read here, since the environment is scrubbed before a test runs.
POINTS = int(os.environ.get("RUNYARD_UPGRADE_POINTS", "100000"))
KILLS = int(os.environ.get("RUNYARD_UPGRADE_KILLS", "6"))
UPGRADE = """
import sys
from pathlib import Path
from runyard.app import open_stores
from runyard.settings import Mode, Settings
print("begins", flush=True)
open_stores(Settings(mode=Mode.UP, home=Path(sys.argv[1]))).close()
print("ends", flush=True)
"""
MLFLOW = "/api/2.0/mlflow"

pytestmark = [pytest.mark.slow, pytest.mark.scaled]


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> tuple[Path, FirstSchema]:
    """A home of the first release, and what it holds."""
    home = tmp_path_factory.mktemp("released") / "home"
    home.mkdir(mode=0o700)
    return home, make_first_schema(home / "runyard.db", POINTS)


def upgrading(home: Path) -> subprocess.Popen[str]:
    """Begin to upgrade a home in another process, and return once it is about to."""
    process = subprocess.Popen([sys.executable, "-c", UPGRADE, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def ended(process: subprocess.Popen[str]) -> int:
    """Wait for its end."""
    process.communicate(timeout=600)
    return process.returncode


def state_of(home: Path) -> tuple[str, str]:
    """The schema's version, and what SQLite says of its file."""
    with contextlib.closing(sqlite3.connect(home / "runyard.db")) as raw:
        version = raw.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        return version, "; ".join(row[0] for row in raw.execute("PRAGMA integrity_check"))


def expect_all(home: Path, made: FirstSchema) -> None:
    """All that the first schema held is there, each point once, and the stores find nothing wrong."""
    with contextlib.closing(open_stores(settings_of(home))) as stores:
        for (run_id, key), points in made.points.items():
            assert repr([tuple(point) for point in stores.metrics.read_history(run_id, key)]) == repr(points)
        contents = stores.metadata.runs.read_contents(list(made.params))
        assert {run_id: dict(held.params) for run_id, held in contents.items()} == made.params
        assert {run_id: dict(held.tags) for run_id, held in contents.items()} == made.tags
        stores.metrics.settle()
        assert check_integrity(stores).faults == []


def test_r10_an_upgrade_that_is_killed_again_and_again_comes_to_its_end(released, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(released[0], home)
    began_s = time.monotonic()
    assert ended(upgrading(home)) == 0
    longest_s = time.monotonic() - began_s
    shutil.rmtree(home)
    shutil.copytree(released[0], home)
    moments, versions = random.Random(KILLS), list[str]()
    # One that was measured while the machine stalled is too long: each kill that comes too late halves it.
    while len(versions) < KILLS or "0001" not in versions:
        process = upgrading(home)
        time.sleep(moments.uniform(0.05, 0.9) * longest_s)
        process.send_signal(signal.SIGKILL)
        ended(process)
        version, integrity = state_of(home)
        assert integrity == "ok"
        versions.append(version)
        if version != "0001":
            longest_s /= 2
            expect_all(home, released[1])
            shutil.rmtree(home)
            shutil.copytree(released[0], home)
    assert ended(upgrading(home)) == 0
    assert state_of(home) == (known_versions()[-1], "ok")
    expect_all(home, released[1])


def test_two_that_upgrade_at_once_upgrade_once(released, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(released[0], home)
    both = [upgrading(home), upgrading(home)]
    assert [ended(process) for process in both] == [0, 0]
    expect_all(home, released[1])


def test_r10_an_upgraded_server_answers_with_the_same_histories(released, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(released[0], home)
    server = RunningServer(home).start()
    try:
        with httpx.Client(base_url=server.url, timeout=60) as http:
            for (run_id, key), points in list(released[1].points.items())[:8]:
                query = {"run_id": run_id, "metric_key": key}
                page = http.get(f"{MLFLOW}/metrics/get-history", params=query).raise_for_status().json()
                got = [
                    (each["timestamp"], each.get("step", 0), float(each["value"])) for each in page["metrics"]
                ]
                assert repr([(int(time), int(step), value) for time, step, value in got]) == repr(points)
                latest = max(
                    points, key=lambda each: (each[1], each[0], 0.0 if each[2] != each[2] else each[2])
                )
                run = (
                    http.get(f"{MLFLOW}/runs/get", params={"run_id": run_id}).raise_for_status().json()["run"]
                )
                shown = {each["key"]: float(each["value"]) for each in run["data"]["metrics"]}
                assert repr(shown[key]) == repr(latest[2])
    finally:
        server.close()


def test_a_home_of_a_newer_version_is_refused_in_one_line(tmp_path):
    home = tmp_path / "home"
    open_stores(settings_of(home)).close()
    with contextlib.closing(sqlite3.connect(home / "runyard.db")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    command = [sys.executable, "-m", "runyard", "up", "--home", str(home), "--port", "0"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 1
    assert "schema 9999, which this version of Runyard does not know" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert state_of(home) == ("9999", "ok")

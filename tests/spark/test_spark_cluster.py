"""A real cluster of Spark whose nodes ran the init script: driver and executors log into a team's server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from runyard import Workspace
from runyard.app import administration, open_stores
from runyard.protocol.messages.identity import CreateKey
from runyard.sdk.connection import connect, connect_by_key
from runyard.sdk.principals import ApiKeys, Principals
from runyard.services.own_wheel import write_own_wheel
from runyard.settings import Mode, Settings
from tests.running_server import RunningServer, scrubbed
from tests.spark.spark_cluster import PYTHON, SparkCluster

pytestmark = pytest.mark.clients

HERE = Path(__file__).parent
STAND_IN = HERE / "databricks_stand_in"
NOTEBOOK_PATH = "/Users/bea@lab.example/training"


@dataclass(frozen=True)
class Logged:
    """What the notebook said, and the workspace that it logged into."""

    tracking_uri: str
    workspace: Workspace
    told: dict[str, Any]
    output: str
    key: str


@pytest.fixture(scope="module")
def team_server(tmp_path_factory) -> Iterator[tuple[RunningServer, str]]:
    """A server where each request needs a credential, and an administrator's."""
    home = tmp_path_factory.mktemp("team") / "home"
    stores = open_stores(Settings(mode=Mode.SERVE, home=home))
    administrator = administration(stores).make_first_administrator("ann").text
    stores.close()
    running = RunningServer(home, mode="serve").start()
    yield running, administrator
    running.close()


def run_init_script(url: str, conf: Path, site: Path, token_file: Path, wheel: Path) -> None:
    """Do on a node what its administrator does: print the script, and run it before Spark starts."""
    words = ("--public-url", url, "--library", str(wheel), "--token-file", str(token_file))
    printed = subprocess.run(
        [sys.executable, "-m", "runyard", "databricks", "init-script", "-w", "default", *words],
        env=scrubbed(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    # What the wheel needs is in the environment already, from its lock.
    pip = {"PIP_TARGET": str(site), "PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_UPGRADE": "1"}
    node = {"SPARK_CONF_DIR": str(conf), "PYSPARK_PYTHON": str(PYTHON)}
    subprocess.run(["sh"], input=printed.stdout, env=scrubbed(os.environ) | pip | node, text=True, check=True)


@pytest.fixture(scope="module")
def logged(team_server: tuple[RunningServer, str], tmp_path_factory) -> Iterator[Logged]:
    if not PYTHON.exists() or shutil.which("java") is None:
        pytest.skip("no environment with Spark, or no Java: `make test` installs both")
    server, administrator = team_server
    folder = tmp_path_factory.mktemp("spark")
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("RUNYARD_TOKEN", administrator)
    workspace = Workspace.get("default", url=server.url)
    Principals(connect(server.url)).add("spark", "service")
    workspace.grants.set("spark", "contributor")
    wanted = CreateKey(name="cluster", scope="contributor", workspace="default", principal="spark")
    key = ApiKeys(connect_by_key(server.url)).create(wanted).api_key
    token_file = folder / "the cluster's token"
    token_file.touch(mode=0o600)
    token_file.write_text(key + "\n")
    site, wheel = folder / "site", write_own_wheel(folder)
    # Spark itself does not take blanks in these names.
    confs = folder / "worker-conf", folder / "driver-conf"
    for conf in confs:
        conf.mkdir()
        run_init_script(server.url, conf, site, token_file, wheel)
    cluster = SparkCluster(folder, confs[0], str(site))
    try:
        cluster.start()
        driver = {"PYTHONPATH": f"{site}:{STAND_IN}"}
        printed = cluster.submit(HERE / "notebook.py", confs[1], driver)
        (line,) = [each for each in printed.splitlines() if each.startswith("TOLD ")]
        told = json.loads(line.removeprefix("TOLD "))
        yield Logged(workspace.tracking_uri, workspace, told, cluster.output + printed, key)
    finally:
        cluster.close()
        monkeypatch.undo()


def test_the_driver_logs_by_what_the_script_set(logged: Logged):
    assert logged.told["uri_before"] == logged.told["registry_uri"] == logged.tracking_uri
    run = logged.workspace.get_run(logged.told["run_id"])
    assert run.get_status() == "Completed"
    assert run.get_metrics()["folds"]
    assert "notes.txt" in run.get_file_names()


def test_each_executor_logs_with_what_its_worker_read(logged: Logged):
    folds = logged.told["folds"]
    assert len({fold["run_id"] for fold in folds}) == 4
    assert sorted(fold["partition"] for fold in folds) == [0, 1, 2, 3]
    assert {fold["has_driver_conf"] for fold in folds} == {False}
    assert logged.told["driver_pid"] not in {fold["pid"] for fold in folds}
    for number, fold in enumerate(folds):
        run = logged.workspace.get_run(fold["run_id"])
        assert run.get_status() == "Completed"
        assert run.get_metrics()["loss"] == [1 / (1 + number + step) for step in range(3)]
        assert run.parent is not None
        assert run.parent.id == logged.told["run_id"]


def tags_of(logged: Logged, run_id: str) -> dict[str, str]:
    """Return all tags of a run, MLflow's own among them."""
    answer = httpx.get(
        f"{logged.tracking_uri}/api/2.0/mlflow/runs/get",
        params={"run_id": run_id},
        headers={"Authorization": f"Bearer {logged.key}"},
        timeout=60,
    )
    return {tag["key"]: tag["value"] for tag in answer.json()["run"]["data"]["tags"]}


def test_a_run_leads_back_to_its_notebook(logged: Logged):
    for run_id in (logged.told["run_id"], logged.told["folds"][0]["run_id"]):
        tags = tags_of(logged, run_id)
        assert tags["mlflow.databricks.notebookID"] == "4711"
        assert tags["mlflow.databricks.webappURL"] == "https://dbc-1.cloud.databricks.com"
        assert tags["mlflow.databricks.notebookPath"] == tags["mlflow.source.name"] == NOTEBOOK_PATH
    driver = tags_of(logged, logged.told["run_id"])
    assert driver["mlflow.databricks.workspaceURL"] == "https://dbc-1.cloud.databricks.com"
    assert driver["mlflow.databricks.cluster.id"] == "0712-093145-abc"


def test_the_portal_url_leads_to_the_run(logged: Logged):
    run_id, experiment_id = logged.told["run_id"], logged.told["experiment_id"]
    wanted = f"{logged.tracking_uri}/#/experiments/{experiment_id}/runs/{run_id}"
    assert logged.told["portal_url"] == wanted
    assert logged.workspace.get_run(run_id).get_portal_url() == wanted


def test_a_notebook_has_one_experiment_wherever_its_code_runs(logged: Logged):
    ids = {each["experiment_id"] for each in (logged.told, *logged.told["folds"])}
    assert ids == {logged.workspace.experiments[NOTEBOOK_PATH].id}


def test_no_log_of_the_cluster_shows_the_key(logged: Logged):
    assert "Registered worker" in logged.output or "Registering worker" in logged.output
    assert logged.key not in logged.output

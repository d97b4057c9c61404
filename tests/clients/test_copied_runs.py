"""Dual logging: a run of a linked notebook is here and, without its files, in Databricks' own MLflow.

Databricks speaks MLflow's own protocol to its client, by the addresses and the token of Databricks. A second
server of ours, which speaks it too, stands in for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from runyard.app import administration, open_stores
from runyard.settings import Mode, Settings
from tests.clients.test_spooled_clients import MLFLOW, plugin, run_script
from tests.running_server import RunningServer

pytestmark = pytest.mark.clients
__all__ = ["plugin"]

SCRIPT = Path(__file__).with_name("copied.py")
CLIENTS = ("skinny-3.17", "mlflow-2.22")
COPY, INCOMPLETE = "runyard.databricks.run_id", "runyard.databricks.copy_incomplete"


@dataclass(frozen=True)
class Tracking:
    """A server and what opens it."""

    url: str
    token: str | None = None

    def ask(self, path: str, **query: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = httpx.get(f"{self.url}{MLFLOW}/{path}", params=query, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def run(self, run_id: str) -> Any:
        """Return a run with its pairs as dictionaries."""
        found = self.ask("runs/get", run_id=run_id)["run"]
        pairs = {
            kind: {each["key"]: each["value"] for each in found["data"].get(kind, [])}
            for kind in ("metrics", "params", "tags")
        }
        return {**found["info"], **pairs}


@pytest.fixture(scope="module")
def databricks(tmp_path_factory) -> Iterator[Tracking]:
    home = tmp_path_factory.mktemp("databricks") / "home"
    stores = open_stores(Settings(mode=Mode.SERVE, home=home))
    token = administration(stores).make_first_administrator("ann").text
    stores.close()
    running = RunningServer(home, mode="serve").start()
    yield Tracking(running.url, token)
    running.close()


def run(client: str, plugin: Path, folder: Path, here: RunningServer, **choices: str) -> dict[str, Any]:
    linked = {"RUNYARD_URL": here.url, "RUNYARD_SPOOL": "off", "RUNYARD_DATABRICKS_DUAL_LOGGING": "on"}
    return run_script(SCRIPT, (), client, plugin, folder, here.url, linked | choices)


def of(databricks: Tracking) -> dict[str, str]:
    return {"DATABRICKS_HOST": databricks.url, "DATABRICKS_TOKEN": databricks.token or ""}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_run_is_here_and_there(
    client: str, plugin: Path, server: RunningServer, databricks: Tracking, tmp_path: Path
):
    here = Tracking(server.url)
    found = run(client, plugin, tmp_path, server, EXPERIMENT=f"/Repos/{client}", **of(databricks))
    ours = here.run(found["run_id"])
    copy = databricks.run(ours["tags"].pop(COPY))
    assert ours["metrics"] == copy["metrics"] == {"loss": 1 / 3, "accuracy": 0.9, "recall": 0.8}
    assert ours["params"] == copy["params"] == {"alpha": "0.5", "beta": "1", "gamma": "x"}
    assert copy["tags"].pop("runyard.run_id") == found["run_id"]
    assert ours["tags"] == copy["tags"]
    assert (ours["tags"]["kind"], "gone" in copy["tags"]) == ("test", False)
    for key in ("status", "start_time", "end_time", "run_name"):
        assert ours[key] == copy[key]
    steps = databricks.ask("metrics/get-history", run_id=copy["run_id"], metric_key="loss")["metrics"]
    assert [(each["step"], each["value"]) for each in steps] == [(0, 1), (1, 1 / 2), (2, 1 / 3)]
    experiment = databricks.ask("experiments/get", experiment_id=copy["experiment_id"])["experiment"]
    assert experiment["name"] == f"/Repos/{client}"
    assert [each["path"] for each in here.ask("artifacts/list", run_id=found["run_id"])["files"]] == [
        "notes.txt"
    ]
    assert "files" not in databricks.ask("artifacts/list", run_id=copy["run_id"])


def test_a_child_there_is_a_child_of_the_run_here(
    plugin: Path, server: RunningServer, databricks: Tracking, tmp_path: Path
):
    found = run(CLIENTS[0], plugin, tmp_path, server, **of(databricks))
    here = Tracking(server.url)
    outer, inner = here.run(found["run_id"]), here.run(found["inner_id"])
    assert inner["tags"]["mlflow.parentRunId"] == outer["run_id"]
    copy = databricks.run(inner["tags"][COPY])
    assert copy["tags"]["mlflow.parentRunId"] == outer["tags"][COPY]
    assert databricks.ask("experiments/get-by-name", experiment_name="/Shared/training")


@pytest.mark.parametrize("token", ["ry_0_none", ""], ids=["refused", "none"])
def test_what_databricks_does_not_take_stops_no_training(
    token: str, plugin: Path, server: RunningServer, databricks: Tracking, tmp_path: Path
):
    unknown = {"DATABRICKS_HOST": databricks.url, "DATABRICKS_TOKEN": token} if token else {}
    found = run(CLIENTS[0], plugin, tmp_path, server, **unknown)
    ours = Tracking(server.url).run(found["run_id"])
    assert (ours["status"], ours["metrics"]["accuracy"]) == ("FINISHED", 0.9)
    assert COPY not in ours["tags"]
    assert ours["tags"][INCOMPLETE]
    assert "goes to Runyard alone" in found["stderr"]


@pytest.mark.parametrize(
    "choices", [{"RUNYARD_DATABRICKS_DUAL_LOGGING": "off"}, {"RUNYARD_URL": "https://elsewhere.example"}]
)
def test_nothing_is_copied_unasked(
    choices: dict[str, str], plugin: Path, server: RunningServer, databricks: Tracking, tmp_path: Path
):
    found = run(CLIENTS[0], plugin, tmp_path, server, **of(databricks), **choices)
    tags = Tracking(server.url).run(found["run_id"])["tags"]
    assert not {COPY, INCOMPLETE} & tags.keys()

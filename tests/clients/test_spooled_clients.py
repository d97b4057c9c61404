"""Genuine MLflow clients with our plugin beside them log into the spool and read what they wrote."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

import runyard
from tests.clients.test_genuine_clients import CLIENTS, _interpreter
from tests.running_server import RunningServer, free_port, scrubbed

pytestmark = pytest.mark.clients

SCRIPT, MODEL_SCRIPT = (Path(__file__).with_name(name) for name in ("spooled.py", "spooled_model.py"))
MLFLOW = "/api/2.0/mlflow"
WITHIN_S = 300
# MLflow 1 gets its own store back: what it can do without the plugin it still does.
# Frameworks stand beside the very MLflow that is there without them, too.
BESIDE = [client for client in CLIENTS if client != "frameworks-3.17"]
SPOOLING = [client for client in BESIDE if client != "mlflow-1.30"]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory) -> Path:
    """A folder with what `pip install runyard` puts beside a client: package, plugins, what they need."""
    site: Path = tmp_path_factory.mktemp("site")
    for package in (runyard, msgspec):
        assert package.__file__ is not None
        os.symlink(Path(package.__file__).parent, site / package.__name__)
    files = importlib.metadata.distribution("runyard").files or []
    for file in files:
        if file.parent.name.endswith(".dist-info"):
            target = site / file.parent.name / file.name
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(str(file.locate()), target)
    return site


def run(client: str, plugin: Path, folder: Path, url: str, **choices: str) -> dict[str, Any]:
    return run_script(SCRIPT, ("spooled",), client, plugin, folder, url, choices)


def run_script(
    script: Path,
    words: Sequence[str],
    client: str,
    plugin: Path,
    folder: Path,
    url: str,
    choices: Mapping[str, str],
) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    environment = scrubbed(os.environ) | {
        "HOME": str(folder),
        "MLFLOW_TRACKING_URI": url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONPATH": str(plugin),
        "RUNYARD_SPOOL_DIR": str(folder / "spools"),
        "RUNYARD_SPOOL_READ_WAIT_S": "60",
        **choices,
    }
    done = subprocess.run(
        [str(_interpreter(client)), "-W", "ignore", str(script), *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"stderr": done.stderr}


@pytest.mark.parametrize("client", BESIDE)
def test_a_client_reads_what_it_logged(client: str, plugin: Path, server: RunningServer, tmp_path: Path):
    found = run(client, plugin, tmp_path, server.url)
    assert found["version"].startswith(client.rpartition("-")[2])
    assert found["metrics"] == {"loss": "0.02", "nan": "nan", "inf": "inf"}
    assert found["params"] == {"alpha": "0.5", "beta": "1", "gamma": "x"}
    assert (found["status"], found["points"]) == ("FINISHED", 50)
    assert (found["files"], found["text"]) == (["config", "notes.txt"], "words")
    assert found["tags"] == ["kind", "two"]
    assert found["missing"] == "RESOURCE_DOES_NOT_EXIST"
    assert found["runs"] >= 1
    spools = tmp_path / "spools"
    assert spools.exists() == (client in SPOOLING)
    assert [path.name for path in spools.glob("*") if path.is_dir()] == []


@pytest.mark.parametrize("client", SPOOLING)
def test_a_client_without_a_server_logs_all_the_same(client: str, plugin: Path, start_server, tmp_path: Path):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    choices = {"OFFLINE": "1", "RUNYARD_URL": url, "RUNYARD_SPOOL_EXIT_WAIT_S": "0"}
    found = run(client, plugin, tmp_path / "node", url, **choices)
    assert "runyard sync" in found["stderr"]
    server = start_server(port=port)
    # The next process that logs to the same place sends what this one could not.
    run(client, plugin, tmp_path / "node", url)
    with httpx.Client(base_url=server.url, timeout=60) as http:
        ids = (found["run_id"], found["inner_id"])
        outer, inner = [http.get(f"{MLFLOW}/runs/get", params={"run_id": each}).json()["run"] for each in ids]
        listed = http.get(f"{MLFLOW}/artifacts/list", params={"run_id": ids[0]}).json()["files"]
    tags = {tag["key"]: tag["value"] for tag in inner["data"]["tags"]}
    assert tags["mlflow.parentRunId"] == found["run_id"]
    assert outer["info"]["status"] == inner["info"]["status"] == "FINISHED"
    assert [each["path"] for each in listed] == ["config", "notes.txt"]


@pytest.mark.parametrize("is_online", [False, True])
def test_models_of_mlflow_3_are_logged_without_a_server_and_loaded_from_it(
    is_online: bool, plugin: Path, start_server, tmp_path: Path
):
    port = free_port()
    client, url = "mlflow-3.17", f"http://127.0.0.1:{port}"
    choices = {} if is_online else {"RUNYARD_SPOOL": "on", "RUNYARD_SPOOL_EXIT_WAIT_S": "0"}
    server = start_server(port=port) if is_online else None
    logged = run_script(MODEL_SCRIPT, ("models",), client, plugin, tmp_path / "node", url, choices)
    first, second = logged["ids"][:2]
    assert all(re.fullmatch("m-[0-9a-f]{32}", model_id) for model_id in logged["ids"])
    assert logged["seen"] == ["READY", "b", {"alpha": "0.5", "kind": "linear", "added": "1"}]
    if server is None:
        server = start_server(port=port)
        synced = subprocess.run(
            [sys.executable, "-m", "runyard", "sync", str(tmp_path / "node" / "spools"), "--json"],
            env=scrubbed(os.environ) | {"HOME": str(tmp_path / "another machine")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert [each["refused"] for each in json.loads(synced.stdout)] == [0]
    found = run_script(MODEL_SCRIPT, ("models", first, second), client, plugin, tmp_path / "other", url, {})
    assert found[first] == found[second] == pytest.approx([10.0])
    with httpx.Client(base_url=server.url, timeout=60) as http:
        models = [http.get(f"{MLFLOW}/logged-models/{each}").json()["model"] for each in logged["ids"]]
        outer = http.get(f"{MLFLOW}/runs/get", params={"run_id": logged["run_id"]}).json()["run"]
    states = [model["info"]["status"].removeprefix("LOGGED_MODEL_") for model in models]
    assert states == ["READY", "READY", "UPLOAD_FAILED"]
    outputs = [each["model_id"] for each in outer["outputs"]["model_outputs"]]
    assert sorted(outputs) == sorted([first, second])
    points = [
        [(each["key"], each["value"], each["step"]) for each in model["data"].get("metrics", [])]
        for model in models
    ]
    assert points == [[("loss", 0.25, 0), ("rmse", 0.5, 0)], [("loss", 0.125, 1)], []]


def test_a_server_that_is_not_ours_keeps_mlflow_s_own_store(plugin: Path, tmp_path: Path):
    code = (
        "from mlflow.tracking._tracking_service.utils import _get_store; "
        "print(type(_get_store('http://127.0.0.1:9')).__module__)"
    )
    environment = scrubbed(os.environ) | {"HOME": str(tmp_path), "PYTHONPATH": str(plugin)}
    answer = subprocess.run(
        [str(_interpreter("skinny-3.17")), "-W", "ignore", "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "mlflow.store.tracking.rest_store"

"""`runyard import` of registered models and prompts, from stores that genuine MLflow clients filled."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running_server import RunningServer
from tests.transfer.conftest import MADE
from tests.transfer.importing import MLFLOW, complete_import, run_import, weights_in

pytestmark = pytest.mark.clients

Filled = Callable[[str], Path]
Imported = Callable[[str], tuple[RunningServer, Any]]
IMPORT_TAG = "runyard.import"


def _asked(server: RunningServer, path: str, **query: str) -> Any:
    answer = httpx.get(f"{server.url}{MLFLOW}/{path}", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _told(server: RunningServer, path: str, method: str = "POST", **body: Any) -> Any:
    answer = httpx.request(method, f"{server.url}{MLFLOW}/{path}", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _model(server: RunningServer, name: str) -> Any:
    return _asked(server, "registered-models/get", name=name)["registered_model"]


def _versions(server: RunningServer, name: str, also: str = "") -> dict[str, Any]:
    found = _asked(server, "model-versions/search", filter=f"name = '{name}'{also}")
    return {each["version"]: each for each in found.get("model_versions", [])}


def _pairs(items: Any) -> dict[str, str]:
    return {each["key"]: each["value"] for each in items or []}


def _content(server: RunningServer, name: str, version: str, path: str) -> bytes:
    query = {"name": name, "version": version, "path": path}
    answer = httpx.get(f"{server.url}/model-versions/get-artifact", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.content


def _check(server: RunningServer, name: str) -> None:
    net = _model(server, "net")
    assert net["description"] == "Nets of ☃"
    assert _pairs(net["tags"]).keys() == {"area", IMPORT_TAG}
    assert _model(server, "empty").get("latest_versions", []) == []
    versions = _versions(server, "net")
    second = versions["2"]
    assert (second["description"], _pairs(second["tags"])) == ("first", {"n": "1"})
    for weights in weights_in(name):
        assert _content(server, "net", "2", weights) == bytes(range(256)) * 300
    run = _asked(server, "runs/get", run_id=second["run_id"])["run"]
    assert second["source"] == f"{run['info']['artifact_uri']}/model"
    assert second["current_stage"] == ("None" if name.startswith("3.17") else "Production")
    aliases = {each["alias"]: each["version"] for each in net.get("aliases", [])}
    assert aliases == ({} if name.startswith("1.30") else {"champion": "2"})
    if name.startswith("3.17"):
        _check_newer(server, versions)
    else:
        assert versions.keys() == {"2"}


def _check_newer(server: RunningServer, versions: dict[str, Any]) -> None:
    assert versions.keys() == {"2", "3"}
    third = versions["3"]
    assert third["source"] == f"models:/{third['model_id']}"
    assert _content(server, "net", "3", "model/weights 1%.bin") == bytes(range(256)) * 300
    copied = _versions(server, "copied")["1"]
    assert copied["run_id"] == versions["2"]["run_id"]
    assert _content(server, "copied", "1", "weights 1%.bin") == bytes(range(256)) * 300
    prompts = _versions(server, "greeting", " AND tags.`mlflow.prompt.is_prompt` = 'true'")
    texts = {number: _pairs(each["tags"])["mlflow.prompt.text"] for number, each in prompts.items()}
    assert texts == {"1": "Say {{ word }} 'twice'", "2": "Say {{ word }} 'twice'!"}
    assert _model(server, "greeting")["aliases"] == [{"alias": "live", "version": "1"}]


@pytest.mark.parametrize("name", sorted(MADE.keys() - {"1.30-folder"}))
def test_the_registry_of_a_store_is_in_the_workspace(name: str, imported: Imported):
    server, report = imported(name)
    found = (report["kept"]["registered_models"], report["kept"]["versions"])
    assert found == ((4, 5) if name.startswith("3.17") else (2, 1))
    _check(server, name)


@pytest.mark.parametrize("name", ["1.30-database", "3.17-database"])
def test_a_running_mlflow_server_gives_the_same_registry(
    name: str, mlflow_server: Callable[[str], str], server: RunningServer
):
    complete_import(mlflow_server(name), to=server)
    _check(server, name)


def test_times_are_those_of_the_source(imported: Imported):
    server, _ = imported("3.17-database")
    net, second = _model(server, "net"), _versions(server, "net")["2"]
    for each in (net, second):
        age_ms = each["last_updated_timestamp"] - each["creation_timestamp"]
        assert 0 <= age_ms < 600_000
    run_ms = _asked(server, "experiments/get-by-name", experiment_name="trashed")["experiment"]
    assert net["creation_timestamp"] >= int(run_ms["creation_time"])


def test_what_is_done_here_stays_and_a_deleted_version_does_not_come_back(
    filled: Filled, server: RunningServer
):
    store = filled("3.17-database")
    complete_import(store, to=server)
    _told(server, "registered-models/alias", name="net", alias="champion", version="3")
    _told(server, "registered-models/update", "PATCH", name="net", description="mine")
    _told(server, "model-versions/delete", "DELETE", name="greeting", version="2")
    code, report, _ = run_import(store, to=server)
    assert code == 1
    assert [each for each in report["problems"] if "greeting" in each] == report["problems"]
    net = _model(server, "net")
    assert (net["description"], net["aliases"]) == ("mine", [{"alias": "champion", "version": "3"}])
    assert _told(server, "model-versions/create", name="net", source="s3://b/x")["model_version"][
        "version"
    ] == ("4")


def test_a_name_that_is_taken_costs_its_model_alone(filled: Filled, server: RunningServer):
    _told(server, "registered-models/create", name="net")
    code, report, _ = run_import(filled("2.22-folder"), "--dry-run", to=server)
    assert (code, len(report["problems"])) == (1, 1)
    code, report, _ = run_import(filled("2.22-folder"), to=server)
    assert code == 1
    assert all("'net'" in each for each in report["problems"])
    assert _model(server, "empty")["name"] == "empty"
    assert _versions(server, "net") == {}


def test_with_an_experiment_named_no_registered_model_comes(filled: Filled, server: RunningServer):
    report = complete_import(filled("2.22-folder"), "--experiment", "vision", to=server)
    assert report["read"]["registered_models"] == 0
    assert "registered_models" not in _asked(server, "registered-models/search")


def test_a_version_whose_files_lie_nowhere_is_named_and_the_others_come(
    newer_store: Path, server: RunningServer
):
    meta = newer_store / "models" / "net" / "version-2" / "meta.yaml"
    for number in (3, 4):
        copied = meta.parent.with_name(f"version-{number}")
        copied.mkdir()
        text = meta.read_text().replace("version: 2", f"version: {number}").replace("version: '2'", "")
        (copied / "meta.yaml").write_text(text)
    (meta.parent.with_name("version-3") / "meta.yaml").write_text(
        "name: net\nversion: 3\nsource: /tmp/elsewhere\nrun_id: ''\ncurrent_stage: None\n"
    )
    code, report, _ = run_import(newer_store, to=server)
    assert code == 1
    assert any("Version 3 of 'net'" in each and "/tmp/elsewhere" in each for each in report["problems"])
    assert _versions(server, "net").keys() == {"2", "4"}


@pytest.mark.parametrize(
    "broken",
    ["- a list", "name: net\naliases: x\ncreation_timestamp: [1]\n"],
)
def test_a_broken_model_of_a_folder_costs_that_model_alone(
    broken: str, newer_store: Path, server: RunningServer
):
    (newer_store / "models" / "net" / "meta.yaml").write_text(broken)
    _, report, _ = run_import(newer_store, to=server)
    assert report["kept"]["runs"] == report["read"]["runs"] == 64
    assert _model(server, "empty")["name"] == "empty"

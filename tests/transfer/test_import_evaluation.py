"""`runyard import` of what models are judged by: the genuine client reads the same here as there."""

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from runyard.sdk.transfer.exporting import Export
from runyard.sdk.transfer.mlflow_server import MlflowServer
from tests.running_server import RunningServer
from tests.transfer.conftest import ROOT, environment
from tests.transfer.importing import complete_import, run_import

pytestmark = pytest.mark.clients

Filled = Callable[[str], Path]
Imported = Callable[[str], tuple[RunningServer, Any]]
COUNTS = {
    "scorers": 1,
    "scorer_versions": 2,
    "label_schemas": 2,
    "issues": 1,
    "evaluation_datasets": 2,
    "records": 250,
}
V3 = "/api/3.0/mlflow"


def read_by_client(uri: str, name: str = "vision") -> Any:
    """Return what a genuine client finds of an experiment."""
    python = ROOT / ".envs" / "mlflow-3.17" / "bin" / "python"
    script = Path(__file__).with_name("read_evaluation.py")
    ended = subprocess.run(
        [python, "-W", "ignore", script, uri, name],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    found = json.loads(ended.stdout)
    for dataset in found["datasets"]:
        dataset["tags"].pop("runyard.import", None)
        # Written as JSON by each side in its way.
        dataset["schema"] = json.loads(dataset["schema"] or "null")
    return found


def _counted(counts: Any) -> dict[str, int]:
    return {name: counts[name] for name in COUNTS}


def _told(server: RunningServer, method: str, path: str, **body: Any) -> Any:
    answer = httpx.request(method, f"{server.url}{V3}/{path}", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_genuine_client_reads_what_a_database_held(filled: Filled, imported: Imported):
    server, report = imported("3.17-database")
    assert _counted(report["read"]) == _counted(report["kept"]) == COUNTS
    there = read_by_client(f"sqlite:///{filled('3.17-database')}")
    assert read_by_client(server.url) == there
    empty, questions = there["datasets"]
    assert (empty["name"], empty["experiments"]) == ("empty", ["Default", "vision"])
    assert {len(record["inputs"]) for record in questions["records"]} == {3}
    assert [each[1] for each in there["scorers"]] == [1, 2]


def test_a_running_mlflow_server_gives_the_same(serving_mlflow: str, server: RunningServer):
    report = run_import(serving_mlflow, to=server)[1]
    assert _counted(report["read"]) == _counted(report["kept"]) == COUNTS
    assert read_by_client(server.url) == read_by_client(serving_mlflow)


def test_a_server_over_a_folder_has_none_of_it(filled: Filled, mlflow_servers: Any, server: RunningServer):
    store = filled("3.17-folder")
    url = mlflow_servers.start("mlflow-3.17", store.parent, str(store))
    report = run_import(url, "--dry-run", to=server)[1]
    assert _counted(report["read"]) == dict.fromkeys(COUNTS, 0)
    assert report["problems"] == []
    assert report["read"]["runs"] == 65


def test_what_is_done_here_stays(filled: Filled, server: RunningServer):
    store = filled("3.17-database")
    complete_import(store, to=server)
    found = _told(server, "POST", "datasets/search")["datasets"]
    (questions,) = [each["dataset_id"] for each in found if each["name"] == "questions"]
    _told(server, "PATCH", f"datasets/{questions}/tags", tags='{"kind": "mine"}')
    _told(server, "POST", f"datasets/{questions}/records", records='[{"inputs": {"mine": 1}}]')
    (issue,) = _told(server, "POST", "issues/search")["issues"]
    _told(server, "PATCH", f"issues/{issue['issue_id']}", status="resolved")
    before = read_by_client(server.url)
    code, report, _ = run_import(store, to=server)
    assert read_by_client(server.url) == before
    assert (code, len(report["problems"])) == (1, 1)
    assert "251 records of 250" in report["problems"][0]


def test_a_dataset_comes_with_one_of_its_experiments_and_is_linked_to_the_others_as_they_come(
    filled: Filled, server: RunningServer
):
    store = filled("3.17-database")
    report = complete_import(store, "--experiment", "Default", to=server)
    assert (report["read"]["evaluation_datasets"], report["read"]["scorers"]) == (1, 0)
    (empty,) = _told(server, "POST", "datasets/search")["datasets"]
    address = f"{server.url}{V3}/datasets/{empty['dataset_id']}/experiment-ids"
    assert len(httpx.get(address, timeout=60).json()["experiment_ids"]) == 1
    complete_import(store, to=server)
    assert len(httpx.get(address, timeout=60).json()["experiment_ids"]) == 2


def test_a_dry_run_counts_it_and_brings_nothing(filled: Filled, server: RunningServer):
    report = run_import(filled("3.17-database"), "--dry-run", to=server)[1]
    assert _counted(report["read"]) == COUNTS
    assert _told(server, "POST", "datasets/search") == {}


BROKEN = {
    'UPDATE scorer_versions SET serialized_scorer = \'{"call_source": "import os"}\'': "Scorer 'polite'",
    "UPDATE label_schemas SET name = 'Feedback ' WHERE name = 'tone'": "Label schema 'Feedback '",
    "UPDATE issues SET name = printf('%.*c', 300, 'x')": "Issue 'xxx",
    "UPDATE evaluation_dataset_records SET inputs = '[1]' WHERE dataset_record_id IN"
    " (SELECT max(dataset_record_id) FROM evaluation_dataset_records)": "Evaluation dataset 'questions'",
}


def test_what_can_not_be_is_named_and_the_rest_comes(filled: Filled, server: RunningServer, tmp_path: Path):
    copied = shutil.copyfile(filled("3.17-database"), tmp_path / "copied.db")
    with sqlite3.connect(copied) as database:
        for statement in BROKEN:
            database.execute(statement)
    code, report, err = run_import(copied, "-e", "vision", to=server)
    for said in BROKEN.values():
        assert any(said in each for each in report["problems"]), (said, report["problems"], err)
    assert code == 1
    left = {"scorers": 0, "scorer_versions": 0, "label_schemas": 1, "issues": 0, "records": 0}
    assert _counted(report["kept"]) == COUNTS | left


def test_an_export_holds_it_and_gives_it_back(imported: Imported, server: RunningServer, tmp_path: Path):
    kept, _ = imported("3.17-database")
    folder = Export(MlflowServer(kept.url), tmp_path / "vision", {}).run("vision").folder
    report = complete_import(folder, to=server)
    assert _counted(report["kept"]) == COUNTS
    there, here = read_by_client(kept.url), read_by_client(server.url)
    # An export is of one experiment.
    there["datasets"][0]["experiments"] = ["vision"]
    assert here == there
    again = Export(MlflowServer(server.url), tmp_path / "again", {}).run("vision").folder
    assert (again / "evaluation.jsonl").read_bytes() == (folder / "evaluation.jsonl").read_bytes()


@pytest.mark.parametrize("line", ['{"dataset": 5}', '{"issue": '])
def test_a_broken_line_of_an_export_is_told(
    line: str, imported: Imported, server: RunningServer, tmp_path: Path
):
    kept, _ = imported("3.17-database")
    folder = Export(MlflowServer(kept.url), tmp_path / "vision", {}).run("vision").folder
    file = folder / "evaluation.jsonl"
    file.write_text(f"{line}\n")
    code, report, err = run_import(folder, to=server)
    assert (code, "evaluation.jsonl" in err + json.dumps(report)) == (1, True), (report, err)

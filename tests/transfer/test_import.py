"""`runyard import` from stores that genuine MLflow clients filled, read again by a second way."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.running_server import RunningServer
from tests.transfer.conftest import MADE
from tests.transfer.importing import all_runs, complete_import, history, run_import, search, weights_in

pytestmark = pytest.mark.clients

Filled = Callable[[str], Path]
Imported = Callable[[str], tuple[RunningServer, Any]]
LARGEST = 1.7976931348623157e308
BRAVE = [
    (1000, 0, "0.5"),
    (1001, 1, "nan"),
    (1002, 2, "inf"),
    (1003, 3, "-inf"),
    (1004, 4, "1e-300"),
    (1005, 5, "0.1"),
]


def _named(server: RunningServer, name: str):
    return next(run for run in all_runs(server).values() if run["info"]["run_name"] == name)


def _pairs(items) -> dict[str, str]:
    return {item["key"]: item["value"] for item in items or []}


def _run_ids(store: Path) -> set[str]:
    if store.is_dir():
        return {
            path.parent.name
            for path in store.rglob("meta.yaml")
            if (path.parent / "metrics").is_dir() and path.parent.parent.name != "models"
        }
    with sqlite3.connect(store) as database:
        return {row[0] for row in database.execute("SELECT run_uuid FROM runs")}


def _check_brave(server: RunningServer, name: str) -> None:
    info = _check_numbers(server)
    for weights in weights_in(name):
        assert _file(server, info, f"model/{weights}") == bytes(range(256)) * 300


def _file(server: RunningServer, info: Any, path: str) -> bytes:
    folder = info["artifact_uri"].partition(":/")[2].lstrip("/")
    address = f"/api/2.0/mlflow-artifacts/artifacts/{folder}/{quote(path)}"
    return httpx.get(server.url + address, timeout=60).raise_for_status().content


def _check_numbers(server: RunningServer) -> Any:
    run = _named(server, "brave")
    info = run["info"]
    assert (info["status"], info["start_time"], info["end_time"]) == ("FAILED", 123_456, 234_567)
    assert _pairs(run["data"]["params"])["lr"] == "0.1"
    assert _pairs(run["data"]["tags"])["note"] == "several\nlines\nand 'quotes' ☃"
    assert history(server, info["run_id"], "train/loss") == BRAVE
    assert history(server, info["run_id"], "acc") == [(1999, -3, "0.3"), (2000, 7, "0.1"), (2000, 7, "0.2")]
    steps = history(server, info["run_id"], "long")
    assert steps == [(5000 + step, step, repr(step / 7)) for step in range(2500)]
    return info


@pytest.mark.parametrize("name", MADE)
def test_all_that_a_store_holds_is_in_the_workspace(name: str, filled: Filled, imported: Imported):
    store, (server, report) = filled(name), imported(name)
    runs = all_runs(server)
    assert set(runs) == _run_ids(store)
    assert report["read"]["runs"] == len(runs)
    _check_brave(server, name)
    gone = _named(server, "gone")["info"]
    assert (gone["lifecycle_stage"], gone["status"], gone["end_time"]) == ("deleted", "KILLED", 456)
    experiments = {each["name"]: each for each in search(server, "experiments", view_type="ALL")}
    assert set(experiments) == {"Default", "vision", "trashed"}
    assert experiments["trashed"]["lifecycle_stage"] == "deleted"
    assert _pairs(experiments["vision"]["tags"])["team"] == "robots"
    if name.startswith("3.17"):
        _check_model(server)
    if not name.startswith("1.30"):
        inputs = _named(server, "brave")["inputs"]["dataset_inputs"]
        assert inputs[0]["dataset"] == {
            "name": "train",
            "digest": "abc1",
            "source_type": "local",
            "source": "{}",
            "schema": '{"x": 1}',
            "profile": '{"rows": 5}',
        }


def _check_model(server: RunningServer) -> None:
    run = _named(server, "modelled")
    (output,) = run["outputs"]["model_outputs"]
    url = f"{server.url}/api/2.0/mlflow/logged-models/{output['model_id']}"
    model = httpx.get(url, timeout=60).json()["model"]
    assert (model["info"]["name"], model["info"]["status"]) == ("net", "LOGGED_MODEL_READY")
    assert model["info"]["source_run_id"] == run["info"]["run_id"]
    assert _pairs(model["data"]["params"]) == {"depth": "3"}
    assert _pairs(model["info"]["tags"])["kind"] == "small"
    assert [(each["key"], each["value"]) for each in model["data"]["metrics"]] == [("val", 0.75)]
    listed = httpx.get(f"{url}/artifacts/directories", timeout=60).json()["files"]
    assert {each["path"] for each in listed} == {"empty.txt", "model"}


@pytest.mark.parametrize("name", ["1.30-database", "3.17-database"])
def test_a_running_mlflow_server_gives_the_same(
    name: str, mlflow_server: Callable[[str], str], filled: Filled, server: RunningServer
):
    complete_import(mlflow_server(name), to=server)
    assert set(all_runs(server)) == _run_ids(filled(name))
    _check_brave(server, name)
    if name.startswith("3.17"):
        _check_model(server)


def test_a_server_that_keeps_the_files_gives_all_but_what_has_a_name_that_is_refused(
    serving_mlflow: str, server: RunningServer
):
    code, report, err = run_import(serving_mlflow, to=server)
    info = _check_numbers(server)
    assert _file(server, info, "empty.txt") == b""
    _check_model(server)
    gone = _named(server, "gone")["info"]
    assert (gone["lifecycle_stage"], gone["status"]) == ("deleted", "KILLED")
    # MLflow's client cuts "weights #1%.bin" at the "#" when it sends it to a server, at either place.
    left_out = [problem for problem in report["problems"] if "file 'model/weights ' is left out" in problem]
    assert sorted(problem.partition(" ")[0] for problem in left_out) == ["Model", "Run"]
    assert info["run_id"] in "".join(left_out)
    assert code == 1, err
    read, kept = report["read"], report["kept"]
    assert (read.pop("files"), kept.pop("files")) == (6, 4)
    assert (read.pop("file_bytes"), kept.pop("file_bytes")) == (4 * 76_800, 2 * 76_800)
    assert read == kept
    assert read["runs"] == len(all_runs(server)) == 10


def test_a_second_import_changes_nothing_but_what_was_still_running(filled: Filled, server: RunningServer):
    store = filled("1.30-database")
    complete_import(store, to=server)
    before = all_runs(server)
    report = complete_import(store, to=server)
    assert report["earlier_runs"] == len(before) - 1
    assert report["open_runs"] == 1
    assert all_runs(server) == before


def test_only_the_experiments_that_are_named_come_and_under_other_names(
    filled: Filled, server: RunningServer
):
    store = filled("1.30-database")
    complete_import(store, "--experiment", "vision", "--prefix", "old/", to=server)
    names = {each["name"] for each in search(server, "experiments", view_type="ALL")}
    assert names == {"Default", "old/vision"}


def test_an_experiment_that_is_not_there_is_said_with_those_that_are(filled: Filled, server: RunningServer):
    code, _, err = run_import(filled("1.30-database"), "-e", "none", to=server)
    assert code == 3
    assert "'vision'" in err


def test_a_dry_run_reads_all_and_writes_nothing(filled: Filled, server: RunningServer):
    code, report, _ = run_import(filled("1.30-folder"), "--dry-run", to=server)
    assert code == 0
    assert report["read"]["runs"] == 64
    assert report["read"]["points"] == 2570
    assert report["read"]["file_bytes"] == 2 * 76_800
    assert all_runs(server) == {}


def test_a_name_that_is_taken_stops_the_import_before_it_begins(filled: Filled, server: RunningServer):
    made = {"name": "vision"}
    httpx.post(f"{server.url}/api/2.0/mlflow/experiments/create", json=made, timeout=60).raise_for_status()
    code, _, err = run_import(filled("1.30-database"), to=server)
    assert code == 1
    assert "prefix" in err
    assert all_runs(server) == {}
    complete_import(filled("1.30-database"), "--prefix", "imported ", to=server)


def test_a_source_that_has_moved_goes_on_under_its_old_name(
    filled: Filled, server: RunningServer, tmp_path: Path
):
    store = filled("1.30-database")
    complete_import(store, to=server)
    moved = tmp_path / "moved.db"
    moved.write_bytes(store.read_bytes())
    words = ["--artifacts", store.parent, "--source-name", f"sqlite:///{store}"]
    assert complete_import(moved, *words, to=server)["earlier_runs"] == 63


@pytest.mark.parametrize(
    ("source", "code", "told"),
    [
        ("http://127.0.0.1:1", 5, "No server answers"),
        ("sqlite:///nowhere.db", 3, "no file"),
        ("nowhere", 3, "no folder"),
        ("ftp://host/x", 1, "kind"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/x", 5, "can't be read"),
    ],
)
def test_what_can_not_be_opened_is_said(source: str, code: int, told: str, server: RunningServer):
    ended, _, err = run_import(source, to=server)
    assert (ended, told in err) == (code, True), err


def test_a_database_of_another_program_or_an_older_schema_is_refused(server: RunningServer, tmp_path: Path):
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE cats (name TEXT)")
    code, _, err = run_import(tmp_path / "other.db", to=server)
    assert (code, "not MLflow's" in err) == (1, True)
    with sqlite3.connect(tmp_path / "old.db") as old:
        for table in ("experiments", "runs", "metrics"):
            old.execute(f"CREATE TABLE {table} (experiment_id INTEGER)")
    code, _, err = run_import(tmp_path / "old.db", to=server)
    assert (code, "mlflow db upgrade" in err) == (1, True)

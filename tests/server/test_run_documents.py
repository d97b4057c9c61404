"""Kept documents are seen by nobody: a search shows each change at once, whatever kind of change it is."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from runyard.entities.metric import Metric
from runyard.errors import StorageFull
from runyard.services import run_documents
from runyard.services.document_upkeep import DocumentUpkeep
from runyard.stores.metadata import packed_documents
from tests.server.local import Local


@pytest.fixture
def local(tmp_path) -> Iterator[Local]:
    server = Local(tmp_path / "home")
    yield server
    server.close()


def searched(local: Local, **search: Any) -> Any:
    """The one run that a search shows."""
    (found,) = local.post("/runs/search", experiment_ids=["0"], **search)["runs"]
    return found


def kept_of(local: Local) -> list[tuple[int, int]]:
    """Number and revision of each document."""
    with local.stores.database.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT run_number, revision FROM run_documents ORDER BY run_number"
        )
        return [tuple(row) for row in rows]


CHANGES = {
    "a metric": lambda local, run_id: local.post(
        "/runs/log-metric", run_id=run_id, key="m", value=2, timestamp=9, step=9
    ),
    "a metric that is NaN": lambda local, run_id: local.post(
        "/runs/log-metric", run_id=run_id, key="m", value="NaN", timestamp=9, step=9
    ),
    "another metric": lambda local, run_id: local.post(
        "/runs/log-metric", run_id=run_id, key="m2", value=2, timestamp=9
    ),
    "a param": lambda local, run_id: local.post("/runs/log-parameter", run_id=run_id, key="q", value="1"),
    "a tag": lambda local, run_id: local.post("/runs/set-tag", run_id=run_id, key="t", value="new"),
    "a tag's removal": lambda local, run_id: local.post("/runs/delete-tag", run_id=run_id, key="t"),
    "a batch": lambda local, run_id: local.post(
        "/runs/log-batch",
        run_id=run_id,
        metrics=[{"key": "m", "value": 5, "timestamp": 9, "step": 10}],
        params=[{"key": "r", "value": "2"}],
        tags=[{"key": "u", "value": "3"}],
    ),
    "its name": lambda local, run_id: local.post("/runs/update", run_id=run_id, run_name="other"),
    "its end": lambda local, run_id: local.post(
        "/runs/update", run_id=run_id, status="FINISHED", end_time=99
    ),
    "what it read": lambda local, run_id: local.post(
        "/runs/log-inputs",
        run_id=run_id,
        datasets=[
            {
                "dataset": {"name": "d", "digest": "1", "source_type": "local", "source": "x"},
                "tags": [{"key": "mlflow.data.context", "value": "train"}],
            }
        ],
    ),
    "its deletion": lambda local, run_id: local.post("/runs/delete", run_id=run_id),
    "its experiment's deletion": lambda local, _run_id: local.post("/experiments/delete", experiment_id="0"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_search_shows_a_change_at_once(local: Local, change: str):
    run_id = local.run("0", tags=[{"key": "t", "value": "old"}])
    local.post("/runs/log-metric", run_id=run_id, key="m", value=1, timestamp=1)
    before = searched(local)
    assert searched(local) == before == local.get("/runs/get", run_id=run_id)["run"]
    CHANGES[change](local, run_id)
    after = searched(local, run_view_type="ALL")
    assert after != before
    assert after == searched(local, run_view_type="ALL") == local.get("/runs/get", run_id=run_id)["run"]


def test_a_document_is_made_once_and_read_after_that(local: Local, monkeypatch: pytest.MonkeyPatch):
    for number in range(3):
        local.run("0", start_time=number)
    page = local.post("/runs/search", experiment_ids=["0"])
    kept = kept_of(local)
    assert len(kept) == 3
    monkeypatch.setattr(run_documents, "wire_run", None)
    assert local.post("/runs/search", experiment_ids=["0"]) == page
    assert [run["info"]["start_time"] for run in page["runs"]] == [2, 1, 0]


def test_a_document_of_another_format_is_made_again(local: Local, monkeypatch: pytest.MonkeyPatch):
    local.run("0")
    page = searched(local)
    monkeypatch.setattr(packed_documents, "FORMAT", b"\x00")
    assert searched(local) == page


def test_documents_are_unpacked_some_at_a_time(local: Local, monkeypatch: pytest.MonkeyPatch):
    for number in range(5):
        local.run("0", start_time=number, tags=[{"key": "long", "value": "ä\u2028" * 1000 * number}])
    page = local.post("/runs/search", experiment_ids=["0"])
    assert [run["info"]["start_time"] for run in page["runs"]] == [4, 3, 2, 1, 0]
    monkeypatch.setattr(run_documents, "wire_run", None)
    for at_once in (1, 2, 5):
        monkeypatch.setattr(packed_documents, "UNPACKED_AT_ONCE", at_once)
        assert local.post("/runs/search", experiment_ids=["0"]) == page


def test_a_search_leaves_what_is_logged_elsewhere_for_later(local: Local):
    elsewhere = local.post("/experiments/create", name="elsewhere")["experiment_id"]
    here, there = local.run("0"), local.run(elsewhere)
    assert searched(local)["info"]["run_id"] == here
    local.post("/runs/log-metric", run_id=there, key="m", value=1, timestamp=9)
    assert searched(local, filter="attributes.status = 'RUNNING'")["info"]["run_id"] == here
    with local.stores.database.reading() as connection:
        waiting = connection.exec_driver_sql("SELECT count(*) FROM unsummarised_batches").scalar_one()
    assert waiting == 1
    found = local.post("/runs/search", experiment_ids=["0", elsewhere], filter="metrics.m = 1")["runs"]
    assert [run["info"]["run_id"] for run in found] == [there]


def test_a_search_does_not_wait_for_somebody_who_writes(local: Local):
    local.run("0")
    is_writing, may_end = threading.Event(), threading.Event()

    def write() -> None:
        with local.stores.database.writing():
            is_writing.set()
            may_end.wait(60)

    writer = threading.Thread(target=write)
    writer.start()
    is_writing.wait(60)
    shown = searched(local)
    assert kept_of(local) == []
    may_end.set()
    writer.join()
    assert searched(local) == shown
    assert len(kept_of(local)) == 1


def test_a_disk_that_is_full_only_keeps_documents_from_being_kept(
    local: Local, monkeypatch: pytest.MonkeyPatch
):
    local.run("0")

    def full(*_arguments: Any) -> None:
        raise StorageFull("full")

    monkeypatch.setattr("runyard.stores.prepared.Prepared.run_many", full)
    assert searched(local)["info"]["experiment_id"] == "0"
    assert kept_of(local) == []


def test_a_document_of_a_run_that_has_changed_since_is_not_kept(local: Local):
    local.run("0")
    metadata = local.stores.metadata
    found = metadata.runs.locate_run("default", searched(local)["info"]["run_id"])
    ((number, revision),) = kept_of(local)
    assert (found.run_numbers, found.revisions) == ([number], [revision])
    metadata.documents.keep({number: (revision + 1, b"x"), number + 1: (0, b"x")})
    assert kept_of(local) == [(number, revision)]


def test_runs_that_were_left_alone_have_documents_before_anybody_asks(local: Local):
    upkeep = DocumentUpkeep(local.stores)
    run_id = local.run("0")
    local.post("/runs/log-metric", run_id=run_id, key="m", value=math.pi, timestamp=1)
    assert upkeep.tick(quiet_s=60) == 0
    assert upkeep.tick(quiet_s=0) == 1
    assert upkeep.tick(quiet_s=0) == 0
    ((_, revision),) = kept_of(local)
    assert searched(local)["data"]["metrics"][0]["value"] == math.pi
    assert kept_of(local)[0][1] == revision
    upkeep.start()
    upkeep.close()


def test_upkeep_waits_for_who_writes_and_drops_no_document(local: Local, monkeypatch):
    """A busy server kept none of those that it had made, and whoever read the runs made them again."""
    local.run("0")
    local.stores.metrics.settle()
    made, is_writing, keep = threading.Event(), threading.Event(), run_documents.keep_documents

    def keep_once_somebody_writes(*arguments, **options):
        made.set()
        assert is_writing.wait(60)
        keep(*arguments, **options)

    def write():
        assert made.wait(60)
        with local.stores.database.writing():
            is_writing.set()
            time.sleep(0.2)

    monkeypatch.setattr("runyard.services.document_upkeep.keep_documents", keep_once_somebody_writes)
    with ThreadPoolExecutor(1) as elsewhere:
        writer = elsewhere.submit(write)
        assert DocumentUpkeep(local.stores).tick(quiet_s=0) == 1
        writer.result(60)
    assert len(kept_of(local)) == 1


def test_the_format_says_how_a_run_is_written(local: Local):
    """If this fails because a run is written in another way now, count `FORMAT` up and write it here."""
    run_id = local.run("0", run_name="n", user_id="u", start_time=5, tags=[{"key": "t", "value": "v"}])
    local.post("/runs/log-metric", run_id=run_id, key="m", value=1.5, timestamp=1, step=2)
    local.post("/runs/log-parameter", run_id=run_id, key="p", value="1")
    shown = searched(local)
    assert packed_documents.FORMAT == b"\x02"
    assert shown == {
        "info": {
            "run_id": run_id,
            "run_uuid": run_id,
            "experiment_id": "0",
            "run_name": "n",
            "user_id": "u",
            "status": "RUNNING",
            "artifact_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
            "lifecycle_stage": "active",
            "start_time": 5,
        },
        "data": {
            "metrics": [{"key": "m", "value": 1.5, "timestamp": 1, "step": 2}],
            "params": [{"key": "p", "value": "1"}],
            "tags": [{"key": "mlflow.runName", "value": "n"}, {"key": "t", "value": "v"}],
        },
        "inputs": {},
        "outputs": {},
    }


def test_runs_of_many_metrics_are_read_some_at_a_time(local: Local, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run_documents, "_RUNS_AT_FIRST", 2)
    monkeypatch.setattr(run_documents, "_METRICS_AT_ONCE", 30)
    read: list[int] = []
    read_latest = local.stores.metrics.read_latest

    def noted(run_ids: Sequence[str]) -> dict[str, list[Metric]]:
        latest = read_latest(run_ids)
        read.append(sum(map(len, latest.values())))
        return latest

    counts = [0, 0, 1, 2, 10, 10, 10, 10, 40, 1, 0, 0]
    ids = [local.run("0", start_time=at) for at in range(len(counts))]
    for run_id, count in zip(ids, counts, strict=True):
        metrics = [{"key": f"m{at}", "value": at, "timestamp": 1} for at in range(count)]
        local.post("/runs/log-batch", run_id=run_id, metrics=metrics)
    expected = {run_id: local.get("/runs/get", run_id=run_id)["run"] for run_id in ids}
    monkeypatch.setattr(local.stores.metrics, "read_latest", noted)
    found = local.post("/runs/search", experiment_ids=["0"])["runs"]
    assert {run["info"]["run_id"]: run for run in found} == expected
    # The latest come first; how many are in a part is known from what the one before it held.
    assert read == [0, 1 + 40 + 10 + 10, 10, 10 + 2, 1]

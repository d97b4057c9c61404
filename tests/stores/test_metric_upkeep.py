"""What the metric store's thread does between two folds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import update

from runyard.entities.metric import MetricBatch
from runyard.stores.database import Database
from runyard.stores.metadata.schema import runs, unsummarised_batches
from runyard.stores.metrics import upkeep as upkeep_module
from runyard.stores.metrics.folding import Folded
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.upkeep import Backlog, MetricUpkeep
from tests.engines import SqlEngine
from tests.stores.test_metrics import insert_run

RUNS = ("first", "second", "third")


@pytest.fixture
def database(engine: SqlEngine, tmp_path: Path):
    database = engine.open(tmp_path)
    yield database
    database.close()


def waiting(database: Database) -> int:
    with database.reading() as connection:
        return len(connection.execute(unsummarised_batches.select()).all())


def log(metrics: SqlMetrics, run_id: str, step: int) -> None:
    metrics.append(run_id, MetricBatch(["loss"], [float(step)], [step], [step]))


def set_clock(monkeypatch: pytest.MonkeyPatch, monotonic: Callable[[], float]) -> None:
    """Give the upkeep a clock of its own, and nobody else."""
    monkeypatch.setattr(upkeep_module, "time", SimpleNamespace(monotonic=monotonic, time_ns=time.time_ns))


def test_what_comes_while_runs_are_folded_is_summarised_before_the_next_fold(database, monkeypatch):
    monkeypatch.setattr(upkeep_module, "TICK_S", 0.0)
    monkeypatch.setattr(upkeep_module, "REST_PER_WORK", 0.0)
    monkeypatch.setattr(upkeep_module, "FOLD_AT_BATCHES", 1)
    metrics = SqlMetrics(database)
    for run_id in RUNS:
        insert_run(database, run_id)
        log(metrics, run_id, 0)
    found: list[int] = []
    fold = metrics.folding.fold

    def fold_while_a_run_logs(run_number: int) -> Folded:
        found.append(waiting(database))
        folded = fold(run_number)
        log(metrics, "third", len(found))
        return folded

    monkeypatch.setattr(metrics.folding, "fold", fold_while_a_run_logs)
    # Summaries take all the time that nothing is folded in, whatever the clock says of the last ones.
    set_clock(monkeypatch, iter(range(10**6)).__next__)
    MetricUpkeep(database, metrics).tick()
    assert found == [0] * len(RUNS)


def test_summaries_rest_as_long_as_they_took(database, monkeypatch):
    metrics = SqlMetrics(database)
    insert_run(database, "first")
    log(metrics, "first", 0)
    clock = [100.0]
    set_clock(monkeypatch, lambda: clock[0])
    settle, settled_at_s = metrics.summaries.settle, []

    def settle_slowly() -> None:
        settled_at_s.append(clock[0])
        settle()
        clock[0] += 4.0

    monkeypatch.setattr(metrics.summaries, "settle", settle_slowly)
    upkeep = MetricUpkeep(database, metrics)
    due = [(number, False) for number in range(10)]
    monkeypatch.setattr(upkeep, "_due", lambda now_s: due)
    monkeypatch.setattr(upkeep, "_fold", lambda run_number: clock.__setitem__(0, clock[0] + 1.0))
    monkeypatch.setattr(upkeep._stopping, "wait", lambda rest_s: False)
    upkeep.tick()
    # 4 s of joins, then 4 folds of 1 s each, and so on.
    assert settled_at_s == [100.0, 108.0, 116.0]


def end(database: Database, run_id: str) -> None:
    with database.writing() as connection:
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(status="FINISHED"))


def test_what_another_server_has_folded_is_left_to_nobody(database):
    here, elsewhere = SqlMetrics(database), SqlMetrics(database)
    insert_run(database, "first")
    for step in range(3):
        log(here, "first", step)
        log(elsewhere, "first", 10 + step)
    end(database, "first")
    MetricUpkeep(database, elsewhere).tick()
    upkeep = MetricUpkeep(database, here)
    assert upkeep.backlog().batches == 3
    upkeep.tick()
    assert upkeep.backlog() == Backlog(0, 0, 0)


def test_a_batch_that_is_not_summarised_keeps_its_run_from_rest(database, monkeypatch):
    metrics = SqlMetrics(database)
    insert_run(database, "first")
    log(metrics, "first", 0)
    end(database, "first")
    upkeep = MetricUpkeep(database, metrics)
    monkeypatch.setattr(metrics.summaries, "settle", lambda: None)
    upkeep.bring_to_rest(1)
    assert (upkeep.backlog().runs, upkeep.backlog().batches) == (1, 1)
    monkeypatch.undo()
    upkeep.tick()
    assert upkeep.backlog() == Backlog(0, 0, 0)

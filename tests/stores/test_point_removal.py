"""Removing points while others append, fold, summarise and read: nothing comes back, nothing else goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from runyard.entities.metric import Metric, MetricBatch
from runyard.stores.database import Database
from runyard.stores.metadata.schema import metric_batches, metric_chunks, metric_series, unsummarised_batches
from runyard.stores.metrics import folding
from runyard.stores.metrics.base import TakenPoints
from runyard.stores.metrics.folding import Folding
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.summarising import Summaries
from tests.engines import SqlEngine
from tests.stores.test_metrics import fold_all, insert_run
from tests.waiting import WITHIN_S, until


@pytest.fixture
def database(tmp_path: Path, engine: SqlEngine) -> Iterator[Database]:
    opened = engine.open(tmp_path)
    insert_run(opened, "run")
    yield opened
    opened.close()


@pytest.fixture
def metrics(database: Database) -> SqlMetrics:
    return SqlMetrics(database)


def batch(keys: str, steps: range) -> MetricBatch:
    return MetricBatch.of([Metric(key, step * 0.5, 1000 + step, step) for step in steps for key in keys])


def append_everywhere(database: Database, metrics: SqlMetrics, keys: str = "abc") -> None:
    """Have points in chunks of their own, in shared chunks, in summarised batches and in new ones."""
    metrics.append("run", batch(keys, range(100)))
    fold_all(database, metrics)
    metrics.append("run", batch(keys, range(100, 110)))
    fold_all(database, metrics)
    metrics.append("run", batch(keys, range(110, 113)))
    metrics.settle()
    metrics.append("run", batch(keys, range(113, 115)))


def steps_of(metrics: SqlMetrics, key: str) -> list[int]:
    return [point.step for point in metrics.read_history("run", key)]


def keys_of(metrics: SqlMetrics) -> list[str]:
    return [metric.key for metric in metrics.read_latest(["run"])["run"]]


def rows_in(database: Database) -> int:
    with database.reading() as connection:
        tables = (metric_batches, metric_chunks, metric_series, unsummarised_batches)
        return sum(len(connection.execute(table.select()).all()) for table in tables)


def test_a_series_goes_from_every_place_where_its_points_lie(database, metrics):
    append_everywhere(database, metrics)
    taken = metrics.remove_series("run", ["b", "none"])
    assert taken.points == 115
    assert taken.size_bytes > 0
    assert steps_of(metrics, "b") == []
    assert steps_of(metrics, "a") == steps_of(metrics, "c") == list(range(115))
    assert keys_of(metrics) == ["a", "c"]
    fold_all(database, metrics)
    assert steps_of(metrics, "b") == []
    assert steps_of(metrics, "a") == list(range(115))
    assert SqlMetrics(database).read_history("run", "b") == []


def test_all_series_go_and_leave_no_row(database, metrics):
    append_everywhere(database, metrics)
    metrics.remove_series("run", ["a", "b", "c"])
    assert rows_in(database) == 0
    assert metrics.remove_series("run", ["a"]).points == 0
    assert metrics.remove_series("no such run", ["a"]).points == 0


def test_a_removed_series_begins_anew(database, metrics):
    append_everywhere(database, metrics)
    metrics.remove_series("run", ["b"])
    metrics.append("run", batch("b", range(3)))
    assert steps_of(metrics, "b") == [0, 1, 2]
    assert [metric.step for metric in metrics.read_latest(["run"])["run"] if metric.key == "b"] == [2]


def test_a_removal_that_is_rolled_back_leaves_all(database, metrics):
    append_everywhere(database, metrics)

    def interrupted() -> None:
        with database.writing():
            metrics.remove_series("run", ["b"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert steps_of(metrics, "b") == list(range(115))
    assert keys_of(metrics) == ["a", "b", "c"]


def test_a_run_goes_in_steps_that_add_up(database, metrics, monkeypatch):
    monkeypatch.setattr("runyard.stores.metrics.removal.BATCHES_AT_ONCE", 2)
    monkeypatch.setattr("runyard.stores.metrics.removal.CHUNKS_AT_ONCE", 1)
    monkeypatch.setattr("runyard.stores.metrics.removal.SERIES_AT_ONCE", 2)
    append_everywhere(database, metrics)
    for step in range(7):
        metrics.append("run", batch("a", range(step)))
    expected = metrics.measure_run("run")
    assert expected.points == 3 * 115 + sum(range(7))
    steps: list[TakenPoints] = []
    while not steps or not steps[-1].is_over:
        steps.append(metrics.take_run("run"))
    assert len(steps) > 3
    assert sum(step.points for step in steps) == expected.points
    assert sum(step.size_bytes for step in steps) == expected.size_bytes
    assert rows_in(database) == 0
    assert metrics.arrivals.active() == {}
    assert metrics.arrivals.known() == {}


def in_between(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, act: Callable[[], object]) -> None:
    """Have ``act`` done once, by another thread, before the method goes on."""
    method = getattr(owner, name)
    waiting = [act]

    def interrupted(self, *arguments):
        while waiting:
            thread = threading.Thread(target=waiting.pop())
            thread.start()
            thread.join()
        return method(self, *arguments)

    monkeypatch.setattr(owner, name, interrupted)


def test_what_a_fold_has_read_does_not_come_back(database, metrics, monkeypatch):
    append_everywhere(database, metrics)
    metrics.settle()
    in_between(monkeypatch, Folding, "_replace", lambda: metrics.remove_series("run", ["b"]))
    assert metrics.folding.fold(1).batch_count == 0
    fold_all(database, metrics)
    assert steps_of(metrics, "b") == []
    assert steps_of(metrics, "a") == list(range(115))


def test_what_a_merge_has_read_does_not_come_back(database, metrics, monkeypatch):
    append_everywhere(database, metrics)
    while metrics.folding.fold(1).batch_count:
        pass
    metrics.append("run", batch("ab", range(200, 203)))
    metrics.settle()
    metrics.folding.fold(1)
    in_between(monkeypatch, Folding, "_replace", lambda: metrics.remove_series("run", ["b"]))
    assert not metrics.folding.merge(1)
    fold_all(database, metrics)
    assert steps_of(metrics, "b") == []


def test_what_a_summary_was_made_of_does_not_come_back(database, metrics, monkeypatch):
    append_everywhere(database, metrics)
    in_between(monkeypatch, Summaries, "_join", lambda: metrics.remove_series("run", ["b"]))
    assert keys_of(metrics) == ["a", "c"]


def test_summaries_go_on_when_their_run_is_taken_away(database, metrics, monkeypatch):
    insert_run(database, "other")
    append_everywhere(database, metrics)
    metrics.append("other", batch("a", range(3)))
    in_between(monkeypatch, Summaries, "_join", lambda: metrics.take_run("run"))
    assert keys_of(metrics) == []
    assert [metric.step for metric in metrics.read_latest(["other"])["other"]] == [2]


def test_a_number_of_a_batch_is_never_given_twice(database, metrics, monkeypatch):
    """A slow fold would else delete a new batch in place of the one that it read."""
    metrics.append("run", batch("a", range(3)))
    metrics.settle()

    def others_fold_and_append() -> None:
        assert Folding(database, metrics._keys).fold(1).batch_count == 1
        metrics.append("run", batch("a", range(3, 6)))
        metrics.settle()

    in_between(monkeypatch, Folding, "_replace", others_fold_and_append)
    metrics.folding.fold(1)
    assert steps_of(metrics, "a") == list(range(6))


def test_a_series_that_is_removed_while_all_others_work_stays_removed(database, metrics):
    """Threads append to two series, fold, summarise and read; a third one goes in the middle of it."""
    metrics.append("run", batch("abc", range(500)))
    stop, faults = threading.Event(), []

    def again_and_again(act: Callable[[int], object]) -> Callable[[], None]:
        def work() -> None:
            count = 0
            try:
                while not stop.is_set():
                    database.retrying(partial(act, count))
                    count += 1
            except BaseException as fault:
                faults.append(fault)
                raise

        return work

    def append(count: int) -> None:
        metrics.append("run", batch("ac", range(500 + 5 * count, 505 + 5 * count)))
        appended[0] = 505 + 5 * count

    appended = [500]
    acts: list[Callable[[int], object]] = [
        append,
        lambda _: metrics.folding.fold(1),
        lambda _: metrics.folding.merge(1),
        lambda _: metrics.settle(),
        lambda _: metrics.read_history("run", "a"),
    ]
    threads = [threading.Thread(target=again_and_again(act)) for act in acts]
    for thread in threads:
        thread.start()
    try:
        for round_ in range(8):
            metrics.append("run", batch("b", range(round_, 5 + round_)))
            database.retrying(lambda: metrics.remove_series("run", ["b"]))
            assert steps_of(metrics, "b") == []
            assert "b" not in keys_of(metrics)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not faults
    fold_all(database, metrics)
    assert steps_of(metrics, "b") == []
    assert steps_of(metrics, "a") == steps_of(metrics, "c") == list(range(appended[0]))


def test_what_another_server_merges_at_that_moment_does_not_come_back(cluster, name, monkeypatch):
    """The removal waits for the rows that the merge has deleted; those in their place must go too."""
    waiting = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'"
    has_deleted, delete_rows = threading.Event(), folding._delete

    def deleted_and_waited_for(connection, rows, *numbers) -> None:
        delete_rows(connection, rows, *numbers)
        if rows is folding._DELETE_CHUNKS:
            has_deleted.set()
            until(lambda: bool(cluster.execute(waiting)))

    with (
        closing(cluster.open(name)) as database,
        closing(cluster.open(name)) as elsewhere,
        ThreadPoolExecutor(1) as pool,
    ):
        insert_run(database, "run")
        metrics = SqlMetrics(database)
        for start in (0, 100):  # two chunks of each series, which are small enough to be merged
            metrics.append("run", batch("ab", range(start, start + 100)))
            metrics.settle()
            metrics.folding.fold(1)
        monkeypatch.setattr(folding, "_delete", deleted_and_waited_for)
        merging = pool.submit(SqlMetrics(elsewhere).folding.merge, 1)
        assert has_deleted.wait(WITHIN_S)
        removed = database.retrying(lambda: metrics.remove_series("run", ["b"]))
        assert merging.result(WITHIN_S)
        assert removed.points == 200
        assert steps_of(metrics, "b") == []
        assert steps_of(metrics, "a") == list(range(200))

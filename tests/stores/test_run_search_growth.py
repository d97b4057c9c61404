"""What a search costs grows with the page, not with the store: counted in steps of SQLite, not in seconds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Connection, Table, insert

from runyard.entities.experiment import View
from runyard.protocol.filters import parse_run_filter
from runyard.protocol.ordering import parse_run_order
from runyard.stores.database import Database
from runyard.stores.metadata import run_search, schema
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.run_search import find_runs
from tests.migrated import open_migrated

FEWER, MORE = 1_000, 8_000
STEPS_A_LOOK = 50


class Filled(NamedTuple):
    """A database and how many runs it has."""

    database: Database
    run_count: int


def fill(database: Database, run_count: int) -> None:
    """Runs whose metric `m` goes up with their number, `w` down, and `c` is the same for all."""
    numbers = range(1, run_count + 1)
    rows: dict[Table, list[dict[str, Any]]] = {
        schema.workspaces: [{"name": "w", "default_experiment_id": 1, "created_ms": 0}],
        schema.experiments: [
            {
                "experiment_id": 1,
                "workspace": "w",
                "name": "e",
                "artifact_location": "",
                "lifecycle_stage": "active",
                "created_ms": 0,
                "updated_ms": 0,
            }
        ],
        schema.metric_keys: [{"key_id": key_id, "key": key} for key_id, key in enumerate("mwc", 1)],
        schema.runs: [
            {
                "run_number": number,
                "run_id": f"{number:06}",
                "experiment_id": 1,
                "name": "",
                "user_id": "",
                "status": "FINISHED",
                "lifecycle_stage": "active",
                "artifact_uri": "",
                "started_ms": number,
                "revision": 0,
            }
            for number in numbers
        ],
        schema.params: [
            {"run_number": number, "key": key, "value": value}
            for number in numbers
            for key, value in (("half", str(number % 2)), ("rare", str(number // 10)))
        ],
        schema.metric_series: [
            {
                "run_number": number,
                "key_id": key_id,
                "experiment_id": 1,
                "last_step": 0,
                "last_timestamp_ms": 0,
                "last_value": value,
                "last_is_nan": False,
                "minimum": value,
                "maximum": value,
                "is_live": False,
            }
            for number in numbers
            for key_id, value in ((1, number), (2, -number), (3, 0.0))
        ],
    }
    with database.writing() as connection:
        for table, of_table in rows.items():
            connection.execute(insert(table), of_table)


@pytest.fixture(scope="module", params=[FEWER, MORE])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    database = open_migrated(tmp_path_factory.mktemp("growth") / "runyard.db")
    fill(database, request.param)
    yield Filled(database, request.param)
    database.close()


def driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


@contextlib.contextmanager
def counted(connection: Connection) -> Iterator[list[int]]:
    """Count the steps of SQLite's machine, about ten for a row that is looked at."""
    looks = [0]

    def look() -> int:
        looks[0] += 1
        return 0

    driver = driver_of(connection)
    driver.set_progress_handler(look, STEPS_A_LOOK)
    try:
        yield looks
    finally:
        driver.set_progress_handler(None, 0)


SEARCHES = {
    "the latest": ("", [], 3_000),
    "the first": ("", ["start_time ASC"], 4_000),
    "by a metric": ("", ["metrics.m DESC"], 8_000),
    "by a metric, the least": ("", ["metrics.m"], 8_000),
    "half of them by a metric": ("params.half = '1'", ["metrics.m DESC"], 40_000),
    "two filters by a metric": ("params.half = '1' AND metrics.w < -5", ["metrics.m DESC"], 60_000),
    "few by a param": ("params.rare = '7'", ["metrics.m DESC"], 8_000),
    "few by a param, sorted by another": ("params.rare = '7'", ["params.half", "metrics.m"], 8_000),
    "few by a metric": ("metrics.m < 10", [], 8_000),
    "few by an id": ("run_id IN ('000001', '000777')", ["metrics.c"], 4_000),
    "none": ("params.rare = 'nothing'", ["metrics.m DESC"], 2_000),
    "no such metric": ("metrics.nothing > 1", ["metrics.m DESC"], 1_000),
    "the sorted metric itself": ("metrics.m < 500", ["metrics.m DESC"], 60_000),
}


@pytest.mark.parametrize("named", SEARCHES)
def test_a_page_costs_the_same_however_many_runs_there_are(filled: Filled, named: str):
    filter, order, most_steps = SEARCHES[named]
    search = Search(
        "w", View.ACTIVE_ONLY, parse_run_filter(filter), parse_run_order(order), 50, experiment_ids=["1"]
    )
    with filled.database.reading() as connection, counted(connection) as looks:
        find_runs(connection, search)
    assert looks[0] * STEPS_A_LOOK <= most_steps


@pytest.mark.parametrize("order", [[], ["metrics.m DESC"], ["start_time ASC"]], ids=str)
def test_a_late_page_costs_what_the_first_does(filled: Filled, order: list[str]):
    search = Search("w", order=parse_run_order(order), limit=100, experiment_ids=["1"])
    costs = []
    while True:
        with filled.database.reading() as connection, counted(connection) as looks:
            page = find_runs(connection, search)
        costs.append(looks[0])
        if page.last is None:
            break
        search = Search("w", order=search.order, limit=100, experiment_ids=["1"], after=page.last)
    assert len(costs) == filled.run_count // 100
    # The very last page by a metric looks for runs without it besides, of which there are none.
    assert max(costs[:-1]) <= 1.5 * costs[0] + 20


@pytest.mark.parametrize("filter", ["metrics.w > -501", "params.half = '1' AND metrics.w > -501"])
def test_runs_at_the_far_end_of_an_order_are_not_all_sorted(filled: Filled, filter: str, monkeypatch):
    """The order is followed to where they lie, with an eye for nothing but them."""
    search = Search(
        "w",
        filter=parse_run_filter(filter),
        order=parse_run_order(["metrics.m DESC"]),
        experiment_ids=["1"],
        limit=10,
    )
    monkeypatch.setattr(run_search, "FEW", 50)
    monkeypatch.setattr(run_search, "FAR", 10)
    costs, pages = [], []
    for far in (run_search.FAR_PER_SORTED * filled.run_count, 0):
        monkeypatch.setattr(run_search, "FAR_PER_SORTED", far)
        with filled.database.reading() as connection, counted(connection) as looks:
            pages.append(find_runs(connection, search))
        costs.append(looks[0])
    assert pages[0] == pages[1]
    assert pages[0].run_numbers[0] in (499, 500)
    if filled.run_count == FEWER:
        assert costs[0] < costs[1]


def test_runs_are_found_without_a_look_at_all_of_them(filled: Filled):
    with filled.database.reading() as connection:
        plans: list[str] = []
        driver = driver_of(connection)
        driver.set_trace_callback(plans.append)
        find_runs(
            connection,
            Search(
                "w",
                filter=parse_run_filter("params.half = '1' AND metrics.w < -5"),
                order=parse_run_order(["metrics.m DESC"]),
                experiment_ids=["1"],
                limit=50,
            ),
        )
        driver.set_trace_callback(None)
        steps = [row[3] for sql in plans for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}")]
    tables = [step for step in steps if step.startswith("SCAN ")]
    assert {step for step in tables if "runs" in step or "metric_series" in step or "params" in step} == set()

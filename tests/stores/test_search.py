"""Searches in SQL: what the oracle's properties leave out, and the limits at their edge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from runyard.entities.experiment import View
from runyard.errors import InvalidParameter
from runyard.protocol.filter_tokens import MAX_COMPARISONS, MAX_NESTING
from runyard.protocol.filters import (
    MAX_LISTED_VALUES,
    MAX_PATTERN_LENGTH,
    parse_experiment_filter,
    parse_run_filter,
)
from runyard.protocol.ordering import MAX_ORDER_KEYS, parse_experiment_order, parse_run_order
from runyard.stores.database import Database
from runyard.stores.metadata import schema
from runyard.stores.metadata.base import Search
from runyard.stores.metadata.run_search import find_runs
from runyard.stores.metadata.search import MAX_EXPERIMENTS, experiments_query
from tests.engines import SqlEngine


class Kept:
    """A database with the workspaces ``w`` and ``other``, and short ways to put things into it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        for name in ("w", "other"):
            self.insert(schema.workspaces, {"name": name, "default_experiment_id": 1, "created_ms": 0})

    def of_run(self, table: Any, run_id: str, *pairs: tuple[str, str]) -> None:
        """Hang params or tags on a run, as no client could send them."""
        query = select(schema.runs.c.run_number).where(schema.runs.c.run_id == run_id)
        with self.database.reading() as connection:
            number = connection.scalar(query)
        self.insert(table, *({"run_number": number, "key": key, "value": value} for key, value in pairs))

    def insert(self, table: Any, *rows: Mapping[str, Any]) -> None:
        with self.database.writing() as connection:
            connection.execute(insert(table), list(rows))

    def experiment(self, experiment_id: int, workspace: str = "w", **row: Any) -> None:
        tags = row.pop("tags", {})
        usual = {
            "name": f"e{experiment_id}",
            "artifact_location": "",
            "lifecycle_stage": "active",
            "created_ms": experiment_id,
            "updated_ms": experiment_id,
        }
        self.insert(
            schema.experiments, {**usual, **row, "experiment_id": experiment_id, "workspace": workspace}
        )
        for key, value in tags.items():
            self.insert(schema.experiment_tags, {"experiment_id": experiment_id, "key": key, "value": value})

    def run(self, run_id: str, experiment_id: int = 1, **row: Any) -> None:
        usual = {
            "name": run_id,
            "user_id": "",
            "status": "RUNNING",
            "lifecycle_stage": "active",
            "artifact_uri": "",
            "started_ms": 0,
        }
        self.insert(schema.runs, {**usual, **row, "run_id": run_id, "experiment_id": experiment_id})

    def find(
        self, filter: str = "", order: list[str] | None = None, ids: list[str] | None = None, **search: Any
    ) -> list[str]:
        asked = Search(
            workspace=search.pop("workspace", "w"),
            experiment_ids=["1"] if ids is None else ids,
            filter=parse_run_filter(filter),
            order=parse_run_order(order or []),
            **search,
        )
        run_id = select(schema.runs.c.run_id)
        with self.database.reading() as connection:
            numbers = find_runs(connection, asked).run_numbers
            return [
                connection.execute(run_id.where(schema.runs.c.run_number == number)).scalar_one()
                for number in numbers
            ]

    def find_experiments(self, filter: str = "", order: list[str] | None = None, **search: Any) -> list[int]:
        query = experiments_query(
            workspace=search.get("workspace", "w"),
            view=search.get("view", View.ACTIVE_ONLY),
            filter=parse_experiment_filter(filter),
            order=parse_experiment_order(order or []),
        )
        with self.database.reading() as connection:
            return [row.experiment_id for row in connection.execute(query)]


@pytest.fixture
def kept(tmp_path: Path, engine: SqlEngine) -> Iterator[Kept]:
    database = engine.open(tmp_path)
    kept = Kept(database)
    kept.experiment(1)
    yield kept
    database.close()


def test_runs_come_from_the_experiments_that_were_asked_for(kept):
    kept.experiment(2)
    kept.experiment(3)
    for number in (1, 2, 3):
        kept.run(f"r{number}", number)
    assert kept.find(ids=["1"]) == ["r1"]
    assert kept.find(ids=["3", "1"]) == ["r1", "r3"]
    assert kept.find(ids=["9"]) == []
    assert kept.find(ids=[]) == []


def test_another_workspaces_experiment_holds_no_runs_for_a_search(kept):
    kept.experiment(2, "other")
    kept.run("mine", 1)
    kept.run("theirs", 2)
    assert kept.find(ids=["2"]) == []
    assert kept.find(ids=["1", "2"]) == ["mine"]
    assert kept.find(ids=["1", "2"], workspace="other") == ["theirs"]


def test_a_view_lets_its_stages_through(kept):
    kept.run("a")
    kept.run("d", lifecycle_stage="deleted")
    assert kept.find(view=View.ACTIVE_ONLY) == ["a"]
    assert kept.find(view=View.DELETED_ONLY) == ["d"]
    assert kept.find(view=View.ALL) == ["a", "d"]


def test_the_latest_start_comes_first_and_ids_break_ties(kept):
    kept.run("b", started_ms=5)
    kept.run("a", started_ms=5)
    kept.run("new", started_ms=9)
    kept.run("none", started_ms=None)
    assert kept.find() == ["new", "a", "b", "none"]
    assert kept.find(order=["start_time"]) == ["a", "b", "new", "none"]
    assert kept.find(order=["status"]) == ["new", "a", "b", "none"]


def test_like_knows_case_and_ilike_does_not_in_any_alphabet(kept):
    for run_id, value in (("low", "écoleβ"), ("up", "ÉCOLEΒ"), ("plain", "ecole")):
        kept.run(run_id)
        kept.of_run(schema.tags, run_id, ("k", value))
    assert kept.find("tags.k LIKE 'éc%'") == ["low"]
    assert kept.find("tags.k LIKE 'ÉC%'") == ["up"]
    assert kept.find("tags.k ILIKE 'éC%β'") == ["low", "up"]


def test_nothing_in_a_filter_reaches_the_database_as_sql(kept):
    kept.run("r", name="x' OR '1'='1")
    kept.of_run(schema.params, "r", ("k') --", "v"), ("?", "%s"))
    assert kept.find("run_name = \"x' OR '1'='1\"") == ["r"]
    assert kept.find("run_name = 'y'' OR ''1''=''1'") == []
    assert kept.find("params.`k') --` = 'v'", order=["params.`k') --` DESC"]) == ["r"]
    assert kept.find("params.`k') OR 1=1 --` = 'v'") == []
    assert kept.find("params.`?` = '%s'", order=["params.`?`"]) == ["r"]


def test_the_most_comparisons_and_sort_keys_are_answered(kept):
    kept.run("r")
    kept.run("other")
    kept.of_run(schema.params, "r", *((f"k{number}", "v") for number in range(MAX_COMPARISONS)))
    most = " AND ".join(f"params.k{number} = 'v'" for number in range(MAX_COMPARISONS))
    order = [f"params.k{number}" for number in range(MAX_ORDER_KEYS)]
    assert kept.find(most, order) == ["r"]
    assert kept.find(most.replace("AND", "OR"), order) == ["r"]
    unquoted = " OR ".join(f"metrics.m{number}.min > 0" for number in range(MAX_COMPARISONS))
    assert kept.find(unquoted, [f"metrics.m{number}.min" for number in range(MAX_ORDER_KEYS)]) == []


def test_the_deepest_brackets_are_answered(kept):
    kept.run("r")
    kept.experiment(2)
    half = MAX_NESTING // 2
    deep = "NOT (tags.a = 'v' OR NOT (tags.b = 'v' AND " * half + "NOT {}" + "))" * half
    assert kept.find(deep.format("metrics.loss.min > 0 OR tags.c IS NULL")) == []
    assert kept.find_experiments(deep.format("tags.d = 'v'")) == []


@pytest.mark.parametrize("letter", ["x", "日", "😀"])
def test_the_longest_pattern_is_answered(kept, letter):
    kept.run("r")
    pattern = letter * MAX_PATTERN_LENGTH
    kept.of_run(schema.tags, "r", ("k", pattern))
    assert kept.find(f"tags.k LIKE '{pattern}'") == ["r"]
    assert kept.find(f"tags.k ILIKE '{pattern}'") == ["r"]


def test_the_longest_list_in_the_most_experiments_is_answered(kept):
    kept.run("r")
    listed = ",".join(f"'{number}'" for number in range(MAX_LISTED_VALUES - 1))
    most = [str(number + 1) for number in range(MAX_EXPERIMENTS)]
    assert kept.find(f"run_id IN ({listed},'r')", ids=most) == ["r"]
    assert kept.find(f"run_id NOT IN ({listed},'r')", ids=most) == []


def test_the_most_experiments_are_searched_and_more_refused(kept):
    kept.run("r")
    most = [str(number + 1) for number in range(MAX_EXPERIMENTS)]
    assert kept.find(ids=most) == ["r"]
    with pytest.raises(InvalidParameter, match="'experiment_ids' has 10001 entries; at most 10000"):
        kept.find(ids=[*most, "10001"])


@pytest.mark.parametrize("bound", ["99999999999999999999", "1e300", "-1e300"])
def test_a_time_beyond_64_bits_is_compared_as_it_is(kept, bound):
    kept.run("r", started_ms=5)
    expected = [] if bound.startswith("-") else ["r"]
    assert kept.find(f"start_time < {bound}") == expected


def test_the_last_created_experiment_comes_first_and_the_oldest_id_breaks_ties(kept):
    kept.experiment(2, created_ms=50)
    kept.experiment(3, created_ms=50)
    assert kept.find_experiments() == [2, 3, 1]


def test_an_order_of_experiments_breaks_ties_by_the_newest_id(kept):
    kept.experiment(2, updated_ms=1, name="a")
    kept.experiment(3, updated_ms=0, name="b")
    assert kept.find_experiments(order=["last_update_time"]) == [3, 2, 1]
    assert kept.find_experiments(order=["last_update_time DESC"]) == [2, 1, 3]
    assert kept.find_experiments(order=["name DESC", "creation_time"]) == [1, 3, 2]
    assert kept.find_experiments(order=["experiment_id"]) == [1, 2, 3]


def test_experiments_are_those_of_the_workspace_and_of_the_view(kept):
    kept.experiment(2, "other")
    kept.experiment(3, lifecycle_stage="deleted")
    assert kept.find_experiments() == [1]
    assert kept.find_experiments(workspace="other") == [2]
    assert kept.find_experiments(view=View.DELETED_ONLY) == [3]
    assert kept.find_experiments(view=View.ALL) == [3, 1]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ("name = 'Vision'", [2]),
        ("name LIKE 'v%'", []),
        ("name ILIKE 'v%'", [2]),
        ("attribute.name != 'Vision'", [3, 1]),
        ("tags.team = 'a'", [2]),
        ("tags.team != 'a'", [3]),
        ("tags.team IS NULL", [1]),
        ("tags.team IS NOT NULL AND name LIKE '%x%'", [3]),
        ("tags.team ILIKE 'A'", [2]),
        ("creation_time > 1 AND creation_time <= 2", [2]),
        ("last_update_time != 2", [3, 1]),
        ("experiment_id = '3'", [3]),
        ("experiment_id != '3'", [2, 1]),
        ("experiment_id IN ('1', '3', '99')", [3, 1]),
        ("experiment_id NOT IN ('1', '3')", [2]),
        ("experiment_id = '99999999999999999999999'", []),
        ("experiment_id != '99999999999999999999999'", [3, 2, 1]),
    ],
)
def test_a_filter_finds_experiments(kept, filter, found):
    kept.experiment(2, name="Vision", tags={"team": "a"})
    kept.experiment(3, name="text", tags={"team": "b"})
    assert kept.find_experiments(filter) == found

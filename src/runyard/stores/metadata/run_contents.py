"""Reads what hangs on runs, many runs at once: one query a table, never one a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, select

from runyard.entities.run import Dataset, DatasetInput, ModelInput, ModelOutput, RunContents
from runyard.stores.database import chunks
from runyard.stores.metadata.schema import (
    dataset_input_tags,
    dataset_inputs,
    datasets,
    model_inputs,
    model_outputs,
    params,
    runs,
    tags,
)
from runyard.stores.metadata.sql_pieces import Engine, Sql, whole_numbers

_NO_RUN = -1


def read_contents(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunContents]:
    """Return params, tags, inputs and outputs of each run, without its metrics."""
    numbers = run_numbers(connection, run_ids)
    found = list(numbers.values())
    params_of = _pairs_of(connection, params, found)
    tags_of = _pairs_of(connection, tags, found)
    datasets_of = _datasets_of(connection, found)
    inputs_of: dict[int, list[ModelInput]] = defaultdict(list)
    for row in _rows(connection, _in_position(model_inputs), model_inputs, found):
        inputs_of[row.run_number].append(ModelInput(row.model_id))
    outputs_of: dict[int, list[ModelOutput]] = defaultdict(list)
    for row in _rows(connection, _in_position(model_outputs), model_outputs, found):
        outputs_of[row.run_number].append(ModelOutput(row.model_id, row.step))
    return {
        run_id: RunContents(
            params=params_of.get(number, {}),
            tags=tags_of.get(number, {}),
            dataset_inputs=datasets_of.get(number, ()),
            model_inputs=inputs_of.get(number, ()),
            model_outputs=outputs_of.get(number, ()),
        )
        for run_id, number in ((run_id, numbers.get(run_id, _NO_RUN)) for run_id in run_ids)
    }


def run_numbers(connection: Connection, run_ids: Sequence[str]) -> dict[str, int]:
    """Return the numbers by which the tables know runs; an id that is no run's is left out."""
    query = select(runs.c.run_id, runs.c.run_number)
    return {
        row.run_id: row.run_number
        for part in chunks(run_ids)
        for row in connection.execute(query.where(runs.c.run_id.in_(part)))
    }


def _pairs_of(connection: Connection, table: Table, numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    # Past SQLAlchemy, whose rows cost more than all else that is done to show a run.
    engine, pairs = Engine(connection), defaultdict[int, dict[str, str]](dict)
    for part in chunks(numbers):
        where = f"WHERE run_number IN {whole_numbers(part)} ORDER BY run_number, key"
        for number, key, value in engine.rows(
            Sql(f"SELECT run_number, key, value FROM {table.name} {where}")
        ):
            pairs[number][key] = value
    return pairs


def _datasets_of(connection: Connection, numbers: Sequence[int]) -> dict[int, list[DatasetInput]]:
    tags_of: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    for row in _rows(connection, select(dataset_input_tags), dataset_input_tags, numbers):
        tags_of[row.run_number, row.dataset_id][row.key] = row.value
    used = select(dataset_inputs.c.run_number, datasets).join_from(dataset_inputs, datasets)
    found: dict[int, list[DatasetInput]] = defaultdict(list)
    for row in _rows(connection, used.order_by(dataset_inputs.c.position), dataset_inputs, numbers):
        dataset = Dataset(row.name, row.digest, row.source_type, row.source, row.schema, row.profile)
        found[row.run_number].append(DatasetInput(dataset, tags_of.get((row.run_number, row.dataset_id), {})))
    return found


def _in_position(table: Table) -> Select[Any]:
    return select(table).order_by(table.c.position)


def _rows(
    connection: Connection, query: Select[Any], table: Table, numbers: Sequence[int]
) -> Iterator[Row[Any]]:
    for part in chunks(numbers):
        yield from connection.execute(query.where(table.c.run_number.in_(part)))

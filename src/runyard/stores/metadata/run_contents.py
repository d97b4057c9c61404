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
    tags,
)


def read_contents(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunContents]:
    """Return params, tags, inputs and outputs of each run, without its metrics."""
    params_of = _pairs_of(connection, params, run_ids)
    tags_of = _pairs_of(connection, tags, run_ids)
    datasets_of = _datasets_of(connection, run_ids)
    inputs_of: dict[str, list[ModelInput]] = defaultdict(list)
    for row in _rows(connection, _in_position(model_inputs), model_inputs, run_ids):
        inputs_of[row.run_id].append(ModelInput(row.model_id))
    outputs_of: dict[str, list[ModelOutput]] = defaultdict(list)
    for row in _rows(connection, _in_position(model_outputs), model_outputs, run_ids):
        outputs_of[row.run_id].append(ModelOutput(row.model_id, row.step))
    return {
        run_id: RunContents(
            params=params_of.get(run_id, {}),
            tags=tags_of.get(run_id, {}),
            dataset_inputs=datasets_of.get(run_id, ()),
            model_inputs=inputs_of.get(run_id, ()),
            model_outputs=outputs_of.get(run_id, ()),
        )
        for run_id in run_ids
    }


def _pairs_of(connection: Connection, table: Table, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    pairs: dict[str, dict[str, str]] = defaultdict(dict)
    query = select(table.c.run_id, table.c.key, table.c.value)
    for row in _rows(connection, query, table, run_ids):
        pairs[row.run_id][row.key] = row.value
    return pairs


def _datasets_of(connection: Connection, run_ids: Sequence[str]) -> dict[str, list[DatasetInput]]:
    tags_of: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for row in _rows(connection, select(dataset_input_tags), dataset_input_tags, run_ids):
        tags_of[row.run_id, row.dataset_id][row.key] = row.value
    used = select(dataset_inputs.c.run_id, datasets).join_from(dataset_inputs, datasets)
    found: dict[str, list[DatasetInput]] = defaultdict(list)
    for row in _rows(connection, used.order_by(dataset_inputs.c.position), dataset_inputs, run_ids):
        dataset = Dataset(row.name, row.digest, row.source_type, row.source, row.schema, row.profile)
        found[row.run_id].append(DatasetInput(dataset, tags_of.get((row.run_id, row.dataset_id), {})))
    return found


def _in_position(table: Table) -> Select[Any]:
    return select(table).order_by(table.c.position)


def _rows(
    connection: Connection, query: Select[Any], table: Table, run_ids: Sequence[str]
) -> Iterator[Row[Any]]:
    for part in chunks(run_ids):
        yield from connection.execute(query.where(table.c.run_id.in_(part)))

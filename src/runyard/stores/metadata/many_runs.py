"""Many runs at once, and parts of them, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update

from runyard.entities.experiment import LifecycleStage
from runyard.errors import NotFound
from runyard.stores.database import Database, chunks
from runyard.stores.metadata import schema as tables
from runyard.stores.metadata.base_many_runs import ManyRunsStore, PairsTaken
from runyard.stores.metadata.schema import (
    REMOVED,
    dataset_input_tags,
    dataset_inputs,
    datasets,
    experiments,
    runs,
)
from runyard.stores.prepared import Prepared
from runyard.stores.rows import NOTHING_TAKEN, Taken, measure_rows, take_rows

READERS_AT_ONCE = 500
_NUMBER = Prepared("SELECT run_number FROM runs WHERE run_id = :run_id")


class SqlManyRuns(ManyRunsStore):
    """Changes the tables of runs; whatever it changes counts a run's ``revision`` up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def move_runs(self, run_ids: Sequence[str], stage: LifecycleStage, now_ms: int) -> list[str]:
        deleted_ms = now_ms if stage is LifecycleStage.DELETED else None
        moved: list[str] = []
        with self._database.writing() as connection:
            for part in chunks(run_ids):
                # Held, so that no collection takes the experiment away with a run that has just come back.
                held = (
                    select(experiments.c.experiment_id)
                    .where(
                        experiments.c.lifecycle_stage != REMOVED,
                        experiments.c.experiment_id.in_(
                            select(runs.c.experiment_id).where(runs.c.run_id.in_(part))
                        ),
                    )
                    .with_for_update(read=True)
                )
                chosen = (
                    runs.c.run_id.in_(part),
                    runs.c.lifecycle_stage.not_in((stage.value, REMOVED)),
                    runs.c.experiment_id.in_(connection.scalars(held).all()),
                )
                moved += connection.scalars(select(runs.c.run_id).where(*chosen).with_for_update())
            for part in chunks(moved):
                values = {"lifecycle_stage": stage.value, "deleted_ms": deleted_ms}
                _change(connection, runs.c.run_id.in_(part), **values)
        known = set(moved)
        return [run_id for run_id in dict.fromkeys(run_ids) if run_id in known]

    def delete_pairs(self, run_id: str, params: Sequence[str], tags: Sequence[str]) -> PairsTaken:
        with self._database.writing() as connection:
            number = _NUMBER.row(connection, run_id=run_id)
            if number is None:
                raise NotFound(f"Run with id={run_id} not found")
            taken = [
                take_rows(
                    connection, table, (table.c.run_number == number[0]) & table.c.key.in_(keys), len(keys)
                )
                for table, keys in ((tables.params, params), (tables.tags, tags))
            ]
            _change(connection, runs.c.run_id == run_id)
        return PairsTaken(taken[0].rows, taken[1].rows, taken[0].size_bytes + taken[1].size_bytes)

    def take_dataset(self, experiment_id: str, name: str, digest: str | None) -> Taken:
        chosen = select(datasets.c.dataset_id).where(
            datasets.c.experiment_id == int(experiment_id), datasets.c.name == name
        )
        if digest is not None:
            chosen = chosen.where(datasets.c.digest == digest)
        with self._database.writing() as connection:
            ids = connection.scalars(chosen).all()
            readers = select(dataset_inputs.c.run_number).where(dataset_inputs.c.dataset_id.in_(ids))
            some = connection.scalars(readers.distinct().limit(READERS_AT_ONCE)).all()
            _change(connection, runs.c.run_number.in_(some))
            taken = NOTHING_TAKEN
            for table in (dataset_input_tags, dataset_inputs):
                read = table.c.run_number.in_(some) & table.c.dataset_id.in_(ids)
                taken += measure_rows(connection, table, read)
                connection.execute(delete(table).where(read))
            if len(some) == READERS_AT_ONCE:
                return replace(taken, is_over=False)
            return taken + take_rows(connection, datasets, datasets.c.dataset_id.in_(ids), len(ids) + 1)


def _change(connection: Connection, chosen: ColumnElement[bool], **values: Any) -> None:
    connection.execute(update(runs).where(chosen).values(**values, revision=runs.c.revision + 1))

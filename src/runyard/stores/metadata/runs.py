"""Runs in SQL: their rows, params, tags, and what they read and wrote."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, and_, func, insert, select, update

from runyard.entities.experiment import LifecycleStage
from runyard.entities.run import (
    Dataset,
    DatasetInput,
    ModelInput,
    ModelOutput,
    Run,
    RunContents,
    RunStatus,
)
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database, chunks, insert_if_free, insert_missing
from runyard.stores.metadata.base import DatasetSummary, RunsFound, RunStore, Search
from runyard.stores.metadata.changed_runs import ChangedRuns
from runyard.stores.metadata.run_contents import read_contents
from runyard.stores.metadata.run_search import find_runs
from runyard.stores.metadata.schema import (
    DATASET_CONTEXT_TAG,
    REMOVED,
    dataset_input_tags,
    dataset_inputs,
    datasets,
    experiments,
    model_inputs,
    model_outputs,
    runs,
)
from runyard.stores.prepared import Prepared, PreparedRows

_COLUMNS = (
    "run_id, experiment_id, name, user_id, status, lifecycle_stage, artifact_uri,"
    " started_ms, ended_ms, deleted_ms"
)
_ADD = Prepared(
    f"INSERT INTO runs ({_COLUMNS}) VALUES (:run_id, :experiment_id, :name, :user_id, :status,"
    " :lifecycle_stage, :artifact_uri, :started_ms, :ended_ms, :deleted_ms)"
    " ON CONFLICT (run_id) DO NOTHING RETURNING run_number"
)
# The same and its first tags in one statement: on PostgreSQL each is a way there and back.
_ADD_WITH_TAGS = Prepared(
    f"WITH added AS ({_ADD.sql}), tagged AS (INSERT INTO tags (run_number, key, value)"
    " SELECT run_number, key, value FROM added CROSS JOIN"
    " unnest(CAST(:tag_keys AS text[]), CAST(:tag_values AS text[])) AS given (key, value))"
    " SELECT run_number FROM added"
)
_IS_THERE = (
    " WHERE runs.run_id = :run_id AND experiments.workspace = :workspace"
    f" AND runs.lifecycle_stage <> '{REMOVED}' AND experiments.lifecycle_stage <> '{REMOVED}'"
)
_GET = Prepared(
    f"SELECT {', '.join('runs.' + name for name in _COLUMNS.split(', '))}"
    " FROM runs JOIN experiments ON experiments.experiment_id = runs.experiment_id"
    f"{_IS_THERE}"
)
_LOCATE = Prepared(
    "SELECT runs.run_number, runs.revision FROM runs"
    " JOIN experiments ON experiments.experiment_id = runs.experiment_id"
    f"{_IS_THERE}"
)
_STAGE = Prepared(
    "SELECT runs.lifecycle_stage FROM runs JOIN experiments ON experiments.experiment_id = runs.experiment_id"
    f"{_IS_THERE}"
)
_GET_AND_HOLD = Prepared(f"{_GET.sql} FOR NO KEY UPDATE OF runs")
_NUMBER = Prepared("SELECT run_number FROM runs WHERE run_id = :run_id")
_CHANGED = Prepared("UPDATE runs SET revision = revision + 1 WHERE run_id = :run_id RETURNING run_number")
_PARAMS = Prepared("SELECT key, value FROM params WHERE run_number = :run_number")
_PAIR = {"run_number": "bigint", "key": "text", "value": "text"}
_ADD_PARAMS = PreparedRows("INSERT INTO params", _PAIR, "ON CONFLICT DO NOTHING")
_SET_TAGS = PreparedRows(
    "INSERT INTO tags", _PAIR, "ON CONFLICT (run_number, key) DO UPDATE SET value = excluded.value"
)
_DELETE_TAG = Prepared("DELETE FROM tags WHERE run_number = :run_number AND key = :key")


class SqlRuns(RunStore):
    """Keeps runs in the table ``runs`` and what hangs on them in a table each.

    Whatever changes a run here counts its ``revision`` up in the same transaction.
    """

    def __init__(self, database: Database, changed: ChangedRuns | None = None) -> None:
        self._database = database
        self._changed = changed or ChangedRuns()

    def add_run(self, run: Run, tags: Mapping[str, str]) -> None:
        with self._database.writing() as connection:
            number = _added(connection, _row(run), tags)
            if number is None:
                raise AlreadyExists(f"Run with id={run.run_id} already exists.")
            self._note_change(number)

    def get_run(self, workspace: str, run_id: str) -> Run:
        statement = _GET_AND_HOLD if self._database.holds_rows else _GET
        with self._database.reading(with_gathered=False) as connection:
            row = statement.row(connection, run_id=run_id, workspace=workspace)
        if row is None:
            raise NotFound(f"Run with id={run_id} not found")
        return _run(row, workspace)

    def get_stage(self, workspace: str, run_id: str) -> LifecycleStage:
        with self._database.reading(with_gathered=False) as connection:
            row = _STAGE.row(connection, run_id=run_id, workspace=workspace)
        if row is None:
            raise NotFound(f"Run with id={run_id} not found")
        return LifecycleStage(row[0])

    def find_run_ids(self, workspace: str, run_ids: Sequence[str]) -> list[str]:
        query = (
            select(runs.c.run_id)
            .join(experiments)
            .where(
                experiments.c.workspace == workspace,
                experiments.c.lifecycle_stage != REMOVED,
                runs.c.lifecycle_stage != REMOVED,
            )
        )
        with self._database.reading() as connection:
            known = {
                run_id
                for part in chunks(run_ids)
                for run_id in connection.scalars(query.where(runs.c.run_id.in_(part)))
            }
        return [run_id for run_id in run_ids if run_id in known]

    def read_contents(self, run_ids: Sequence[str]) -> dict[str, RunContents]:
        with self._database.reading() as connection:
            return read_contents(connection, run_ids)

    def update_run(
        self,
        run_id: str,
        status: RunStatus | None = None,
        ended_ms: int | None = None,
        name: str | None = None,
    ) -> None:
        values = {"status": status.value if status else None, "ended_ms": ended_ms, "name": name}
        changed = {column: value for column, value in values.items() if value is not None}
        if changed:
            self._update(run_id, **changed)

    def move_run(self, run_id: str, stage: LifecycleStage, now_ms: int) -> None:
        deleted_ms = now_ms if stage is LifecycleStage.DELETED else None
        self._update(run_id, lifecycle_stage=stage.value, deleted_ms=deleted_ms)

    def find_params(self, run_id: str, keys: Sequence[str]) -> dict[str, str]:
        wanted = set(keys)
        with self._database.reading() as connection:
            number = _NUMBER.row(connection, run_id=run_id)
            kept = _PARAMS.rows(connection, run_number=number[0]) if number else []
        return {key: value for key, value in kept if key in wanted}

    def add_params(self, run_id: str, params_: Mapping[str, str]) -> None:
        if params_:
            with self._changing(run_id) as (connection, number):
                _ADD_PARAMS.run(connection, _pairs(number, params_))

    def set_tags(self, run_id: str, tags_: Mapping[str, str]) -> None:
        if tags_:
            with self._changing(run_id) as (connection, number):
                _SET_TAGS.run(connection, _pairs(number, tags_))

    def delete_tag(self, run_id: str, key: str) -> bool:
        with contextlib.suppress(NotFound), self._changing(run_id) as (connection, number):
            return _DELETE_TAG.run(connection, run_number=number, key=key) > 0
        return False

    def add_inputs(self, run: Run, datasets_: Sequence[DatasetInput], models: Sequence[ModelInput]) -> None:
        with self._changing(run.run_id) as (connection, number):
            first = _next_position(connection, dataset_inputs, number)
            for position, item in enumerate(datasets_, first):
                dataset_id = _keep_dataset(connection, run.experiment_id, item.dataset)
                use = {"run_number": number, "dataset_id": dataset_id}
                where = and_(*(dataset_inputs.c[column] == value for column, value in use.items()))
                if connection.execute(select(dataset_inputs.c.position).where(where)).first() is not None:
                    continue
                connection.execute(insert(dataset_inputs), {**use, "position": position})
                tag_rows = [{**use, "key": key, "value": value} for key, value in item.tags.items()]
                insert_missing(connection, dataset_input_tags, tag_rows)
            first = _next_position(connection, model_inputs, number)
            model_ids = (model.model_id for model in models)
            insert_missing(connection, model_inputs, _numbered(number, model_ids, first))

    def add_outputs(self, run_id: str, models: Sequence[ModelOutput]) -> None:
        with self._changing(run_id) as (connection, number):
            first = _next_position(connection, model_outputs, number)
            rows = _numbered(number, (model.model_id for model in models), first)
            for row, model in zip(rows, models, strict=True):
                row["step"] = model.step
            insert_missing(connection, model_outputs, rows)

    def search_runs(self, search: Search) -> RunsFound:
        with self._database.reading() as connection:
            return find_runs(connection, search)

    def locate_run(self, workspace: str, run_id: str) -> RunsFound:
        with self._database.reading() as connection:
            row = _LOCATE.row(connection, run_id=run_id, workspace=workspace)
        if row is None:
            raise NotFound(f"Run with id={run_id} not found")
        return RunsFound([row[0]], [row[1]], last=None)

    def locate_runs(self, run_numbers: Sequence[int]) -> RunsFound:
        columns = runs.c
        query = select(columns.run_number, columns.revision).order_by(columns.run_number)
        with self._database.reading() as connection:
            rows = [
                row
                for part in chunks(run_numbers)
                for row in connection.execute(query.where(columns.run_number.in_(part)))
            ]
        return RunsFound([row[0] for row in rows], [row[1] for row in rows], last=None)

    def read_runs(self, run_numbers: Sequence[int]) -> list[Run]:
        columns = (
            runs.c.run_number,
            experiments.c.workspace,
            *(runs.c[name] for name in _COLUMNS.split(", ")),
        )
        query = select(*columns).join_from(runs, experiments)
        with self._database.reading() as connection:
            read = {
                row[0]: _run(row[2:], row[1])
                for part in chunks(run_numbers)
                for row in connection.execute(query.where(runs.c.run_number.in_(part)))
            }
        return [read[number] for number in run_numbers if number in read]

    def list_dataset_summaries(
        self, workspace: str, experiment_ids: Sequence[str], limit: int
    ) -> list[DatasetSummary]:
        is_context = and_(
            dataset_input_tags.c.run_number == dataset_inputs.c.run_number,
            dataset_input_tags.c.dataset_id == dataset_inputs.c.dataset_id,
            dataset_input_tags.c.key == DATASET_CONTEXT_TAG,
        )
        used = datasets.join(experiments).join(dataset_inputs).outerjoin(dataset_input_tags, is_context)
        columns = (datasets.c.experiment_id, datasets.c.name, datasets.c.digest, dataset_input_tags.c.value)
        query = (
            select(*columns)
            .select_from(used)
            .where(
                experiments.c.workspace == workspace,
                experiments.c.lifecycle_stage != REMOVED,
                datasets.c.experiment_id.in_([int(experiment_id) for experiment_id in experiment_ids]),
            )
            .distinct()
            .order_by(*columns)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [DatasetSummary(str(row[0]), row[1], row[2], row[3]) for row in connection.execute(query)]

    def _update(self, run_id: str, **values: Any) -> None:
        changed = update(runs).where(runs.c.run_id == run_id).returning(runs.c.run_number)
        with self._database.writing() as connection:
            for number in connection.scalars(changed.values(**values, revision=runs.c.revision + 1)):
                self._note_change(number)

    @contextlib.contextmanager
    def _changing(self, run_id: str) -> Iterator[tuple[Connection, int]]:
        """A transaction that changes what hangs on a run, and the run's number; its revision goes up."""
        with self._database.writing() as connection:
            found = _CHANGED.row(connection, run_id=run_id)
            if found is None:
                raise NotFound(f"Run with id={run_id} not found")
            self._note_change(found[0])
            yield connection, found[0]

    def _note_change(self, run_number: int) -> None:
        self._database.after_commit(lambda: self._changed.note(run_number))


def _added(connection: Connection, row: Mapping[str, Any], tags: Mapping[str, str]) -> int | None:
    """Insert a run with its first tags and return its number; ``None`` if its id is taken."""
    if connection.dialect.name == "postgresql":
        added = _ADD_WITH_TAGS.row(connection, **row, tag_keys=list(tags), tag_values=list(tags.values()))
    else:
        added = _ADD.row(connection, **row)
        if added is not None:
            _SET_TAGS.run(connection, _pairs(added[0], tags))
    return added[0] if added is not None else None


def _row(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "experiment_id": int(run.experiment_id),
        "name": run.name,
        "user_id": run.user_id,
        "status": run.status.value,
        "lifecycle_stage": run.lifecycle_stage.value,
        "artifact_uri": run.artifact_uri,
        "started_ms": run.started_ms,
        "ended_ms": run.ended_ms,
        "deleted_ms": run.deleted_ms,
    }


def _run(row: Sequence[Any], workspace: str) -> Run:
    run_id, experiment_id, name, user_id, status, stage, artifact_uri, started_ms, ended_ms, deleted_ms = row
    return Run(
        run_id=run_id,
        workspace=workspace,
        experiment_id=str(experiment_id),
        name=name,
        user_id=user_id,
        status=RunStatus(status),
        lifecycle_stage=LifecycleStage(stage),
        artifact_uri=artifact_uri,
        started_ms=started_ms,
        ended_ms=ended_ms,
        deleted_ms=deleted_ms,
    )


def _pairs(run_number: int, pairs: Mapping[str, str]) -> list[tuple[int, str, str]]:
    return [(run_number, key, value) for key, value in pairs.items()]


def _next_position(connection: Connection, table: Table, run_number: int) -> int:
    """Where the next of a run's inputs or outputs stands, after those of earlier requests."""
    last = select(func.max(table.c.position)).where(table.c.run_number == run_number)
    position = connection.execute(last).scalar()
    return 0 if position is None else int(position) + 1


def _numbered(run_number: int, model_ids: Iterable[str], first: int) -> list[dict[str, Any]]:
    return [
        {"run_number": run_number, "model_id": model_id, "position": position}
        for position, model_id in enumerate(model_ids, first)
    ]


def _keep_dataset(connection: Connection, experiment_id: str, dataset: Dataset) -> str:
    identity = {"experiment_id": int(experiment_id), "name": dataset.name, "digest": dataset.digest}
    where = and_(*(datasets.c[column] == value for column, value in identity.items()))
    known = connection.execute(select(datasets.c.dataset_id).where(where)).scalar()
    if known is not None:
        return str(known)
    dataset_id = uuid.uuid4().hex
    row = {
        **identity,
        "dataset_id": dataset_id,
        "source_type": dataset.source_type,
        "source": dataset.source,
        "schema": dataset.schema,
        "profile": dataset.profile,
    }
    if insert_if_free(connection, datasets, row):
        return dataset_id
    return str(connection.execute(select(datasets.c.dataset_id).where(where)).scalar_one())

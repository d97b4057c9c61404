"""Usage in SQL."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    Select,
    Table,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from runyard.entities.experiment import LifecycleStage
from runyard.entities.usage import ContentUse, ExperimentUse, FilesUse, MeasuredUse
from runyard.stores.database import Database, insert_missing
from runyard.stores.metadata.base_usage import ArtifactOwners, UsageStore
from runyard.stores.metadata.schema import (
    REMOVED,
    experiments,
    logged_models,
    metric_batches,
    metric_chunks,
    runs,
    workspaces,
)
from runyard.stores.metadata.schema_evaluation import evaluation_datasets
from runyard.stores.metadata.schema_operation import experiment_use, workspace_use
from runyard.stores.metadata.schema_registry import model_versions, registered_models
from runyard.stores.metadata.schema_traces import OF_TRACES, traces
from runyard.stores.rows import measure_rows

_DELETED = LifecycleStage.DELETED.value
_MEASURED = tuple(each.name for each in fields(MeasuredUse) if each.name != "measured_ms")
_NOTHING_MEASURED = dict.fromkeys((*_MEASURED, "added_points", "added_bytes", "claimed_ms"), 0)
_IS_THERE = experiments.c.lifecycle_stage != REMOVED

# Before all joins, as an index alone has it.
_RUNS_OF_EACH = (
    select(runs.c.experiment_id, func.count().label("run_count"))
    .where(runs.c.lifecycle_stage != REMOVED)
    .group_by(runs.c.experiment_id)
    .subquery("runs_of_each")
)


class SqlUsage(UsageStore):
    """Counts rows, and keeps ``workspace_use`` and ``experiment_use``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_contents(self, workspaces: Sequence[str]) -> dict[str, ContentUse]:
        counted: dict[str, dict[str, Any]] = {name: {"runs": defaultdict(int)} for name in workspaces}
        latest: dict[str, list[int]] = defaultdict(list)
        with self._database.reading() as connection:
            for row in connection.execute(_experiments_of(workspaces)):
                counted[row.workspace]["deleted_experiments" if _is_deleted(row) else "experiments"] = (
                    row.count
                )
                latest[row.workspace].append(row.latest_ms)
            for row in connection.execute(_runs_of(workspaces)):
                use = counted[row.workspace]
                if _is_deleted(row):
                    use["deleted_runs"] = use.get("deleted_runs", 0) + row.count
                else:
                    use["runs"][row.status] += row.count
                latest[row.workspace] += [row.latest_ms, row.ended_ms or 0]
            for row in connection.execute(_models_of(workspaces)):
                name = "deleted_logged_models" if _is_deleted(row) else "logged_models"
                counted[row.workspace][name] = row.count
                latest[row.workspace].append(row.latest_ms)
            for row in _rows_beside_runs(connection, workspaces):
                counted[row.workspace][row.what] = row.count
        return {
            name: ContentUse(
                **{**use, "runs": dict(use["runs"])}, last_activity_ms=max(latest[name], default=None)
            )
            for name, use in counted.items()
        }

    def count_points(self, workspace: str) -> int:
        with self._database.reading() as connection:
            return sum(_points_in(connection, table, workspace) for table in (metric_chunks, metric_batches))

    def measure_traces(self, workspace: str, at_once: int) -> Iterator[int]:
        columns, last = traces.c, ""
        of_this = (columns.workspace == workspace, _IS_THERE)
        query = select(columns.trace_number, columns.trace_id).join(experiments).where(*of_this)
        while True:
            following = query.where(columns.trace_id > last).order_by(columns.trace_id).limit(at_once)
            with self._database.reading() as connection:
                rows = connection.execute(following).all()
                numbers = [row.trace_number for row in rows]
                size_bytes = sum(
                    measure_rows(connection, table, table.c.trace_number.in_(numbers)).size_bytes
                    for table in (traces, *OF_TRACES)
                )
            yield size_bytes
            if len(rows) < at_once:
                return
            last = rows[-1].trace_id

    def rank_by_runs(self, workspaces: Sequence[str], limit: int) -> list[ExperimentUse]:
        query = _ranked(workspaces).where(_RUNS_OF_EACH.c.run_count > 0)
        return self._read_ranked(query.order_by(_RUNS_OF_EACH.c.run_count.desc()), limit)

    def rank_by_bytes(self, workspaces: Sequence[str], limit: int) -> list[ExperimentUse]:
        query = _ranked(workspaces).where(experiment_use.c.artifact_bytes > 0)
        return self._read_ranked(query.order_by(experiment_use.c.artifact_bytes.desc()), limit)

    def _read_ranked(self, query: Select[Any], limit: int) -> list[ExperimentUse]:
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(experiments.c.experiment_id).limit(limit)).all()
        return [
            ExperimentUse(
                workspace=row.workspace,
                experiment_id=str(row.experiment_id),
                name=row.name,
                is_deleted=_is_deleted(row),
                runs=row.run_count,
                artifact_files=row.artifact_files or 0,
                artifact_bytes=row.artifact_bytes or 0,
            )
            for row in rows
        ]

    def find_owners(self, workspace: str) -> ArtifactOwners:
        of_this = (experiments.c.workspace == workspace, _IS_THERE)
        query = select(
            experiments.c.experiment_id, experiments.c.artifact_location, experiments.c.lifecycle_stage
        )
        with self._database.reading() as connection:
            rows = connection.execute(query.where(*of_this)).all()
            deleted: set[str] = set()
            for table, name in ((runs, "run_id"), (logged_models, "model_id")):
                found = select(table.c[name]).join(experiments).where(*of_this)
                deleted.update(connection.scalars(found.where(table.c.lifecycle_stage == _DELETED)))
            kept_at = select(model_versions.c.kept_at).where(
                model_versions.c.workspace == workspace, model_versions.c.kept_at != ""
            )
            registered = set(connection.scalars(kept_at.distinct()))
        return ArtifactOwners(
            locations={str(row.experiment_id): row.artifact_location for row in rows},
            deleted_experiments={str(row.experiment_id) for row in rows if _is_deleted(row)},
            deleted=deleted,
            registered=registered,
        )

    def read_measured(self, workspaces: Sequence[str]) -> dict[str, MeasuredUse]:
        query = select(workspace_use).where(workspace_use.c.workspace.in_(workspaces))
        with self._database.reading() as connection:
            rows = {row.workspace: row for row in connection.execute(query)}
        return {name: _measured(rows[name]) if name in rows else MeasuredUse() for name in workspaces}

    def claim_measuring(self, workspace: str, now_ms: int, every_ms: int, within_ms: int) -> bool:
        columns = workspace_use.c
        is_due = columns.measured_ms.is_(None) | (columns.measured_ms <= now_ms - every_ms)
        claim = update(workspace_use).where(columns.workspace == workspace, is_due)
        with self._database.writing() as connection:
            insert_missing(connection, workspace_use, [{"workspace": workspace, **_NOTHING_MEASURED}])
            claimed = claim.where(columns.claimed_ms <= now_ms).values(claimed_ms=now_ms + within_ms)
            return connection.execute(claimed).rowcount > 0

    def keep_measured(
        self, workspace: str, measured: MeasuredUse, experiments: Mapping[str, FilesUse]
    ) -> None:
        values = {name: getattr(measured, name) for name in (*_MEASURED, "measured_ms")}
        of_this = workspace_use.c.workspace == workspace
        with self._database.writing() as connection:
            kept = update(workspace_use).where(of_this)
            if not connection.execute(kept.values(**_NOTHING_MEASURED | values)).rowcount:
                return  # it was removed meanwhile
            connection.execute(delete(experiment_use).where(experiment_use.c.workspace == workspace))
            rows = [
                {
                    "workspace": workspace,
                    "experiment_id": int(experiment_id),
                    "artifact_files": use.files,
                    "artifact_bytes": use.size_bytes,
                }
                for experiment_id, use in experiments.items()
            ]
            if rows:
                connection.execute(insert(experiment_use), rows)

    def note_use(self, workspace: str, points: int, size_bytes: int) -> None:
        columns = workspace_use.c
        more = {
            "added_points": columns.added_points + points,
            "added_bytes": columns.added_bytes + size_bytes,
        }
        with self._database.writing() as connection:
            change = update(workspace_use).where(columns.workspace == workspace).values(**more)
            if connection.execute(change).rowcount or not _exists(connection, workspace):
                return
            insert_missing(connection, workspace_use, [{"workspace": workspace, **_NOTHING_MEASURED}])
            connection.execute(change)


def _experiments_of(workspaces: Sequence[str]) -> Select[Any]:
    columns = experiments.c
    grouped = (columns.workspace, columns.lifecycle_stage)
    return (
        select(*grouped, func.count().label("count"), func.max(columns.updated_ms).label("latest_ms"))
        .where(columns.workspace.in_(workspaces), _IS_THERE)
        .group_by(*grouped)
    )


def _runs_of(workspaces: Sequence[str]) -> Select[Any]:
    grouped = (experiments.c.workspace, runs.c.lifecycle_stage, runs.c.status)
    return (
        select(
            *grouped,
            func.count().label("count"),
            func.coalesce(func.max(runs.c.started_ms), 0).label("latest_ms"),
            func.max(runs.c.ended_ms).label("ended_ms"),
        )
        .join_from(runs, experiments)
        .where(experiments.c.workspace.in_(workspaces), _IS_THERE, runs.c.lifecycle_stage != REMOVED)
        .group_by(*grouped)
    )


def _models_of(workspaces: Sequence[str]) -> Select[Any]:
    grouped = (experiments.c.workspace, logged_models.c.lifecycle_stage)
    latest = func.max(logged_models.c.updated_ms).label("latest_ms")
    return (
        select(*grouped, func.count().label("count"), latest)
        .join_from(logged_models, experiments)
        .where(experiments.c.workspace.in_(workspaces), _IS_THERE, logged_models.c.lifecycle_stage != REMOVED)
        .group_by(*grouped)
    )


def _rows_beside_runs(connection: Connection, workspaces: Sequence[str]) -> Iterator[Row[Any]]:
    """Yield how many of each kind there are in each workspace, by the name of the count."""
    for table, names in (
        (registered_models, ("registered_models", "prompts")),
        (model_versions, ("model_versions", "prompt_versions")),
    ):
        what = case((table.c.is_prompt, names[1]), else_=names[0]).label("what")
        grouped = (table.c.workspace, table.c.is_prompt)
        query = select(table.c.workspace, what, func.count().label("count"))
        yield from connection.execute(query.where(table.c.workspace.in_(workspaces)).group_by(*grouped))
    of_traces = select(traces.c.workspace, literal("traces").label("what"), func.count().label("count"))
    yield from connection.execute(
        of_traces.join(experiments)
        .where(traces.c.workspace.in_(workspaces), _IS_THERE)
        .group_by(traces.c.workspace)
    )
    columns = evaluation_datasets.c
    for name, count in (
        ("evaluation_datasets", func.count()),
        ("dataset_records", func.sum(columns.record_count)),
    ):
        query = select(columns.workspace, literal(name).label("what"), cast(count, BigInteger).label("count"))
        yield from connection.execute(
            query.where(columns.workspace.in_(workspaces)).group_by(columns.workspace)
        )


def _ranked(workspaces: Sequence[str]) -> Select[Any]:
    """Return the query of experiments, with what each holds."""
    of_use = (experiment_use.c.workspace == experiments.c.workspace) & (
        experiment_use.c.experiment_id == experiments.c.experiment_id
    )
    of_runs = _RUNS_OF_EACH.c.experiment_id == experiments.c.experiment_id
    return (
        select(
            experiments.c.workspace,
            experiments.c.experiment_id,
            experiments.c.name,
            experiments.c.lifecycle_stage,
            experiment_use.c.artifact_files,
            experiment_use.c.artifact_bytes,
            func.coalesce(_RUNS_OF_EACH.c.run_count, 0).label("run_count"),
        )
        .select_from(experiments.outerjoin(_RUNS_OF_EACH, of_runs).outerjoin(experiment_use, of_use))
        .where(experiments.c.workspace.in_(workspaces), _IS_THERE)
    )


def _points_in(connection: Connection, table: Table, workspace: str) -> int:
    query = (
        select(func.coalesce(func.sum(table.c.point_count), 0))
        .select_from(table.join(runs, runs.c.run_number == table.c.run_number).join(experiments))
        .where(experiments.c.workspace == workspace, _IS_THERE)
    )
    return int(connection.scalar(query) or 0)


def _measured(row: Any) -> MeasuredUse:
    values = {name: getattr(row, name) for name in (*_MEASURED, "measured_ms")}
    # What was removed since may have been noted for more than was there when it was measured.
    values["metric_points"] = max(0, row.metric_points + row.added_points)
    values["artifact_bytes"] = max(0, row.artifact_bytes + row.added_bytes)
    return MeasuredUse(**values)


def _exists(connection: Connection, workspace: str) -> bool:
    found = select(workspaces.c.name).where(workspaces.c.name == workspace)
    return connection.execute(found).first() is not None


def _is_deleted(row: Any) -> bool:
    return bool(row.lifecycle_stage == _DELETED)

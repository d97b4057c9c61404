"""The trash in SQL: finds what may go, and takes it away in small transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Table,
    delete,
    func,
    literal,
    select,
    text,
    union_all,
    update,
)

from runyard.entities.trash import Retention, Trashed, TrashKind
from runyard.entities.workspace import Workspace
from runyard.errors import InvalidState
from runyard.stores.artifacts.paths import ArtifactPath, proxied_path
from runyard.stores.database import Database
from runyard.stores.metadata import removable, removed_folders
from runyard.stores.metadata.base_trash import Claims, Stripped, TrashStore
from runyard.stores.metadata.claims import find_claims
from runyard.stores.metadata.schema import (
    REMOVED,
    dataset_input_tags,
    dataset_inputs,
    datasets,
    experiment_tags,
    experiments,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    model_inputs,
    model_outputs,
    params,
    removed_artifacts,
    retention_rules,
    runs,
    tags,
    workspaces,
)
from runyard.stores.metadata.schema_evaluation import (
    evaluation_dataset_experiments,
    issues,
    label_schemas,
    online_scoring,
    scorer_versions,
    scorers,
)
from runyard.stores.metadata.schema_identity import api_keys
from runyard.stores.metadata.schema_traces import OF_TRACES, traces
from runyard.stores.prepared import Prepared
from runyard.stores.rows import NOTHING_TAKEN, Taken, measure_rows, take_rows

ROWS_AT_ONCE = 1000
_LIVES = Prepared(
    "SELECT 1 FROM workspaces WHERE name = :name AND created_ms = :created_ms AND removed_ms IS NULL"
)

# What hangs on each kind, the parts before the wholes. A noun that comes to lie in the trash, as registered
# models and their versions will, adds a kind here and in `removable.py`, and what it keeps in `claims.py`.
_HANGS_ON: dict[TrashKind, tuple[Table, ...]] = {
    # What search keeps of a run (`run_documents`) comes and goes; it goes with the run, and is not counted.
    TrashKind.RUN: (
        params,
        tags,
        dataset_input_tags,
        dataset_inputs,
        model_inputs,
        model_outputs,
    ),
    TrashKind.LOGGED_MODEL: (logged_model_params, logged_model_tags, logged_model_metrics),
    TrashKind.EXPERIMENT: (
        *OF_TRACES,
        traces,
        experiment_tags,
        retention_rules,
        # An evaluation dataset belongs to the workspace: its link goes, it stays.
        evaluation_dataset_experiments,
        online_scoring,
        scorer_versions,
        scorers,
        issues,
        label_schemas,
    ),
}
_TABLE = {
    TrashKind.RUN: runs,
    TrashKind.LOGGED_MODEL: logged_models,
    TrashKind.EXPERIMENT: experiments,
}


class SqlTrash(TrashStore):
    """Reads the trash off the lifecycle stages, and keeps ``removed_artifacts``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_trash(self, workspace: str, limit: int, offset: int = 0) -> list[Trashed]:
        parts = [removable.in_trash(kind, workspace) for kind in TrashKind]
        found = union_all(*(_described(kind, part) for kind, part in zip(TrashKind, parts, strict=True)))
        query = found.order_by(text("deleted_ms DESC"), text("kind"), text("item_id")).limit(limit)
        with self._database.reading() as connection:
            return [_trashed(row) for row in connection.execute(query.offset(offset))]

    def list_removable(
        self, workspace: str, retentions: Sequence[Retention] | None, limit: int, offset: int = 0
    ) -> list[Trashed]:
        found: list[Trashed] = []
        with self._database.reading() as connection:
            for kind, query in removable.in_order(workspace, retentions):
                page = query.limit(limit - len(found)).offset(offset)
                rows = connection.execute(_described(kind, page)).all()
                found += map(_trashed, rows)
                if len(found) >= limit:
                    break
                if offset:
                    passed = connection.scalar(select(func.count()).select_from(query.subquery()))
                    offset = max(0, offset - (passed or 0))
        return found

    def claim(self, workspace: str, item: Trashed, retentions: Sequence[Retention]) -> bool:
        table, this = _TABLE[item.kind], _is(item)
        with self._database.writing() as connection:
            held = select(table.c.lifecycle_stage).where(this).with_for_update()
            stage = connection.scalar(held)
            if stage is None or stage == REMOVED:
                return stage is not None
            # Asked only now that nobody can change it: it may have been restored since it was listed.
            # Which runs are the last of many was decided when they were listed.
            asked = [each for each in retentions if each.covers(item.experiment_id)]
            if item.kind is TrashKind.RUN:
                asked = [replace(each, keep_last=0) for each in asked]
            not_begun = (removable.not_begun(item.kind, workspace, each) for each in asked)
            may_go = (removable.begun(item.kind, workspace), *not_begun)
            if all(connection.execute(query.where(this)).first() is None for query in may_go):
                return False
            connection.execute(update(table).where(this).values(lifecycle_stage=REMOVED))
            return True

    def strip(self, item: Trashed) -> Stripped:
        taken = Stripped()
        with self._database.writing() as connection:
            owner = _owner(connection, item)
            for table in _HANGS_ON[item.kind] if owner is not None else ():
                if taken.is_over:
                    part = take_rows(connection, table, _of(table, owner), ROWS_AT_ONCE - taken.rows)
                    taken += _by_kind(table, part)
        return taken

    def measure(self, item: Trashed) -> Stripped:
        taken = Stripped()
        with self._database.reading() as connection:
            owner = _owner(connection, item)
            if owner is None:
                return taken
            for table in _HANGS_ON[item.kind]:
                taken += _by_kind(table, measure_rows(connection, table, _of(table, owner)))
            return taken + Stripped(others=measure_rows(connection, _TABLE[item.kind], _is(item)))

    def bury(self, workspace: str, item: Trashed, now_ms: int) -> Taken:
        table = _TABLE[item.kind]
        with self._database.writing() as connection:
            if item.kind is TrashKind.EXPERIMENT and _holds_something(connection, item):
                return NOTHING_TAKEN
            if connection.scalar(select(table.c.lifecycle_stage).where(_is(item))) != REMOVED:
                return NOTHING_TAKEN
            # An experiment that is created meanwhile, and may name a folder in it, has to wait.
            connection.execute(
                select(workspaces.c.name).where(workspaces.c.name == workspace).with_for_update()
            )
            place = proxied_path(item.artifact_uri)
            if place is not None and place.segments:
                path = ArtifactPath((workspace,)) / place
                if _is_shared(connection, workspace, item):
                    # Where it lay in what was removed before it, it kept files there that are nobody's now.
                    removed_folders.note_not_emptied(connection, removed_folders.folders_of(path))
                else:
                    removed_folders.note_removed(connection, [path], now_ms)
            return take_rows(connection, table, _is(item), 1)

    def claims_if_removed(self, workspace: str, item: Trashed) -> Claims:
        place = proxied_path(item.artifact_uri)
        with self._database.reading() as connection:
            if place is None or not place.segments or _is_shared(connection, workspace, item):
                return Claims(is_inside=True)
            return find_claims(connection, ArtifactPath((workspace,)) / place, item)

    def take_unused_datasets(self, workspace: str, retention: Retention) -> Taken:
        with self._database.writing() as connection:
            condition = datasets.c.dataset_id.in_(removable.unused_datasets(workspace, retention))
            return take_rows(connection, datasets, condition, ROWS_AT_ONCE)

    def measure_unused_datasets(self, workspace: str, retention: Retention | None) -> Taken:
        with self._database.reading() as connection:
            unused = removable.datasets_once_collected(workspace, retention)
            return measure_rows(connection, datasets, datasets.c.dataset_id.in_(unused))

    def list_removed_artifacts(self, workspace: str, now_ms: int) -> list[ArtifactPath]:
        with self._database.reading() as connection:
            return removed_folders.list_due(connection, workspace, now_ms, ROWS_AT_ONCE)

    def begin_emptying(self, path: ArtifactPath) -> Claims | None:
        with self._database.writing() as connection:
            is_noted = removed_folders.note_not_emptied(connection, [str(path)])
            return find_claims(connection, path) if is_noted else None

    def find_kept(self, path: ArtifactPath) -> Sequence[ArtifactPath]:
        with self._database.reading() as connection:
            return find_claims(connection, path).kept

    def note_emptied(self, path: ArtifactPath, now_ms: int, is_forgotten: bool = False) -> None:
        with self._database.writing() as connection:
            if is_forgotten:
                removed_folders.forget(connection, path)
            else:
                removed_folders.note_emptied(connection, path, now_ms)

    def use_again(self, path: ArtifactPath) -> None:
        with self._database.writing() as connection:
            # Held, as whoever empties one of them asks for all that is used in it once it has marked it.
            above = self._database.locked(removed_folders.noted_above(path), removed_artifacts, shared=True)
            found = connection.execute(above).all()
            if any(row.emptied_ms is None for row in found):
                raise InvalidState(
                    f"The artifacts at '{path}' are being removed. Run `runyard gc`, or choose another place."
                )
            # What lies above stays removed: an upload that is still on its way there must not be taken.
            removed_folders.forget(connection, path)

    def is_removed(self, workspace: Workspace, path: ArtifactPath) -> bool:
        with self._database.reading() as connection:
            if _LIVES.row(connection, name=workspace.name, created_ms=workspace.created_ms) is None:
                return True
            return removed_folders.lies_in_removed(connection, path)

    def forget_old_removals(self, now_ms: int) -> None:
        with self._database.writing() as connection:
            removed_folders.forget_old(connection, now_ms)

    def claim_workspace(self, name: str, now_ms: int) -> bool:
        this = workspaces.c.name == name
        with self._database.writing() as connection:
            held = select(workspaces.c.removed_ms).where(this).with_for_update()
            row = connection.execute(held).first()
            if row is None:
                return False
            if row.removed_ms is None:
                connection.execute(update(workspaces).where(this).values(removed_ms=now_ms))
            # Each time: a request that was under way may have made one more.
            of_this = (experiments.c.workspace == name) & (experiments.c.lifecycle_stage != REMOVED)
            connection.execute(update(experiments).where(of_this).values(lifecycle_stage=REMOVED))
            return True

    def bury_workspace(self, name: str) -> bool:
        with self._database.writing() as connection:
            left = select(experiments.c.experiment_id).where(experiments.c.workspace == name).limit(1)
            if connection.execute(left).first() is not None:
                return False
            connection.execute(delete(api_keys).where(api_keys.c.workspace == name))
            gone = (workspaces.c.name == name) & workspaces.c.removed_ms.is_not(None)
            return connection.execute(delete(workspaces).where(gone)).rowcount > 0

    def database_bytes(self) -> int:
        with self._database.reading() as connection:
            if connection.dialect.name != "sqlite":
                return int(connection.scalar(select(func.pg_database_size(func.current_database()))) or 0)
            pages, size = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("page_count", "page_size")
            )
            return int(pages) * int(size)


def _described(kind: TrashKind, query: Select[Any]) -> Select[Any]:
    found = query.subquery()
    columns = found.c
    if kind is TrashKind.EXPERIMENT:
        item_id, deleted_ms, uri = columns.experiment_id, columns.updated_ms, columns.artifact_location
    else:
        item_id = columns.run_id if kind is TrashKind.RUN else columns.model_id
        deleted_ms, uri = columns.deleted_ms, columns.artifact_uri
    return select(
        literal(kind.value).label("kind"),
        item_id.cast(runs.c.run_id.type).label("item_id"),
        columns.name,
        columns.experiment_id,
        func.coalesce(deleted_ms, 0).label("deleted_ms"),
        uri.label("artifact_uri"),
        (columns.lifecycle_stage == REMOVED).label("is_begun"),
    )


def _trashed(row: Row[Any]) -> Trashed:
    return Trashed(
        kind=TrashKind(row.kind),
        item_id=row.item_id,
        name=row.name,
        experiment_id=str(row.experiment_id),
        deleted_ms=row.deleted_ms,
        artifact_uri=row.artifact_uri,
        is_begun=bool(row.is_begun),
    )


def _is(item: Trashed) -> Any:
    if item.kind is TrashKind.EXPERIMENT:
        return experiments.c.experiment_id == int(item.item_id)
    column = runs.c.run_id if item.kind is TrashKind.RUN else logged_models.c.model_id
    return column == item.item_id


def _owner(connection: Connection, item: Trashed) -> Any:
    """Return what the tables that hang on it know it by, or ``None`` if it is gone."""
    table = _TABLE[item.kind]
    (key,) = table.primary_key
    return connection.scalar(select(key).where(_is(item)))


def _of(table: Table, owner: Any) -> Any:
    if table in OF_TRACES:
        inside = select(traces.c.trace_number).where(traces.c.experiment_id == owner)
        return table.c.trace_number.in_(inside)
    for name in ("run_number", "model_id", "experiment_id"):
        if name in table.c:
            return table.c[name] == owner
    raise AssertionError(f"{table.name} hangs on nothing")


def _by_kind(table: Table, taken: Taken) -> Stripped:
    if table is traces:
        return Stripped(of_traces=taken, traces=taken.rows)
    return Stripped(of_traces=taken) if table in OF_TRACES else Stripped(others=taken)


def _is_shared(connection: Connection, workspace: str, item: Trashed) -> bool:
    """Whether an experiment's folder lies within that of another one, which may keep something in it."""
    if item.kind is not TrashKind.EXPERIMENT:
        return False
    query = select(experiments.c.artifact_location).where(
        experiments.c.workspace == workspace,
        experiments.c.lifecycle_stage != REMOVED,
        experiments.c.experiment_id != int(item.item_id),
    )
    own = item.artifact_uri
    return any(own.startswith(f"{location.rstrip('/')}/") for location in connection.scalars(query))


def _holds_something(connection: Connection, item: Trashed) -> bool:
    return any(
        connection.execute(select(table).where(_lies_in(table, item)).limit(1)).first() is not None
        for table in (runs, logged_models, datasets, traces)
    )


def _lies_in(table: Table, item: Trashed) -> Any:
    return table.c.experiment_id == int(item.experiment_id)

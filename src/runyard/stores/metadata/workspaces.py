"""Workspaces in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import RowMapping, delete, func, insert, select, update

from runyard.entities.experiment import LifecycleStage
from runyard.entities.workspace import DEFAULT_WORKSPACE, Workspace, WorkspaceUse
from runyard.errors import AlreadyExists, NotFound
from runyard.stores.database import Database, insert_if_free
from runyard.stores.metadata.base import WorkspaceStore
from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.schema import experiments, logged_models, runs, workspace_tags, workspaces
from runyard.stores.metadata.schema_assets import data_assets, environments
from runyard.stores.metadata.schema_datastores import datastores, secrets
from runyard.stores.metadata.schema_evaluation import evaluation_datasets
from runyard.stores.metadata.schema_jobs import compute_targets
from runyard.stores.metadata.schema_registry import registered_models
from runyard.stores.metadata.schema_traces import traces

_BY_WORKSPACE = {
    "registered models and prompts": registered_models,
    "evaluation datasets": evaluation_datasets,
    "traces": traces,
    "environments": environments,
    "data assets": data_assets,
    "datastores": datastores,
    "secrets": secrets,
    "compute targets": compute_targets,
}
DEFAULT_EXPERIMENT = "Default"
DEFAULT_EXPERIMENT_ID = 0
"""What MLflow's clients log to when no experiment was chosen."""


class SqlWorkspaces(WorkspaceStore):
    """Keeps workspaces in the tables ``workspaces`` and ``workspace_tags``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_workspace(
        self, name: str, description: str | None, tags: Mapping[str, str], now_ms: int
    ) -> Workspace:
        is_default = name == DEFAULT_WORKSPACE
        with self._database.writing() as connection:
            row = {"name": name, "description": description, "created_ms": now_ms, "default_experiment_id": 0}
            if not insert_if_free(connection, workspaces, row):
                raise AlreadyExists(f"Workspace '{name}' already exists.")
            experiment_id = SqlExperiments(self._database).add_with_id(
                name, DEFAULT_EXPERIMENT, now_ms, DEFAULT_EXPERIMENT_ID if is_default else None
            )
            connection.execute(
                update(workspaces)
                .where(workspaces.c.name == name)
                .values(default_experiment_id=int(experiment_id))
            )
            if tags:
                rows = [{"workspace": name, "key": key, "value": value} for key, value in tags.items()]
                connection.execute(insert(workspace_tags), rows)
        return Workspace(name, experiment_id, now_ms, description, dict(tags))

    def get_workspace(self, name: str) -> Workspace:
        with self._database.reading() as connection:
            query = select(workspaces).where(workspaces.c.name == name, workspaces.c.removed_ms.is_(None))
            row = connection.execute(query).mappings().first()
            if row is None:
                raise NotFound(f"Workspace '{name}' not found")
            found = select(workspace_tags).where(workspace_tags.c.workspace == name)
            return _workspace(row, {tag.key: tag.value for tag in connection.execute(found)})

    def list_workspaces(self) -> list[Workspace]:
        with self._database.reading() as connection:
            tags: dict[str, dict[str, str]] = {}
            for tag in connection.execute(select(workspace_tags)):
                tags.setdefault(tag.workspace, {})[tag.key] = tag.value
            query = select(workspaces).where(workspaces.c.removed_ms.is_(None)).order_by(workspaces.c.name)
            rows = connection.execute(query).mappings()
            return [_workspace(row, tags.get(row["name"], {})) for row in rows]

    def describe_workspace(self, name: str, description: str) -> None:
        this = (workspaces.c.name == name, workspaces.c.removed_ms.is_(None))
        with self._database.writing() as connection:
            changed = update(workspaces).where(*this).values(description=description)
            if not connection.execute(changed).rowcount:
                raise NotFound(f"Workspace '{name}' not found")

    def tag_workspace(self, name: str, tags: Mapping[str, str]) -> None:
        with self._database.writing() as connection:
            this = (workspaces.c.name == name, workspaces.c.removed_ms.is_(None))
            if connection.execute(select(workspaces.c.name).where(*this)).first() is None:
                raise NotFound(f"Workspace '{name}' not found")
            connection.execute(delete(workspace_tags).where(workspace_tags.c.workspace == name))
            rows = [{"workspace": name, "key": key, "value": value} for key, value in tags.items()]
            if rows:
                connection.execute(insert(workspace_tags), rows)

    def count_contents(self, name: str) -> dict[str, int]:
        of_this = experiments.c.workspace == name
        its_own = select(workspaces.c.default_experiment_id).where(workspaces.c.name == name)
        not_its_own = experiments.c.experiment_id != its_own.scalar_subquery()
        counted = {
            "experiments": select(func.count()).select_from(experiments).where(of_this, not_its_own),
            "runs": select(func.count()).select_from(runs.join(experiments)).where(of_this),
            "logged models": select(func.count()).select_from(logged_models.join(experiments)).where(of_this),
        }
        for kind, table in _BY_WORKSPACE.items():
            counted[kind] = select(func.count()).select_from(table).where(table.c.workspace == name)
        with self._database.reading() as connection:
            found = {kind: int(connection.scalar(query) or 0) for kind, query in counted.items()}
        return {kind: count for kind, count in found.items() if count}

    def measure_use(self, names: Sequence[str]) -> dict[str, WorkspaceUse]:
        active = LifecycleStage.ACTIVE.value
        of_these = experiments.c.workspace.in_(names)
        experiment_counts = (
            select(experiments.c.workspace, func.count())
            .where(of_these, experiments.c.lifecycle_stage == active)
            .group_by(experiments.c.workspace)
        )
        run_counts = (
            select(experiments.c.workspace, func.count())
            .select_from(experiments.join(runs))
            .where(of_these, runs.c.lifecycle_stage == active)
            .group_by(experiments.c.workspace)
        )
        with self._database.reading() as connection:
            of_experiments = {row[0]: row[1] for row in connection.execute(experiment_counts)}
            of_runs = {row[0]: row[1] for row in connection.execute(run_counts)}
        return {name: WorkspaceUse(of_experiments.get(name, 0), of_runs.get(name, 0)) for name in names}


def _workspace(row: RowMapping, tags: Mapping[str, str]) -> Workspace:
    return Workspace(
        name=row["name"],
        default_experiment_id=str(row["default_experiment_id"]),
        created_ms=row["created_ms"],
        description=row["description"],
        tags=tags,
    )

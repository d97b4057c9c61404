"""Opens the stores of a server: the only place that knows which backends there are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runyard.settings import Durability
from runyard.stores.artifacts.base import ArtifactStore
from runyard.stores.artifacts.folder import FolderArtifactStore
from runyard.stores.database import Database, connect_sqlite, open_sqlite
from runyard.stores.group_commit import GroupCommit
from runyard.stores.metadata.base import ExperimentStore, RunStore, WorkspaceStore
from runyard.stores.metadata.base_credentials import CredentialStore
from runyard.stores.metadata.base_logged_models import LoggedModelStore
from runyard.stores.metadata.cached_credentials import CachedCredentials
from runyard.stores.metadata.credentials import SqlCredentials
from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.logged_models import SqlLoggedModels
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.stores.metrics.base import MetricStore
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.upkeep import MetricUpkeep


@dataclass(frozen=True, slots=True)
class MetadataStore:
    """The metadata store: a small store for each noun, over one database."""

    workspaces: WorkspaceStore
    experiments: ExperimentStore
    runs: RunStore
    logged_models: LoggedModelStore
    credentials: CredentialStore


@dataclass(frozen=True, slots=True)
class Stores:
    """All that a server remembers."""

    metadata: MetadataStore
    metrics: MetricStore
    artifacts: ArtifactStore
    database: Database
    upkeep: MetricUpkeep
    commits: GroupCommit

    @contextlib.contextmanager
    def atomic(self) -> Iterator[None]:
        """Make all that the block changes in metadata and metrics one change, or none if it raises."""
        with self.database.writing():
            yield

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all that the block reads of metadata and metrics come from one state, summaries up to date."""
        self.metrics.settle()
        with self.database.reading_together():
            yield

    def close(self) -> None:
        """Write what was accepted and let go of files and connections."""
        self.commits.close()
        self.upkeep.stop()
        self.database.close()


@dataclass(frozen=True, slots=True)
class AsItIs:
    """What a home holds, opened to be copied: of whatever schema, and nothing in it is changed."""

    database: Database
    artifacts: ArtifactStore

    def close(self) -> None:
        """Let go of files and connections."""
        self.database.close()


def open_as_it_is(database_path: Path, artifact_root: Path) -> AsItIs:
    """Return database and artifacts of a home without bringing its schema up to date."""
    return AsItIs(connect_sqlite(database_path), FolderArtifactStore(artifact_root))


def open_stores(
    database_path: Path, artifact_root: Path, durability: Durability = Durability.COMMIT
) -> Stores:
    """Return the stores in a SQLite file and a local folder, made if need be."""
    database = open_sqlite(database_path, durability)
    metadata = MetadataStore(
        workspaces=SqlWorkspaces(database),
        experiments=SqlExperiments(database),
        runs=SqlRuns(database),
        logged_models=SqlLoggedModels(database),
        credentials=CachedCredentials(SqlCredentials(database)),
    )
    metrics = SqlMetrics(database)
    return Stores(
        metadata=metadata,
        metrics=metrics,
        artifacts=FolderArtifactStore(artifact_root),
        database=database,
        commits=GroupCommit(database),
        upkeep=MetricUpkeep(database, metrics),
    )

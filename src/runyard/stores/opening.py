"""Opens the stores of a server: the only place that knows which backends there are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from runyard.errors import InvalidParameter
from runyard.settings import Durability
from runyard.stores.artifacts.base import ArtifactStore
from runyard.stores.artifacts.locations import open_artifacts
from runyard.stores.database import Database, bring_schema_up_to_date
from runyard.stores.group_commit import GroupCommit
from runyard.stores.metadata.audit import SqlAudit
from runyard.stores.metadata.base import ExperimentStore, RunStore, WorkspaceStore
from runyard.stores.metadata.base_audit import AuditStore
from runyard.stores.metadata.base_credentials import CredentialStore
from runyard.stores.metadata.base_data_assets import DataAssetStore
from runyard.stores.metadata.base_datastores import DatastoreStore
from runyard.stores.metadata.base_devices import DeviceStore
from runyard.stores.metadata.base_documents import RunDocumentStore
from runyard.stores.metadata.base_environments import EnvironmentStore
from runyard.stores.metadata.base_evaluation_datasets import DatasetRecordStore, EvaluationDatasetStore
from runyard.stores.metadata.base_events import EventStore
from runyard.stores.metadata.base_issues import IssueStore
from runyard.stores.metadata.base_jobs import ComputeTargetStore, JobStore, SnapshotStore
from runyard.stores.metadata.base_label_schemas import LabelSchemaStore
from runyard.stores.metadata.base_logged_models import LoggedModelStore
from runyard.stores.metadata.base_many_runs import ManyRunsStore
from runyard.stores.metadata.base_model_versions import ModelVersionStore
from runyard.stores.metadata.base_provider_sessions import ProviderSessionStore
from runyard.stores.metadata.base_quotas import QuotaStore
from runyard.stores.metadata.base_registered_models import RegisteredModelStore
from runyard.stores.metadata.base_retention import RetentionRuleStore
from runyard.stores.metadata.base_rights import RightsStore
from runyard.stores.metadata.base_scorers import ScorerStore
from runyard.stores.metadata.base_secrets import SecretStore
from runyard.stores.metadata.base_sweeps import SweepStore
from runyard.stores.metadata.base_trace_metrics import TraceMetricStore
from runyard.stores.metadata.base_traces import AssessmentStore, SpanStore, TraceStore
from runyard.stores.metadata.base_trash import TrashStore
from runyard.stores.metadata.base_usage import UsageStore
from runyard.stores.metadata.base_webhooks import WebhookStore
from runyard.stores.metadata.cached_credentials import CachedCredentials
from runyard.stores.metadata.cached_rights import CachedRights
from runyard.stores.metadata.changed_runs import ChangedRuns
from runyard.stores.metadata.compute_targets import SqlComputeTargets
from runyard.stores.metadata.credentials import SqlCredentials
from runyard.stores.metadata.data_assets import SqlDataAssets
from runyard.stores.metadata.dataset_records import SqlDatasetRecords
from runyard.stores.metadata.datastores import SqlDatastores
from runyard.stores.metadata.devices import SqlDevices
from runyard.stores.metadata.environments import SqlEnvironments
from runyard.stores.metadata.evaluation_datasets import SqlEvaluationDatasets
from runyard.stores.metadata.events import SqlEvents
from runyard.stores.metadata.experiments import SqlExperiments
from runyard.stores.metadata.issues import SqlIssues
from runyard.stores.metadata.jobs import SqlJobs
from runyard.stores.metadata.label_schemas import SqlLabelSchemas
from runyard.stores.metadata.logged_models import SqlLoggedModels
from runyard.stores.metadata.many_runs import SqlManyRuns
from runyard.stores.metadata.model_versions import SqlModelVersions
from runyard.stores.metadata.provider_sessions import SqlProviderSessions
from runyard.stores.metadata.quotas import SqlQuotas
from runyard.stores.metadata.registered_models import SqlRegisteredModels
from runyard.stores.metadata.retention import SqlRetentionRules
from runyard.stores.metadata.rights import SqlRights
from runyard.stores.metadata.run_documents import SqlRunDocuments
from runyard.stores.metadata.runs import SqlRuns
from runyard.stores.metadata.scorers import SqlScorers
from runyard.stores.metadata.secrets import SqlSecrets
from runyard.stores.metadata.snapshots import SqlSnapshots
from runyard.stores.metadata.spans import SqlAssessments, SqlSpans
from runyard.stores.metadata.sweeps import SqlSweeps
from runyard.stores.metadata.trace_metrics import SqlTraceMetrics
from runyard.stores.metadata.traces import SqlTraces
from runyard.stores.metadata.trash import SqlTrash
from runyard.stores.metadata.usage import SqlUsage
from runyard.stores.metadata.webhooks import SqlWebhooks
from runyard.stores.metadata.workspaces import SqlWorkspaces
from runyard.stores.metrics.base import MetricStore
from runyard.stores.metrics.sql import SqlMetrics
from runyard.stores.metrics.upkeep import MetricUpkeep
from runyard.stores.postgres import connect_postgres
from runyard.stores.sqlite import connect_sqlite


@dataclass(frozen=True, slots=True)
class MetadataStore:
    """The metadata store: a small store for each noun, over one database."""

    workspaces: WorkspaceStore
    experiments: ExperimentStore
    runs: RunStore
    documents: RunDocumentStore
    many_runs: ManyRunsStore
    logged_models: LoggedModelStore
    evaluation_datasets: EvaluationDatasetStore
    dataset_records: DatasetRecordStore
    scorers: ScorerStore
    issues: IssueStore
    label_schemas: LabelSchemaStore
    registered_models: RegisteredModelStore
    model_versions: ModelVersionStore
    environments: EnvironmentStore
    data_assets: DataAssetStore
    traces: TraceStore
    spans: SpanStore
    assessments: AssessmentStore
    trace_metrics: TraceMetricStore
    credentials: CredentialStore
    rights: RightsStore
    audit: AuditStore
    devices: DeviceStore
    provider_sessions: ProviderSessionStore
    trash: TrashStore
    retention_rules: RetentionRuleStore
    usage: UsageStore
    quotas: QuotaStore
    events: EventStore
    webhooks: WebhookStore
    secrets: SecretStore
    datastores: DatastoreStore
    jobs: JobStore
    compute_targets: ComputeTargetStore
    snapshots: SnapshotStore
    sweeps: SweepStore


@dataclass(frozen=True, slots=True)
class Stores:
    """All that a server remembers."""

    metadata: MetadataStore
    metrics: MetricStore
    artifacts: ArtifactStore
    database: Database
    upkeep: MetricUpkeep
    commits: GroupCommit

    def atomic(self, alone_for: str | None = None) -> AbstractContextManager[object]:
        """Make all that the block changes in metadata and metrics one change, or none if it raises.

        What the block reads of a run, an experiment or a model by its id stays as it is until the end.

        Args:
            alone_for: A purpose that only one such block of all servers may have at a time, for decisions
                that no row stands for.
        """
        return self.database.together() if alone_for is None else self._alone(alone_for)

    @contextlib.contextmanager
    def _alone(self, purpose: str) -> Iterator[None]:
        with self.database.writing():
            self.database.take_turns(purpose)
            yield

    @contextlib.contextmanager
    def snapshot(self, experiment_ids: Sequence[str] | None = None) -> Iterator[None]:
        """Let all that the block reads of metadata and metrics come from one state, summaries up to date.

        Args:
            experiment_ids: Where all runs are that the block reads, if it knows.
        """
        self.metrics.settle(experiment_ids)
        with self.database.reading_together():
            yield

    def close(self) -> None:
        """Write what was accepted and let go of files and connections."""
        self.commits.close()
        self.upkeep.stop()
        self.database.close()


@dataclass(frozen=True, slots=True)
class AsItIs:
    """What a server remembers, opened to be copied: of whatever schema, and nothing in it is changed.

    ``secrets_key`` is where the key lies that secrets in the database are encrypted with, if there is one.
    """

    database: Database
    artifacts: ArtifactStore
    secrets_key: Path | None = None

    def close(self) -> None:
        """Let go of files and connections."""
        self.database.close()


def open_as_it_is(database_address: str | Path, artifact_root: Path, artifact_store: str = "") -> AsItIs:
    """Return a database and its artifacts without bringing the schema up to date."""
    database = connect_database(database_address, connections=2)
    return AsItIs(database, open_artifacts(artifact_store, artifact_root))


def open_stores(
    database_address: str | Path,
    artifact_root: Path,
    artifact_store: str = "",
    connections: int = 16,
    durability: Durability = Durability.COMMIT,
) -> Stores:
    """Return the stores in a database and in an object store or a local folder, made if need be.

    Args:
        database_address: A SQLite file, or ``postgresql://…``.
        artifact_root: The folder of all artifacts, where there is no ``artifact_store``.
        artifact_store: The address of a bucket and a prefix in it.
        connections: How many connections to open to a database of another process at most.
        durability: What a commit to SQLite, and a file in the folder, waits for.
    """
    database = connect_database(database_address, connections, durability)
    bring_schema_up_to_date(database)
    changed = ChangedRuns()
    metadata = MetadataStore(
        workspaces=SqlWorkspaces(database),
        experiments=SqlExperiments(database),
        runs=SqlRuns(database, changed),
        documents=SqlRunDocuments(database, changed),
        many_runs=SqlManyRuns(database),
        logged_models=SqlLoggedModels(database),
        evaluation_datasets=SqlEvaluationDatasets(database),
        dataset_records=SqlDatasetRecords(database),
        scorers=SqlScorers(database),
        issues=SqlIssues(database),
        label_schemas=SqlLabelSchemas(database),
        registered_models=SqlRegisteredModels(database),
        model_versions=SqlModelVersions(database),
        environments=SqlEnvironments(database),
        data_assets=SqlDataAssets(database),
        traces=SqlTraces(database),
        spans=SqlSpans(database),
        assessments=SqlAssessments(database),
        trace_metrics=SqlTraceMetrics(database),
        credentials=CachedCredentials(SqlCredentials(database), is_writing=lambda: database.is_writing),
        rights=CachedRights(SqlRights(database)),
        audit=SqlAudit(database),
        devices=SqlDevices(database),
        provider_sessions=SqlProviderSessions(database),
        trash=SqlTrash(database),
        retention_rules=SqlRetentionRules(database),
        usage=SqlUsage(database),
        quotas=SqlQuotas(database),
        events=SqlEvents(database),
        webhooks=SqlWebhooks(database),
        secrets=SqlSecrets(database),
        datastores=SqlDatastores(database),
        jobs=SqlJobs(database),
        compute_targets=SqlComputeTargets(database),
        snapshots=SqlSnapshots(database),
        sweeps=SqlSweeps(database),
    )
    metrics = SqlMetrics(database)
    return Stores(
        metadata=metadata,
        metrics=metrics,
        artifacts=open_artifacts(artifact_store, artifact_root, durability=durability),
        database=database,
        commits=GroupCommit(database),
        upkeep=MetricUpkeep(database, metrics),
    )


def connect_database(
    address: str | Path, connections: int, durability: Durability = Durability.COMMIT
) -> Database:
    """Return the database at an address as it is, whatever schema it has.

    Raises:
        InvalidParameter: The address is none of a database that Runyard knows.
        Unavailable: Nothing answers there.
    """
    if isinstance(address, Path):
        return connect_sqlite(address, durability)
    if address.startswith(("postgresql://", "postgres://")):
        return connect_postgres(address, connections)
    raise InvalidParameter(
        "The database (--database, RUNYARD_DATABASE) must be postgresql://user@host/name. Left out, the data "
        "is in a SQLite file."
    )

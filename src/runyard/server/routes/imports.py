"""Runyard's own routes for taking over what was logged elsewhere, with its ids and times."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.experiment import LifecycleStage
from runyard.entities.logged_model import LoggedModel, LoggedModelMetric
from runyard.entities.registered_model import ModelVersion, RegisteredModel, Stage
from runyard.entities.run import Run, RunContents, RunStatus
from runyard.protocol.messages.common import Empty, mapping
from runyard.protocol.messages.imports import (
    BegunRun,
    CountImported,
    FinishExperiment,
    FinishRuns,
    ImportedCounts,
    ImportedRun,
    ImportedVersion,
    ImportExperiment,
    ImportExperimentAnswer,
    ImportModel,
    ImportModelAnswer,
    ImportRegisteredModel,
    ImportRegisteredModelAnswer,
    ImportRuns,
    ImportRunsAnswer,
)
from runyard.protocol.messages.logged_models import model_status
from runyard.protocol.messages.runs import dataset_inputs, model_inputs, model_outputs, run_status
from runyard.protocol.registry_names import stage_named
from runyard.protocol.wire import invalid
from runyard.server.routing import Routes
from runyard.services import imported_counts, imports, registry_imports
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/import"


@routes.post(
    f"{_BASE}/experiments",
    permits=Permission.MANAGE,
    summary="Make the experiment that takes what is imported from a source, or find it.",
)
def begin_experiment(call: Call, body: ImportExperiment) -> ImportExperimentAnswer:
    """Answer the experiment of the name."""
    experiment, is_new = imports.begin_experiment(
        call, body.source, body.name, body.creation_time, mapping(body.tags), body.artifact_location
    )
    return ImportExperimentAnswer(
        experiment_id=experiment.experiment_id,
        is_new=is_new,
        lifecycle_stage=experiment.lifecycle_stage.value,
    )


@routes.post(
    f"{_BASE}/experiments/finish",
    permits=Permission.MANAGE,
    summary="Give an imported experiment the time of its last change and its lifecycle stage.",
)
def finish_experiment(call: Call, body: FinishExperiment) -> Empty:
    """Note that all of an experiment has come."""
    stage = LifecycleStage.__members__.get(body.lifecycle_stage.upper())
    if stage is None:
        raise invalid("lifecycle_stage", body.lifecycle_stage, "Expected active or deleted.")
    imports.finish_experiment(call, body.source, body.experiment_id, body.last_update_time, stage)
    return Empty()


@routes.post(
    f"{_BASE}/runs",
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Keep up to 100 runs with their ids and times; metrics and files follow by the usual routes.",
)
def begin_runs(call: Call, body: ImportRuns) -> ImportRunsAnswer:
    """Answer where the files of each run go, and which of them were complete before."""
    begun = imports.begin_runs(call, body.source, [_described(run) for run in body.runs])
    return ImportRunsAnswer(
        runs=[
            BegunRun(run_id=each.run.run_id, artifact_uri=each.run.artifact_uri, is_complete=each.is_complete)
            for each in begun
        ]
    )


@routes.post(
    f"{_BASE}/runs/finish",
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Mark imported runs as complete, and move those to the trash that were there.",
)
def finish_runs(call: Call, body: FinishRuns) -> Empty:
    """Note that all of some runs has come."""
    finished = [imports.FinishedRun(run.run_id, run.deleted_time, run.is_open) for run in body.runs]
    imports.finish_runs(call, body.source, finished)
    return Empty()


@routes.post(
    f"{_BASE}/logged-models",
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Keep a logged model with its id, times and metrics; its files follow by the usual routes.",
)
def import_model(call: Call, body: ImportModel) -> ImportModelAnswer:
    """Answer where the model's files go."""
    model, skipped = imports.import_model(call, body.source, _described_model(call, body), body.deleted_time)
    return ImportModelAnswer(
        model_id=model.model_id, artifact_uri=model.artifact_uri, skipped_metrics=skipped
    )


@routes.post(
    f"{_BASE}/registered-models",
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Keep a registered model with its times and up to 100 of its versions with their numbers.",
)
def import_registered_model(call: Call, body: ImportRegisteredModel) -> ImportRegisteredModelAnswer:
    """Answer how many versions are new, and what is wrong with those that are left out."""
    created_ms = call.now_ms() if body.creation_timestamp is None else body.creation_timestamp
    updated_ms = body.last_updated_timestamp
    model = RegisteredModel(
        call.workspace.name,
        body.name,
        created_ms,
        created_ms if updated_ms is None else updated_ms,
        body.description,
        mapping(body.tags),
    )
    versions = [_described_version(model, version) for version in body.versions]
    new, problems = registry_imports.import_registered_model(call, body.source, model, versions)
    return ImportRegisteredModelAnswer(new_versions=new, problems=problems)


@routes.post(
    f"{_BASE}/counts",
    permits=Permission.MANAGE,
    is_audited=False,
    summary="Count what imported things hold, to compare it with where they come from.",
)
def count(call: Call, body: CountImported) -> ImportedCounts:
    """Answer what is here."""
    return ImportedCounts(**imported_counts.count(call, body))


def _described(run: ImportedRun) -> tuple[Run, RunContents]:
    row = Run(
        run_id=run.run_id,
        workspace="",
        experiment_id=run.experiment_id,
        name=run.run_name,
        user_id=run.user_id,
        status=run_status(run.status) or RunStatus.FINISHED,
        lifecycle_stage=LifecycleStage.ACTIVE,
        artifact_uri=run.artifact_uri or "",
        started_ms=run.start_time,
        ended_ms=run.end_time,
    )
    contents = RunContents(
        params=mapping(run.params),
        tags=mapping(run.tags),
        dataset_inputs=dataset_inputs(run.datasets),
        model_inputs=model_inputs(run.models),
        model_outputs=model_outputs(run.outputs),
    )
    return row, contents


def _described_version(model: RegisteredModel, version: ImportedVersion) -> tuple[ModelVersion, str | None]:
    created_ms = version.creation_timestamp
    created_ms = model.created_ms if created_ms is None else created_ms
    updated_ms = version.last_updated_timestamp
    described = ModelVersion(
        workspace=model.workspace,
        name=model.name,
        version=version.version,
        created_ms=created_ms,
        updated_ms=created_ms if updated_ms is None else updated_ms,
        source=version.source,
        storage_location=version.source,
        stage=stage_named(version.current_stage or Stage.NONE.value),
        run_id=version.run_id,
        model_id=version.model_id,
        run_link=version.run_link,
        description=version.description,
        tags=mapping(version.tags),
        aliases=version.aliases,
    )
    return described, version.path


def _described_model(call: Call, body: ImportModel) -> LoggedModel:
    created_ms = call.now_ms() if body.creation_timestamp_ms is None else body.creation_timestamp_ms
    updated_ms = body.last_updated_timestamp_ms
    return LoggedModel(
        model_id=body.model_id,
        workspace=call.workspace.name,
        experiment_id=body.experiment_id,
        name=body.name,
        artifact_uri=body.artifact_uri or "",
        created_ms=created_ms,
        updated_ms=created_ms if updated_ms is None else updated_ms,
        status=model_status(body.status),
        model_type=body.model_type,
        source_run_id=body.source_run_id,
        params=mapping(body.params),
        tags=mapping(body.tags),
        metrics=[
            LoggedModelMetric(
                key=metric.key,
                value=metric.value,
                timestamp_ms=metric.timestamp,
                step=metric.step,
                run_id=metric.run_id,
                dataset_name=metric.dataset_name,
                dataset_digest=metric.dataset_digest,
            )
            for metric in body.metrics
        ],
    )

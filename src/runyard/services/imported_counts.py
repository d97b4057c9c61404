"""What imported things hold, counted from what is stored: an import compares it with where it read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from runyard.entities.experiment import LifecycleStage
from runyard.entities.run import RunContents
from runyard.entities.trace import ARTIFACTS_TAG
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.imports import CountImported
from runyard.services.call import Call
from runyard.services.imports import IMPORT_TAG
from runyard.stores.artifacts.paths import ArtifactPath, proxied_path
from runyard.stores.artifacts.removal import measure_tree

MAX_COUNTED = 1000


def count(call: Call, asked: CountImported) -> Counter[str]:
    """Return what all of these hold together; what is not here is passed over."""
    for field in asked.__struct_fields__:
        ids = getattr(asked, field)
        if isinstance(ids, list) and len(ids) > MAX_COUNTED:
            raise InvalidParameter(f"'{field}' has {len(ids)} entries; at most {MAX_COUNTED} are allowed.")
    counted: Counter[str] = Counter()
    with call.stores.snapshot():
        uris = _count_runs(call, asked.run_ids, counted)
        for model_id in asked.model_ids:
            uris += _count_model(call, model_id, counted)
        versions = call.stores.metadata.model_versions
        found = versions.count_model_versions(call.workspace.name, asked.registered_models)
        counted.update(registered_models=len(found), versions=sum(found.values()))
        held = call.stores.metadata.traces.count_held(call.workspace.name, asked.trace_ids)
        counted.update(traces=held.traces, spans=held.spans, assessments=held.assessments)
        counted.update(_count_evaluation(call, asked))
    if asked.with_files:
        for uri in uris:
            counted.update(_count_files(call, uri))
    counted.update(attachments=_count_attachments(call, asked.attached_trace_ids))
    return counted


def _count_attachments(call: Call, trace_ids: Sequence[str]) -> int:
    found = call.stores.metadata.traces.find_traces(call.workspace.name, trace_ids)
    uris = [trace.tags[ARTIFACTS_TAG] for trace in found if ARTIFACTS_TAG in trace.tags]
    return sum(_count_files(call, f"{uri}/attachments")["files"] for uri in uris)


def _count_evaluation(call: Call, asked: CountImported) -> Counter[str]:
    metadata, workspace = call.stores.metadata, call.workspace.name
    versions = metadata.scorers.count_versions(workspace, asked.scorer_ids)
    records = metadata.evaluation_datasets.count_records(workspace, asked.evaluation_dataset_ids)
    return Counter(
        scorers=len(versions),
        scorer_versions=sum(versions.values()),
        label_schemas=len(metadata.label_schemas.find_schema_ids(workspace, asked.label_schema_ids)),
        issues=len(metadata.issues.find_issue_ids(workspace, asked.issue_ids)),
        evaluation_datasets=len(records),
        records=sum(records.values()),
    )


def _count_runs(call: Call, run_ids: Sequence[str], counted: Counter[str]) -> list[str]:
    runs = call.stores.metadata.runs
    here = runs.find_run_ids(call.workspace.name, run_ids)
    contents = runs.read_contents(here)
    latest = call.stores.metrics.read_latest(here)
    uris: list[str] = []
    for run_id in here:
        run = runs.get_run(call.workspace.name, run_id)
        uris.append(run.artifact_uri)
        counted["runs"] += 1
        counted["deleted_runs"] += run.lifecycle_stage is LifecycleStage.DELETED
        counted.update(_count_contents(contents[run_id]))
        for metric in latest.get(run_id, ()):
            counted["points"] += len(call.stores.metrics.read_history(run_id, metric.key))
    return uris


def _count_contents(contents: RunContents) -> Counter[str]:
    return Counter(
        params=len(contents.params),
        tags=len(contents.tags.keys() - {IMPORT_TAG}),
        datasets=len(contents.dataset_inputs),
    )


def _count_model(call: Call, model_id: str, counted: Counter[str]) -> list[str]:
    models = call.stores.metadata.logged_models
    try:
        model = models.get_logged_model(call.workspace.name, model_id, or_deleted=True)
    except NotFound:
        return []
    counted["models"] += 1
    counted["model_metrics"] += len(model.metrics)
    return [model.artifact_uri]


def _count_files(call: Call, uri: str) -> Counter[str]:
    place = proxied_path(uri)
    if place is None:
        return Counter()
    measured = measure_tree(call.stores.artifacts, ArtifactPath((call.workspace.name,)) / place)
    return Counter(files=measured.files, file_bytes=measured.size_bytes)

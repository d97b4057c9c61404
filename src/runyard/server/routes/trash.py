"""Runyard's own routes about deletion: the trash and back, parts of runs, and what goes for good."""

from __future__ import annotations

from dataclasses import asdict

from runyard.auth.permissions import Permission
from runyard.entities.experiment import LifecycleStage
from runyard.entities.trash import Retention
from runyard.protocol.messages.trash import (
    ChooseRuns,
    CollectedAnswer,
    CollectTrash,
    DeleteExperiments,
    DeleteWorkspace,
    ExperimentsAnswer,
    ListTrash,
    ListTrashAnswer,
    ModelIds,
    ModelsAnswer,
    RemoveDataset,
    RemovedDatasetAnswer,
    RemovedPartsAnswer,
    RemoveParts,
    RestoreExperiments,
    RunsAnswer,
    named_experiment,
    wire_trashed,
)
from runyard.protocol.wire import invalid
from runyard.server.routing import Routes
from runyard.services import collection, parts, reach, retention, trash
from runyard.services.call import Call

routes = Routes()
_RUN = "/api/v1/runs/{run_id}"
MAX_AGE_S = 10.0**10


@routes.get("/api/v1/trash", permits=Permission.READ, summary="List what is in the trash.")
def list_trash(call: Call, body: ListTrash) -> ListTrashAnswer:
    """Answer a page of the trash."""
    page = trash.list_trash(call, body.max_results, body.page_token)
    return ListTrashAnswer(items=[wire_trashed(item) for item in page.items], next_page_token=page.next_token)


@routes.post(
    "/api/v1/trash/collect",
    permits=Permission.MANAGE,
    summary="Take away for good some of what is in the trash.",
)
def collect(call: Call, body: CollectTrash) -> CollectedAnswer:
    """Work for a second or so, or measure a part, and answer how far that got."""
    _check_offset(body.offset)
    age = age_ms(body.older_than_s)
    before_ms = call.now_ms() - age if body.deleted_before_ms is None else body.deleted_before_ms
    let_go = _let_go(call, body, before_ms)
    if body.dry_run:
        return _collected(collection.measure(call, let_go, body.offset), before_ms)
    return _collected(collection.collect(call, let_go), before_ms)


@routes.delete(
    "/api/v1/workspaces/{name}",
    permits=Permission.ADMINISTER,
    summary="Take a workspace away for good with all that it holds.",
)
def delete_workspace(call: Call, body: DeleteWorkspace, name: str) -> CollectedAnswer:
    """Work for a second or so, or measure a part, and answer how far that got."""
    _check_offset(body.offset)
    if body.dry_run:
        return _collected(collection.measure_workspace(call, name, body.offset), call.now_ms())
    if body.confirm != name:
        raise invalid("confirm", body.confirm, f"To delete the workspace for good, repeat its name: {name!r}")
    return _collected(collection.delete_workspace(call, name), call.now_ms())


@routes.post(
    "/api/v1/runs/delete",
    permits=Permission.CONTRIBUTE,
    of=reach.runs,
    is_audited=True,
    summary="Move runs to the trash.",
)
def delete_runs(call: Call, body: ChooseRuns) -> RunsAnswer:
    """Move runs to the trash."""
    stage = LifecycleStage.DELETED
    return RunsAnswer(run_ids=trash.move_runs(call, _chosen(body), stage, is_dry_run=body.dry_run))


@routes.post(
    "/api/v1/runs/restore",
    permits=Permission.CONTRIBUTE,
    of=reach.runs,
    is_audited=True,
    summary="Bring runs back.",
)
def restore_runs(call: Call, body: ChooseRuns) -> RunsAnswer:
    """Bring runs back from the trash."""
    stage = LifecycleStage.ACTIVE
    return RunsAnswer(run_ids=trash.move_runs(call, _chosen(body), stage, is_dry_run=body.dry_run))


@routes.post(
    "/api/v1/experiments/delete",
    permits=Permission.CONTRIBUTE,
    of=reach.experiments,
    is_audited=True,
    summary="Move experiments to the trash.",
)
def delete_experiments(call: Call, body: DeleteExperiments) -> ExperimentsAnswer:
    """Move experiments to the trash, and free their names at once where asked to."""
    moved = trash.delete_experiments(
        call, body.experiment_ids, reuse_name=body.reuse_name, is_dry_run=body.dry_run
    )
    return ExperimentsAnswer(experiments=[named_experiment(each) for each in moved])


@routes.post(
    "/api/v1/experiments/restore",
    permits=Permission.CONTRIBUTE,
    of=reach.experiments,
    is_audited=True,
    summary="Bring experiments back.",
)
def restore_experiments(call: Call, body: RestoreExperiments) -> ExperimentsAnswer:
    """Bring experiments back from the trash."""
    moved = trash.restore_experiments(
        call, body.experiment_ids, new_name=body.new_name, is_dry_run=body.dry_run
    )
    return ExperimentsAnswer(experiments=[named_experiment(each) for each in moved])


@routes.post(
    "/api/v1/logged-models/delete",
    permits=Permission.CONTRIBUTE,
    of=reach.models,
    is_audited=True,
    summary="Move logged models to the trash.",
)
def delete_logged_models(call: Call, body: ModelIds) -> ModelsAnswer:
    """Move logged models to the trash."""
    return ModelsAnswer(model_ids=trash.move_logged_models(call, body.model_ids, LifecycleStage.DELETED))


@routes.post(
    "/api/v1/logged-models/restore",
    permits=Permission.CONTRIBUTE,
    of=reach.models,
    is_audited=True,
    summary="Bring logged models back.",
)
def restore_logged_models(call: Call, body: ModelIds) -> ModelsAnswer:
    """Bring logged models back from the trash."""
    return ModelsAnswer(model_ids=trash.move_logged_models(call, body.model_ids, LifecycleStage.ACTIVE))


@routes.post(
    "/api/v1/runs/remove-parts",
    permits=Permission.MANAGE,
    of=reach.runs,
    summary="Remove metrics, params, tags and artifacts from runs for good.",
)
def remove_parts(call: Call, body: RemoveParts) -> RemovedPartsAnswer:
    """Remove parts of many runs."""
    named = parts.Parts(body.metric_keys, body.param_keys, body.tag_keys, body.artifact_paths)
    return _removed(parts.remove_parts(call, _chosen(body), named, is_dry_run=body.dry_run))


@routes.delete(
    f"{_RUN}/metrics/{{key:path}}",
    permits=Permission.MANAGE,
    of=reach.run,
    summary="Remove a metric of a run for good.",
)
def remove_metric(call: Call, run_id: str, key: str) -> RemovedPartsAnswer:
    """Remove all points of one metric."""
    return _removed(parts.remove_part(call, run_id, parts.Parts(metrics=[key]), f"metric {key!r}"))


@routes.delete(
    f"{_RUN}/params/{{key:path}}",
    permits=Permission.MANAGE,
    of=reach.run,
    summary="Remove a param of a run for good.",
)
def remove_param(call: Call, run_id: str, key: str) -> RemovedPartsAnswer:
    """Remove one param."""
    return _removed(parts.remove_part(call, run_id, parts.Parts(params=[key]), f"param {key!r}"))


@routes.delete(
    f"{_RUN}/tags/{{key:path}}",
    permits=Permission.MANAGE,
    of=reach.run,
    summary="Remove a tag of a run for good.",
)
def remove_tag(call: Call, run_id: str, key: str) -> RemovedPartsAnswer:
    """Remove one tag, of a run in the trash too."""
    return _removed(parts.remove_part(call, run_id, parts.Parts(tags=[key]), f"tag {key!r}"))


@routes.delete(
    f"{_RUN}/artifacts/{{artifact_path:path}}",
    permits=Permission.MANAGE,
    of=reach.run,
    summary="Remove a file or a folder of a run for good.",
)
def remove_artifact(call: Call, run_id: str, artifact_path: str) -> RemovedPartsAnswer:
    """Remove one file, or one folder."""
    named = parts.Parts(artifacts=[artifact_path])
    return _removed(parts.remove_part(call, run_id, named, f"artifact {artifact_path!r}"))


@routes.post(
    "/api/v1/datasets/remove",
    permits=Permission.MANAGE,
    summary="Remove a dataset from the runs of an experiment for good.",
)
def remove_dataset(call: Call, body: RemoveDataset) -> RemovedDatasetAnswer:
    """Remove what runs say of a dataset that they read."""
    size_bytes = trash.remove_dataset(call, body.experiment_id, body.name, body.digest)
    return RemovedDatasetAnswer(database_bytes=size_bytes)


def _chosen(body: ChooseRuns) -> trash.Chosen:
    return trash.Chosen(body.run_ids, body.experiment_ids, body.filter)


def _removed(removed: parts.RemovedParts) -> RemovedPartsAnswer:
    return RemovedPartsAnswer(**asdict(removed))


def age_ms(older_than_s: float) -> int:
    """Return an age in milliseconds.

    Raises:
        InvalidParameter: It is none.
    """
    if not 0 <= older_than_s <= MAX_AGE_S:
        raise invalid("older_than_s", older_than_s, f"Seconds from 0 to {MAX_AGE_S:.0f}.")
    return int(older_than_s * 1000)


def _let_go(call: Call, body: CollectTrash, before_ms: int) -> list[Retention]:
    named = (body.older_than_s, body.experiment_ids, body.run_ids, body.keep_last, body.untagged)
    if body.by_rules:
        if any(named):
            raise invalid("by_rules", True, "The stored rules stand alone: name no others beside them.")
        return retention.let_go(call, before_ms)
    wanted = Retention(
        deleted_before_ms=before_ms,
        experiment_ids=tuple(body.experiment_ids),
        run_ids=tuple(body.run_ids),
        keep_last=body.keep_last,
        is_untagged=body.untagged,
    )
    return [collection.check_retention(call, wanted)]


def _collected(collected: collection.Collected, before_ms: int) -> CollectedAnswer:
    return CollectedAnswer(
        **asdict(collected.freed),
        is_done=collected.is_done,
        deleted_before_ms=before_ms,
        next_offset=collected.next_offset,
        database_bytes=collected.database_bytes,
    )


def _check_offset(offset: int) -> None:
    if not 0 <= offset < 2**62:
        raise invalid("offset", offset, "It must not be negative.")

"""Removing parts of runs for good: series of metrics, params, tags, artifacts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial

from runyard.entities.experiment import View
from runyard.entities.quota import Limited
from runyard.errors import InvalidParameter, InvalidState, NotFound
from runyard.services.call import Call
from runyard.services.quotas import give_back
from runyard.services.trash import Chosen, find_runs
from runyard.stores.artifacts.paths import ArtifactPath, proxied_path, resolve_artifact_path
from runyard.stores.artifacts.removal import measure_tree, remove_tree

MAX_PARTS = 1000


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts: keys of metrics, params and tags, paths of artifacts below their run."""

    metrics: Sequence[str] = ()
    params: Sequence[str] = ()
    tags: Sequence[str] = ()
    artifacts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RemovedParts:
    """What was removed, or would be.

    Args:
        runs: From how many runs.
        metric_points: How many points of metrics.
        params: How many params.
        tags: How many tags.
        artifact_files: How many files.
        database_bytes: What they took in the database.
        artifact_bytes: The length of the files.
    """

    runs: int = 0
    metric_points: int = 0
    params: int = 0
    tags: int = 0
    artifact_files: int = 0
    database_bytes: int = 0
    artifact_bytes: int = 0

    def __add__(self, other: RemovedParts) -> RemovedParts:
        return RemovedParts(
            *(getattr(self, each.name) + getattr(other, each.name) for each in fields(RemovedParts))
        )


NOTHING_REMOVED = RemovedParts()


def remove_parts(call: Call, chosen: Chosen, parts: Parts, *, is_dry_run: bool = False) -> RemovedParts:
    """Remove parts of runs, active or in the trash, run by run; what a run has not is passed over.

    Raises:
        InvalidParameter: No parts were named, or too many; or a path can't be.
        InvalidState: A file is one of a version of a registered model.
        NotFound: One of the ids is no run's.
    """
    _check(parts)
    removed = NOTHING_REMOVED
    for run_id in find_runs(call, chosen, View.ALL):
        # Here, and not around all: what was removed before is counted.
        rows = call.stores.database.retrying(partial(_remove_rows, call, run_id, parts, is_dry_run))
        of_run = rows + _remove_files(call, run_id, parts, is_dry_run)
        if of_run != NOTHING_REMOVED:
            removed += of_run + RemovedParts(runs=1)
    if not is_dry_run:
        give_back(call, Limited.ARTIFACT_BYTES, removed.artifact_bytes)
        give_back(call, Limited.METRIC_POINTS, removed.metric_points)
    return removed


def remove_part(call: Call, run_id: str, parts: Parts, what: str) -> RemovedParts:
    """Remove one part of one run.

    Raises:
        NotFound: The run has no such part, or there is no such run.
    """
    removed = remove_parts(call, Chosen(run_ids=[run_id]), parts)
    if removed == NOTHING_REMOVED:
        raise NotFound(f"Run {run_id} has no {what}.")
    return removed


class _Undone(Exception):
    """Ends a transaction that was only to be measured."""


@contextlib.contextmanager
def _tried(call: Call, is_dry_run: bool) -> Iterator[None]:
    """Make what the block changes one change, or take it back when that is all that was wanted."""
    with contextlib.suppress(_Undone), call.stores.atomic():
        yield
        if is_dry_run:
            raise _Undone


def _remove_rows(call: Call, run_id: str, parts: Parts, is_dry_run: bool) -> RemovedParts:
    if not (parts.metrics or parts.params or parts.tags):
        return NOTHING_REMOVED
    removed = NOTHING_REMOVED
    with _tried(call, is_dry_run):
        call.stores.metadata.runs.get_run(call.workspace.name, run_id)
        if parts.metrics:
            points = call.stores.metrics.remove_series(run_id, parts.metrics)
            removed += RemovedParts(metric_points=points.points, database_bytes=points.size_bytes)
        if parts.params or parts.tags:
            pairs = call.stores.metadata.many_runs.delete_pairs(run_id, parts.params, parts.tags)
            removed += RemovedParts(params=pairs.params, tags=pairs.tags, database_bytes=pairs.size_bytes)
    return removed


def _remove_files(call: Call, run_id: str, parts: Parts, is_dry_run: bool) -> RemovedParts:
    if not parts.artifacts:
        return NOTHING_REMOVED
    run = call.stores.metadata.runs.get_run(call.workspace.name, run_id)
    place = proxied_path(run.artifact_uri)
    if place is None:
        raise InvalidParameter(
            f"The artifacts of run {run_id} are kept at {run.artifact_uri}, which this server does not open."
        )
    own = ArtifactPath((call.workspace.name,)) / place
    removed = NOTHING_REMOVED
    for text in parts.artifacts:
        path = own / resolve_artifact_path(text, is_directory=True)
        _refuse_if_registered(call, path)
        # Another experiment may have its location there, or a version its folder.
        kept = [each for each in call.stores.metadata.trash.find_kept(path) if each != own]
        act = measure_tree if is_dry_run else remove_tree
        files = act(call.stores.artifacts, path, kept)
        removed += RemovedParts(artifact_files=files.files, artifact_bytes=files.size_bytes)
    return removed


def _refuse_if_registered(call: Call, path: ArtifactPath) -> None:
    place = ArtifactPath(path.segments[1:])
    version = call.stores.metadata.model_versions.find_version_at(call.workspace.name, str(place))
    if version is not None:
        raise InvalidState(
            f"'{place}' belongs to version {version.version} of the registered model '{version.name}'; "
            "delete that version first."
        )


def _check(parts: Parts) -> None:
    for each in fields(Parts):
        named = getattr(parts, each.name)
        if len(named) > MAX_PARTS:
            raise InvalidParameter(
                f"'{each.name}' has {len(named)} entries; at most {MAX_PARTS} are allowed."
            )
    if not any(getattr(parts, each.name) for each in fields(Parts)):
        raise InvalidParameter("Name some 'metrics', 'params', 'tags' or 'artifacts' to remove.")
    for path in parts.artifacts:
        resolve_artifact_path(path, is_directory=True)

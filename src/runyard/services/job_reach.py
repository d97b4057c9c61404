"""What the code of a job may change: its own run, and runs that it began.

A job's key lies in the memory of whatever code it runs. So it opens what that code needs to be tracked, and
no more: it reads what its submitter may read, and of all that takes CONTRIBUTE it reaches

- its own run, and runs that were begun with its key, which the server tags;
- the logged models and traces of those;
- what a route says is open to jobs (``for_jobs``): to begin a run in its experiment, to register a model, to
  write a file of a datastore, to read a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from runyard.auth.permissions import JobReach, Permission, not_allowed
from runyard.entities.job import JOB_TAG
from runyard.errors import NotFound
from runyard.protocol.limits import is_model_id
from runyard.services import reach
from runyard.services.call import Call
from runyard.services.reach import Asked, Named
from runyard.stores.artifacts.paths import ArtifactPath, proxied_path, resolve_artifact_path

_MODELS_FOLDER = "models"


def check_reach_of_job(call: Call, job: JobReach, permits: Permission, named: Named, asked: Asked) -> None:
    """Return if a job may do to what its request names what takes ``permits``.

    Raises:
        Forbidden: It may not, or that does not exist.
        InvalidParameter: Nothing can have the name that is in it; that is so whoever asks.
    """
    if permits <= Permission.READ:
        reach.check_reach(call, permits, named, asked)
        return
    owners_of = _OWNERS.get(named)
    try:
        run_ids = frozenset(owners_of(call, asked)) if owners_of else frozenset()
        is_its_own = bool(run_ids) and all(is_of_job(call, job, run_id) for run_id in run_ids)
    except NotFound:
        is_its_own = False
    if not is_its_own:
        raise not_allowed(permits, call.workspace.name)


def is_of_job(call: Call, job: JobReach, run_id: str) -> bool:
    """Whether a run is that of a job, or was begun with the job's key."""
    if run_id == job.run_id:
        return True
    found = call.stores.metadata.runs.read_contents([run_id]).get(run_id)
    return found is not None and found.tags.get(JOB_TAG) == job.run_id


def _of_run(call: Call, asked: Asked) -> Iterable[str]:
    return [asked[name] for name in ("run_id", "run_uuid") if asked.get(name)]


def _of_runs(call: Call, asked: Asked) -> Iterable[str]:
    run_ids: list[str] = asked["run_ids"] if "run_ids" in asked else asked["run_id"]
    return run_ids


def _of_model(call: Call, asked: Asked) -> Iterable[str]:
    return [_run_of_model(call, asked["model_id"])]


def _of_run_or_model(call: Call, asked: Asked) -> Iterable[str]:
    return [*_of_run(call, asked), *(_of_model(call, asked) if asked.get("model_id") else ())]


def _of_models(call: Call, asked: Asked) -> Iterable[str]:
    return [_run_of_model(call, model_id) for model_id in asked["model_ids"]]


def _of_owner(call: Call, asked: Asked) -> Iterable[str]:
    owner = asked["owner"]
    return [_run_of_model(call, owner) if is_model_id(owner) else owner]


def _of_artifact(call: Call, asked: Asked) -> Iterator[str]:
    """Yield the run whose files lie at a path; ``experiment/models/model/…`` is of the run of that model."""
    named = asked.get("artifact_path", asked.get("path")) or ""
    path = resolve_artifact_path(named, is_directory=True)
    job = None if call.caller is None else call.caller.job
    if job is not None and _lies_in_run(call, path, job.run_id):
        yield job.run_id
    elif len(path.segments) > 2 and path.segments[1] == _MODELS_FOLDER:
        yield _run_of_model(call, path.segments[2], path)
    elif len(path.segments) > 1 and _lies_in_run(call, path, path.segments[1]):
        yield path.segments[1]


def _lies_in_run(call: Call, path: ArtifactPath, run_id: str) -> bool:
    """Whether a path is of the files of a run, wherever its experiment keeps them."""
    return _lies_in(path, call.stores.metadata.runs.get_run(call.workspace.name, run_id).artifact_uri)


def _lies_in(path: ArtifactPath, artifact_uri: str) -> bool:
    place = proxied_path(artifact_uri)
    return place is not None and path.segments[: len(place.segments)] == place.segments


def _run_of_model(call: Call, model_id: str, path: ArtifactPath | None = None) -> str:
    model = call.stores.metadata.logged_models.get_logged_model(
        call.workspace.name, model_id, or_deleted=True
    )
    if not model.source_run_id or (path is not None and not _lies_in(path, model.artifact_uri)):
        raise NotFound(f"Logged model {model_id} is of no run, or lies elsewhere.")
    return model.source_run_id


_OWNERS: Mapping[Named, Callable[[Call, Asked], Iterable[str]]] = {
    reach.run: _of_run,
    reach.runs: _of_runs,
    reach.run_or_model: _of_run_or_model,
    reach.model: _of_model,
    reach.models: _of_models,
    reach.owner_of_files: _of_owner,
    reach.artifact_path: _of_artifact,
}

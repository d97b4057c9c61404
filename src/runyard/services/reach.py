"""Which experiments a request is about, for callers whose roles are in single experiments.

A route says with one of these functions what its request names. A caller whose role is in the whole workspace
is not asked; one with roles in single experiments must have the permission in all that are named. What does
not exist is refused in the same words as what they may not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from runyard.auth.permissions import Permission, not_allowed
from runyard.entities.label_schema import experiment_of_default
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.limits import is_model_id
from runyard.protocol.messages.traces import trace_in
from runyard.services.call import Call
from runyard.services.experiments import get_experiment_by_name, resolve_experiment_id

EXPERIMENT_HEADER = "x-mlflow-experiment-id"
Asked: TypeAlias = Mapping[str, Any]
"""What a request names: values of its path, fields of its body or query; of a raw one, ``headers``."""

Named: TypeAlias = Callable[[Call, Asked], Iterable[str]]
"""Returns the ids of the experiments that a request is about; none stands for the whole workspace."""


def check_reach(call: Call, permits: Permission, named: Named, asked: Asked) -> None:
    """Return if the caller has ``permits`` in all experiments that a request names.

    Raises:
        Forbidden: They have not, or something that was named does not exist.
    """
    workspace = call.workspace.name
    if call.caller is None or call.caller.may(permits, workspace):
        return
    if named is anywhere or named is searched:
        return
    try:
        experiment_ids = frozenset(named(call, asked))
    except (NotFound, InvalidParameter):
        experiment_ids = frozenset()
    if not experiment_ids or not experiment_ids <= call.caller.experiments_with(permits, workspace):
        raise not_allowed(permits, workspace)


def anywhere(call: Call, asked: Asked) -> Iterable[str]:
    """The answer is the same for all who have the permission somewhere in the workspace."""
    return ()


def searched(call: Call, asked: Asked) -> Iterable[str]:
    """The service finds only what the caller may see: it asks ``Call.experiments_to_read``."""
    return ()


def experiment(call: Call, asked: Asked) -> Iterable[str]:
    """One experiment, by ``experiment_id``."""
    return [resolve_experiment_id(call.workspace, asked["experiment_id"])]


def place(call: Call, asked: Asked) -> Iterable[str]:
    """One experiment, if there is an ``experiment_id``; else the whole workspace."""
    return [] if asked.get("experiment_id") is None else experiment(call, asked)


def granted(call: Call, asked: Asked) -> Iterable[str]:
    """One experiment, if ``resource_type`` says that ``resource_id`` is one; else the whole workspace."""
    is_one = asked["resource_type"] == "experiment" and asked["resource_id"] != "*"
    return [resolve_experiment_id(call.workspace, asked["resource_id"])] if is_one else []


def experiment_of_name(call: Call, asked: Asked) -> Iterable[str]:
    """One experiment, by ``experiment_name``."""
    return [get_experiment_by_name(call, asked["experiment_name"]).experiment_id]


def experiments(call: Call, asked: Asked) -> Iterable[str]:
    """Several experiments, by ``experiment_ids``."""
    return [resolve_experiment_id(call.workspace, each) for each in asked["experiment_ids"]]


def run(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment of one run, by ``run_id`` or MLflow's older ``run_uuid``."""
    run_ids = [asked[name] for name in ("run_id", "run_uuid") if asked.get(name)]
    return _of_runs(call, run_ids)


def runs(call: Call, asked: Asked) -> Iterable[str]:
    """The experiments of several runs, by ``run_ids`` or a list ``run_id``.

    To choose them by a search of experiments takes a role in the whole workspace.
    """
    run_ids = asked["run_ids"] if "run_ids" in asked else asked["run_id"]
    return [] if asked.get("experiment_ids") else _of_runs(call, run_ids)


def model(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment of one logged model, by ``model_id``."""
    return [_of_model(call, asked["model_id"])]


def owner_of_files(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment of one run or logged model, by ``owner``."""
    owner = asked["owner"]
    return [_of_model(call, owner)] if is_model_id(owner) else _of_runs(call, [owner])


def run_or_model(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment of one run or logged model, by ``run_id`` or ``model_id``."""
    return [*run(call, asked), *(model(call, asked) if asked.get("model_id") else ())]


def models(call: Call, asked: Asked) -> Iterable[str]:
    """The experiments of several logged models, by ``model_ids``."""
    return [_of_model(call, model_id) for model_id in asked["model_ids"]]


def issue(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment of one issue, by ``issue_id``."""
    return [call.stores.metadata.issues.get_issue(call.workspace.name, asked["issue_id"]).experiment_id]


def label_schema(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment of one label schema, by ``schema_id``."""
    schema_id = asked["schema_id"]
    of_default = experiment_of_default(schema_id)
    if of_default is not None:
        return [of_default]
    return [call.stores.metadata.label_schemas.get_schema(call.workspace.name, schema_id).experiment_id]


def trace(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment of one trace, by ``trace_id`` or MLflow's older ``request_id``; of each that is there.

    Which of them a handler goes by is not known here, and a query may hold whatever somebody adds to it.
    """
    trace_ids = [asked[name] for name in ("trace_id", "request_id") if asked.get(name)]
    store = call.stores.metadata.traces
    return [store.get_trace(call.workspace.name, trace_id).experiment_id for trace_id in trace_ids]


def experiment_of_trace(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment that a trace is told to be in, as it comes in the body."""
    return [resolve_experiment_id(call.workspace, trace_in(asked["trace"], "").experiment_id)]


def experiment_of_header(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment that the header ``x-mlflow-experiment-id`` names."""
    named = asked["headers"].get(EXPERIMENT_HEADER)
    return [resolve_experiment_id(call.workspace, named)] if named else []


def artifact_path(call: Call, asked: Asked) -> Iterable[str]:
    """The experiment whose folder is the first part of ``artifact_path``, or of ``path`` of a listing."""
    path = asked.get("artifact_path", asked.get("path")) or ""
    first = path.strip("/").partition("/")[0]
    # Whatever else the path holds is refused by the one resolver of paths, wherever it leads.
    return [first] if first.isdecimal() and first.isascii() else []


def _of_runs(call: Call, run_ids: Iterable[str]) -> list[str]:
    store = call.stores.metadata.runs
    return [store.get_run(call.workspace.name, run_id).experiment_id for run_id in run_ids]


def _of_model(call: Call, model_id: str) -> str:
    store = call.stores.metadata.logged_models
    return store.get_logged_model(call.workspace.name, model_id, or_deleted=True).experiment_id

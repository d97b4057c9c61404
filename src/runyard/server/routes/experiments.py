"""MLflow's routes about experiments."""

from __future__ import annotations

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty, mapping, view_of
from runyard.protocol.messages.experiments import (
    CreateExperiment,
    CreateExperimentAnswer,
    DeleteExperimentTag,
    ExperimentAnswer,
    ExperimentId,
    GetExperimentByName,
    ListExperiments,
    SearchExperiments,
    SearchExperimentsAnswer,
    SetExperimentTag,
    UpdateExperiment,
    wire_experiment,
)
from runyard.server.routing import Routes
from runyard.services import experiments, reach
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/2.0/mlflow/experiments"
_LISTED = 1000
"""Experiments of a page of ``experiments/list`` where the client says nothing, as in MLflow 1."""


@routes.post(f"{_BASE}/create", permits=Permission.CONTRIBUTE, summary="Create an experiment.")
def create_experiment(call: Call, body: CreateExperiment) -> CreateExperimentAnswer:
    """Create an experiment and answer its id."""
    made = experiments.create_experiment(call, body.name, body.artifact_location, mapping(body.tags))
    return CreateExperimentAnswer(experiment_id=made.experiment_id)


@routes.get(
    f"{_BASE}/get", permits=Permission.READ, of=reach.experiment, summary="Get an experiment by its id."
)
def get_experiment(call: Call, body: ExperimentId) -> ExperimentAnswer:
    """Answer an experiment."""
    return ExperimentAnswer(experiment=wire_experiment(experiments.get_experiment(call, body.experiment_id)))


@routes.get(
    f"{_BASE}/get-by-name",
    permits=Permission.READ,
    of=reach.experiment_of_name,
    summary="Get an experiment by its name.",
)
def get_experiment_by_name(call: Call, body: GetExperimentByName) -> ExperimentAnswer:
    """Answer the experiment of a name."""
    found = experiments.get_experiment_by_name(call, body.experiment_name)
    return ExperimentAnswer(experiment=wire_experiment(found))


@routes.post(
    f"{_BASE}/delete",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    is_audited=True,
    summary="Move an experiment to the trash.",
)
def delete_experiment(call: Call, body: ExperimentId) -> Empty:
    """Move an experiment and its runs to the trash."""
    experiments.delete_experiment(call, body.experiment_id)
    return Empty()


@routes.post(
    f"{_BASE}/restore",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    is_audited=True,
    summary="Bring an experiment back.",
)
def restore_experiment(call: Call, body: ExperimentId) -> Empty:
    """Bring an experiment and its runs back."""
    experiments.restore_experiment(call, body.experiment_id)
    return Empty()


@routes.post(
    f"{_BASE}/update", permits=Permission.CONTRIBUTE, of=reach.experiment, summary="Rename an experiment."
)
def update_experiment(call: Call, body: UpdateExperiment) -> Empty:
    """Rename an experiment."""
    experiments.rename_experiment(call, body.experiment_id, body.new_name)
    return Empty()


@routes.post(
    f"{_BASE}/set-experiment-tag",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    summary="Tag an experiment.",
)
def set_experiment_tag(call: Call, body: SetExperimentTag) -> Empty:
    """Set one tag."""
    experiments.set_experiment_tag(call, body.experiment_id, body.key, body.value)
    return Empty()


@routes.post(
    f"{_BASE}/delete-experiment-tag",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    summary="Delete a tag.",
)
def delete_experiment_tag(call: Call, body: DeleteExperimentTag) -> Empty:
    """Delete one tag."""
    experiments.delete_experiment_tag(call, body.experiment_id, body.key)
    return Empty()


@routes.get(f"{_BASE}/search", permits=Permission.READ, of=reach.searched, summary="Search experiments.")
@routes.post(f"{_BASE}/search", permits=Permission.READ, of=reach.searched, summary="Search experiments.")
def search_experiments(call: Call, body: SearchExperiments) -> SearchExperimentsAnswer:
    """Answer a page of experiments."""
    page = experiments.search_experiments(
        call,
        view_of(body.view_type, "view_type"),
        body.filter,
        body.order_by,
        body.max_results or 0,
        body.page_token,
    )
    return SearchExperimentsAnswer(
        experiments=[wire_experiment(found) for found in page.items] or UNSET,
        next_page_token=page.next_token or UNSET,
    )


@routes.get(
    f"{_BASE}/list",
    permits=Permission.READ,
    of=reach.searched,
    summary="List experiments, as clients of MLflow 1 do.",
)
def list_experiments(call: Call, body: ListExperiments) -> SearchExperimentsAnswer:
    """Answer a page of experiments."""
    wanted = SearchExperiments(
        view_type=body.view_type,
        max_results=_LISTED if body.max_results is None else body.max_results,
        page_token=body.page_token,
    )
    return search_experiments(call, wanted)

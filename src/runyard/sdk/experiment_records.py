"""Experiments as the server describes them: by id, by name, and made where there is none."""

from __future__ import annotations

from collections.abc import Iterator

from runyard.entities.experiment import View
from runyard.errors import AlreadyExists, NotFound
from runyard.protocol.messages.experiments import (
    CreateExperiment,
    CreateExperimentAnswer,
    ExperimentAnswer,
    ExperimentId,
    GetExperimentByName,
    SearchExperiments,
    SearchExperimentsAnswer,
    WireExperiment,
)
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.pages import pages

_PAGE_SIZE = 1000


def get_experiment(connection: Connection, experiment_id: str) -> WireExperiment:
    """Return the experiment of an id.

    Raises:
        NotFound: The workspace has no such experiment.
    """
    query = ExperimentId(experiment_id=experiment_id)
    return connection.get(f"{MLFLOW}/experiments/get", ExperimentAnswer, query).experiment


def list_experiments(connection: Connection, view: View) -> Iterator[WireExperiment]:
    """Yield the experiments of a workspace, the newest first, reading pages as they are needed."""

    def ask(page_token: str | None) -> SearchExperimentsAnswer:
        search = SearchExperiments(max_results=_PAGE_SIZE, page_token=page_token, view_type=view.value)
        return connection.post(
            f"{MLFLOW}/experiments/search", search, SearchExperimentsAnswer, is_repeatable=True
        )

    for answer in pages(ask):
        yield from answer.experiments or ()


def find_experiment(connection: Connection, name: str) -> WireExperiment | None:
    """Return the experiment of a name, in the trash or not; None if there is none."""
    query = GetExperimentByName(experiment_name=name)
    try:
        return connection.get(f"{MLFLOW}/experiments/get-by-name", ExperimentAnswer, query).experiment
    except NotFound:
        return None


def named_experiment(connection: Connection, name: str) -> WireExperiment:
    """Return the experiment of a name; it is made if there is none.

    Raises:
        InvalidParameter: No experiment can have this name.
    """
    return find_experiment(connection, name) or _create(connection, name)


def _create(connection: Connection, name: str) -> WireExperiment:
    wanted = CreateExperiment(name=name)
    try:
        answer = connection.post(f"{MLFLOW}/experiments/create", wanted, CreateExperimentAnswer)
    except AlreadyExists:
        # Somebody else made it between our two requests.
        made = find_experiment(connection, name)
        if made is None:
            raise
        return made
    return get_experiment(connection, answer.experiment_id)

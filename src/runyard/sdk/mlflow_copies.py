"""A store of MLflow's that logs here, and a copy of each run to Databricks' own MLflow beside it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cached_property
from typing import Any

from mlflow.entities import Run, RunInfo, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.rest_store import RestStore
from mlflow.tracking._tracking_service import utils as tracking
from requests import RequestException

from runyard.errors import InvalidParameter
from runyard.sdk.addresses import origin
from runyard.sdk.databricks.variables import DUAL_LOGGING

COPY_TAG = "runyard.databricks.run_id"
INCOMPLETE_TAG = "runyard.databricks.copy_incomplete"
PARENT_TAG = "mlflow.parentRunId"
SOURCE_TAG = "runyard.run_id"
SOURCE_ID_TAG = "mlflow.experiment.sourceId"

_log = logging.getLogger("runyard.databricks")
# What MLflow raises when Databricks says no, says nothing, or when there is no credential for it.
_FAULTS = (MlflowException, RequestException, OSError, ValueError)


def is_copied(store_uri: str) -> bool:
    """Tell whether runs that are logged to an address are to be logged to Databricks, too."""
    url = os.environ.get("RUNYARD_URL", "")
    if os.environ.get(DUAL_LOGGING) != "on" or not url:
        return False
    try:
        return origin(url) == origin(store_uri)
    except InvalidParameter:
        return False


class CopyingStore(RestStore):  # type: ignore[misc]  # MLflow has no types
    """Logs to Runyard first, and then the same to a copy of the run.

    Metrics, params, tags and a run's name and end are copied; files, models, inputs and traces are not. What
    Databricks does not take ends the copying in this process and never the training: there is a warning, and
    a tag says why.

    Args:
        get_host_creds: As MLflow's store has it.
    """

    def __init__(self, get_host_creds: Any) -> None:
        super().__init__(get_host_creds)
        self._copy_ids: dict[str, str | None] = {}
        self._experiment_ids: dict[str, str] = {}

    @cached_property
    def _copies(self) -> Any:
        """Databricks' own store; MLflow holds a lock while it opens this one, so that it comes later."""
        return tracking._get_store("databricks")

    def create_run(self, experiment_id: str, *begun: Any, **named: Any) -> Run:
        """Begin a run here, and its copy."""
        run = super().create_run(experiment_id, *begun, **named)
        run_id = run.info.run_id
        self._copy_ids[run_id] = None
        try:
            place = self._experiment_id(str(run.info.experiment_id))
            copy = self._copies.create_run(place, *begun, **named)
            self._copies.set_tag(copy.info.run_id, RunTag(SOURCE_TAG, run_id))
            self._set_parent(copy.info.run_id, run.data.tags.get(PARENT_TAG))
        except _FAULTS as error:
            self._end(run_id, error)
        else:
            self._copy_ids[run_id] = copy.info.run_id
            super().set_tag(run_id, RunTag(COPY_TAG, copy.info.run_id))
        return run

    def log_metric(self, run_id: str, metric: Any) -> None:
        """Log one point to both."""
        super().log_metric(run_id, metric)
        self._copy(run_id, lambda copy_id: self._copies.log_metric(copy_id, metric))

    def log_param(self, run_id: str, param: Any) -> None:
        """Log one param to both."""
        super().log_param(run_id, param)
        self._copy(run_id, lambda copy_id: self._copies.log_param(copy_id, param))

    def set_tag(self, run_id: str, tag: Any) -> None:
        """Set one tag at both."""
        super().set_tag(run_id, tag)
        self._copy(run_id, lambda copy_id: self._copies.set_tag(copy_id, tag))

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete one tag at both."""
        super().delete_tag(run_id, key)
        self._copy(run_id, lambda copy_id: self._copies.delete_tag(copy_id, key))

    def log_batch(self, run_id: str, *batch: Any, **named: Any) -> None:
        """Log points, params and tags to both."""
        super().log_batch(run_id, *batch, **named)
        self._copy(run_id, lambda copy_id: self._copies.log_batch(copy_id, *batch, **named))

    def update_run_info(self, run_id: str, *change: Any, **named: Any) -> RunInfo:
        """Set a status, an end or a name at both."""
        info = super().update_run_info(run_id, *change, **named)
        self._copy(run_id, lambda copy_id: self._copies.update_run_info(copy_id, *change, **named))
        return info

    def _copy(self, run_id: str, log: Callable[[str], Any]) -> None:
        try:
            copy_id = self._copy_id(run_id)
            if copy_id is not None:
                log(copy_id)
        except _FAULTS as error:
            self._end(run_id, error)

    def _copy_id(self, run_id: str) -> str | None:
        """Return the run's copy, which another process may have begun; None if it has none."""
        if run_id not in self._copy_ids:
            tags = self.get_run(run_id).data.tags
            self._copy_ids[run_id] = tags.get(COPY_TAG)
        return self._copy_ids[run_id]

    def _end(self, run_id: str, error: Exception) -> None:
        self._copy_ids[run_id] = None
        _log.warning("What is logged here to run %s goes to Runyard alone. Databricks: %s", run_id, error)
        super().set_tag(run_id, RunTag(INCOMPLETE_TAG, str(error)[:500]))

    def _set_parent(self, copy_id: str, parent_id: str | None) -> None:
        """Make the copy of a child a child of the copy of its parent."""
        parent_copy_id = None if parent_id is None else self._copy_id(parent_id)
        if parent_copy_id is not None:
            self._copies.set_tag(copy_id, RunTag(PARENT_TAG, parent_copy_id))

    def _experiment_id(self, experiment_id: str) -> str:
        """Return where on Databricks the copies of an experiment's runs go."""
        if experiment_id not in self._experiment_ids:
            self._experiment_ids[experiment_id] = self._found_or_made(self.get_experiment(experiment_id))
        return self._experiment_ids[experiment_id]

    def _found_or_made(self, experiment: Any) -> str:
        """Return one of the same name; Databricks takes paths alone, so others lie in its shared folder."""
        name = experiment.name if experiment.name.startswith("/") else f"/Shared/{experiment.name}"
        found = self._copies.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        notebook_id = experiment.tags.get(SOURCE_ID_TAG)
        try:
            return str(self._copies.create_experiment(name))
        except MlflowException:
            # The path is a notebook's, whose own experiment has the notebook's id.
            if notebook_id is None:
                raise
            return str(notebook_id)

"""``mlflow.projects.run(backend="azureml")``: a project as a job, as Azure's configuration says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runyard.azureml.project_words import in_our_words
from runyard.sdk.mlflow_projects import RunyardBackend, SubmittedJob


class AzuremlBackend(RunyardBackend):
    """Submits projects as Azure's plugin of MLflow does: to ``COMPUTE``, or else to this server's machine.

    ``USE_CONDA`` of False takes the Python that is there; with a ``COMPUTE`` it says nothing, as on Azure.
    """

    def run(
        self,
        project_uri: str,
        entry_point: str,
        params: Mapping[str, Any],
        version: str | None,
        backend_config: Mapping[str, Any],
        tracking_uri: str,
        experiment_id: str,
    ) -> SubmittedJob:
        """Submit an entry point of a project, and return it; see :class:`RunyardBackend`."""
        config = in_our_words(backend_config)
        return super().run(project_uri, entry_point, params, version, config, tracking_uri, experiment_id)

"""What is known of a run, under the names that Azure's first SDK uses."""

from __future__ import annotations

from typing import Any

from runyard.sdk.representation import utc_text
from runyard.sdk.run_life import ERROR_CODE_TAG, ERROR_TAG
from runyard.sdk.run_record import RunRecord


def details_of(run: RunRecord) -> dict[str, Any]:
    """Return what a server has said of a run, under the names of Azure's ``get_details``.

    ``parameters``, ``metrics`` (the latest values), ``tags`` and what follows them are Runyard's own.
    """
    info, contents = run._record.info, run._record
    return {
        "runId": run.id,
        "target": "local",
        "status": run.status,
        "startTimeUtc": utc_text(run.started_ms),
        "endTimeUtc": utc_text(run.ended_ms),
        "properties": run.properties,
        "inputDatasets": [
            {"name": item.dataset.name, "digest": item.dataset.digest, "source": item.dataset.source}
            for item in contents.inputs.dataset_inputs
        ],
        "outputDatasets": [],
        **_error_of(run),
        "submittedBy": info.user_id or run.tags.get("mlflow.user", ""),
        "parameters": run.params,
        "metrics": run.latest_metrics,
        "tags": run.tags,
        "displayName": run.display_name,
        "experimentId": info.experiment_id,
        "artifactUri": info.artifact_uri,
        "lifecycleStage": info.lifecycle_stage,
        "inputModels": [item.model_id for item in contents.inputs.model_inputs],
        "outputModels": [item.model_id for item in contents.outputs.model_outputs],
    }


def _error_of(run: RunRecord) -> dict[str, Any]:
    known = run._known_tags()
    if run.status != "Failed" or ERROR_TAG not in known:
        return {}
    said = {"code": known.get(ERROR_CODE_TAG, "UserError"), "message": known[ERROR_TAG]}
    return {"error": {"error": said}}

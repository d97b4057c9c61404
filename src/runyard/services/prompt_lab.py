"""Keeps one try of a prompt as a run, as MLflow's prompt lab shows it.

The model is asked by whoever sends this: Runyard is no gateway. So there is no model to be served either, as
MLflow's server writes one beside the table.
"""

from __future__ import annotations

import json

from runyard.entities.metric import MetricBatch
from runyard.entities.run import RunStatus
from runyard.protocol.messages.common import KeyValue, key_values, mapping
from runyard.protocol.messages.prompt_lab import CreatePromptLabRun
from runyard.protocol.messages.runs import WireRun
from runyard.services import artifacts, runs
from runyard.services.call import Call
from runyard.services.logging import Batch, log_batch

TABLE = "eval_results_table.json"
_TAGS = {
    "mlflow.loggedArtifacts": json.dumps([{"path": TABLE, "type": "table"}]),
    "mlflow.runSourceType": "PROMPT_ENGINEERING",
}


def create_prompt_lab_run(call: Call, asked: CreatePromptLabRun) -> WireRun:
    """Return a finished run with the prompt as params and what came of it as a table.

    Raises:
        InvalidParameter: Something is missing, or can't be a param.
        NotFound: There is no such experiment.
    """
    asked.check()
    new = runs.NewRun(
        experiment_id=asked.experiment_id,
        name=asked.run_name,
        user_id=asked.user_id,
        started_ms=asked.start_time,
        tags=mapping(asked.tags),
    )
    params = [
        *(KeyValue(key=each.key, value=str(each.value)) for each in asked.model_parameters),
        KeyValue(key="model_route", value=asked.model_route),
        KeyValue(key="prompt_template", value=asked.prompt_template),
    ]
    with call.stores.atomic():
        run = runs.create_run(call, new).run
        log_batch(call, run.run_id, Batch(MetricBatch.of([]), params, key_values(_TAGS)))
    with artifacts.begin_upload(call, run.artifact_uri, TABLE) as upload:
        upload.write(_table(asked).encode())
        upload.commit()
    runs.update_run(call, run.run_id, RunStatus.FINISHED, call.now_ms(), None)
    return runs.get_run(call, run.run_id)


def _table(asked: CreatePromptLabRun) -> str:
    cells = [(each.key, str(each.value)) for each in asked.prompt_parameters]
    cells += [("prompt", asked.model_input), ("output", asked.model_output)]
    cells += [(each.key, str(each.value)) for each in asked.model_output_parameters]
    return json.dumps({"columns": [name for name, _ in cells], "data": [[value for _, value in cells]]})

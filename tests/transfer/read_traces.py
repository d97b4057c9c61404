"""Reads all traces of an experiment through a genuine MLflow client: run by its interpreter, alone.

Usage: python read_traces.py TRACKING_URI EXPERIMENT_NAME RUN_ID. It prints JSON: each trace as the client has
it, and the ids of those that are linked to the run.
"""

import hashlib
import json
import re
import sys
from typing import Any

import mlflow
from mlflow.tracing.client import TracingClient
from mlflow.tracking import MlflowClient

NAMED = re.compile(r"mlflow-attachment://([^?]+)")


def _described(trace: Any) -> dict[str, Any]:
    described: dict[str, Any] = json.loads(trace.to_json())
    described["attributes"] = {span.span_id: dict(span.attributes) for span in trace.data.spans}
    files = TracingClient()._get_artifact_repo_for_trace(trace.info)
    described["attachments"] = {
        each: _digest(files, each) for each in NAMED.findall(json.dumps(described["attributes"]))
    }
    return described


def _digest(files: Any, attachment_id: str) -> str:
    try:
        return hashlib.sha256(files.download_trace_attachment(attachment_id)).hexdigest()
    except (mlflow.MlflowException, OSError):
        return "lost"


def main(uri: str, name: str, run_id: str) -> None:
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(uri)
    places = [client.get_experiment_by_name(name).experiment_id]
    traces = [_described(each) for each in client.search_traces(locations=places, include_spans=True)]
    one_by_one = [_described(client.get_trace(each["info"]["trace_id"])) for each in traces]
    assert one_by_one == traces
    linked = []
    if run_id:
        found = client.search_traces(locations=places, run_id=run_id, include_spans=False)
        linked = sorted(each.info.trace_id for each in found)
    sys.stdout.write(json.dumps({"traces": traces, "linked": linked}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A path and a body for each route naming what was planted. What a new route is walked with is said here."""

from __future__ import annotations

import importlib.metadata
import json
import re

from runyard.protocol.messages.workspaces import SUBSCRIPTION_ID
from runyard.server.routing import Route
from tests.server.planted import (
    DATA_SOURCE,
    DATASTORE,
    EVENT,
    HOOK,
    IMPORTED_DATASET,
    IMPORTED_RUN,
    IMPORTED_TRACE,
    OVERWRITTEN,
    SECRET_NAME,
    SECRETS,
    SNAPSHOT,
    SWEPT,
    TO_BE_DELETED,
    TO_BE_RENAMED,
    Planted,
    imported_trace,
    spans_of,
)

WHEEL = f"runyard-{importlib.metadata.version('runyard')}-py3-none-any.whl"
REGISTRY = re.compile(r"/(?:registered-models|model-versions)/")


def plain(path):
    """A route's path without its twin's spelling."""
    return path.replace("/ajax-api/", "/api/")


def target(route: Route, planted: Planted) -> tuple[str, object]:
    """A path and a body that name the planted objects wherever the route takes a name."""
    path = route.path.replace("/api/v1/runs/{run_id}/artifacts/{artifact_path:path}", planted.own_file)
    path = path.replace("{artifact_path:path}", planted.file_path).replace("{sha256}", SNAPSHOT)
    path = path.replace("jobs/{run_id}", f"jobs/{planted.job_id}")
    path = path.replace("sweeps/{run_id}", f"sweeps/{planted.sweep_id}").replace("{run_id}", planted.run_id)
    for part, key in planted.keys.items():
        path = path.replace(f"{part}/{{key:path}}", f"{part}/{key}")
    path = path.replace("{model_id}", planted.model_id).replace("{name}", "beta")
    path = path.replace("{workspace_name}", "beta")
    path = path.replace("{issue_id}", planted.issue_id).replace("{asset_id}", planted.asset_id)
    path = path.replace("{tag_key:path}", planted.model_tag).replace("/tags/{key:path}", "/tags/walked")
    # Deleted, it would be gone for good.
    is_grave = route.method == "DELETE" and path.endswith("{dataset_id}")
    path = path.replace("{dataset_id}", f"d-{'0' * 32}" if is_grave else planted.dataset_id)
    path = path.replace("{secret_name:path}", SECRET_NAME)
    path = path.replace("{file_name}", WHEEL)
    path = path.replace("{datastore}", DATASTORE).replace("{file_path:path}", "walked")
    path = path.replace("{trace_id}", planted.trace_id).replace("{assessment_id}", planted.assessment_id)
    path = path.replace("{principal}", "walker").replace("{group}", "walkers").replace("{member}", "walker")
    hook = planted.mlflow_webhook_id if "mlflow/webhooks" in path else planted.webhook_id
    path = path.replace("{key_id}", planted.walker_key_id).replace("{webhook_id}", hook)
    which = {"approve": 1, "deny": 2}.get(path.rpartition("/")[2], 0)
    path = path.replace("{user_code}", planted.user_codes[which])
    path = path.replace("{experiment_id}", planted.experiment_id).replace("{owner}", planted.run_id)
    path = path.replace("{container}", "walked").replace("{subscription}", SUBSCRIPTION_ID)
    path = path.replace("{resource_group}", "runyard")
    assert "{" not in path, "say here what the new parameter names"
    if path == "/v1/traces":
        return path, spans_of("0b" * 16, name="walked", attribute="walked")
    if path.startswith(("/history/", "/artifact/")) and path.endswith("/batch/metadata"):
        return path, {"paths": [{"path": planted.file_name}]}
    if route.is_raw and route.method != "GET":
        if "{file_path" in route.path:
            path += "?overwrite=true"
        query = f"?run_uuid={planted.run_id}&path={planted.file_name}" if "{" not in route.path else ""
        return path + query, OVERWRITTEN
    body = body_for(planted)
    if REGISTRY.search(route.path):
        body["name"] = planted.registered
    if "/api/v1/import/" in route.path:
        body |= planted.imported
        experiment_id = planted.imported["experiment_id"]
        body["runs"] = [{"run_id": IMPORTED_RUN, "experiment_id": experiment_id}]
        body["traces"] = [{"trace_id": IMPORTED_TRACE, "trace_info": imported_trace(experiment_id)}]
        body |= {"dataset": IMPORTED_DATASET, "dataset_id": IMPORTED_DATASET["dataset_id"], "records": "[]"}
    body |= next((special for end, special in SPECIAL if plain(route.path).endswith(end)), {})
    if route.method == "GET":
        return path, {name: value for name, value in body.items() if is_for_a_query(value)}
    return path, body


RUN_BY_GRAPHQL = "{apiError {code message} run {info {runName userId} data {params {key value}}}}"


def body_for(planted: Planted) -> dict[str, object]:
    """Every field that a route may ask for; what it does not know, it passes over."""
    return {
        "query": f'{{mlflowGetRun(input: {{runId: "{planted.run_id}"}}) {RUN_BY_GRAPHQL}}}',
        "run_id": planted.run_id,
        "run_uuid": planted.run_id,
        "run_ids": [planted.run_id],
        "experiment_id": planted.experiment_id,
        "experiment_ids": [planted.experiment_id],
        "experiment_name": SECRETS[0],
        "model_id": planted.model_id,
        "model_ids": [planted.model_id],
        "trace_id": planted.trace_id,
        "trace_ids": [planted.trace_id],
        "request_id": planted.trace_id,
        "request_ids": [planted.trace_id],
        "trace": {
            "trace_info": {
                "trace_id": "tr-walked",
                "trace_location": {"mlflow_experiment": {"experiment_id": planted.experiment_id}},
            }
        },
        "locations": [{"mlflow_experiment": {"experiment_id": planted.experiment_id}}],
        "assessment": {"assessment_name": "walked", "feedback": {"value": True}, "rationale": "walked"},
        "update_mask": "rationale",
        "metric_name": "trace_count",
        "aggregations": [{"aggregation_type": "COUNT"}],
        "filter_string1": "status = 'OK'",
        "filter_string2": "status = 'ERROR'",
        "prompt_versions": [{"name": "walked", "version": "1"}],
        "name": "walked",
        "new_name": "walked too",
        "key": "walked",
        "keys": [planted.metric_key],
        "alias": planted.alias,
        "version": "1",
        "stage": "Staging",
        "source": f"models:/{planted.model_id}",
        "names": [planted.registered],
        "versions": [{"name": planted.registered, "version": "1"}],
        "metric_key": planted.metric_key,
        "metric_keys": [planted.metric_key],
        "value": "1",
        "url": HOOK,
        "events": [EVENT],
        "timestamp": 1,
        "last_update_time": 1,
        "path": planted.file_name,
        "artifact_file_path": planted.file_name,
        "status": "FINISHED",
        "principal": "walker",
        "role": "reader",
        "username": "second",
        "is_admin": False,
        "role_id": planted.role_id,
        "role_permission_id": planted.role_permission_id,
        "resource_type": "experiment",
        "resource_id": planted.experiment_id,
        "resource_pattern": "*",
        "permission": "READ",
        "x": "step",
        "width": 10,
        "max_results": 100,
        "parts": [],
        "upload_id": "u",
        "metrics": [{"key": "walked", "value": 1.0, "timestamp": 1, "step": 1}],
        "params": [{"key": "walked", "value": "1"}],
        "tags": [{"key": "walked", "value": "1"}],
        "datasets": [{"dataset": {"name": "w", "digest": "w", "source_type": "w", "source": "w"}}],
        "models": [{"model_id": planted.model_id, "step": 0}],
        "records": "[]",
        "serialized_scorer": "{}",
        "schema_id": planted.schema_id,
        "input": {"text": {}},
        "type": "FEEDBACK",
        "scorer_ids": [planted.scorer_id],
        "sample_rate": 0,
        "dataset_record_ids": [],
        "model_json": json.dumps(
            {"run_id": planted.run_id, "artifact_path": "w", "utc_time_created": "w", "flavors": {}}
        ),
    }


# Where one name means different things on different routes.
SPECIAL: list[tuple[str, dict[str, object]]] = [
    ("mlflow/runs/create", {"run_id": None}),
    (
        "create-promptlab-run",
        {
            "mlflow_version": "3.17.2",
            "model_route": "w",
            "model_input": "w",
            "prompt_template": "w",
            "prompt_parameters": [{"key": "a", "value": "b"}],
        },
    ),
    ("mlflow/webhooks/{webhook_id}", {"status": "DISABLED"}),
    ("mlflow/webhooks", {"status": "ACTIVE"}),
    ("artifacts/list", {"path": ""}),
    ("mlflow-artifacts/artifacts", {"path": ""}),
    ("artifacts/directories", {"path": ""}),
    ("logged-models/search", {"datasets": []}),
    ("get-trace-artifact", {"path": ""}),
    ("traces/metrics", {"view_type": "TRACES"}),
    ("2.0/mlflow/traces/{trace_id}", {"status": "OK"}),
    ("2.0/mlflow/traces/{trace_id}/tags", {"key": "walked too"}),
    ("mlflow/logged-models", {"model_id": None}),
    ("import/logged-models", {"model_id": f"m-{'1' * 32}", "status": "LOGGED_MODEL_READY"}),
    ("datasets/create", {"tags": "{}"}),
    ("scorers/list", {"experiment_id": None}),
    ("mlflow/issues", {"status": "pending", "description": "walked"}),
    ("issues/{issue_id}", {"status": "resolved"}),
    ("scorers/online-config", {"name": SECRETS[28]}),
    ("label-schemas/get-by-name", {"name": "Feedback"}),
    ("label-schemas/update", {"name": None}),
    ("label-schemas/delete", {"schema_id": f"ls-{'a' * 32}"}),
    ("datasets/{dataset_id}/tags", {"tags": '{"walked": "1"}'}),
    ("logged-models/{model_id}", {"status": "LOGGED_MODEL_READY"}),
    ("registered-models/create", {"name": "walked"}),
    ("registered-models/rename", {"name": TO_BE_RENAMED}),
    ("mlflow/registered-models/delete", {"name": TO_BE_DELETED}),
    ("mlflow/model-versions/delete", {"version": "2"}),
    ("api/v1/registered-models/delete", {"dry_run": True}),
    ("api/v1/model-versions/delete", {"dry_run": True}),
    ("api/v1/workspaces", {"tags": {}}),
    ("api/v1/environments", {"tags": {}}),
    ("environments/{name}", {"tags": {}}),
    ("api/v1/data-assets", {"kind": "file", "sources": [DATA_SOURCE], "tags": {}}),
    ("data-asset-versions/{asset_id}", {"tags": {}}),
    ("api/v1/datastores", {"kind": "folder"}),
    ("api/v1/compute", {"tags": {}}),
    ("api/v1/compute/{name}", {"tags": {}}),
    ("api/v1/jobs", {"run_id": None, "tags": {}, "command": ["walked"]}),
    ("api/v1/sweeps", {"run_id": None, "tags": {}, "command": ["walked"], **SWEPT}),
    ("/begin", {"attempt": 1, "agent_id": "a" * 32}),
    ("/report", {"attempt": 1, "agent_id": "a" * 32, "status": "running"}),
    ("/end", {"attempt": 1, "agent_id": "a" * 32, "status": "completed"}),
    ("{datastore}/files", {"path": ""}),
    ("3.0/mlflow/workspaces", {"name": "walked-too"}),
    ("mlflow/workspaces/{workspace_name}", {"description": "walked"}),
    # What goes for good is measured only, or nothing would be left to call the next route with.
    ("api/v1/workspaces/{name}", {"dry_run": "true", "tags": {}}),
    ("api/v1/trash/collect", {"run_ids": [], "experiment_ids": [], "dry_run": True}),
    ("api/v1/runs/remove-parts", {"experiment_ids": [], "metric_keys": ["walked"], "dry_run": True}),
    ("api/v1/runs/delete", {"experiment_ids": []}),
    ("api/v1/runs/restore", {"experiment_ids": []}),
    ("api/v1/experiments/restore", {"new_name": None}),
    ("api/v1/datasets/remove", {"name": SECRETS[8]}),
    ("api/v1/principals", {"kind": "person", "email": None}),
    ("api/v1/principals/{principal}", {"name": None}),
    ("api/v1/keys", {"workspace": None}),
    ("api/v1/audit", {"workspace": "beta"}),
    ("mlflow/users/create", {"username": "walked user"}),
    ("mlflow/roles/create", {"workspace": "beta"}),
    ("mlflow/roles/update", {"name": "walked too"}),
    ("roles/permissions/add", {"resource_type": "workspace"}),
]


def is_for_a_query(value):
    return all(isinstance(item, str) for item in value) if isinstance(value, list) else True

"""What MLflow's server answers and Runyard, on purpose, does not: each with the sentence that is sent.

Runyard keeps what a team's programs and people make; it calls no language model and runs nothing of
a caller's inside of the server. What belongs to a noun that Runyard has is refused where that noun is.
"""

from __future__ import annotations

from runyard.server.routing import Routes

routes = Routes()

_V3 = "/api/3.0/mlflow"
_AJAX_V2 = "/ajax-api/2.0/mlflow"
_AJAX_V3 = "/ajax-api/3.0/mlflow"

GATEWAY = (
    "Runyard is no gateway to language models. Run `mlflow gateway start` beside it, or another one, and log "
    "its calls here as traces."
)
_MODEL_RUN = "Runyard calls no language model. Evaluate in your own process with `mlflow.genai.evaluate`."
_ASSISTANT = "Runyard has no assistant. Ask your own by the API, which /api/v1/openapi.json describes."
_MCP_REGISTRY = "Runyard keeps no registry of MCP servers. Keep what describes them as artifacts of a run."
_PROMPT_OPTIMIZATION = (
    "Runyard optimizes no prompts on the server. Call `mlflow.genai.optimize_prompts` in your own process."
)
_REVIEW_QUEUES = "Runyard has no review queues. Assign reviewers by a tag of the traces and search for it."
_SERVER_JOBS = "Runyard runs no jobs of MLflow's inside of the server. Run them in your own process."
_DEMO = "Runyard makes MLflow's demo traces nowhere. `runyard demo` logs a sample training."

_ON_DATABRICKS = "MLflow has an answer to this on Databricks alone. Search traces by traces/search."
_SIGN_UP = "Nobody signs up by themselves: an administrator adds people, by `runyard person add`."

_PREFIXED: dict[str, tuple[str, tuple[str, ...]]] = {
    f"{_V3}/gateway": (
        GATEWAY,
        (
            "POST /budgets/create",
            "DELETE /budgets/delete",
            "GET /budgets/get",
            "GET /budgets/list",
            "POST /budgets/update",
            "GET /budgets/windows",
            "POST /endpoints/bindings/create",
            "DELETE /endpoints/bindings/delete",
            "GET /endpoints/bindings/list",
            "POST /endpoints/create",
            "DELETE /endpoints/delete",
            "DELETE /endpoints/delete-tag",
            "GET /endpoints/get",
            "GET /endpoints/list",
            "POST /endpoints/models/attach",
            "POST /endpoints/models/detach",
            "POST /endpoints/set-tag",
            "POST /endpoints/update",
            "POST /guardrails/add-to-endpoint",
            "POST /guardrails/create",
            "DELETE /guardrails/delete",
            "GET /guardrails/get",
            "GET /guardrails/list",
            "GET /guardrails/list-for-endpoint",
            "DELETE /guardrails/remove-from-endpoint",
            "PATCH /guardrails/update-config",
            "POST /model-definitions/create",
            "DELETE /model-definitions/delete",
            "GET /model-definitions/get",
            "GET /model-definitions/list",
            "POST /model-definitions/update",
            "POST /secrets/create",
            "DELETE /secrets/delete",
            "GET /secrets/get",
            "GET /secrets/list",
            "POST /secrets/update",
        ),
    ),
    f"{_AJAX_V3}/gateway": (
        GATEWAY,
        ("GET /provider-config", "GET /secrets/config", "GET /supported-models", "GET /supported-providers"),
    ),
    "/gateway": (
        GATEWAY,
        (
            "POST /anthropic/v1/messages",
            "POST /gemini/v1beta/models/{endpoint_name}:generateContent",
            "POST /gemini/v1beta/models/{endpoint_name}:streamGenerateContent",
            "POST /mlflow/v1/chat/completions",
            "GET /mlflow/v1/models",
            "POST /openai/v1/chat/completions",
            "POST /openai/v1/embeddings",
            "POST /openai/v1/responses",
            "POST /openai/v1/responses/compact",
            "POST /proxy/{endpoint_name}/{path:path}",
            "POST /typesafe/v1/systemone",
            "POST /{endpoint_name}/mlflow/invocations",
        ),
    ),
    _AJAX_V2: (GATEWAY, ("POST /gateway-proxy",)),
    f"{_AJAX_V3}/assistant": (
        _ASSISTANT,
        (
            "GET /config",
            "PUT /config",
            "POST /message",
            "GET /providers",
            "GET /providers/{provider}/health",
            "GET /providers/{provider}/models",
            "PATCH /sessions/{session_id}",
            "POST /sessions/{session_id}/permission",
            "GET /sessions/{session_id}/stream",
            "POST /sessions/{session_id}/tool-result",
            "POST /skills/install",
        ),
    ),
    f"{_V3}/mcp-servers": (
        _MCP_REGISTRY,
        (
            "GET ",
            "POST ",
            "GET /endpoints",
            "DELETE /{name}",
            "GET /{name}",
            "PATCH /{name}",
            "POST /{name}/aliases",
            "DELETE /{name}/aliases/{alias}",
            "GET /{name}/aliases/{alias}",
            "GET /{name}/endpoints",
            "POST /{name}/endpoints",
            "DELETE /{name}/endpoints/{endpoint_id}",
            "GET /{name}/endpoints/{endpoint_id}",
            "PATCH /{name}/endpoints/{endpoint_id}",
            "POST /{name}/tags",
            "DELETE /{name}/tags/{key}",
            "GET /{name}/versions",
            "POST /{name}/versions",
            "DELETE /{name}/versions/{version}",
            "GET /{name}/versions/{version}",
            "PATCH /{name}/versions/{version}",
            "POST /{name}/versions/{version}/tags",
            "DELETE /{name}/versions/{version}/tags/{key}",
        ),
    ),
    f"{_V3}/prompt-optimization/jobs": (
        _PROMPT_OPTIMIZATION,
        (
            "POST ",
            "GET /search",
            "POST /search",
            "DELETE /{job_id}",
            "GET /{job_id}",
            "POST /{job_id}/cancel",
        ),
    ),
    f"{_V3}/review-queues": (
        _REVIEW_QUEUES,
        (
            "POST /create",
            "POST /delete",
            "GET /get",
            "GET /get-by-name",
            "POST /get-or-create-user",
            "POST /items/add",
            "GET /items/list",
            "POST /items/remove",
            "POST /items/set-status",
            "GET /list",
            "POST /update",
        ),
    ),
    "/api/2.0/mlflow": (_ON_DATABRICKS, ("GET /get-online-trace-details", "GET /unified-traces")),
    "": (_SIGN_UP, ("GET /signup",)),
    "/ajax-api/3.0/jobs": (
        _SERVER_JOBS,
        ("POST /", "PATCH /cancel/{job_id}", "POST /search", "GET /{job_id}"),
    ),
    f"{_AJAX_V3}/jobs": (_SERVER_JOBS, ("PATCH /cancel/{job_id}", "GET /{job_id}")),
    f"{_AJAX_V3}/genai/evaluate": (_MODEL_RUN, ("POST /invoke",)),
    f"{_AJAX_V3}/demo": (_DEMO, ("POST /delete", "POST /generate")),
}

for _prefix, (_why, _endpoints) in _PREFIXED.items():
    for _endpoint in _endpoints:
        _method, _, _rest = _endpoint.partition(" ")
        routes.refuse(_method, _prefix + _rest, why=_why)

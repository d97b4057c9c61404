"""What Microsoft's clients ask of Azure's services and Runyard, on purpose, does not answer.

``MLClient`` of ``azure-ai-ml`` and ``Workspace`` of ``azureml-core`` open workspaces here, and log by MLflow.
Each of their other calls is refused with what to use instead, where it would show a path that nobody knows.
"""

from __future__ import annotations

import re
from typing import NoReturn

from runyard.auth.permissions import Permission
from runyard.errors import NotImplementedHere
from runyard.server.routing import Routes
from runyard.services.call import Call
from runyard.services.reach import anywhere

routes = Routes()

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
_WORKSPACES = (
    "Runyard's workspaces are not changed by MLClient. Use `runyard workspace`, `Workspace.create` and its "
    "like of Runyard's SDK, or the Studio."
)
_ENDPOINTS = "Runyard has no endpoints. Serve a model with `mlflow models serve -m models:/NAME/VERSION`."
_COMPUTE = "Compute is not managed by MLClient here: use `runyard compute`, the SDK's `ComputeTarget`."
_NONE = "Runyard has none of these, and MLClient lists none."
_FEATURES = f"{_NONE} Register tables as data: `runyard data register`, or `Dataset` of Runyard's SDK."
_OTHERS = (
    "Runyard answers no more of Azure's clients than opening and listing workspaces and logging by MLflow. "
    "Use MLflow's client, Runyard's SDK or `runyard` for the rest."
)
_ALIAS = "Scripts for azureml.core run unchanged under `runyard azureml run`, in an environment without it."
# The first word of a path behind the workspace, in lower case -> what is said.
_WORDS = {
    "batchendpoints": _ENDPOINTS,
    "codes": "Runyard takes no code from MLClient. `runyard job submit` and `Experiment.submit` bring it.",
    "diagnose": "Use `runyard doctor` on this machine, and `runyard check` on the server's.",
    "components": f"{_NONE} A job is one script or command: `runyard job submit`, `Experiment.submit`.",
    "computes": _COMPUTE,
    "connections": f"{_NONE} Keep passwords by `runyard secret`, and places of data by `runyard datastore`.",
    "data": "Data is not managed by MLClient here. Use `runyard data`, or `Dataset` of Runyard's SDK.",
    "datastores": (
        "Datastores are not managed by MLClient here, which also uploads to one. Use `runyard datastore`, or "
        "`Datastore` of Runyard's SDK; log files of runs by MLflow."
    ),
    "environments": (
        "Environments are not managed by MLClient here. Use `runyard environment`, or the SDK's "
        "`Environment`."
    ),
    "featuresets": _FEATURES,
    "featurestoreentities": _FEATURES,
    "indexes": (
        f"{_NONE} Register the files of an index as data, by `runyard data register` or the SDK's `Dataset`, "
        "or log them to a run by mlflow.log_artifacts."
    ),
    "jobs": (
        "Jobs are not managed by MLClient here. Use `runyard job`, or `Experiment.submit` of Runyard's SDK; "
        "runs are listed by `mlflow.search_runs`."
    ),
    "listkeys": "A workspace has no keys of a storage account. Use `runyard key` for a key of your own.",
    "models": (
        "Models are not managed by MLClient here. Use `mlflow.register_model` and MlflowClient at the "
        "workspace's mlflow_tracking_uri, `runyard model`, or `Model` of Runyard's SDK."
    ),
    "onlineendpoints": _ENDPOINTS,
    "resynckeys": "A workspace has no keys of a storage account, so there are none to be read again.",
    "schedules": f"{_NONE} Call `runyard job submit` from cron or from a timer of systemd.",
    "serverlessendpoints": _ENDPOINTS,
    "subscriptions": _WORKSPACES,
}


# A word of a path that is of no workspace.
_ELSEWHERE = {
    "quotas": _COMPUTE,
    "registries": "Runyard has no registries: each workspace keeps its models, data and environments.",
    "usages": _COMPUTE,
    "vmsizes": _COMPUTE,
}


_VERSION = re.compile(r"^v[12]\.0/")  # that of the service of generic assets, which not all its callers say
_PROVIDER = "microsoft.machinelearningservices"


def refusal_of(asked: str) -> str:
    """Return what is said to a client, by the path behind the workspace."""
    first, *words = _VERSION.sub("", asked.lower()).split("/")
    if first != "subscriptions":
        return _WORDS.get(first, _OTHERS)
    # By the kind of what is asked for, which may have a name behind it.
    behind_provider = words[words.index(_PROVIDER) + 1 :] if _PROVIDER in words else []
    return next((_ELSEWHERE[word] for word in behind_provider if word in _ELSEWHERE), _WORKSPACES)


def _refuse(call: Call, asked: str) -> NoReturn:
    raise NotImplementedHere(refusal_of(asked))


def _refuse_models(call: Call, asked: str) -> NoReturn:
    # The service that registers models deploys them, too; the plugin for MLflow asks it as azureml-core does.
    raise NotImplementedHere(_ENDPOINTS if "services" in asked.lower().split("/") else _ALIAS)


_EXPERIMENTS = (
    "Experiments and runs of azureml-core are not here: use mlflow.set_experiment and mlflow.start_run at "
    "ws.get_mlflow_tracking_uri(). "
) + _ALIAS
# Services that azureml-core asks, each with the workspace's scope behind its version.
_SERVICES = (
    "artifact", "credential", "data", "dataset", "datastore", "environment", "execution", "hyperdrive",
    "metric", "pipelines", "rp",
)  # fmt: skip

for _method in _METHODS:
    for _service in _SERVICES:
        routes.refuse(_method, f"/{_service}/{{asked:path}}", why=_ALIAS)
    routes.add(
        _method,
        "/modelmanagement/{asked:path}",
        permits=Permission.READ,
        of=anywhere,
        summary=_ALIAS,
        is_audited=False,
        refusal=_ALIAS,
    )(_refuse_models)
    routes.add(
        _method,
        "/arm/{asked:path}",
        "/genericasset/{asked:path}",
        permits=Permission.READ,
        of=anywhere,
        summary=_OTHERS,
        is_audited=False,
        refusal=_OTHERS,
    )(_refuse)
routes.refuse("DELETE", "/arm", why=_WORKSPACES)
routes.refuse("PATCH", "/arm", why=_WORKSPACES)
routes.refuse("PUT", "/arm", why=_WORKSPACES)
for _method in ("GET", "PATCH", "POST"):
    routes.refuse(_method, "/history/v1.0/experiments/{experiment}", why=_EXPERIMENTS)
for _method in _METHODS:
    routes.refuse(_method, "/history/{asked:path}", why=_EXPERIMENTS)

"""S07 to S10: every row of the route table with no credential, too small a one, or another workspace's.

The calls are made from the table itself, so a new route is walked the day it is written.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from collections import defaultdict

import pytest

from runyard.auth.permissions import Open, Permission, Scope
from runyard.protocol.error_classes import error_body
from runyard.protocol.messages.roles import number_of
from runyard.protocol.messages.workspaces import SUBSCRIPTION_ID
from runyard.server.middleware import _UPLOAD
from runyard.server.routes import ROUTES
from runyard.server.routing import Route
from runyard.services.guesses import Guesses
from runyard.settings import Settings
from tests.agent.job_folder import tarred
from tests.server.team import ADDRESSES, Team

# Every route that answers without a credential, and why that is right. To add one, add it here.
OPEN_ROUTES = {
    ("GET", "/health"): "a load balancer probes it and has no credential; it says OK and nothing else",
    ("GET", "/healthz"): "whoever restarts dead servers probes it; it says that the process is alive",
    ("GET", "/readyz"): "a load balancer probes it; its four sentences name no place, no name and no number",
}
OPEN_ROUTES |= {
    (
        "GET",
        "/metadata/endpoints",
    ): "Azure's clients ask it before they have a token; it says where it was asked",
    ("GET", "/discovery"): "Azure's first SDK sends it no token; it says where it was asked and nothing else",
}
OPEN_ROUTES |= {
    (
        "GET",
        "/api/v1/sign-in",
    ): "the sign-in page asks it before anybody is signed in",
    ("GET", "/api/v1/oidc/login"): "begins a sign-in: sends the browser to the provider and tells nothing",
    ("GET", "/api/v1/oidc/callback"): "the provider sends the browser here; its answer is the credential",
    ("POST", "/api/v1/oidc/backchannel-logout"): "the provider's signed logout token is the credential",
    ("POST", "/api/v1/device/authorize"): "a machine asks to be logged in and gets codes that open nothing",
    ("POST", "/api/v1/device/token"): "the machine's own code, of 256 bits, is the credential",
}
# Every route that a setting opens, and why one may want that. Without the setting it needs its permission.
OPENED_ROUTES = {
    ("GET", "/metrics", "metrics_open"): "a scraper has no credential; it counts and names nobody",
}
# Besides the table: the Studio's own files hold no data; what they show they ask the API for.
OPEN_FILES = ("/", "/index.html", "/workspaces/alpha/", "/workspaces/nowhere/")

# What people do for themselves: nothing that they make reaches further than what they sent.
OWN_BUSINESS = {
    "/api/v1/keys",
    "/api/v1/keys/{key_id}",
    "/api/v1/session",
    "/api/v1/device/requests/{user_code}/approve",
    "/api/v1/device/requests/{user_code}/deny",
    "/msi/token",
    "/msi/token/",
}
# What people may ask about themselves, and the walk asks about somebody else.
OF_SOMEBODY_ELSE = {
    "/api/2.0/mlflow/users/get",
    "/api/3.0/mlflow/users/roles/list",
    "/api/3.0/mlflow/users/permissions/list",
    "/api/3.0/mlflow/users/permissions/get",
}
# Routes that answer the same in all workspaces, and in one that isn't there.
OF_SERVER = {"/api/3.0/mlflow/server-info"}
# Deleted by MLflow's words a workspace must be empty, and the walked one is not.
NOT_EMPTY = {("DELETE", "/api/3.0/mlflow/workspaces/{workspace_name}")}
# Open routes that answer something else where nothing was begun.
NOTHING_BEGUN = {
    "/api/v1/oidc/login": 404,
    "/api/v1/oidc/callback": 403,
    "/api/v1/oidc/backchannel-logout": 400,
    "/api/v1/device/token": 400,
}

# Every POST that a reader may send. A new one belongs here only if it changes nothing.
READING_POSTS = {
    *OWN_BUSINESS,
    "/api/2.0/mlflow/artifacts/presigned-download-url",
    "/api/2.0/mlflow/experiments/search",
    "/api/2.0/mlflow/experiments/search-datasets",
    "/api/2.0mlflow/experiments/search-datasets",
    "/api/2.0/mlflow/logged-models/search",
    "/api/2.0/mlflow/registered-models/get-latest-versions",
    "/api/2.0/mlflow/runs/search",
    "/api/3.0/mlflow/ui-telemetry",
    "/api/3.0/mlflow/datasets/search",
    "/api/3.0/mlflow/issues/search",
    "/api/3.0/mlflow/traces/batchGetInfos",
    "/api/3.0/mlflow/traces/calculate-filter-correlation",
    "/api/3.0/mlflow/traces/metrics",
    "/api/3.0/mlflow/traces/search",
    "/api/v1/series",
    "/api/v1/token",
    "/graphql",
}
# The routes that stream a body of any size; all others are bound by max_body_bytes.
UPLOADS = {
    "/api/2.0/mlflow-artifacts/artifacts/{artifact_path:path}",
    "/api/v1/datastores/{datastore}/files/{file_path:path}",
    "/blobs.blob.core.windows.net/{workspace_name}/{artifact_path:path}",
    "/api/v1/snapshots/{sha256}",
}
# What a job's own agent alone may tell.
OF_AGENTS = re.compile(r"/api/v1/jobs/\{run_id\}/(?:begin|report|end)")

# Where webhooks of the walk are told; port 9 is "discard", which no machine has any more.
NOBODY_LISTENS = ("127.0.0.1",)
HOOK = "http://127.0.0.1:9/hook"
DATA_SOURCE = {"kind": "url", "address": "https://example.org/data.csv"}
EVENT = {"entity": "REGISTERED_MODEL", "action": "CREATED"}

# Where what is imported comes from, and a run that comes from there.
OLD_STORE, IMPORTED_RUN = "sqlite:////old/mlflow.db", "1" * 32
IMPORTED_TRACE = "tr-" + "0e" * 16
IMPORTED_DATASET = {"dataset_id": "d-" + "0f" * 16, "name": "imported", "digest": "x"} | {
    "created_time": 1,
    "last_update_time": 1,
}

# What is refused whoever asks is walked by itself, in tests/clients/test_mlflow_endpoints.py.
ANSWERED = [route for route in ROUTES if not route.refusal]
# Registered models whose names say what a walk does with them.
TO_BE_RENAMED, TO_BE_DELETED = "to be renamed", "to be deleted"
SECRET_NAME, DATASTORE = "walked-secret", "walked-store"
OVERWRITTEN = tarred({"walked": "overwritten"})
SNAPSHOT = hashlib.sha256(OVERWRITTEN).hexdigest()
WHEEL = f"runyard-{importlib.metadata.version('runyard')}-py3-none-any.whl"
SWEPT = {"parameters": {"walked": {"values": [1]}}, "metric": "walked", "max_trials": 1}
REGISTRY = re.compile(r"/(?:registered-models|model-versions)/")

# MLflow's pages call the same routes below an address of their own.
EVERYWHERE = ("", *(address.format("alpha") for address in ADDRESSES), "/mlflow", "/workspaces/alpha/mlflow")
SECRETS = [f"planted-{number:02d}" for number in range(50)]


def plain(path):
    """A route's path without its twin's spelling."""
    return path.replace("/ajax-api/", "/api/")


def walked(kind=lambda route: True):
    chosen = [route for route in ANSWERED if kind(route)]
    return pytest.mark.parametrize("route", chosen, ids=[f"{route.method} {route.path}" for route in chosen])


def needs_credential(route):
    return not isinstance(route.permits, Open)


def allows(scope, route):
    """Whether a scope is enough for a route, wherever it is addressed to."""
    return isinstance(route.permits, Open) or scope.allows(route.permits)


def first_of_each(route):
    """The twins below /ajax-api/ share a handler: walks that call each route many times take one of them."""
    return needs_credential(route) and not route.path.startswith("/ajax-api/")


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    team = Team(tmp_path_factory.mktemp("walk") / "home", outbound_allow=NOBODY_LISTENS, local_slots=1)
    yield team
    team.close()


@pytest.fixture
def own_team(tmp_path):
    team = Team(tmp_path / "home", outbound_allow=NOBODY_LISTENS, local_slots=1)
    yield team
    team.close()


@pytest.fixture(scope="module")
def beta(team):
    """What workspace beta holds: an experiment, a run, a model and a file, each with planted secrets."""
    return Planted(team)


class Planted:
    """Objects of one workspace whose contents nobody outside of it may see."""

    def __init__(self, team: Team) -> None:
        self.team = team
        secret = iter(SECRETS)
        made = self.mlflow("experiments/create", {"name": next(secret)})
        self.experiment_id = made["experiment_id"]
        run = {"experiment_id": self.experiment_id, "run_name": next(secret), "user_id": next(secret)}
        self.run_id = self.mlflow("runs/create", run)["run"]["info"]["run_id"]
        batch = {
            "run_id": self.run_id,
            "metrics": [{"key": next(secret), "value": 0.5, "timestamp": 1, "step": 1}],
            "params": [{"key": next(secret), "value": next(secret)}],
            "tags": [{"key": next(secret), "value": next(secret)}],
        }
        self.metric_key = batch["metrics"][0]["key"]
        self.keys = {part: batch[part][0]["key"] for part in ("metrics", "params", "tags")}
        self.mlflow("runs/log-batch", batch)
        dataset = {name: next(secret) for name in ("name", "digest", "source", "source_type")}
        self.mlflow("runs/log-inputs", {"run_id": self.run_id, "datasets": [{"dataset": dataset}]})
        tag = {"experiment_id": self.experiment_id, "key": next(secret), "value": next(secret)}
        self.mlflow("experiments/set-experiment-tag", tag)
        model = {
            "experiment_id": self.experiment_id,
            "name": next(secret),
            "params": [{"key": next(secret), "value": next(secret)}],
            "tags": [{"key": next(secret), "value": next(secret)}],
        }
        self.model_tag = model["tags"][0]["key"]
        self.model_id = self.mlflow("logged-models", model)["model"]["info"]["model_id"]
        self.file_name = next(secret)
        self.register(secret)
        self.walker_key_id = self.add_people()
        begun = [team.ask("POST", "/api/v1/device/authorize", {"machine": "w"}).json() for _ in range(3)]
        self.user_codes = [each["user_code"] for each in begun]
        self.webhook_id = self.add_webhook()
        wanted = {"name": "walked", "url": HOOK, "events": [EVENT]}
        self.mlflow_webhook_id = self.mlflow("webhooks", wanted)["webhook"]["webhook_id"]
        self.own_file = f"/api/v1/runs/{self.run_id}/artifacts/{self.file_name}"
        self.file_path = f"{self.experiment_id}/{self.run_id}/artifacts/{self.file_name}"
        content = next(secret).encode()
        for path in (
            self.file_path,
            f"{self.experiment_id}/models/{self.model_id}/artifacts/{self.file_name}",
        ):
            upload = f"/workspaces/beta/api/2.0/mlflow-artifacts/artifacts/{path}"
            team.ask("PUT", upload, content, key=team.admin_key).raise_for_status()
        self.dataset_id = self.add_evaluation_dataset(next(secret), next(secret))
        self.scorer_id = self.add_scorer(next(secret), next(secret))
        self.issue_id = self.add_issue(next(secret), next(secret))
        self.schema_id = self.add_label_schema(next(secret), next(secret))
        self.trace_id, self.assessment_id = self.add_trace(secret)
        self.asset_id = self.add_assets(secret)
        self.keep_secret(next(secret))
        self.add_datastore(next(secret))
        self.job_id = self.add_job(next(secret))
        self.sweep_id = self.add_sweep(next(secret))
        self.imported = {"source": OLD_STORE, "name": "imported"}
        self.imported["experiment_id"] = self.begin_import()
        assert list(secret) == []
        team.always_sent = {"x-mlflow-experiment-id": self.experiment_id}
        team.stores.metrics.settle()  # or the first who reads would have it done

    def mlflow(self, path, body, version="2.0"):
        answer = self.team.ask(
            "POST", f"/workspaces/beta/api/{version}/mlflow/{path}", body, key=self.team.admin_key
        )
        answer.raise_for_status()
        return answer.json()

    def add_evaluation_dataset(self, name, question):
        """A dataset of the experiment with one record."""
        body = {"name": name, "experiment_ids": [self.experiment_id]}
        dataset_id = self.mlflow("datasets/create", body, "3.0")["dataset"]["dataset_id"]
        records = json.dumps([{"inputs": {"question": question}}])
        self.mlflow(f"datasets/{dataset_id}/records", {"records": records}, "3.0")
        return dataset_id

    def add_scorer(self, name, words):
        """A scorer of the experiment with something said of its use."""
        scorer = {"experiment_id": self.experiment_id, "name": name}
        serialized = json.dumps({"instructions": words})
        made = self.mlflow("scorers/register", {**scorer, "serialized_scorer": serialized}, "3.0")
        self.team.ask(
            "PUT",
            "/workspaces/beta/api/3.0/mlflow/scorers/online-config",
            {**scorer, "sample_rate": 0},
            key=self.team.admin_key,
        ).raise_for_status()
        return made["scorer_id"]

    def add_issue(self, name, description):
        """An issue of the experiment."""
        body = {"experiment_id": self.experiment_id, "name": name, "description": description}
        return self.mlflow("issues", body, "3.0")["issue"]["issue_id"]

    def add_label_schema(self, name, instruction):
        """A question about the experiment."""
        body = {"experiment_id": self.experiment_id, "name": name, "instruction": instruction}
        body |= {"type": "FEEDBACK", "input": {"text": {}}}
        return self.mlflow("label-schemas/create", body, "3.0")["label_schema"]["schema_id"]

    def register(self, secret):
        """A registered model with two versions and an alias; one to be renamed, and one to be deleted."""
        self.registered = next(secret)
        tags = [{"key": "t", "value": next(secret)}]
        described = {"name": self.registered, "tags": tags, "description": next(secret)}
        self.mlflow("registered-models/create", described)
        for name in (TO_BE_RENAMED, TO_BE_DELETED):
            self.mlflow("registered-models/create", {"name": name})
        source = {"source": f"models:/{self.model_id}", "model_id": self.model_id}
        version = {"name": self.registered, **source, "tags": [{"key": "t", "value": next(secret)}]}
        for _ in range(2):
            self.mlflow("model-versions/create", version)
        self.alias = next(secret)
        self.mlflow("registered-models/alias", {"name": self.registered, "alias": self.alias, "version": "1"})

    def add_trace(self, secret):
        """A trace with a span and an assessment; returns the ids of the trace and of that."""
        trace_id = "tr-" + "0a" * 16
        told = {
            "trace_id": trace_id,
            "trace_location": {"mlflow_experiment": {"experiment_id": self.experiment_id}},
            "request_preview": next(secret),
            "tags": {next(secret): next(secret)},
            "trace_metadata": {"m": next(secret)},
            "assessments": [{"assessment_name": next(secret), "feedback": {"value": next(secret)}}],
        }
        path = "/workspaces/beta/api/3.0/mlflow/traces"
        key, headers = self.team.admin_key, {"x-mlflow-experiment-id": self.experiment_id}
        answer = self.team.ask("POST", path, {"trace": {"trace_info": told}}, key=key)
        answer.raise_for_status()
        body = spans_of("0a" * 16, name=next(secret), attribute=next(secret))
        sent = self.team.ask("POST", "/workspaces/beta/v1/traces", body, key=key, headers=headers)
        sent.raise_for_status()
        return trace_id, answer.json()["trace"]["trace_info"]["assessments"][0]["assessment_id"]

    def add_assets(self, secret):
        """An environment and a data asset by the name of the workspace; returns the id of that."""

        def register(path, body):
            body = {"name": "beta", **body, "description": next(secret), "tags": {"t": next(secret)}}
            answer = self.team.ask("POST", f"/workspaces/beta/api/v1/{path}", body, key=self.team.admin_key)
            answer.raise_for_status()
            return answer.json()

        register("environments", {})
        made = register("data-assets", {"kind": "file", "sources": [DATA_SOURCE]})
        return made["data_asset"]["asset_id"]

    def begin_import(self):
        """An experiment that takes what comes from elsewhere, and a run of it that has come."""

        def take_over(path, body):
            path, body = f"/workspaces/beta/api/v1/import/{path}", {"source": OLD_STORE, **body}
            answer = self.team.ask("POST", path, body, key=self.team.admin_key)
            answer.raise_for_status()
            return answer.json()

        experiment_id = take_over("experiments", self.imported)["experiment_id"]
        take_over("runs", {"runs": [{"run_id": IMPORTED_RUN, "experiment_id": experiment_id}]})
        take_over("traces", {"traces": [{"trace_info": imported_trace(experiment_id)}]})
        take_over("evaluation-datasets", {"dataset": IMPORTED_DATASET})
        return experiment_id

    def keep_secret(self, value):
        """A secret of the workspace."""
        path, body = f"/workspaces/beta/api/v1/secrets/{SECRET_NAME}", {"value": value}
        self.team.ask("PUT", path, body, key=self.team.admin_key).raise_for_status()

    def add_datastore(self, content):
        """A datastore of the workspace with a file in it."""
        base, key = "/workspaces/beta/api/v1/datastores", self.team.admin_key
        body = {"name": DATASTORE, "kind": "folder"}
        self.team.ask("POST", base, body, key=key).raise_for_status()
        self.team.ask("PUT", f"{base}/{DATASTORE}/files/walked", content.encode(), key=key).raise_for_status()

    def add_job(self, argument):
        """A compute target, code that is kept, and a job of the experiment with it; returns the job's id."""
        base, key = "/workspaces/beta/api/v1", self.team.admin_key
        self.team.ask("POST", f"{base}/compute", {"name": "beta"}, key=key).raise_for_status()
        self.team.ask("PUT", f"{base}/snapshots/{SNAPSHOT}", OVERWRITTEN, key=key).raise_for_status()
        body = {"experiment_id": self.experiment_id, "snapshot": SNAPSHOT, "script": "a.py"}
        answer = self.team.ask("POST", f"{base}/jobs", {**body, "arguments": [argument]}, key=key)
        answer.raise_for_status()
        return answer.json()["job"]["run_id"]

    def add_sweep(self, value):
        """A sweep of the experiment with a parameter that may be one value; returns the sweep's id."""
        body = {"experiment_id": self.experiment_id, "command": ["walked"], **SWEPT}
        body["parameters"] = {"planted": {"values": [value]}}
        path = "/workspaces/beta/api/v1/sweeps"
        answer = self.team.ask("POST", path, body, key=self.team.admin_key)
        answer.raise_for_status()
        return answer.json()["sweep"]["run_id"]

    def add_webhook(self):
        """A webhook that is told of what happens in this workspace, if anybody listened."""
        wanted = {"url": HOOK, "workspace": "beta"}
        answer = self.team.ask("POST", "/api/v1/webhooks", wanted, key=self.team.admin_key)
        answer.raise_for_status()
        return answer.json()["webhook"]["webhook_id"]

    def add_people(self):
        """A person with an API key and a role, and a group that they are in."""

        def change(method, path, body=None):
            answer = self.team.ask(method, f"/workspaces/beta/api/v1/{path}", body, key=self.team.admin_key)
            answer.raise_for_status()
            return answer.json()

        for name, kind in (
            ("walker", "person"),
            ("second", "person"),
            ("walkers", "group"),
            ("beta:own", "group"),
        ):
            group_id = change("POST", "principals", {"name": name, "kind": kind})["principal"]["principal_id"]
        self.role_id = number_of(group_id, "beta")
        self.role_permission_id = number_of(group_id, "beta", self.experiment_id)
        for name in ("second", "beta:own"):
            granted = {"principal": name, "role": "reader", "experiment_id": self.experiment_id}
            change("PUT", "grants", granted)
        change("PUT", "groups/walkers/members/walker")
        change(
            "PUT", "grants", {"principal": "walker", "role": "reader", "experiment_id": self.experiment_id}
        )
        return change("POST", "keys", {"name": "walked", "principal": "walker"})["key"]["key_id"]

    def kept(self):
        """The rows and files of the workspace, as they lie on the disk."""
        of_alpha = str(self.team.settings.artifact_root / "alpha")
        planted = [line for line in self.team.kept() if any(secret in line for secret in SECRETS)]
        told = 'INSERT INTO "audit_entries"'
        return [line for line in planted if not line.startswith((of_alpha, told))]


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


def imported_trace(experiment_id):
    """A trace as an import tells of it."""
    place = {"mlflow_experiment": {"experiment_id": experiment_id}}
    return {"trace_id": IMPORTED_TRACE, "trace_location": place}


RUN_BY_GRAPHQL = "{apiError {code message} run {info {runName userId} data {params {key value}}}}"


def spans_of(trace_id: str, name: str, attribute: str) -> dict[str, object]:
    """An export of one span, as OpenTelemetry writes it in JSON."""
    said = [{"key": "k", "value": {"stringValue": attribute}}]
    span = {"traceId": trace_id, "spanId": "0c" * 8, "name": name, "startTimeUnixNano": 1, "attributes": said}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


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


def has_failed(answer):
    """Whether the server itself broke; saying that something is not supported is no failure."""
    return answer.status_code >= 500 and answer.status_code != 501


def is_an_error(answer, status, code):
    assert answer.status_code == status, answer.text
    if answer.request.method != "HEAD":
        body = answer.json()
        # Where Azure's services put it, too.
        of_azure = {"code": code, "message": body["message"], "details": []}
        assert body.pop("error", of_azure) == of_azure
        assert body == error_body(code, body["message"])
    return True


# --- the table --------------------------------------------------------------------------------------------


def test_s07_the_routes_that_need_no_credential_are_the_reviewed_ones():
    found = {(route.method, route.path) for route in ROUTES if not needs_credential(route)}
    assert found == set(OPEN_ROUTES)
    assert all(len(why) > 20 for why in OPEN_ROUTES.values())


def test_s07_the_routes_that_a_setting_opens_are_the_reviewed_ones():
    found = {(route.method, route.path, route.opened_by) for route in ROUTES if route.opened_by}
    assert found == set(OPENED_ROUTES)
    assert not any(getattr(Settings(), setting) for _, _, setting in found)


def test_s09_the_posts_that_a_reader_may_send_are_the_reviewed_ones():
    found = {
        plain(route.path)
        for route in ANSWERED
        if route.method != "GET" and needs_credential(route) and allows(Scope.READER, route)
    }
    assert found == READING_POSTS


def test_s08_the_routes_that_ask_for_no_workspace_are_the_reviewed_ones():
    found = {plain(route.path) for route in ROUTES if route.is_of_server}
    assert found == OF_SERVER


def test_the_bodies_that_the_wall_does_not_bound_are_those_of_uploads():
    found = {plain(route.path) for route in ROUTES if route.method == "PUT" and _UPLOAD.fullmatch(route.path)}
    assert found == UPLOADS


# What this storage does not offer; nobody may use it, so it is no hole.
(END_OF_SESSION,) = (each for each in ROUTES if (each.method, each.path) == ("DELETE", "/api/v1/session"))
NOT_SUPPORTED = re.compile(r"/(?:mpu|presigned|presigned-(?:down|up)load-url)(?:/|$)")


def when(route):
    """First what needs the objects, then what deletes parts of them, then all, then what restores."""
    ends = ("/delete", "/restore")
    end = route.path[route.path.rindex("/") :]
    rank = 2 + ends.index(end) if end in ends and route.method == "POST" else 0
    is_last = rank or "delete" in route.path or route.method == "DELETE"
    return (is_last, "mlflow-artifacts" in route.path, -len(route.path))


def test_the_walk_calls_each_route_as_one_who_may_would(own_team):
    """Else a refusal below might only say that the call made no sense."""
    team, planted = own_team, Planted(own_team)
    unique = [route for route in ANSWERED if not route.path.startswith("/ajax-api/")]
    for route in sorted(unique, key=when):
        path, body = target(route, planted)
        answer = team.ask(route.method, "/workspaces/beta" + path, body, key=team.admin_key)
        if NOT_SUPPORTED.search(route.path):
            assert answer.status_code in (400, 501)
        else:
            if OF_AGENTS.fullmatch(route.path):
                assert is_an_error(answer, 403, "PERMISSION_DENIED")
                continue
            is_refused = route == END_OF_SESSION or (route.method, route.path) in NOT_EMPTY
            status = NOTHING_BEGUN.get(route.path, 400 if is_refused else route.status)
            assert answer.status_code == status, f"{route.method} {route.path}: {answer.text}"


# --- S07: nobody ------------------------------------------------------------------------------------------


@walked(needs_credential)
def test_s07_serve_asks_for_a_credential(route, team, beta):
    path, body = target(route, beta)
    for prefix in EVERYWHERE:
        answer = team.ask(route.method, prefix + path, body)
        assert is_an_error(answer, 401, "UNAUTHENTICATED")
    if route.method == "GET":
        assert is_an_error(team.ask("HEAD", path, body), 401, "UNAUTHENTICATED")


@walked(needs_credential)
def test_s07_a_made_up_credential_is_none(route, team, beta):
    path, body = target(route, beta)
    team.operation.guesses = Guesses()  # else it would be told to wait, and soon
    answer = team.ask(route.method, path, body, key="ry_000000000000_" + "A" * 43)
    assert is_an_error(answer, 401, "UNAUTHENTICATED")


def test_s07_nobody_has_changed_anything(team, beta):
    before = team.kept()
    for route in ANSWERED:
        path, body = target(route, beta)
        if (
            route.path != "/api/v1/device/authorize"
        ):  # what it keeps opens nothing, and is forgotten in ten minutes
            team.ask(route.method, path, body)
    assert team.kept() == before


@walked(lambda route: not needs_credential(route))
def test_an_open_route_answers_even_to_an_ended_credential(route, team):
    status = NOTHING_BEGUN.get(route.path, 200)
    body = {"device_code": "none"} if route.method == "POST" else None
    for key in (None, "ry_000000000000_" + "A" * 43):
        assert team.ask(route.method, route.path, body, key=key).status_code == status


@pytest.mark.parametrize("path", OPEN_FILES)
def test_the_studios_own_page_needs_no_credential_and_tells_nothing_of_the_data(path, team, beta):
    answer = team.ask("GET", path)
    assert answer.status_code in (200, 503)
    assert answer.headers["content-type"].startswith("text/html")
    assert not any(secret in answer.text for secret in SECRETS)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["/no/such", "/api/2.0/mlflow/nothing", "/workspaces/beta/nothing", "/health/", "/api/v1"],
)
def test_an_unknown_address_is_the_same_error_as_any_other(method, path, team):
    is_an_error(team.ask(method, path, key=team.key(Scope.READER)), 404, "ENDPOINT_NOT_FOUND")
    is_an_error(team.ask(method, path), 401, "UNAUTHENTICATED")


# --- S09: too small a credential --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys_for_beta(team, beta):
    return {scope: team.key(scope, "beta") for scope in Scope} | {None: team.key(Scope.READER)}


@walked(first_of_each)
def test_s09_a_scope_opens_exactly_the_routes_that_it_allows(route, team, beta, keys_for_beta):
    path, body = target(route, beta)
    for scope in Scope:
        if allows(scope, route) and route.permits is not Permission.ADMINISTER:
            continue
        before = beta.kept()
        answer = team.ask(route.method, "/workspaces/beta" + path, body, key=keys_for_beta[scope])
        assert is_an_error(answer, 403, "PERMISSION_DENIED")
        assert beta.kept() == before


def test_s09_a_reader_changes_nothing_whatever_they_call(team, beta, keys_for_beta):
    token = team.ask("POST", "/api/v1/token", {}, key=keys_for_beta[None]).json()["access_token"]
    before = team.kept()
    for route in ANSWERED:
        if plain(route.path) in OWN_BUSINESS or not needs_credential(route):
            continue
        path, body = target(route, beta)
        for key in (keys_for_beta[None], token):
            answer = team.ask(route.method, "/workspaces/beta" + path, body, key=key)
            refused = not allows(Scope.READER, route) or plain(route.path) in OF_SOMEBODY_ELSE
            assert (answer.status_code == 403) == (
                refused or (plain(route.path) == "/api/v1/token" and key == token)
            )
            assert not has_failed(answer), f"{route.method} {route.path}: {answer.text}"
    assert team.kept() == before


def test_s09_a_reader_sees_what_they_may(team, beta, keys_for_beta):
    answer = team.ask(
        "GET",
        "/workspaces/beta/api/2.0/mlflow/runs/get",
        {"run_id": beta.run_id},
        key=keys_for_beta[Scope.READER],
    )
    assert SECRETS[1] in answer.text


# --- S08, S10: a credential of another workspace ----------------------------------------------------------


@walked(lambda route: first_of_each(route) and not route.is_of_server)
def test_s08_the_key_of_one_workspace_opens_no_address_of_another(route, team, beta):
    key = team.key(Scope.OWNER, "alpha")
    path, body = target(route, beta)
    texts = defaultdict(set)
    for name in ("beta", "nowhere"):
        for address in ADDRESSES:
            answer = team.ask(route.method, address.format(name) + path, body, key=key)
            assert is_an_error(answer, 403, "PERMISSION_DENIED")
            texts[address].add(answer.text)
        answer = team.ask(route.method, path, body, key=key, headers={"X-MLFLOW-WORKSPACE": name})
        assert is_an_error(answer, 403, "PERMISSION_DENIED")
        texts[""].add(answer.text)
    # A workspace that is there is refused as one that is not.
    assert {len(each) for each in texts.values()} == {1}


@walked(first_of_each)
def test_s08_the_ids_of_another_workspace_lead_nowhere(route, team, beta):
    key = team.key(Scope.OWNER, "alpha")
    path, body = target(route, beta)
    before = beta.kept()
    answer = team.ask(route.method, "/workspaces/alpha" + path, body, key=key)
    assert not has_failed(answer), answer.text
    shown = answer.text.replace(path, "")
    for secret in SECRETS:
        # What the caller wrote may come back in an error; what only the other workspace knows may not.
        if secret not in json.dumps(body if not isinstance(body, bytes) else "") + path:
            assert secret not in shown
    assert beta.kept() == before


@pytest.mark.parametrize("scope", Scope)
def test_s10_lists_and_searches_hold_the_callers_rows_only(scope, team, beta):
    key = team.key(scope, "alpha")
    for path, body in [
        ("/api/2.0/mlflow/experiments/search", {"max_results": 1000, "view_type": "ALL"}),
        ("/api/2.0/mlflow/runs/search", {"experiment_ids": [beta.experiment_id, "0"], "max_results": 1000}),
        ("/api/2.0/mlflow/runs/search", {"experiment_ids": [], "max_results": 1000}),
        ("/api/2.0/mlflow/logged-models/search", {"experiment_ids": [beta.experiment_id], "max_results": 50}),
        ("/api/2.0/mlflow/experiments/search-datasets", {"experiment_ids": [beta.experiment_id]}),
        ("/api/3.0/mlflow/traces/search", {"locations": body_for(beta)["locations"]}),
        ("/api/3.0/mlflow/traces/batchGetInfos", {"trace_ids": [beta.trace_id]}),
        ("/api/v1/series", {"run_ids": [beta.run_id], "keys": [beta.metric_key], "x": "step", "width": 5}),
    ]:
        answer = team.ask("POST", "/workspaces/alpha" + path, body, key=key)
        asked_for = json.dumps(body)
        assert not has_failed(answer)
        assert not any(secret in answer.text for secret in SECRETS if secret not in asked_for), path
        assert answer.status_code >= 400 or beta.run_id not in answer.text
    found = team.ask("GET", "/workspaces/alpha/api/v1/workspaces", key=key).json()["workspaces"]
    assert [workspace["name"] for workspace in found] == ["alpha"]


def test_s08_the_workspace_of_somebody_else_looks_like_none(team, beta):
    key = team.key(Scope.OWNER, "alpha")
    own = team.ask("GET", "/workspaces/alpha/api/v1/workspaces/alpha", key=key)
    assert own.json()["workspace"]["name"] == "alpha"
    other, none = (
        team.ask("GET", f"/workspaces/alpha/api/v1/workspaces/{name}", key=key) for name in ("beta", "none")
    )
    assert other.status_code == none.status_code == 404
    assert other.text.replace("beta", "none") == none.text


def test_s08_a_header_and_a_path_that_name_different_workspaces_are_refused(team):
    answer = team.ask(
        "GET",
        "/workspaces/alpha/version",
        key=team.admin_key,
        headers={"X-MLFLOW-WORKSPACE": "beta"},
    )
    assert is_an_error(answer, 400, "INVALID_PARAMETER_VALUE")


# --- on up ------------------------------------------------------------------------------------------------


def test_a_redirect_to_a_workspaces_page_stays_on_this_host(team):
    for name in ("alpha", "https:evil.example", "%5C%5Cevil.example", "javascript:alert(1)"):
        answer = team.ask("GET", f"/workspaces/{name}")
        assert answer.status_code == 308
        assert re.match(r"\./[^/\\]+/$", answer.headers["location"])


@pytest.mark.parametrize(
    "sent", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_s16_a_body_that_a_form_could_send_is_refused(sent, team):
    before = team.kept()
    for route in ANSWERED:
        if route.request is None or route.method not in ("POST", "PATCH", "PUT"):
            continue
        answer = team.ask(
            route.method,
            re.sub(r"\{[^}]+\}", "x", route.path),
            json.dumps({"name": "forged"}).encode(),
            key=team.admin_key,
            headers={"Content-Type": sent},
        )
        assert is_an_error(answer, 400, "INVALID_PARAMETER_VALUE")
        assert "Content-Type" in answer.json()["message"]
    assert team.kept() == before

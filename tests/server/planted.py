"""What one workspace holds for the walk over all routes: one of everything, each with a planted secret."""

from __future__ import annotations

import hashlib
import json

from runyard.protocol.messages.roles import number_of
from tests.agent.job_folder import tarred
from tests.server.team import Team

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
# Registered models whose names say what a walk does with them.
TO_BE_RENAMED, TO_BE_DELETED = "to be renamed", "to be deleted"
SECRET_NAME, DATASTORE = "walked-secret", "walked-store"
OVERWRITTEN = tarred({"walked": "overwritten"})
SNAPSHOT = hashlib.sha256(OVERWRITTEN).hexdigest()
SWEPT = {"parameters": {"walked": {"values": [1]}}, "metric": "walked", "max_trials": 1}
SECRETS = [f"planted-{number:02d}" for number in range(50)]


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


def imported_trace(experiment_id):
    """A trace as an import tells of it."""
    place = {"mlflow_experiment": {"experiment_id": experiment_id}}
    return {"trace_id": IMPORTED_TRACE, "trace_location": place}


def spans_of(trace_id: str, name: str, attribute: str) -> dict[str, object]:
    """An export of one span, as OpenTelemetry writes it in JSON."""
    said = [{"key": "k", "value": {"stringValue": attribute}}]
    span = {"traceId": trace_id, "spanId": "0c" * 8, "name": name, "startTimeUnixNano": 1, "attributes": said}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

"""S24: what the key of a job opens: its own run, runs that it begins, what is open to jobs; nothing else."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from runyard.auth.permissions import Permission, Scope
from runyard.entities.job import JOB_TAG, JobStatus
from runyard.server.routes import ROUTES
from runyard.services import reach
from runyard.services.identity_upkeep import IdentityUpkeep
from runyard.services.job_life import AttemptEnd, begin_attempt, end_attempt
from runyard.services.job_reach import _OWNERS
from tests.server.planted import NOBODY_LISTENS, Planted
from tests.server.route_targets import plain, target
from tests.server.team import Team
from tests.server.test_route_walk import (
    ANSWERED,
    OF_SOMEBODY_ELSE,
    OWN_BUSINESS,
    first_of_each,
    has_failed,
    is_an_error,
    needs_credential,
)
from tests.waiting import until

NOW_MS = 1_700_000_000_000
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
MLFLOW = "/workspaces/beta/api/2.0/mlflow"
# All that a job may change besides its own run, and why it needs that.
FOR_JOBS = {
    ("POST", "/api/2.0/mlflow/runs/create"): "nested runs, and a script's second run",
    ("POST", "/api/2.0/mlflow/logged-models"): "log_model",
    ("POST", "/api/2.0/mlflow/registered-models/create"): "log_model(registered_model_name=...)",
    ("POST", "/api/2.0/mlflow/registered-models/set-tag"): "says what the model is",
    ("POST", "/api/2.0/mlflow/registered-models/alias"): "says which version is the best one",
    ("POST", "/api/2.0/mlflow/model-versions/create"): "log_model(registered_model_name=...)",
    ("PATCH", "/api/2.0/mlflow/model-versions/update"): "describes what it registers",
    ("POST", "/api/2.0/mlflow/model-versions/set-tag"): "says what the version is",
    ("PUT", "/api/v1/datastores/{datastore}/files/{file_path:path}"): "results that are no artifacts",
    ("POST", "/api/v1/data-assets"): "registers data that it has made",
    ("POST", "/v1/traces"): "tracing",
    ("POST", "/api/3.0/mlflow/traces"): "tracing",
    ("GET", "/api/v1/secrets/{secret_name:path}"): "Run.get_secret, as far as its submitter may",
}


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    team = Team(tmp_path_factory.mktemp("jobs") / "home", outbound_allow=NOBODY_LISTENS, local_slots=1)
    yield team
    team.close()


@pytest.fixture(scope="module")
def beta(team):
    return Planted(team)


@pytest.fixture(scope="module")
def job(team, beta):
    """A job of another experiment of the workspace, submitted by one who may do all in it."""
    key = team.person("submitter")
    team.grant("submitter", "owner", "beta")
    return Submitted(team, key)


class Submitted:
    """A job that has begun, and its key."""

    def __init__(self, team: Team, key: str, name: str = "of the job") -> None:
        self.team = team
        made = team.ask("POST", f"{MLFLOW}/experiments/create", {"name": name}, key=team.admin_key).json()
        self.experiment_id = made["experiment_id"]
        body = {"experiment_id": self.experiment_id, "command": ["true"]}
        answer = team.ask("POST", "/workspaces/beta/api/v1/jobs", body, key=key)
        answer.raise_for_status()
        self.run_id = answer.json()["job"]["run_id"]
        queued = team.stores.metadata.jobs.find_job(self.run_id)
        assert queued is not None
        self.key = begin_attempt(team.stores, queued, "here", NOW_MS)

    def ask(self, method, path, body=None):
        """Ask with the job's key."""
        return self.team.ask(method, f"/workspaces/beta{path}", body, key=self.key)

    @property
    def history(self):
        """Where Azure's clients ask for the files of its run."""
        return f"/history/v1.0/experiments/{self.experiment_id}/runs/{self.run_id}/artifacts"

    def signed(self, name, *, is_write):
        """Return the address of a file, without the server's."""
        if is_write:
            told = self.ask("POST", f"{self.history}/batch/metadata", {"paths": [{"path": name}]}).json()
            address = told["artifactContentInformation"][name]["contentUri"]
        else:
            self.ask("PUT", f"{ARTIFACTS}/{self.experiment_id}/{self.run_id}/artifacts/{name}", b"mine")
            address = self.ask("GET", f"{self.history}/contentinfo?path={name}").json()["contentUri"]
        return urlsplit(address)._replace(scheme="", netloc="").geturl()

    def mlflow(self, path, body):
        """Ask one of MLflow's POSTs, which must be answered."""
        answer = self.ask("POST", f"/api/2.0/mlflow/{path}", body)
        assert answer.status_code == 200, answer.text
        return answer.json()


def changes(route):
    return isinstance(route.permits, Permission) and route.permits > Permission.READ


def test_s24_what_is_open_to_jobs_is_what_was_reviewed():
    found = {(route.method, plain(route.path)) for route in ROUTES if route.for_jobs}
    assert found == set(FOR_JOBS)
    assert not any(
        changes(route) and route.permits == Permission.MANAGE for route in ROUTES if route.for_jobs
    )


def test_s24_what_a_job_owns_is_asked_of_all_routes_about_runs():
    """A new way to name a run or a model is refused to jobs until somebody says whose it is."""
    about_models = {reach.model, reach.models, reach.run_or_model}
    about_runs = {reach.run, reach.runs, reach.owner_of_files, reach.artifact_path, *about_models}
    assert set(_OWNERS) == about_runs


@pytest.mark.parametrize(
    "route",
    [route for route in ANSWERED if first_of_each(route) and changes(route) and not route.for_jobs],
    ids=lambda route: f"{route.method} {route.path}",
)
def test_s24_a_job_changes_nothing_of_others(route, team, beta, job):
    path, body = target(route, beta)
    before = beta.kept()
    answer = team.ask(route.method, "/workspaces/beta" + path, body, key=job.key)
    assert is_an_error(answer, 403, "PERMISSION_DENIED")
    assert beta.kept() == before


def test_s24_a_job_reads_what_its_submitter_may(team, beta, job):
    for route in ANSWERED:
        if not needs_credential(route) or route.permits is not Permission.READ or not first_of_each(route):
            continue
        path, body = target(route, beta)
        answer = team.ask(route.method, "/workspaces/beta" + path, body, key=job.key)
        assert (answer.status_code == 403) == (plain(route.path) in OF_SOMEBODY_ELSE), route.path
        assert not has_failed(answer)


def test_s24_a_job_makes_itself_no_other_credential(team, beta, job):
    for route in ANSWERED:
        if plain(route.path) in OWN_BUSINESS and route.method != "GET":
            path, body = target(route, beta)
            answer = team.ask(route.method, "/workspaces/beta" + path, body, key=job.key)
            assert is_an_error(answer, 403, "PERMISSION_DENIED"), f"{route.method} {route.path}"
    answer = team.ask("GET", "/msi/token", headers={"secret": job.key})
    assert answer.json()["access_token"] == job.key, answer.text
    caller = job.ask("GET", "/api/v1/caller").json()
    assert (caller["name"], caller["scope"], caller["permission"]) == ("submitter", "contributor", "READ")


def test_a_job_logs_to_its_own_run(job):
    batch = {"run_id": job.run_id, "metrics": [{"key": "m", "value": 1.0, "timestamp": 1, "step": 0}]}
    job.mlflow("runs/log-batch", batch)
    job.mlflow("runs/set-tag", {"run_id": job.run_id, "key": "t", "value": "v"})
    path = f"/api/2.0/mlflow-artifacts/artifacts/{job.experiment_id}/{job.run_id}/artifacts/a.txt"
    assert job.ask("PUT", path, b"mine").status_code == 200
    # What no file can be called is no question of rights, and whoever reads the log has to know.
    assert is_an_error(job.ask("PUT", f"{path}%0A", b"x"), 400, "INVALID_PARAMETER_VALUE")
    read = job.ask("GET", "/api/2.0/mlflow/runs/get", {"run_id": job.run_id}).json()["run"]["data"]
    assert [each["key"] for each in read["metrics"]] == ["m"]


def test_a_job_writes_and_reads_its_files_by_signed_addresses(tmp_path):
    """They open what the job may, and end with it; nobody reads its key in them."""
    team = Team(tmp_path / "home", local_slots=2)
    key = team.person("submitter")
    team.grant("submitter", "owner", "beta")
    job, other = Submitted(team, key), Submitted(team, key, "another")
    write, read = (job.signed("a b.txt", is_write=is_write) for is_write in (True, False))
    assert job.key is not None
    assert job.key.rpartition("_")[2] not in write + read
    assert team.ask("PUT", write, b"mine").status_code == 201
    assert team.ask("GET", read).content == b"mine"
    assert team.ask("PUT", read, b"mine").status_code == 401
    assert job.ask("POST", f"{other.history}/batch/metadata", {"paths": [{"path": "a"}]}).status_code == 403
    end_attempt(team.stores, job.run_id, 1, AttemptEnd(JobStatus.COMPLETED, 0, ""), NOW_MS)
    # Who sent a credential a moment ago is remembered for a moment.
    until(lambda: team.ask("GET", read).status_code == 401)
    until(lambda: team.ask("PUT", write, b"more").status_code == 401)
    team.close()


def test_a_job_begins_runs_and_logs_to_those(team, beta, job):
    made = job.mlflow("runs/create", {"experiment_id": job.experiment_id})["run"]
    run_id = made["info"]["run_id"]
    assert {each["key"]: each["value"] for each in made["data"]["tags"]}[JOB_TAG] == job.run_id
    job.mlflow("runs/log-parameter", {"run_id": run_id, "key": "p", "value": "1"})
    path = f"/api/2.0/mlflow-artifacts/artifacts/{job.experiment_id}/{run_id}/artifacts/b.txt"
    assert job.ask("PUT", path, b"mine").status_code == 200
    elsewhere = {"experiment_id": beta.experiment_id}
    answer = job.ask("POST", "/api/2.0/mlflow/runs/create", elsewhere)
    assert is_an_error(answer, 403, "PERMISSION_DENIED")


def test_a_job_does_not_become_another_by_a_tag(team, job):
    """Whoever else has begun a run keeps it, whatever the job says of it."""
    body = {"experiment_id": job.experiment_id, "tags": [{"key": JOB_TAG, "value": "0" * 32}]}
    own = job.mlflow("runs/create", body)["run"]
    assert {each["key"]: each["value"] for each in own["data"]["tags"]}[JOB_TAG] == job.run_id
    other = team.ask(
        "POST", f"{MLFLOW}/runs/create", {"experiment_id": job.experiment_id}, key=team.admin_key
    ).json()["run"]["info"]["run_id"]
    for path, body in (
        ("runs/set-tag", {"run_id": other, "key": JOB_TAG, "value": job.run_id}),
        ("runs/log-metric", {"run_id": other, "key": "m", "value": 1.0, "timestamp": 1}),
        ("runs/update", {"run_id": other, "status": "FAILED"}),
        ("runs/delete", {"run_id": other}),
    ):
        answer = job.ask("POST", f"/api/2.0/mlflow/{path}", body)
        assert is_an_error(answer, 403, "PERMISSION_DENIED")
    for path in (f"{other}/artifacts/x", f"{other}/x", "x", f"models/m-{'0' * 32}/artifacts/x"):
        upload = f"/api/2.0/mlflow-artifacts/artifacts/{job.experiment_id}/{path}"
        assert is_an_error(job.ask("PUT", upload, b"x"), 403, "PERMISSION_DENIED")


def test_a_job_logs_and_registers_a_model(job):
    body = {"experiment_id": job.experiment_id, "name": "net", "source_run_id": job.run_id}
    model_id = job.mlflow("logged-models", body)["model"]["info"]["model_id"]
    path = f"/api/2.0/mlflow-artifacts/artifacts/{job.experiment_id}/models/{model_id}/artifacts/MLmodel"
    assert job.ask("PUT", path, b"flavors: {}").status_code == 200
    done = job.ask("PATCH", f"/api/2.0/mlflow/logged-models/{model_id}", {"status": "LOGGED_MODEL_READY"})
    assert done.status_code == 200
    job.mlflow("registered-models/create", {"name": "of a job"})
    version = {"name": "of a job", "source": f"models:/{model_id}", "model_id": model_id}
    assert job.mlflow("model-versions/create", version)["model_version"]["version"] == "1"
    gone = job.ask("DELETE", "/api/2.0/mlflow/registered-models/delete", {"name": "of a job"})
    assert is_an_error(gone, 403, "PERMISSION_DENIED")


def test_a_job_measures_models_of_its_own_experiment_alone(team, beta, job):
    point = {"run_id": job.run_id, "key": "acc", "value": 0.5, "timestamp": 1}
    for experiment_id, expected in ((job.experiment_id, 200), (beta.experiment_id, 403)):
        body = {"experiment_id": experiment_id, "name": "net"}
        made = team.ask("POST", f"{MLFLOW}/logged-models", body, key=team.admin_key).json()["model"]
        measured = point | {"model_id": made["info"]["model_id"]}
        assert job.ask("POST", "/api/2.0/mlflow/runs/log-metric", measured).status_code == expected


def test_a_job_of_a_location_of_its_own_writes_there(team, job):
    key = team.person("placed")
    team.grant("placed", "contributor", "beta")
    made = team.ask(
        "POST",
        f"{MLFLOW}/experiments/create",
        {"name": "placed", "artifact_location": "mlflow-artifacts:/shared/place"},
        key=team.admin_key,
    ).json()
    body = {"experiment_id": made["experiment_id"], "command": ["true"]}
    run_id = team.ask("POST", "/workspaces/beta/api/v1/jobs", body, key=key).json()["job"]["run_id"]
    queued = team.stores.metadata.jobs.find_job(run_id)
    own = begin_attempt(team.stores, queued, "here", NOW_MS)
    base = "/workspaces/beta/api/2.0/mlflow-artifacts/artifacts/shared/place"
    assert team.ask("PUT", f"{base}/{run_id}/artifacts/a", b"x", key=own).status_code == 200
    for path in ("a", f"{job.run_id}/artifacts/a", f"{run_id}x/artifacts/a"):
        assert is_an_error(team.ask("PUT", f"{base}/{path}", b"x", key=own), 403, "PERMISSION_DENIED")


def test_s24_the_key_is_good_in_its_own_workspace_alone(team, job):
    for path in ("/workspaces/alpha/api/v1/jobs", "/api/v1/jobs", "/api/v1/principals"):
        assert is_an_error(team.ask("GET", path, key=job.key), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize("change", [lambda key: key[:-1] + "!", lambda key: key[:-2] + "AA", lambda key: ""])
def test_s24_another_key_is_none(team, job, change):
    answer = team.ask("GET", "/workspaces/beta/api/v1/jobs", key=change(job.key))
    assert is_an_error(answer, 401, "UNAUTHENTICATED")


def test_s24_a_role_that_is_taken_from_the_submitter_is_taken_from_the_job(tmp_path):
    team = Team(tmp_path / "home", local_slots=1)
    try:
        key = team.person("cora")
        team.grant("cora", "contributor", "beta")
        job = Submitted(team, key)
        tag = ("runs/set-tag", {"run_id": job.run_id, "key": "t", "value": "v"})
        job.mlflow(*tag)
        team.grant("cora", "reader", "beta")
        assert is_an_error(job.ask("POST", f"/api/2.0/mlflow/{tag[0]}", tag[1]), 403, "PERMISSION_DENIED")
        disabled = team.ask("PATCH", "/api/v1/principals/cora", {"is_disabled": True}, key=team.admin_key)
        assert disabled.status_code == 200, disabled.text
        assert is_an_error(job.ask("GET", "/api/v1/jobs"), 401, "UNAUTHENTICATED")
    finally:
        team.close()


def test_s24_the_key_ends_with_the_job_and_is_no_guess(tmp_path):
    team = Team(tmp_path / "home", local_slots=1)
    try:
        job = Submitted(team, team.admin_key)
        assert job.ask("GET", "/api/v1/jobs").status_code == 200
        end_attempt(team.stores, job.run_id, 1, AttemptEnd(JobStatus.COMPLETED, 0, ""), NOW_MS)
        # Who sent a credential a moment ago is remembered for a moment.
        until(lambda: job.ask("GET", "/api/v1/compute").status_code == 401)
        for _ in range(30):  # more than one may guess
            assert is_an_error(job.ask("GET", "/api/v1/compute"), 401, "UNAUTHENTICATED")
    finally:
        team.close()


def test_s24_jobs_without_a_credential_or_by_readers(team, beta):
    reader = team.key(Scope.READER, "beta")
    for method, path in (
        ("POST", "/api/v1/jobs"),
        ("POST", f"/api/v1/jobs/{beta.job_id}/cancel"),
        ("DELETE", "/api/v1/compute/beta"),
        ("PUT", f"/api/v1/snapshots/{'0' * 64}"),
    ):
        assert is_an_error(team.ask(method, f"/workspaces/beta{path}", None), 401, "UNAUTHENTICATED")
        answer = team.ask(method, f"/workspaces/beta{path}", {"experiment_id": "0"}, key=reader)
        assert is_an_error(answer, 403, "PERMISSION_DENIED")
    shown = team.ask("GET", f"/workspaces/beta/api/v1/jobs/{beta.job_id}", key=reader).text
    assert not re.search(r"key|principal", shown)


def test_s25_a_key_of_a_job_opens_nothing_of_the_administrators_and_the_log_tells_who_tried(tmp_path):
    team = Team(tmp_path / "home", local_slots=1)
    try:
        key = team.person("dora")
        team.grant("dora", "owner", "beta")
        job = Submitted(team, key)
        for method, path, body in (
            ("POST", "/api/v1/principals", {"name": "eve", "kind": "person"}),
            ("POST", "/workspaces/beta/api/v1/keys", {"name": "more"}),
            ("PUT", "/workspaces/beta/api/v1/grants", {"principal": "dora", "role": "owner"}),
            ("GET", "/api/v1/audit", None),
            ("DELETE", "/workspaces/beta/api/v1/compute/local", None),
        ):
            assert is_an_error(team.ask(method, path, body, key=job.key), 403, "PERMISSION_DENIED"), path
        IdentityUpkeep(team.stores, team.operation.refusals, team.settings).write_refusals()
        found = team.ask("GET", "/api/v1/audit", {"outcome": "refused"}, key=team.admin_key).json()["entries"]
        told = {(each["action"], each["caller"], each["key_id"], each["client"]) for each in found}
        assert told == {
            (action, "dora", f"job {job.run_id}", "127.0.0.1")
            for action in (
                "principals.create_principal",
                "keys.create_key",
                "grants.set_grant",
                "compute_targets.delete_compute_target",
            )
        }
    finally:
        team.close()

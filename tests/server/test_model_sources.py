"""Where a version may come from: what is held against the caller's own workspace, and what is not opened."""

from __future__ import annotations

import json

import pytest

from runyard.auth.permissions import Scope
from runyard.errors import InvalidParameter
from runyard.services.call import Call
from runyard.services.model_sources import resolve_origin
from tests.hostile_paths import HOSTILE_PATHS, as_query
from tests.server.local import BASE, Local, good, pairs, refusal
from tests.server.team import ADDRESSES, Team
from tests.server.trashed import upload

UNKNOWN = "f" * 32
LONGEST_QUERY = 60_000  # of what the tests' client sends
VERSIONS = "/model-versions"


@pytest.fixture
def run_id(local):
    """A run with a file, and a registered model."""
    local.post("/registered-models/create", name="m")
    run_id = local.run()
    upload(local, run_id, "model/weights.bin", b"weights")
    return run_id


@pytest.fixture
def model_id(local, run_id):
    made = local.post("/logged-models", experiment_id="0", name="ridge", source_run_id=run_id)
    info = made["model"]["info"]
    path = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
    good(local.ask("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}/MLmodel", content=b"logged"))
    return info["model_id"]


def created(local, source, name="m", **fields):
    return local.post(f"{VERSIONS}/create", name=name, source=source, **fields)["model_version"]


def refused(local, source, **fields):
    status, code, message = local.refused(f"{VERSIONS}/create", name="m", source=source, **fields)
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE"), message
    return message


def download(local, path, version="1", name="m"):
    query = {"name": name, "version": version, "path": path}
    return local.ask("GET", "/model-versions/get-artifact", params=query)


def uri_of(local, run_id):
    return local.read_run(run_id)["info"]["artifact_uri"]


def test_a_folder_of_a_run_by_each_of_its_addresses(local, run_id):
    root = uri_of(local, run_id)
    for number, source in enumerate(
        (f"{root}/model", f"{root}//model/", f"runs:/{run_id}/model", f"runs:/{run_id}//model"), 1
    ):
        made = created(local, source, run_id=run_id)
        assert (made["source"], made["run_id"]) == (source, run_id)
        answer = download(local, "weights.bin", str(number))
        assert (answer.status_code, answer.content) == (200, b"weights")
        assert answer.headers["content-disposition"].startswith("attachment")
    created(local, f"runs:/{run_id}", run_id=run_id)
    assert download(local, "model/weights.bin", "5").content == b"weights"


def test_files_of_a_job_as_azure_s_documents_name_them_are_those_of_the_run(local, run_id):
    root = uri_of(local, run_id)
    job = f"azureml://jobs/{run_id}/outputs/artifacts"
    for number, fields in enumerate(({"run_id": run_id}, {}), 1):
        made = created(local, f"{job}/paths/model", **fields)
        assert (made["source"], made["run_id"]) == (f"{root}/model", run_id)
        assert download(local, "weights.bin", str(number)).content == b"weights"
    assert created(local, f"{job}/paths/model/weights.bin")["source"] == f"{root}/model/weights.bin"
    assert created(local, job)["source"] == root


def test_files_of_a_job_that_is_not_the_caller_s_are_refused(local, run_id):
    for source, fields in (
        (f"azureml://jobs/{UNKNOWN}/outputs/artifacts/paths/model", {}),
        (f"azureml://jobs/{run_id}/outputs/artifacts/paths/model", {"run_id": local.run()}),
        (f"azureml://jobs/{run_id}/outputs/artifacts/paths/../model", {}),
    ):
        refused(local, source, **fields)
    # A job of Azure's has a name of its own: it is a word for clients of Azure.
    source = "azureml://jobs/happy_plum_1a/outputs/artifacts/paths/model"
    assert created(local, source)["source"] == source


def test_a_logged_model_by_each_of_its_addresses(local, run_id, model_id):
    uri = local.get(f"/logged-models/{model_id}")["model"]["info"]["artifact_uri"]
    for number, source in enumerate((f"models:/{model_id}", uri), 1):
        made = created(local, source, model_id=model_id)
        assert (made["model_id"], made["run_id"], made["version"]) == (model_id, run_id, str(number))
        assert download(local, "MLmodel", str(number)).content == b"logged"
        assert local.get(f"{VERSIONS}/get-download-uri", name="m", version=str(number)) == {
            "artifact_uri": uri
        }
    tags = pairs(local.get(f"/logged-models/{model_id}")["model"]["info"]["tags"])
    assert json.loads(tags["mlflow.modelVersions"]) == [
        {"name": "m", "version": 1},
        {"name": "m", "version": 2},
    ]


@pytest.mark.parametrize("written", ["nonsense", "{}", "[" * 50_000, json.dumps(["x" * 90] * 1060)])
def test_a_logged_model_is_tagged_whatever_somebody_wrote_there(local, model_id, written):
    tags = [{"key": "mlflow.modelVersions", "value": written}]
    good(local.ask("PATCH", f"{BASE}/logged-models/{model_id}/tags", json={"tags": tags}))
    created(local, f"models:/{model_id}", model_id=model_id)
    kept = pairs(local.get(f"/logged-models/{model_id}")["model"]["info"]["tags"])["mlflow.modelVersions"]
    assert json.loads(kept)[-1] == {"name": "m", "version": 1}
    assert len(kept) <= 100_000


def test_a_version_of_another_model_with_what_it_is_of(local, run_id, model_id):
    created(local, f"models:/{model_id}", model_id=model_id)
    local.post("/registered-models/alias", name="m", alias="a", version="1")
    local.post(f"{VERSIONS}/transition-stage", name="m", version="1", stage="Staging")
    local.post("/registered-models/create", name="copy")
    for source in ("models:/m/1", "models:/m@a", "models:/m/staging", "models:/m/latest"):
        made = created(local, source, "copy")
        assert (made["source"], made["run_id"], made["model_id"]) == ("models:/m/1", run_id, model_id)
        assert download(local, "MLmodel", made["version"], "copy").content == b"logged"
    assert (
        created(local, "models:/copy/1", "copy", run_id=run_id, model_id=model_id)["source"]
        == "models:/copy/1"
    )
    other = "The run_id and model_id request parameters must match the referenced model version."
    for fields in ({"run_id": UNKNOWN}, {"run_id": ""}, {"model_id": ""}, {"model_id": "m-1"}):
        assert refused(local, "models:/m/1", **fields).endswith(other)
    for source, status in (("models:/m/9", 404), ("models:/n/1", 404), ("models:/m/Production", 404)):
        assert local.refused(f"{VERSIONS}/create", name="m", source=source)[0] == status
    assert refused(local, "models:/m@b") == "Registered model alias b not found."
    assert "Invalid Model Version stage: live" in refused(local, "models:/m/live")


def test_a_prompt_is_no_source(local, run_id):
    local.post(
        "/registered-models/create", name="p", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    )
    assert "Prompt versions cannot be used as model version sources." in refused(local, "models:/p/1")


def test_an_owner_that_does_not_hold_the_source_is_refused_as_one_that_is_not_there(local, run_id, model_id):
    other = local.run()
    mine, its = uri_of(local, run_id), uri_of(local, other)
    root = local.get(f"/logged-models/{model_id}")["model"]["info"]["artifact_uri"]
    of_run = "The run_id request parameter must identify the resource that contains the source."
    for source, fields in (
        (f"{mine}/model", {"run_id": other}),
        (f"{mine}/model", {"run_id": UNKNOWN}),
        (f"{mine}/model", {}),
        (f"{its[:-1]}", {"run_id": other}),
        ("mlflow-artifacts:/0", {"run_id": run_id}),
        ("mlflow-artifacts:/", {"run_id": run_id}),
        (root, {"run_id": run_id}),
        (f"runs:/{run_id}/model", {"run_id": other}),
        (f"runs:/{run_id}/model", {}),
        (f"runs:/{UNKNOWN}/model", {"run_id": UNKNOWN}),
        (f"runs://host/{run_id}/model", {"run_id": run_id}),
        ("runs:/", {"run_id": run_id}),
    ):
        assert refused(local, source, **fields) == f"Invalid model version source: '{source}'. {of_run}"
    of_model = of_run.replace("run_id", "model_id")
    for source, fields in (
        (f"models:/{model_id}", {}),
        (f"models:/{model_id}", {"run_id": run_id}),
        (f"models:/m-{UNKNOWN}", {"model_id": f"m-{UNKNOWN}"}),
        (f"{mine}/model", {"model_id": model_id, "run_id": run_id}),
        (f"runs:/{run_id}/model", {"model_id": model_id, "run_id": run_id}),
        ("s3://bucket/m", {"model_id": f"m-{UNKNOWN}"}),
        ("models:/", {"model_id": model_id}),
    ):
        assert refused(local, source, **fields) == f"Invalid model version source: '{source}'. {of_model}"
    assert local.get(f"{VERSIONS}/search") == {}


def test_what_only_clients_can_open_is_kept_as_a_word_and_never_opened(local, run_id):
    for number, source in enumerate(
        ("s3://bucket/m", "gs://b/m", "dbfs:/m", "hdfs://host/m", "runs:/run_id/m"), 1
    ):
        fields = {"run_id": "run_id"} if source.startswith("runs:") else {}
        assert created(local, source, **fields)["source"] == source
        status, code, message = refusal(download(local, "weights.bin", str(number)))
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert message.startswith(f"These artifacts are kept at {source}, which this server does not open.")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("/etc/passwd", "To use a local path as a model version source"),
        ("file:///etc/passwd", "To use a local path as a model version source"),
        ("model", "To use a local path as a model version source"),
        ("http://host:9000/models/../../../", "If supplying a source as an http, https,"),
        (
            "s3a://bucket/api/2.0/mlflow-artifacts/artifacts/../../../",
            "If supplying a source as an http, https,",
        ),
        (
            "mlflow-artifacts://host:9000/models/..%2f..%2fartifacts",
            "If supplying a source as an http, https,",
        ),
        ("mlflow-artifacts:/models/%252e%252e/x", "If supplying a source as an http, https,"),
        ("mlflow-artifacts://host:9000/models/artifact%00", "If supplying a source as an http, https,"),
        ("dbfs:/a%3f/../../../../", "If supplying a source as an http, https,"),
        ("s3:bucket", "If supplying a source as an http, https,"),
        ("http://169.254.169.254/latest", "'source' cannot use the 'http' scheme"),
        ("https://host/api/2.0/mlflow-artifacts/artifacts/0/x", "'source' cannot use the 'https' scheme"),
        ("mlflow-artifacts://host/0/x", "'source' cannot use the 'mlflow-artifacts' scheme"),
        ("http://host:9000/models/../../../", "the 'http' scheme addresses a host other than"),
        (
            "mlflow-artifacts://host:9000/models/artifact%00",
            "'source' cannot use the 'mlflow-artifacts' scheme",
        ),
        ("models://host/m/1", "Registered model sources must use the active model registry."),
        ("s3://name:secret@bucket/m", "It can't include a password."),
        ("javascript:/alert", "Artifacts can't be kept at 'javascript:' addresses"),
        ("http://[::1", "It is no address."),
    ],
)
def test_s04_a_source_on_a_disk_or_a_host_is_refused_in_mlflows_words(local, run_id, source, text):
    for fields in ({}, {"run_id": run_id}):
        assert text in refused(local, source, **fields)


def test_s04_no_hostile_path_becomes_a_source_outside_of_its_run(local, run_id):
    workspace = local.stores.metadata.workspaces.get_workspace("default")
    call = Call(local.stores, local.settings, workspace, None)
    root = uri_of(local, run_id)
    for path in HOSTILE_PATHS:
        for source in (path, f"runs:/{run_id}/{path}", f"{root}/{path}"):
            try:
                origin = resolve_origin(call, source, run_id, None)
            except InvalidParameter:
                continue
            assert origin.kept_at == "" or f"{origin.kept_at}/".startswith(f"0/{run_id}/artifacts/"), source


def test_s04_no_tag_opens_the_way_for_a_hostile_source(local, run_id):
    tags = [{"key": f"mlflow.{word}", "value": "true"} for word in ("prompt.is_prompt", "source", "user")]
    for path in ("/etc/passwd", "file:///etc/passwd", f"runs:/{run_id}/../../x", "../canary", "s3://b/m"):
        assert "Invalid prompt source" in refused(local, path, run_id=run_id, tags=tags)
    made = created(local, "dummy-source", run_id=run_id, tags=tags)
    assert refusal(download(local, "weights.bin", made["version"]))[0] == 400


def test_s01_no_hostile_path_leads_out_of_a_version(local, run_id):
    created(local, f"runs:/{run_id}/model", run_id=run_id)
    for path in HOSTILE_PATHS[::5]:
        query = f"name=m&version=1&path={as_query(path)}"
        if len(query) > LONGEST_QUERY:
            continue
        assert local.ask("GET", f"/model-versions/get-artifact?{query}").status_code in (400, 404)
    assert refusal(download(local, "nothing"))[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    for asked in ({"name": "m", "version": "1"}, {"name": "m", "path": "x"}, {"version": "1", "path": "x"}):
        assert refusal(local.ask("GET", "/model-versions/get-artifact", params=asked))[0] == 400


# --- whose it is ------------------------------------------------------------------------------------------


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def mlflow(team, workspace, method, path, body, key):
    return team.ask(method, f"{ADDRESSES[0].format(workspace)}{BASE}{path}", body, key=key)


def run_in(team, workspace):
    made = mlflow(team, workspace, "POST", "/runs/create", {"experiment_id": "0"}, team.admin_key)
    return made.json()["run"]["info"]


def test_s05_a_run_of_another_workspace_is_refused_as_one_that_is_not_there(team):
    key = team.key(Scope.OWNER, "alpha")
    mlflow(team, "alpha", "POST", "/registered-models/create", {"name": "m"}, key).raise_for_status()
    theirs = run_in(team, "beta")
    texts = set()
    for run_id, uri in (
        (theirs["run_id"], theirs["artifact_uri"]),
        (UNKNOWN, f"mlflow-artifacts:/9/{UNKNOWN}"),
    ):
        for source in (f"runs:/{run_id}/m", f"{uri}/m"):
            body = {"name": "m", "source": source, "run_id": run_id}
            answer = mlflow(team, "alpha", "POST", f"{VERSIONS}/create", body, key)
            assert answer.status_code == 400
            texts.add(answer.json()["message"].replace(source, ""))
    assert len(texts) == 1


def test_registered_models_of_another_workspace_are_not_found(team):
    body = {"name": "theirs"}
    for path, more in (("/registered-models/create", {}), (f"{VERSIONS}/create", {"source": "s3://b/m"})):
        mlflow(team, "beta", "POST", path, {**body, **more}, team.admin_key).raise_for_status()
    key = team.key(Scope.OWNER, "alpha")
    assert mlflow(team, "alpha", "GET", "/registered-models/search", {}, key).json() == {}
    assert mlflow(team, "alpha", "GET", f"{VERSIONS}/search", {}, key).json() == {}
    copy = {"name": "mine", "source": "models:/theirs/1"}
    mlflow(team, "alpha", "POST", "/registered-models/create", {"name": "mine"}, key).raise_for_status()
    answer = mlflow(team, "alpha", "POST", f"{VERSIONS}/create", copy, key)
    assert refusal(answer) == (404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=theirs not found")


def test_a_role_in_one_experiment_opens_nothing_of_the_registry(team):
    theirs = run_in(team, "alpha")
    mlflow(
        team, "alpha", "POST", "/registered-models/create", {"name": "m"}, team.admin_key
    ).raise_for_status()
    key = team.person("bob")
    team.grant("bob", "contributor", "alpha", theirs["experiment_id"])
    source = {"name": "m", "source": f"runs:/{theirs['run_id']}", "run_id": theirs["run_id"]}
    for method, path, body in (
        ("GET", "/registered-models/get", {"name": "m"}),
        ("GET", "/registered-models/search", {}),
        ("GET", f"{VERSIONS}/search", {}),
        ("POST", f"{VERSIONS}/create", source),
    ):
        assert mlflow(team, "alpha", method, path, body, key).status_code == 403
    team.grant("bob", "reader", "alpha")
    assert mlflow(team, "alpha", "GET", "/registered-models/get", {"name": "m"}, key).status_code == 200
    assert mlflow(team, "alpha", "POST", f"{VERSIONS}/create", source, key).status_code == 403
    team.grant("bob", "contributor", "alpha")
    assert mlflow(team, "alpha", "POST", f"{VERSIONS}/create", source, key).status_code == 200


def test_an_administrator_says_what_sources_are_taken(tmp_path):
    picky = Local(tmp_path / "home", model_source_pattern="^mlflow-artifacts:/.*$")
    picky.post("/registered-models/create", name="m")
    is_prompt = {"key": "mlflow.prompt.is_prompt", "value": "true"}
    picky.post("/registered-models/create", name="p", tags=[is_prompt])
    run_id = picky.run()
    message = refused(picky, "s3://bucket/model")
    assert message.startswith("Invalid model version source: 's3://bucket/model'.")
    assert "model_source_pattern" in message
    assert "model_source_pattern" in refused(picky, f"runs:/{run_id}/model", run_id=run_id)
    assert created(picky, f"{uri_of(picky, run_id)}/model", run_id=run_id)["version"] == "1"
    text = {"key": "mlflow.prompt.text", "value": "Say {{word}}."}
    assert created(picky, "dummy-source", name="p", tags=[is_prompt, text])["version"] == "1"
    picky.close()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("azureml://datastores/workspaceblobstore/paths/model", "runyard datastore download"),
        (
            "azureml://subscriptions/s/resourcegroups/g/workspaces/w/datastores/d/paths/model",
            "runyard datastore download",
        ),
        ("AZUREML://Registries/azureml/models/bert/versions/3", "no registries"),
    ],
)
def test_what_azure_keeps_elsewhere_is_refused_with_what_to_do(local, source: str, said: str):
    """Nobody could download such a version later, by whatever client."""
    local.post("/registered-models/create", name="elsewhere")
    answer = local.ask("POST", f"{BASE}/model-versions/create", json={"name": "elsewhere", "source": source})
    assert answer.status_code == 400
    assert (said in answer.json()["message"], source in answer.json()["message"]) == (True, True)
    assert (
        local.get("/registered-models/get", name="elsewhere")["registered_model"].get("latest_versions")
        is None
    )

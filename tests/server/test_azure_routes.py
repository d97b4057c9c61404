"""What Microsoft's clients ask besides MLflow's protocol, as raw requests; the genuine ones: tests/azure."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from runyard.auth.permissions import Scope
from runyard.errors import NotFound, NotImplementedHere
from runyard.server.answers import Answer, error_response
from tests.server.azure_client import PLUGIN, PROVIDER, SCOPE, SUBSCRIPTION, Client
from tests.server.team import Team

OLD_PLUGIN = {"User-Agent": "mlflow-python-client/3.17.2 azureml-mlflow/1.60.0"}


@pytest.fixture
def client(team: Team) -> Client:
    return Client(team)


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


# --- who asks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/msi/token", "/msi/token/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_key_in_the_header_secret_is_exchanged_for_a_token(team: Team, method: str, path: str):
    key = team.key(Scope.READER, "beta")
    answer = team.ask(method, f"{path}?resource=https://x", headers={"secret": key})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["token_type"], found["resource"]) == ("Bearer", "https://x")
    said = claims(found["access_token"])
    assert int(found["expires_on"]) == said["exp"]
    assert 3590 <= int(found["expires_in"]) <= 3600
    assert said["tid"]
    assert said["oid"]
    who = team.ask("GET", "/api/v1/caller", key=found["access_token"]).json()
    assert (who["scope"], who["workspace"]) == ("reader", "beta")


def test_a_token_in_the_place_of_the_key_is_given_back_and_none_that_lasts_longer(team: Team):
    key = team.key(Scope.READER, "beta")
    token = team.ask("GET", "/msi/token", headers={"secret": key}).json()["access_token"]
    again = team.ask("GET", "/msi/token", headers={"secret": token}).json()
    assert again["access_token"] == token
    assert int(again["expires_on"]) == claims(token)["exp"]


@pytest.mark.parametrize("secret", ["", "none", "ry_nonsense", "a.b.c"])
def test_nobody_gets_a_token_on_a_server_for_a_team(team: Team, secret: str):
    answer = team.ask("GET", "/msi/token", headers={"secret": secret})
    assert answer.status_code == 401


def test_the_header_secret_is_no_credential_elsewhere(team: Team):
    answer = team.ask("GET", "/api/v1/workspaces", headers={"secret": team.admin_key})
    assert answer.status_code == 401


# --- the cloud and its workspaces -------------------------------------------------------------------------


def test_the_cloud_is_the_address_that_was_asked(team: Team):
    (cloud,) = team.ask("GET", "/metadata/endpoints").json()
    assert cloud["resourceManager"] == "http://127.0.0.1:5000/arm/"
    assert ":" not in urlsplit(cloud["authentication"]["loginEndpoint"]).netloc
    services = team.ask("GET", "/discovery").json()
    assert set(services.values()) == {"http://127.0.0.1:5000"}
    assert {"mlflow", "history", "api"} <= services.keys()


def test_a_workspace_is_described_as_azure_does(client: Client):
    found = client.ask("GET", f"/arm{SCOPE}/alpha?api-version=2022-05-01").json()
    assert (found["id"], found["name"]) == (f"{SCOPE}/alpha", "alpha")
    assert found["properties"]["discoveryUrl"] == "http://127.0.0.1:5000/discovery"


def test_the_words_of_the_resource_manager_may_be_in_any_case(client: Client):
    path = f"/arm{SCOPE}/alpha".replace("resourceGroups", "resourcegroups").replace("Microsoft", "microsoft")
    assert client.ask("GET", path).json()["name"] == "alpha"


@pytest.mark.parametrize("name", ["beta", "nowhere"])
def test_another_workspace_and_one_that_is_not_there_are_refused_alike(client: Client, name: str):
    answer = client.ask("GET", f"/arm{SCOPE}/{name}")
    assert answer.status_code == 403
    assert name not in answer.json()["message"]


@pytest.mark.parametrize(
    "path",
    [
        f"/arm{SCOPE}",
        f"/arm/subscriptions/{SUBSCRIPTION}/{PROVIDER}",
        f"/arm/subscriptions/{SUBSCRIPTION}/resources",
        f"/arm/subscriptions/{SUBSCRIPTION}/resourceGroups/runyard/resources",
    ],
)
def test_the_lists_have_what_the_caller_may_read(team: Team, client: Client, path: str):
    assert [each["name"] for each in client.ask("GET", path).json()["value"]] == ["alpha"]
    everything = client.ask("GET", path, key=team.admin_key).json()["value"]
    assert {each["name"] for each in everything} == {"default", "alpha", "beta"}


def test_there_are_no_resources_but_workspaces_and_no_subscription_but_one(client: Client):
    resources = f"/arm/subscriptions/{SUBSCRIPTION}/resources"
    other = {"$filter": "resourceType eq 'Microsoft.Storage/storageAccounts'"}
    assert client.ask("GET", resources, other).json()["value"] == []
    assert client.ask("GET", "/arm/subscriptions/elsewhere/resources").status_code == 404
    (only,) = client.ask("GET", "/arm/subscriptions").json()["value"]
    assert only["subscriptionId"] == SUBSCRIPTION


# --- places of files in MLflow's protocol -----------------------------------------------------------------


def test_the_plugin_is_told_of_places_that_it_reads_and_others_of_mlflow_s(client: Client):
    place = f"127.0.0.1:5000/mlflow/v2.0{SCOPE}/alpha"
    rest = f"experiments/{client.experiment_id}/runs/{client.run_id}/artifacts"
    assert client.artifact_uri == f"azureml://{place}/{rest}"
    kept = f"{client.experiment_id}/{client.run_id}/artifacts"
    query = {"run_id": client.run_id}
    plain = client.mlflow("GET", "runs/get", query, headers={})
    assert plain["run"]["info"]["artifact_uri"] == f"mlflow-artifacts:/{kept}"
    old = client.mlflow("GET", "runs/get", query, headers=OLD_PLUGIN)
    web = f"http://{place}/api/2.0/mlflow-artifacts/artifacts/{kept}"
    assert old["run"]["info"]["artifact_uri"] == web
    assert client.ask("PUT", f"{urlsplit(web).path}/x.txt", b"x", headers=OLD_PLUGIN).status_code == 200
    short = client.ask("GET", "/workspaces/alpha/api/2.0/mlflow/runs/get", query)
    assert short.json()["run"]["info"]["artifact_uri"] == f"mlflow-artifacts:/{kept}"


@pytest.mark.parametrize("form", ["azure", "web"])
def test_a_version_is_registered_from_a_place_as_it_was_told(client: Client, form: str):
    headers = PLUGIN if form == "azure" else OLD_PLUGIN
    info = client.mlflow("GET", "runs/get", {"run_id": client.run_id}, headers=headers)["run"]["info"]
    client.mlflow("POST", "registered-models/create", {"name": "m"})
    new = {"name": "m", "source": f"{info['artifact_uri']}/model", "run_id": client.run_id}
    version = client.mlflow("POST", "model-versions/create", new, headers={})["model_version"]
    assert version["source"] == f"mlflow-artifacts:/{client.experiment_id}/{client.run_id}/artifacts/model"
    query = {"name": "m", "version": "1"}
    found = client.mlflow("GET", "model-versions/get-download-uri", query)
    assert found["artifact_uri"] == f"{client.artifact_uri}/model"


@pytest.mark.parametrize("owner", ["0c" * 16, "nonsense", f"m-{'0c' * 16}", "../../x"])
def test_no_version_is_registered_from_what_is_not_there(client: Client, owner: str):
    client.mlflow("POST", "registered-models/create", {"name": "m"})
    source = client.artifact_uri.replace(client.run_id, owner)
    new = {"name": "m", "source": source, "run_id": client.run_id}
    answer = client.ask("POST", f"/mlflow/v2.0{SCOPE}/alpha/api/2.0/mlflow/model-versions/create", new)
    assert answer.status_code == 400


# --- runs -------------------------------------------------------------------------------------------------


def renewal(client: Client) -> str:
    scope = f"/history/v1.0{SCOPE}/alpha"
    return f"{scope}/experimentids/{client.experiment_id}/runs/{client.run_id}/token"


def test_the_token_of_a_run_is_renewed_until_the_run_ends(team: Team, client: Client):
    asked = {"workspace": "alpha", "expires_in_s": 30}
    first = team.ask("POST", "/api/v1/token", asked, key=client.key).json()
    answer = client.ask("GET", renewal(client), key=first["access_token"])
    assert answer.status_code == 200
    renewed = answer.json()["token"]
    said, before = claims(renewed), claims(first["access_token"])
    assert said["exp"] > before["exp"]
    assert (said["since"], said["workspace"], said["scope"]) == (before["since"], "alpha", "contributor")
    assert client.ask("GET", renewal(client), key=renewed).status_code == 200
    client.mlflow("POST", "runs/update", {"run_id": client.run_id, "status": "FINISHED"})
    ended = client.ask("GET", renewal(client), key=renewed)
    assert (ended.status_code, "ended" in ended.json()["message"]) == (403, True)


def test_a_renewed_token_ends_with_the_key_that_the_first_was_made_from(team: Team, client: Client):
    first = team.ask("POST", "/api/v1/token", {}, key=client.key).json()["access_token"]
    renewed = client.ask("GET", renewal(client), key=first).json()["token"]
    team.administration.revoke_key(client.key.split("_")[1])
    assert client.ask("GET", renewal(client), key=renewed).status_code == 401


def test_who_may_do_all_gets_a_token_for_a_run_that_can_only_log(team: Team, client: Client):
    answer = client.ask("GET", renewal(client), key=team.admin_key).json()
    assert (claims(answer["token"])["scope"], claims(answer["token"])["workspace"]) == (
        "contributor",
        "alpha",
    )
    reader = team.key(Scope.READER, "alpha")
    assert client.ask("GET", renewal(client), key=reader).status_code == 403


def test_a_batch_is_kept_when_it_is_acknowledged(client: Client):
    batch = {"run_id": client.run_id, "params": [{"key": "a", "value": "1"}]}
    path = f"/mlflow/v2.0{SCOPE}/alpha/api/2.0/preview/mlflow/runs/log-batch-async"  # as the plugin has it
    assert client.ask("POST", path, batch).json() == {"batch_tracking_id": ""}
    run = client.mlflow("GET", "runs/get", {"run_id": client.run_id})["run"]
    assert run["data"]["params"] == [{"key": "a", "value": "1"}]
    asked = {"run_id": client.run_id, "batch_tracking_id": "x"}
    assert client.mlflow("GET", "runs/get-run-data-status", asked) == {"is_complete": True}


def test_the_link_to_a_run_in_azure_s_portal_leads_to_the_studio(team: Team, client: Client):
    path = f"{SCOPE}/alpha/experiments/a b/c/runs/{client.run_id}"
    answer = team.ask("GET", quote(path))
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/workspaces/alpha/#/experiments/0/runs/{client.run_id}"
    elsewhere = team.ask("GET", f"{SCOPE}/https:%2F%2Fevil.example%2F/experiments/e/runs/r")
    assert "location" not in elsewhere.headers
    assert team.ask("GET", f"{SCOPE}/alpha/experiments/e").status_code == 401


# --- what is not answered, with what to use --------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "asked", "words"),
    [
        ("GET", "jobs", "`runyard job`"),
        ("POST", "jobs/nope/cancel", "`runyard job`"),
        ("PUT", "jobs/%C3%BC%2Fb", "`runyard job`"),
        ("GET", "models/m/versions/1", "mlflow.register_model"),
        ("GET", "data/d/versions", "`runyard data`"),
        ("PUT", "datastores/b", "`runyard datastore`"),
        ("GET", "datastores/workspaceblobstore", "`runyard datastore`"),
        ("PUT", "environments/e/versions/1", "`runyard environment`"),
        ("DELETE", "computes/cpu", "`runyard compute`"),
        ("PUT", "onlineEndpoints/ep", "mlflow models serve"),
        ("GET", "OnlineEndpoints/ep/deployments", "mlflow models serve"),
        ("GET", "components", "`runyard job submit`"),
        ("GET", "schedules", "cron"),
        ("GET", "connections", "`runyard secret`"),
        ("POST", "listKeys", "`runyard key`"),
        ("POST", "diagnose", "`runyard doctor`"),
        ("GET", "somethingOfNextYear", "Runyard's SDK"),
        ("GET", "jobs/two%0Alines", "`runyard job`"),
        ("GET", "jobs%0A", "Runyard's SDK"),
        ("DELETE", "models/m%0D%0A/versions/1%0A", "mlflow.register_model"),
        ("GET", "computes/%00%0B%1B", "`runyard compute`"),
    ],
)
def test_the_second_sdk_is_told_what_to_use_for_what_is_not_here(
    client: Client, method: str, asked: str, words: str
):
    answer = client.ask(method, f"/arm{SCOPE}/alpha/{asked}?api-version=2024-04-01", {"properties": {}})
    assert (answer.status_code, answer.json()["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert words in answer.json()["message"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("indexes", "Register the files of an index as data"),
        ("indexes/x/versions/1", "Register the files of an index as data"),
        ("featuresets", "Register tables as data"),
        ("somethingOfNextYear", "Runyard's SDK"),
    ],
)
@pytest.mark.parametrize("version", ["", "/v2.0"])
def test_the_service_of_generic_assets_speaks_of_what_was_asked_for(
    client: Client, version: str, asked: str, words: str
):
    answer = client.ask("GET", f"/genericasset{version}{SCOPE}/alpha/{asked}")
    assert (answer.status_code, words in answer.json()["message"]) == (501, True)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_no_workspace_is_changed_by_the_resource_manager(client: Client, method: str):
    answer = client.ask(method, f"/arm{SCOPE}/alpha", {"tags": {}})
    assert answer.status_code == 501
    assert "`runyard workspace`" in answer.json()["message"]
    assert client.ask("GET", f"/arm{SCOPE}/alpha").json()["tags"] == {}


def test_a_deployment_that_would_make_a_workspace_is_refused_with_what_makes_one(team: Team):
    group = f"/arm/subscriptions/{SUBSCRIPTION}/resourcegroups/runyard"
    path = f"{group}/providers/Microsoft.Resources/deployments/d"
    answer = team.ask("PUT", path, {"properties": {}}, key=team.admin_key)
    assert answer.status_code == 501
    assert "Workspace.create" in answer.json()["message"]


@pytest.mark.parametrize(
    "service",
    [
        "artifact/v2.0",
        "credential/v2.0",
        "data/v1.0",
        "dataset/v1.1",
        "datastore/v1.0",
        "environment/v1.0",
        "metric/v2.0",
        "modelmanagement/v1.0",
        "rp/workspaces",
    ],
)
def test_the_first_sdk_is_told_what_runs_its_scripts(team: Team, service: str):
    answer = team.ask("GET", f"/{service}{SCOPE}/default/models", key=team.admin_key)
    assert answer.status_code == 501
    assert "`runyard azureml run`" in answer.json()["message"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"/modelmanagement/v1.0{SCOPE}/alpha/services", "mlflow models serve"),
        (f"/modelmanagement/v1.0{SCOPE}/alpha/models", "`runyard azureml run`"),
        (f"/datastore/v1.0{SCOPE}/alpha/default", "`runyard azureml run`"),
        (f"/rp/workspaces{SCOPE}/alpha/experiments", "`runyard azureml run`"),
    ],
)
def test_who_is_in_one_workspace_alone_is_told_too(client: Client, path: str, words: str):
    answer = client.ask("GET", path)
    assert (answer.status_code, words in answer.json()["message"]) == (501, True)
    assert client.ask("GET", path.replace("/alpha/", "/default/")).status_code == 403


@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
def test_an_experiment_of_the_first_sdk_is_refused_with_mlflow_s_words_for_it(client: Client, method: str):
    answer = client.ask(method, f"/history/v1.0{SCOPE}/alpha/experiments/one", {})
    assert answer.status_code == 501
    assert "mlflow.set_experiment" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        ("POST", "experiments:query"),
        ("POST", "experiments/one/runs:query"),
        ("GET", "experiments/one/runs/r/children"),
        ("PATCH", "experimentids/1/runs/r"),
        ("DELETE", "experimentids/1/runs/r/tags"),
    ],
)
def test_the_rest_of_run_history_is_refused_with_mlflow_s_words_too(client: Client, method: str, asked: str):
    answer = client.ask(method, f"/history/v1.0{SCOPE}/alpha/{asked}", {})
    assert answer.status_code == 501
    assert "mlflow.set_experiment" in answer.json()["message"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("locations/westeurope/vmSizes", "`runyard compute`"),
        ("locations/westeurope/usages", "`runyard compute`"),
        ("registries", "no registries"),
        ("registries/shared", "no registries"),
        ("registries/workspaces/models/", "no registries"),
    ],
)
def test_what_is_asked_of_a_subscription_is_told_what_to_use(team: Team, asked: str, words: str):
    path = f"/arm/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearningServices/{asked}"
    answer = team.ask("GET", path, key=team.admin_key)
    assert answer.status_code == 501
    assert words in answer.json()["message"]


def test_a_registry_of_a_resource_group_is_told_of_too(team: Team):
    group = f"/arm/subscriptions/{SUBSCRIPTION}/resourceGroups/registries"
    provider = "providers/microsoft.machinelearningservices"
    said = [
        team.ask("GET", f"{group}/{provider}/{asked}", key=team.admin_key).json()["message"]
        for asked in ("registries/shared", "somethingElse")
    ]
    assert ["no registries" in words for words in said] == [True, False]


@pytest.mark.parametrize(
    ("kinds", "is_listed"),
    [("", True), ("default", True), ("hub, Default", True), ("hub", False), ("hub,featurestore", False)],
)
def test_workspaces_are_listed_where_their_kind_is_asked_for(client: Client, kinds: str, is_listed: bool):
    for scope in (
        f"/arm/subscriptions/{SUBSCRIPTION}",
        f"/arm/subscriptions/{SUBSCRIPTION}/resourceGroups/g",
    ):
        answer = client.ask("GET", f"{scope}/{PROVIDER}", {"kind": kinds, "api-version": "2024-10-01"})
        assert bool(answer.json()["value"]) == is_listed


def test_an_error_is_where_microsoft_s_clients_look_for_it(client: Client):
    for path in (f"/arm{SCOPE}/alpha/jobs", f"/dataset/v1.1{SCOPE}/alpha/x", f"/arm{SCOPE}/none"):
        body = client.ask("GET", path).json()
        assert body["error"] == {"code": body["error_code"], "message": body["message"], "details": []}
    of_mlflow = client.ask("GET", f"/mlflow/v2.0{SCOPE}/alpha/api/2.0/mlflow/runs/get?run_id=none")
    assert (of_mlflow.status_code, "error" in of_mlflow.json()) == (404, False)


def test_what_the_first_sdk_has_no_class_of_errors_for_is_in_the_first_line():
    # Its clients of datasets read no body of an error: they print the reason behind the status, and no more.
    refused = error_response(
        NotImplementedHere("Use\r\nthis – or that."), {"path": f"/dataset/v1.1{SCOPE}/x"}
    )
    assert isinstance(refused, Answer)
    assert refused.reason == b"Use??this ??? or that."
    for error, path in (
        (NotFound("No."), f"/dataset/v1.1{SCOPE}/x"),
        (NotImplementedHere("No."), "/api/2.0/mlflow/x"),
    ):
        other = error_response(error, {"path": path})
        assert isinstance(other, Answer)
        assert other.reason == b""


def test_who_may_not_read_the_workspace_is_refused_before(client: Client, team: Team):
    assert client.ask("GET", f"/arm{SCOPE}/beta/jobs").status_code == 403
    assert team.ask("GET", f"/arm{SCOPE}/alpha/jobs").status_code == 401

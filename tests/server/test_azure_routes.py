"""What Microsoft's clients ask besides MLflow's protocol, as raw requests; the genuine ones: tests/azure."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from runyard.auth.permissions import Scope
from runyard.entities.logged_model import FILES_EXPERIMENT
from runyard.errors import NotFound, NotImplementedHere
from runyard.server.answers import Answer, error_response
from runyard.services.blocks import FOLDER, KEPT_S, remove_old_blocks
from runyard.services.call import system_now_ms
from runyard.services.local_uploads import CONTAINERS, KEPT_UNFINISHED_MS, remove_unfinished
from tests.server.team import Team

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
PROVIDER = "providers/Microsoft.MachineLearningServices/workspaces"
SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/runyard/{PROVIDER}"
PLUGIN = {"User-Agent": "mlflow-python-client/3.15.0 azureml-mlflow/1.62.0.post6"}
OLD_PLUGIN = {"User-Agent": "mlflow-python-client/3.17.2 azureml-mlflow/1.60.0"}


class Client:
    """A client of Microsoft's with an API key, and a run in the workspace alpha."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.key = team.key(Scope.CONTRIBUTOR, "alpha")
        made = self.mlflow("POST", "experiments/create", {"name": "e"})
        self.experiment_id = made["experiment_id"]
        run = self.mlflow("POST", "runs/create", {"experiment_id": self.experiment_id})["run"]
        self.run_id, self.artifact_uri = run["info"]["run_id"], run["info"]["artifact_uri"]
        self.history = f"/history/v1.0{SCOPE}/alpha/experiments/e/runs/{self.run_id}/artifacts"

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.team.ask(method, path, body, **{"key": self.key, "headers": PLUGIN, **more})

    def mlflow(self, method: str, path: str, body: Any, **more: Any) -> Any:
        answer = self.ask(method, f"/mlflow/v2.0{SCOPE}/alpha/api/2.0/mlflow/{path}", body, **more)
        answer.raise_for_status()
        return answer.json()

    def address_to_write(self, path: str, **more: Any) -> str:
        answer = self.ask("POST", f"{self.history}/batch/metadata", {"paths": [{"path": path}]}, **more)
        answer.raise_for_status()
        content_uri: str = answer.json()["artifactContentInformation"][path]["contentUri"]
        return content_uri

    def address_to_read(self, path: str) -> str:
        answer = self.ask("GET", f"{self.history}/contentinfo", {"path": path})
        answer.raise_for_status()
        content_uri: str = answer.json()["contentUri"]
        return content_uri

    def blob(self, method: str, url: str, content: bytes | None = None, **headers: str) -> httpx.Response:
        """Send what Azure's storage is sent: no credential but the address."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.team.ask(method, url, content, headers=names)


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


# --- files ------------------------------------------------------------------------------------------------


def test_a_file_is_written_listed_and_read_by_addresses_alone(client: Client):
    path = "a b/ünder 100%.txt"
    written = client.blob("PUT", client.address_to_write(path), b"0123456789", x_ms_blob_type="BlockBlob")
    assert written.status_code == 201
    listed = client.ask("GET", client.history).json()
    assert [each["path"] for each in listed["value"]] == [path]
    assert listed["nextLink"] is None
    url = client.address_to_read(path)
    whole = client.blob("GET", url)
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    part = client.blob("GET", url, x_ms_range="bytes=2-4")
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    assert part.headers["x-ms-blob-type"] == "BlockBlob"
    assert part.headers["etag"]


def test_an_address_is_of_one_file_and_one_use(client: Client):
    write = client.address_to_write("one.txt")
    client.blob("PUT", write, b"1").raise_for_status()
    client.blob("PUT", client.address_to_write("two.txt"), b"2").raise_for_status()
    read = client.address_to_read("one.txt")
    assert client.blob("GET", write).status_code == 401
    assert client.blob("PUT", read, b"x").status_code == 401
    for other in ("one.txt", "two.txt"):
        changed = read.replace(quote("/one.txt", safe=""), quote(f"/../{other}", safe=""))
        assert client.blob("GET", changed).status_code == 401
    assert client.blob("GET", read.replace("one.txt", "two.txt")).status_code == 401
    assert client.blob("GET", read.replace("/alpha/", "/beta/")).status_code == 401
    signature = read.partition("sig=")[2]
    assert client.blob("GET", read.replace(signature, signature[:-4] + "AAAA")).status_code == 401
    assert client.blob("GET", read.replace(signature, "A" * 10_000)).status_code == 401
    assert client.blob("GET", read.partition("?")[0]).status_code == 401


def test_an_address_is_nothing_but_an_address(client: Client):
    signature = client.address_to_write("one.txt").partition("sig=")[2]
    for path in ("/api/v1/caller", "/msi/token", f"{client.history}"):
        assert client.blob("GET", f"{path}?sig={signature}").status_code == 401


def test_an_address_ends_with_the_key_that_it_was_asked_with(team: Team, client: Client):
    client.blob("PUT", client.address_to_write("one.txt"), b"1").raise_for_status()
    url = client.address_to_read("one.txt")
    team.administration.revoke_key(client.key.split("_")[1])
    assert client.blob("GET", url).status_code == 401


def test_who_may_read_only_gets_no_address_to_write(team: Team, client: Client):
    reader = team.key(Scope.READER, "alpha")
    body = {"paths": [{"path": "x"}]}
    assert client.ask("POST", f"{client.history}/batch/metadata", body, key=reader).status_code == 403
    assert client.ask("GET", client.history, key=reader).status_code == 200


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "x/", "", "a\\b", "%2e%2e/x"])
def test_no_address_leads_out_of_the_run(client: Client, path: str):
    answer = client.ask("POST", f"{client.history}/batch/metadata", {"paths": [{"path": path}]})
    assert answer.status_code == 400


def test_what_is_not_there_is_not_found(client: Client):
    assert client.ask("GET", f"{client.history}/contentinfo", {"path": "x"}).status_code == 404
    nowhere = client.history.replace(client.run_id, "0c" * 16)
    for path, query in ((nowhere, None), (f"{nowhere}/contentinfo", {"path": "x"})):
        assert client.ask("GET", path, query).status_code == 404
    assert client.ask("GET", f"{client.history}/contentinfo").status_code == 400
    many = {"paths": [{"path": f"{number}"} for number in range(1001)]}
    answer = client.ask("POST", f"{client.history}/batch/metadata", many)
    assert answer.status_code == 400
    assert "1000" in answer.json()["message"]


def test_a_long_list_comes_in_pages(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("runyard.services.azure_files.PAGE_SIZE", 2)
    names = [f"d{number % 2}/{number}.txt" for number in range(5)]
    for name in names:
        client.blob("PUT", client.address_to_write(name), b"x").raise_for_status()
    found, url = [], client.history
    while url:
        page = client.ask("GET", url).json()
        found += [each["path"] for each in page["value"]]
        url = page["nextLink"]
    assert found == sorted(names)


# --- blocks -----------------------------------------------------------------------------------------------


def block_list(*ids: str) -> bytes:
    listed = "".join(f"<Latest>{each}</Latest>" for each in ids)
    return f"<?xml version='1.0'?><BlockList>{listed}</BlockList>".encode()


def kept_blocks(team: Team) -> list[Path]:
    return [path for path in (team.settings.home / FOLDER).rglob("*") if path.is_file()]


def test_a_file_comes_in_blocks_and_in_the_order_that_is_said(team: Team, client: Client):
    url = client.address_to_write("big.bin")
    for block_id, content in (("YQ==", b"a"), ("Yg==", b"bb"), ("Yw==", b"ccc"), ("Yg==", b"BB")):
        sent = client.blob("PUT", f"{url}&comp=block&blockid={quote(block_id, safe='')}", content)
        assert sent.status_code == 201
    assert client.ask("GET", f"{client.history}/contentinfo", {"path": "big.bin"}).status_code == 404
    done = client.blob("PUT", f"{url}&comp=blocklist", block_list("Yw==", "YQ==", "Yg=="))
    assert done.status_code == 201
    assert client.blob("GET", client.address_to_read("big.bin")).content == b"cccaBB"
    assert kept_blocks(team) == []


def test_blocks_of_one_file_are_none_of_another(client: Client):
    client.blob("PUT", f"{client.address_to_write('a')}&comp=block&blockid=x", b"a").raise_for_status()
    answer = client.blob("PUT", f"{client.address_to_write('b')}&comp=blocklist", block_list("x"))
    assert (answer.status_code, "'x'" in answer.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<x/>", b"\xff", b"<BlockList>" + b"<Latest>x</Latest>" * 50_001]
)
def test_what_is_no_list_of_blocks_makes_no_file(client: Client, body: bytes):
    answer = client.blob("PUT", f"{client.address_to_write('a')}&comp=blocklist", body)
    assert answer.status_code == 400
    assert client.ask("GET", client.history).json()["value"] == []


@pytest.mark.parametrize("query", ["comp=block", f"comp=block&blockid={'x' * 200}", "comp=lease"])
def test_a_block_needs_an_id_and_there_is_nothing_else_to_do(client: Client, query: str):
    assert client.blob("PUT", f"{client.address_to_write('a')}&{query}", b"x").status_code == 400


def test_blocks_together_are_held_to_the_largest_file(tmp_path: Path):
    team = Team(tmp_path / "small", max_upload_bytes=10)
    client = Client(team)
    url = client.address_to_write("a")
    client.blob("PUT", f"{url}&comp=block&blockid=1", b"123456").raise_for_status()
    answer = client.blob("PUT", f"{url}&comp=block&blockid=2", b"123456")
    assert (answer.status_code, "max_upload_bytes" in answer.json()["message"]) == (413, True)
    team.close()


def test_blocks_that_nobody_asked_for_are_removed_after_a_day(team: Team, client: Client):
    client.blob("PUT", f"{client.address_to_write('a')}&comp=block&blockid=1", b"x").raise_for_status()
    (block,) = kept_blocks(team)
    sent_s = block.stat().st_mtime
    assert remove_old_blocks(team.settings, sent_s + KEPT_S - 60) == 0
    assert remove_old_blocks(team.settings, sent_s + KEPT_S + 60) == 1
    assert kept_blocks(team) == []


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


# --- folders that become versions of models ----------------------------------------------------------------

CONTAINER = "261127T141744-1a2b3c4d"
FILES = {"model/MLmodel": b"flavors: {}", "model/deep/w ü.txt": b"w"}


def upload(client: Client, files: dict[str, bytes], container: str = CONTAINER) -> None:
    path = f"/artifact/v2.0{SCOPE}/alpha/artifacts/LocalUpload/{container}/batch/metadata"
    answer = client.ask("POST", path, {"paths": [{"path": each} for each in files]})
    answer.raise_for_status()
    places = answer.json()["artifactContentInformation"]
    assert set(places) == set(files)
    for name, content in files.items():
        written = client.blob("PUT", places[name]["contentUri"], content, x_ms_blob_type="BlockBlob")
        assert written.status_code == 201


def register(client: Client, source: str, **more: Any) -> Any:
    return client.mlflow("POST", "model-versions/create", {"name": "filed", "source": source, **more})


def test_a_folder_that_the_plugin_uploads_becomes_a_version(client: Client):
    client.mlflow("POST", "registered-models/create", {"name": "filed"})
    # Fifty files at a time are asked for: all of them are of one upload.
    for name, content in FILES.items():
        upload(client, {name: content})
    made = register(client, f"azureml://artifacts/LocalUpload/{CONTAINER}/model")["model_version"]
    place = made["source"].partition("/experiments/")[2].split("/")
    assert place[1:] == ["runs", made["model_id"], "artifacts", "model"]
    owner = f"/history/v1.0{SCOPE}/alpha/experiments/{place[0]}/runs/{made['model_id']}/artifacts"
    listed = client.ask("GET", owner).json()["value"]
    assert [each["path"] for each in listed] == sorted(FILES)
    (model,) = client.mlflow("POST", "logged-models/search", {"experiment_ids": [place[0]]})["models"]
    assert model["info"]["status"] == "LOGGED_MODEL_READY"
    experiment = client.ask(
        "GET", "/workspaces/alpha/api/2.0/mlflow/experiments/get", {"experiment_id": place[0]}
    )
    assert experiment.json()["experiment"]["name"] == "Registered models"
    again = register(client, f"azureml://artifacts/LocalUpload/{CONTAINER}/model")["model_version"]
    assert (again["version"], again["source"]) == ("2", made["source"])


def test_uploads_of_two_containers_stay_apart_and_of_none_is_a_word_of_another_store(client: Client):
    client.mlflow("POST", "registered-models/create", {"name": "filed"})
    sources = []
    for container in (CONTAINER, "another"):
        upload(client, {"model/MLmodel": container.encode()}, container)
        sources.append(
            register(client, f"azureml://artifacts/LocalUpload/{container}/model")["model_version"]
        )
    assert sources[0]["model_id"] != sources[1]["model_id"]
    elsewhere = register(client, "azureml://artifacts/LocalUpload/nowhere/model")["model_version"]
    assert elsewhere["source"] == "azureml://artifacts/LocalUpload/nowhere/model"
    assert "model_id" not in elsewhere


def uploads_seen(client: Client) -> list[str]:
    named = "/workspaces/alpha/api/2.0/mlflow/experiments/get-by-name"
    found = client.ask("GET", named, {"experiment_name": FILES_EXPERIMENT}).json()["experiment"]
    asked = {"experiment_ids": [found["experiment_id"]]}
    found = client.mlflow("POST", "logged-models/search", asked)
    return sorted(each["info"]["name"] for each in found.get("models", []))


def test_an_upload_that_broke_off_is_gone_with_its_files_after_three_days(team: Team, client: Client):
    client.mlflow("POST", "registered-models/create", {"name": "filed"})
    for container in (CONTAINER, "named", "broken"):
        upload(client, {"model/MLmodel": container.encode()}, container)
    register(client, f"azureml://artifacts/LocalUpload/{CONTAINER}/model")
    # Of this one the version was made by somebody who never said that its files were whole.
    named = f"m-{uuid.uuid5(CONTAINERS, 'alpha/named').hex}"
    register(client, f"models:/{named}", model_id=named)
    now_ms = system_now_ms()
    assert remove_unfinished(team.stores, now_ms + KEPT_UNFINISHED_MS - 60_000) == 0
    assert uploads_seen(client) == sorted([CONTAINER, "broken", "named"])
    assert remove_unfinished(team.stores, now_ms + KEPT_UNFINISHED_MS + 60_000) == 1
    assert uploads_seen(client) == sorted([CONTAINER, "named"])
    folder = team.settings.home / "artifacts"
    assert b"broken" in {each.read_bytes() for each in folder.rglob("MLmodel")}
    collected: dict[str, Any] = {"is_done": False}
    asked = {"deleted_before_ms": now_ms + KEPT_UNFINISHED_MS + 60_000}
    while not collected["is_done"]:
        path = "/workspaces/alpha/api/v1/trash/collect"
        collected = team.ask("POST", path, asked, key=team.admin_key).json()
    assert {each.read_bytes() for each in folder.rglob("MLmodel")} == {CONTAINER.encode(), b"named"}


@pytest.mark.parametrize("path", ["../out", "/etc/passwd", ""])
def test_nothing_is_uploaded_to_a_path_that_can_t_be(client: Client, path: str):
    asked = f"/artifact/v2.0{SCOPE}/alpha/artifacts/LocalUpload/{CONTAINER}/batch/metadata"
    answer = client.ask("POST", asked, {"paths": [{"path": path}]})
    assert answer.status_code == 400


def test_an_upload_is_made_by_who_may_write_and_in_the_workspace_of_its_address(team: Team, client: Client):
    asked = f"/artifact/v2.0{SCOPE}/alpha/artifacts/LocalUpload/{CONTAINER}/batch/metadata"
    body = {"paths": [{"path": "model/MLmodel"}]}
    for key in (team.key(Scope.READER, "alpha"), team.key(Scope.CONTRIBUTOR, "beta")):
        assert team.ask("POST", asked, body, key=key).status_code == 403
    path = asked.replace("LocalUpload", "ExperimentRun")
    assert client.ask("POST", path, body).status_code == 501


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

"""The files of runs and of models as Microsoft's clients write and read them, as raw requests."""

from __future__ import annotations

import base64
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from runyard.auth.permissions import Scope
from runyard.entities.logged_model import FILES_EXPERIMENT
from runyard.services.blocks import FOLDER, KEPT_S, remove_old_blocks
from runyard.services.call import system_now_ms
from runyard.services.local_uploads import CONTAINERS, KEPT_UNFINISHED_MS, remove_unfinished
from tests.server.azure_client import SCOPE, Client
from tests.server.team import Team


@pytest.fixture
def client(team: Team) -> Client:
    return Client(team)


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
    forged = base64.urlsafe_b64encode(b'{"alg":"dir","enc":["A256GCM"]}').decode()
    assert client.blob("GET", read.replace(signature, f"{forged}.AAAA.AAAA.AAAA.AAAA")).status_code == 401
    assert client.blob("GET", read + "&a=b" * 100).status_code == 401


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

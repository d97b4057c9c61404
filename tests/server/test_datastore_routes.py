"""Datastores over HTTP: registered, listed, removed; the files in them; who may, and where none may be."""

from __future__ import annotations

import base64
import hashlib
import logging
from urllib.parse import quote

import pytest

from runyard.auth.permissions import Scope
from runyard.services.call import system_now_ms
from runyard.services.datastore_files import MAX_LISTED
from runyard.services.usage import measure_due
from tests.hostile_paths import HOSTILE_PATHS, is_harmless
from tests.server.local import Local, good, refusal
from tests.server.team import Team

STORES = "/api/v1/datastores"
OWN = "workspaceblobstore"
BUCKET = {"name": "images", "kind": "s3", "bucket": "my-bucket", "prefix": "a//b/", "skip_validation": True}
KEYS = {"access_key_id": "AKIA", "secret_access_key": "hunter2"}


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home", outbound_allow=("127.0.0.1", "minio.example"))
    yield team
    team.close()


def register(local: Local, **body):
    return good(local.ask("POST", STORES, json=body))["datastore"]


def put(local: Local, path: str, content: bytes = b"1", store: str = OWN, query: str = "", **headers: str):
    return local.ask("PUT", f"{STORES}/{store}/files/{path}{query}", headers, content=content)


def listed(local: Local, path: str = "", store: str = OWN, **query):
    answer = good(local.ask("GET", f"{STORES}/{store}/files", params={"path": path, **query}))
    return [(each["path"], each["size_bytes"]) for each in answer["files"]]


# --- the datastores ---------------------------------------------------------------------------------------


def test_each_workspace_has_two_and_one_of_them_is_the_default(local):
    answer = good(local.ask("GET", STORES))
    assert [(each["name"], each["is_built_in"], each["is_default"]) for each in answer["datastores"]] == [
        ("workspaceartifactstore", True, False),
        (OWN, True, True),
    ]
    assert answer["default"] == OWN
    for name in ("workspaceartifactstore", OWN):
        assert refusal(local.ask("DELETE", f"{STORES}/{name}"))[0] == 400
        taken = local.ask("POST", STORES, json={"name": name, "kind": "folder", "overwrite": True})
        assert "choose another name" in refusal(taken)[2]


def test_a_bucket_is_registered_replaced_shown_and_forgotten(local):
    made = register(local, **BUCKET, credential=KEYS, description="scans")
    assert made["prefix"] == "a/b"
    assert made["region"] == "us-east-1"
    assert made["has_credential"] is True
    again = refusal(local.ask("POST", STORES, json=BUCKET))
    assert again[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    changed = register(local, **BUCKET, region="eu-west-1", overwrite=True)
    assert changed["created_ms"] == made["created_ms"]
    assert (changed["region"], changed["has_credential"], changed["description"]) == ("eu-west-1", False, "")
    assert good(local.ask("GET", f"{STORES}/images"))["datastore"] == changed
    assert [each["name"] for each in good(local.ask("GET", STORES))["datastores"]][2:] == ["images"]
    good(local.ask("DELETE", f"{STORES}/images"))
    for method in ("GET", "DELETE"):
        assert refusal(local.ask(method, f"{STORES}/images"))[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


def test_another_default_is_chosen_and_falls_back_when_that_is_forgotten(local):
    register(local, **BUCKET)
    assert good(local.ask("POST", f"{STORES}/images/set-default", json={}))["datastore"]["is_default"]
    assert good(local.ask("GET", STORES))["default"] == "images"
    good(local.ask("POST", f"{STORES}/workspaceartifactstore/set-default", json={}))
    assert good(local.ask("GET", STORES))["default"] == "workspaceartifactstore"
    good(local.ask("POST", f"{STORES}/images/set-default", json={}))
    good(local.ask("DELETE", f"{STORES}/images"))
    assert good(local.ask("GET", STORES))["default"] == OWN
    assert refusal(local.ask("POST", f"{STORES}/none/set-default", json={}))[0] == 404


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": "a b"}, "name"),
        ({"name": "-a"}, "name"),
        ({"name": "ä"}, "name"),
        ({"name": "../x"}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"kind": "ftp"}, "kind"),
        ({"bucket": ""}, "bucket"),
        ({"bucket": "evil.example/x?"}, "bucket"),
        ({"bucket": "UPPER"}, "bucket"),
        ({"prefix": "../../other"}, "path"),
        ({"region": "eu.evil.example/"}, "region"),
        ({"account": "acc"}, "account"),
        ({"folder": "/etc"}, "folder"),
        ({"description": "d" * 5001}, "description"),
        ({"credential": {"access_key_id": "hunter2"}}, "credential"),
        ({"credential": {"account_key": "hunter2"}}, "credential"),
        ({"credential": {**KEYS, "sas_token": "hunter2"}}, "credential"),
        ({"credential": {**KEYS, "secret_access_key": "hunter2\n"}}, "credential.secret_access_key"),
        ({"credential": {**KEYS, "secret_access_key": "hunter2" * 5000}}, "credential.secret_access_key"),
        ({"credential": {**KEYS, "secret_access_key": ["hunter2"]}}, "credential"),
        ({"credential": "hunter2"}, "credential"),
        ({"credential": {"secret_key": "hunter2"}}, "credential"),
        ({"endpoint": "ftp://minio.example"}, "endpoint"),
        ({"endpoint": "https://user:hunter2@minio.example"}, "endpoint"),
        ({"endpoint": "https://minio.example?x=1"}, "endpoint"),
        ({"endpoint": "https://minio.example"}, "endpoint"),
        ({"endpoint": "http://169.254.169.254/latest"}, "endpoint"),
        ({"endpoint": "http://127.0.0.1:9000"}, "endpoint"),
        ({"endpoint": "http://2130706433/"}, "endpoint"),
    ],
)
def test_what_can_not_be_a_datastore_is_refused_by_the_name_of_the_field(local, changed, named):
    status, code, message = refusal(local.ask("POST", STORES, json={**BUCKET, **changed}))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert named in message
    assert "hunter2" not in message
    assert len(good(local.ask("GET", STORES))["datastores"]) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "azure_blob", "bucket": "c-1", "account": "Acc.evil.example"},
        {"kind": "azure_blob", "bucket": "c-1"},
        {"kind": "azure_blob", "bucket": "c.1", "account": "acc"},
        {"kind": "azure_blob", "bucket": "c-1", "account": "acc", "region": "x"},
        {"kind": "gcs", "bucket": "b_1", "credential": {"service_account_key": "hunter2"}},
        {"kind": "gcs", "bucket": "b_1", "credential": {"service_account_key": '{"client_email": "x"}'}},
        {"kind": "gcs", "bucket": "b/1"},
        {"kind": "folder", "bucket": "b-1"},
        {"kind": "folder", "credential": {"account_key": "hunter2"}},
    ],
)
def test_each_kind_takes_what_belongs_to_it(local, body):
    answer = local.ask("POST", STORES, json={"name": "x", "skip_validation": True, **body})
    assert refusal(answer)[0] == 400
    assert "hunter2" not in answer.text


def test_an_endpoint_is_one_that_an_administrator_named(team):
    register_at = "/workspaces/alpha" + STORES
    for endpoint, status in (
        ("http://127.0.0.1:9000", 200),
        ("http://127.0.0.2:9000", 400),
        ("http://localhost:9000", 400),
        ("https://example.com", 400),
    ):
        body = {**BUCKET, "endpoint": endpoint, "overwrite": True}
        answer = team.ask("POST", register_at, body, key=team.admin_key)
        assert answer.status_code == status, answer.text
        if status == 400:
            assert "outbound_allow" in answer.json()["message"]


def test_a_service_that_does_not_answer_is_said_when_it_is_registered(team):
    body = {**BUCKET, "endpoint": "http://127.0.0.1:9", "skip_validation": False}
    answer = team.ask("POST", "/workspaces/alpha" + STORES, body, key=team.admin_key)
    assert answer.status_code == 400
    assert "was not registered" in answer.json()["message"]
    assert team.ask("GET", f"/workspaces/alpha{STORES}/images", key=team.admin_key).status_code == 404


def test_a_credential_is_in_no_file_log_entry_or_answer(team, caplog):
    caplog.set_level(logging.DEBUG)
    base = "/workspaces/alpha" + STORES
    body = {**BUCKET, "credential": KEYS, "overwrite": True}
    texts = [team.ask("POST", base, body, key=team.admin_key).text for _ in range(2)]
    texts += [team.ask("GET", path, key=team.admin_key).text for path in (base, f"{base}/images")]
    assert "hunter2" not in "".join(texts) + caplog.text + "\n".join(team.kept())
    assert "AKIA" not in "".join(texts) + caplog.text + "\n".join(team.kept())


# --- files ------------------------------------------------------------------------------------------------


def test_a_file_is_uploaded_listed_read_and_deleted(local):
    assert listed(local) == []
    assert good(put(local, "a/b/ü%231.txt", b"hello")) == {"size_bytes": 5}
    good(put(local, "a/empty", b""))
    assert listed(local) == [("a", None)]
    assert listed(local, "a") == [("a/b", None), ("a/empty", 0)]
    assert listed(local, "./a//b/") == [("a/b/ü#1.txt", 5)]
    assert listed(local, "a/b/ü#1.txt") == [("a/b/ü#1.txt", 5)]
    found = local.ask("GET", f"{STORES}/{OWN}/files/a/b/ü%231.txt")
    assert (found.content, found.headers["content-disposition"][:10]) == (b"hello", "attachment")
    part = local.ask("GET", f"{STORES}/{OWN}/files/a/b/ü%231.txt", {"Range": "bytes=1-2"})
    assert (part.status_code, part.content) == (206, b"el")
    good(local.ask("DELETE", f"{STORES}/{OWN}/files/a/b"))
    assert listed(local, "a") == [("a/empty", 0)]
    for path in ("a/b", "none"):
        assert local.ask("GET", f"{STORES}/{OWN}/files/{path}").status_code == 404
        assert refusal(local.ask("GET", f"{STORES}/{OWN}/files", params={"path": path}))[0] == 404
    assert refusal(local.ask("GET", f"{STORES}/{OWN}/files/a"))[0] == 400


def test_what_is_there_is_replaced_only_if_that_is_said(local):
    good(put(local, "x", b"first"))
    refused = refusal(put(local, "x", b"second"))
    assert refused[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    assert "overwrite" in refused[2]
    assert refusal(put(local, "x", b"second", query="?overwrite=yes"))[0] == 400
    assert local.ask("GET", f"{STORES}/{OWN}/files/x").content == b"first"
    good(put(local, "x", b"second", query="?overwrite=true"))
    assert local.ask("GET", f"{STORES}/{OWN}/files/x").content == b"second"


def test_a_checksum_is_held_to_and_goes_out_again(local):
    declared = f"sha-256=:{base64.b64encode(hashlib.sha256(b'right').digest()).decode()}:"
    assert refusal(put(local, "x", b"wrong", **{"Repr-Digest": declared}))[0] == 400
    assert listed(local) == []
    good(put(local, "x", b"right", **{"Repr-Digest": declared}))
    assert local.ask("GET", f"{STORES}/{OWN}/files/x").headers["repr-digest"] == declared


def test_a_file_that_is_too_large_leaves_nothing(tmp_path):
    local = Local(tmp_path / "home", max_upload_bytes=1000)
    assert put(local, "a/b", b"x" * 1001).status_code == 413
    assert put(local, "a/c", b"x" * 1000).status_code == 200
    assert listed(local, "a") == [("a/c", 1000)]
    local.close()


def test_a_folder_is_listed_in_pages(local):
    for name in "edcba":
        good(put(local, f"f/{name}"))
    query = {"path": "f", "max_results": 2}
    names: list[str] = []
    token: str | None = ""
    while token is not None:
        page = good(local.ask("GET", f"{STORES}/{OWN}/files", params={**query, "page_token": token}))
        assert len(page["files"]) <= 2
        names += [each["path"] for each in page["files"]]
        token = page["next_page_token"]
    assert names == ["f/a", "f/b", "f/c", "f/d", "f/e"]
    for wrong in (0, MAX_LISTED + 1):
        answer = local.ask("GET", f"{STORES}/{OWN}/files", params={"max_results": wrong})
        assert "max_results" in refusal(answer)[2]


def test_no_path_leads_out_of_a_datastore(local):
    canary = local.settings.home / "canary"
    canary.write_text("the canary's secret")
    good(put(local, "inside", b"1"))
    before = sorted(path for path in local.settings.home.rglob("*") if path.is_file())
    for path in HOSTILE_PATHS[:: max(1, len(HOSTILE_PATHS) // 150)]:
        if is_harmless(path):
            continue
        for safe in ("/", ""):
            quoted = quote(path.encode("utf-8", "surrogatepass"), safe=safe)
            for method in ("GET", "PUT", "DELETE"):
                answer = local.ask(method, f"{STORES}/{OWN}/files/{quoted}", content=b"overwritten")
                assert answer.status_code < 500, path
                assert b"canary's" not in answer.content
    assert canary.read_text() == "the canary's secret"
    after = sorted(path for path in local.settings.home.rglob("*") if path.is_file())
    assert [path for path in before if path not in after and "runyard.db" not in path.name] == []


def test_the_root_and_the_files_of_runs_are_not_deleted(local):
    good(put(local, "x"))
    for path in (
        f"{OWN}/files/%2e",
        f"{OWN}/files/%2f",
        f"{OWN}/files/a/%2e%2e",
        "workspaceartifactstore/files/0",
    ):
        assert local.ask("DELETE", f"{STORES}/{path}").status_code in (400, 404)
    assert listed(local) == [("x", 1)]


def test_the_artifact_store_shows_the_files_of_runs(local):
    good(local.ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/f", content=b"123"))
    assert listed(local, "1/run/artifacts", "workspaceartifactstore") == [("1/run/artifacts/f", 3)]
    found = local.ask("GET", f"{STORES}/workspaceartifactstore/files/1/run/artifacts/f")
    assert found.content == b"123"


def test_no_artifact_lies_in_a_datastore(local):
    good(put(local, "x", b"datastore's"))
    for path in (".datastores", ".datastores/default", ".datastores/default/workspaceblobstore/x"):
        answer = local.ask("GET", f"/api/2.0/mlflow-artifacts/artifacts/{path}")
        assert answer.status_code == 404
    assert listed(local, "", "workspaceartifactstore") == []


def test_a_registered_folder_is_a_place_of_its_own(local):
    register(local, name="raw", kind="folder")
    good(put(local, "x", b"raw", "raw"))
    assert listed(local) == []
    assert listed(local, "", "raw") == [("x", 3)]
    good(local.ask("DELETE", f"{STORES}/raw"))
    assert refusal(local.ask("GET", f"{STORES}/raw/files"))[0] == 404
    register(local, name="raw", kind="folder")
    assert listed(local, "", "raw") == [("x", 3)]


def test_files_of_datastores_are_measured_with_the_workspace(tmp_path):
    local = Local(tmp_path / "home")
    good(put(local, "a/b", b"x" * 100))
    good(local.ask("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/run/artifacts/f", content=b"123"))
    assert measure_due(local.stores, system_now_ms, lambda worked_s: None) == 1
    (told,) = good(local.ask("GET", "/api/v1/workspaces/default/usage"))["workspaces"]
    assert (told["artifact_files"], told["artifact_bytes"]) == (2, 103)
    local.close()


# --- folders of the server --------------------------------------------------------------------------------


@pytest.fixture
def shared(tmp_path):
    folder = tmp_path / "shared"
    (folder / "scans").mkdir(parents=True)
    (folder / "scans" / "one").write_text("scan")
    (folder / "escape").symlink_to(tmp_path)
    (tmp_path / "canary").write_text("the canary's secret")
    return folder


def test_a_folder_of_the_server_is_one_that_an_administrator_named(tmp_path, shared):
    local = Local(tmp_path / "home", datastore_folders=(str(shared),))
    for folder in (shared, shared / "scans", f"{shared}/scans/../scans"):
        register(local, name="s", kind="folder", folder=str(folder), overwrite=True)
    assert listed(local, "", "s") == [("one", 4)]
    good(put(local, "new", b"2", "s"))
    assert (shared / "scans" / "new").read_bytes() == b"2"
    for folder in (
        "/",
        "/etc",
        str(tmp_path),
        f"{shared}/../home",
        f"{shared}2",
        "scans",
        "\0",
        f"{shared}/escape",
    ):
        answer = local.ask("POST", STORES, json={"name": "x", "kind": "folder", "folder": folder})
        assert answer.status_code == 400, folder
    register(local, name="all", kind="folder", folder=str(shared))
    for path in ("escape/canary", "escape/home/secrets.key", "../canary"):
        for method in ("GET", "PUT", "DELETE"):
            assert local.ask(method, f"{STORES}/all/files/{path}", content=b"x").status_code in (400, 404)
    assert (tmp_path / "canary").read_text() == "the canary's secret"
    local.close()


def test_a_folder_around_the_home_or_in_it_is_refused_though_it_is_named(tmp_path):
    home = tmp_path / "home"
    (home / "inside").mkdir(parents=True)
    local = Local(home, datastore_folders=(str(tmp_path), str(home / "inside"), str(tmp_path / "none")))
    for folder in (tmp_path, home, home / "inside", tmp_path / "none"):
        answer = local.ask("POST", STORES, json={"name": "x", "kind": "folder", "folder": str(folder)})
        assert "datastore_folders" in refusal(answer)[2]
    local.close()


def test_a_folder_that_the_server_may_not_write_into_is_said(tmp_path, shared):
    (shared / ".incoming").write_text("a file where the store puts what is on its way")
    local = Local(tmp_path / "home", datastore_folders=(f"{shared}/",))
    answer = local.ask("POST", STORES, json={"name": "s", "kind": "folder", "folder": str(shared)})
    assert "can't write into" in refusal(answer)[2]
    local.close()


def test_a_folder_that_is_no_longer_named_is_not_opened_any_more(tmp_path, shared):
    local = Local(tmp_path / "home", datastore_folders=(str(shared),))
    register(local, name="s", kind="folder", folder=str(shared / "scans"))
    local.close()
    local = Local(tmp_path / "home")
    assert "datastore_folders" in refusal(local.ask("GET", f"{STORES}/s/files"))[2]
    local.close()


# --- who may ----------------------------------------------------------------------------------------------


def test_who_may_read_write_and_delete(team):
    base = f"/workspaces/alpha{STORES}"
    reader, contributor, owner = (
        team.key(scope, "alpha") for scope in (Scope.READER, Scope.CONTRIBUTOR, Scope.OWNER)
    )
    file = f"{base}/{OWN}/files/x"
    assert team.ask("PUT", file, b"1", key=reader).status_code == 403
    assert team.ask("PUT", file, b"1", key=contributor).status_code == 200
    assert team.ask("GET", file, key=reader).content == b"1"
    assert team.ask("DELETE", file, key=contributor).status_code == 403
    assert team.ask("POST", base, BUCKET, key=reader).status_code == 403
    assert team.ask("POST", base, BUCKET, key=contributor).status_code == 200
    assert team.ask("GET", base, key=reader).status_code == 200
    elsewhere = team.key(Scope.OWNER, "beta")
    assert team.ask("GET", file, key=elsewhere).status_code == 403
    assert team.ask("GET", file.replace("alpha", "beta"), key=elsewhere).status_code == 404
    assert team.ask("GET", f"/workspaces/beta{STORES}/images", key=elsewhere).status_code == 404
    assert team.ask("DELETE", file, key=owner).status_code == 200


def test_files_count_for_the_quota_and_go_with_their_workspace(team):
    base = f"/workspaces/beta{STORES}"
    quota = {"max_artifact_bytes": 1000}
    team.ask("PUT", "/api/v1/workspaces/beta/quota", quota, key=team.admin_key).raise_for_status()
    team.operation.standings.refresh(team.stores, team.settings)
    file = f"{base}/{OWN}/files/dir/x"
    assert team.ask("PUT", file, b"1" * 900, key=team.admin_key).status_code == 200
    refused = team.ask("PUT", f"{file}2", b"1" * 200, key=team.admin_key)
    assert refused.json()["error_code"] == "QUOTA_EXCEEDED"
    measured = team.ask(
        "DELETE", "/api/v1/workspaces/beta", {"confirm": "beta", "dry_run": "true"}, key=team.admin_key
    ).json()
    assert (measured["artifact_files"], measured["artifact_bytes"]) == (1, 900)
    removed = {"is_done": False}
    while not removed["is_done"]:
        removed = team.ask(
            "DELETE", "/api/v1/workspaces/beta", {"confirm": "beta"}, key=team.admin_key
        ).json()
    team.ask("POST", "/api/v1/workspaces", {"name": "beta"}, key=team.admin_key).raise_for_status()
    found = team.ask("GET", f"{base}/{OWN}/files", key=team.admin_key).json()
    assert found["files"] == []

"""Runyard's routes about data assets, over HTTP in this process, and who may use them."""

from __future__ import annotations

from typing import Any

import pytest

from runyard.services.call import system_now_ms
from runyard.services.unregistered_data import KEPT_UNREGISTERED_MS, note_unregistered
from tests.server.team import Team

BASE, BY_ID = "/api/v1/data-assets", "/api/v1/data-asset-versions"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
FOLDER = f"data-assets/{'a' * 32}"
URL = {"kind": "url", "address": "https://example.org/titanic.csv"}
UPLOAD = {"kind": "upload", "address": FOLDER, "sha256": "0" * 64}


def ok(team: Team, method: str, path: str, body: Any = None) -> Any:
    answer = team.ask(method, path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(team: Team, status: int, method: str, path: str, body: Any = None) -> str:
    answer = team.ask(method, path, body)
    assert answer.status_code == status, answer.text
    return str(answer.json()["message"])


def registered(team: Team, name: str = "titanic", **more: Any) -> Any:
    return ok(team, "POST", BASE, {"name": name, "kind": "file", "sources": [URL], **more})


def test_data_is_registered_and_told(up):
    reading = {"format": "delimited", "separator": ";", "column_types": {"age": "float64"}}
    made = registered(up, kind="tabular", reading=reading, description="d", tags={"t": "é"})
    assert made.pop("is_new") is True
    told = made["data_asset"]
    asset_id = told["asset_id"]
    assert ok(up, "GET", f"{BY_ID}/{asset_id}")["data_asset"] == told
    assert ok(up, "GET", f"{BASE}/titanic", {"version": 1})["data_asset"] == told
    assert told.pop("created_ms") > 0
    assert told.pop("created_by")
    assert len(told.pop("content_sha256")) == 64
    assert told == {
        "name": "titanic",
        "version": 1,
        "latest_version": 1,
        "asset_id": asset_id,
        "kind": "tabular",
        "sources": [{**URL, "datastore": "", "sha256": ""}],
        "reading": {
            "header": True,
            "encoding": "utf-8",
            "include_path": False,
            "drops_invalid_lines": False,
            "partition_format": "",
            "timestamp_column": "",
            "partition_timestamp_column": "",
            **reading,
        },
        "description": "d",
        "tags": {"t": "é"},
    }
    assert "version 1" in refused(
        up, 400, "POST", BASE, {"name": "titanic", "kind": "file", "sources": [URL]}
    )
    assert registered(up, as_new_version=True)["data_asset"]["version"] == 2
    assert registered(up)["is_new"] is False
    changed = ok(up, "PATCH", f"{BY_ID}/{asset_id}", {"description": "e"})["data_asset"]
    assert (changed["description"], changed["tags"]) == ("e", {"t": "é"})
    page = ok(up, "GET", f"{BASE}/titanic/versions", {"max_results": 1})
    assert [each["version"] for each in page["data_assets"]] == [2]
    page = ok(up, "GET", f"{BASE}/titanic/versions", {"page_token": page["next_page_token"]})
    assert [each["version"] for each in page["data_assets"]] == [1]
    assert [each["version"] for each in ok(up, "GET", BASE)["data_assets"]] == [2]


def test_names_of_azure_s_with_spaces_are_taken(up):
    assert registered(up, "Titanic train - v2.1")["data_asset"]["version"] == 1
    assert ok(up, "GET", f"{BASE}/Titanic%20train%20-%20v2.1")["data_asset"]["version"] == 1


def test_what_was_uploaded_is_registered_and_goes_when_nothing_needs_it(up):
    body = {"kind": "file", "sources": [UPLOAD]}
    assert FOLDER in refused(up, 404, "POST", BASE, {"name": "up", **body})
    ok(up, "PUT", f"{FILES}/{FOLDER}/sub/a.csv", b"a,b\n1,2\n")
    registered(up, "up", **body)
    registered(up, "other", **body)
    assert ok(up, "DELETE", f"{BASE}/up")["deleted"] == 1
    collected(up)
    assert up.ask("GET", f"{FILES}/{FOLDER}/sub/a.csv").content == b"a,b\n1,2\n"
    assert ok(up, "DELETE", f"{BASE}/other", {"version": 1})["deleted"] == 1
    assert "deleted" in refused(up, 404, "POST", BASE, {"name": "again", **body})
    collected(up)
    refused(up, 404, "GET", f"{FILES}/{FOLDER}/sub/a.csv")
    refused(up, 404, "POST", BASE, {"name": "again", **body})
    refused(up, 404, "PUT", f"{FILES}/{FOLDER}/late.csv", b"x")


def collected(team: Team) -> None:
    while not ok(team, "POST", "/api/v1/trash/collect", {"older_than_s": 0})["is_done"]:
        pass


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "../x"}, "name"),
        ({"name": "ends in space "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"kind": "folder"}, "kind"),
        ({"sources": []}, "sources"),
        ({"sources": [URL] * 1001}, "sources"),
        ({"sources": [{"kind": "disk", "address": "/etc"}]}, "sources.kind"),
        ({"sources": [{**URL, "address": "file:///etc/passwd"}]}, "sources.address"),
        ({"sources": [{**URL, "address": "ftp://host/a"}]}, "sources.address"),
        ({"sources": [{**URL, "address": "https://"}]}, "sources.address"),
        ({"sources": [{**URL, "address": "https://[::1"}]}, "sources.address"),
        ({"sources": [{**URL, "address": "https://h:99999/"}]}, "sources.address"),
        ({"sources": [{**URL, "address": "https://me:secret@host/a"}]}, "sources.address"),
        ({"sources": [{**URL, "address": "https://token@host/a"}]}, "sources.address"),
        ({"sources": [{**URL, "address": "https://h/" + "x" * 2000}]}, "sources.address"),
        ({"sources": [{**URL, "address": "https://h/a\nb"}]}, "sources.address"),
        ({"sources": [{**URL, "datastore": "x"}]}, "sources.datastore"),
        ({"sources": [{**URL, "sha256": "0" * 64}]}, "sources.sha256"),
        ({"sources": [{"kind": "datastore", "address": "a"}]}, "sources.datastore"),
        ({"sources": [{"kind": "datastore", "address": "../a", "datastore": "d"}]}, "sources.address"),
        ({"sources": [{**UPLOAD, "address": "1/run/artifacts"}]}, "sources.address"),
        ({"sources": [{**UPLOAD, "address": f"{FOLDER}/../../1"}]}, "sources.address"),
        ({"sources": [{**UPLOAD, "sha256": "x"}]}, "sources.sha256"),
        ({"reading": {"format": "parquet"}}, "reading"),
        ({"kind": "tabular"}, "reading"),
        ({"kind": "tabular", "reading": {"format": "excel"}}, "reading.format"),
        ({"kind": "tabular", "reading": {"format": "delimited", "separator": ""}}, "reading.separator"),
        ({"kind": "tabular", "reading": {"format": "delimited", "encoding": "klingon"}}, "reading.encoding"),
        ({"kind": "tabular", "reading": {"format": "parquet", "column_types": {"a": ""}}}, "column_types"),
        ({"description": "x" * 5001}, "description"),
        ({"tags": {"x": "y" * 5001}}, "tags.value"),
    ],
)
def test_what_can_not_be_is_refused_and_changes_nothing(up, body, field):
    assert field in refused(up, 400, "POST", BASE, {"name": "bad", "kind": "file", "sources": [URL], **body})
    assert ok(up, "GET", BASE)["data_assets"] == []


def test_data_of_another_workspace_is_not_found(team):
    key = team.admin_key
    body = {"name": "titanic", "kind": "file", "sources": [URL]}
    made = team.ask("POST", f"/workspaces/alpha{BASE}", body, key=key).json()["data_asset"]
    for method, path, sent in (
        ("GET", f"{BASE}/titanic", None),
        ("GET", f"{BASE}/titanic/versions", None),
        ("DELETE", f"{BASE}/titanic", None),
        ("GET", f"{BY_ID}/{made['asset_id']}", None),
        ("PATCH", f"{BY_ID}/{made['asset_id']}", {"description": "mine"}),
    ):
        assert team.ask(method, f"/workspaces/beta{path}", sent, key=key).status_code == 404
    assert team.ask("GET", f"/workspaces/alpha{BASE}/titanic", key=key).json()["data_asset"] == made


def test_a_folder_of_another_workspace_can_not_be_named(team):
    key = team.admin_key
    team.ask("PUT", f"/workspaces/alpha{FILES}/{FOLDER}/a", b"x", key=key).raise_for_status()
    body = {"name": "theirs", "kind": "file", "sources": [UPLOAD]}
    assert team.ask("POST", f"/workspaces/beta{BASE}", body, key=key).status_code == 404


def test_readers_read_and_contributors_write(team):
    key = team.person("rea")
    path = f"/workspaces/alpha{BASE}"
    body = {"name": "titanic", "kind": "file", "sources": [URL]}
    assert team.ask("GET", path, key=key).status_code == 403
    team.grant("rea", "reader", "alpha")
    assert team.ask("GET", path, key=key).status_code == 200
    assert team.ask("POST", path, body, key=key).status_code == 403
    assert team.ask("DELETE", f"{path}/titanic", key=key).status_code == 403
    team.grant("rea", "contributor", "alpha")
    assert team.ask("POST", path, body, key=key).json()["data_asset"]["created_by"] == "rea"
    assert team.ask("DELETE", f"{path}/titanic", key=key).json() == {"deleted": 1}


def test_a_workspace_goes_with_its_data_and_files(up):
    up.ask("PUT", f"/workspaces/alpha{FILES}/{FOLDER}/a", b"x").raise_for_status()
    body = {"name": "up", "kind": "file", "sources": [UPLOAD]}
    up.ask("POST", f"/workspaces/alpha{BASE}", body).raise_for_status()
    while not ok(up, "DELETE", "/api/v1/workspaces/alpha", {"confirm": "alpha"})["is_done"]:
        pass
    with up.stores.database.reading() as connection:
        for table in ("data_assets", "data_asset_versions", "data_asset_folders"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0
    assert list(up.settings.artifact_root.rglob("data-assets")) == []


@pytest.mark.parametrize("version", [-(2**63) - 1, 2**63, 10**400])
@pytest.mark.parametrize("path", [f"{BASE}/titanic", "/api/v1/environments/keras"])
def test_a_version_beyond_all_numbers_of_the_database_is_refused(up, path, version):
    answer = up.ask("GET", path, {"version": str(version)})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def files_of_uploads(team: Team) -> set[str]:
    folder = team.settings.home / "artifacts" / "default" / "data-assets"
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


def test_an_upload_that_nobody_registered_is_gone_three_days_after_its_last_file(up):
    broken = f"data-assets/{'b' * 32}"
    for path in (f"{FOLDER}/a.csv", f"{broken}/a.csv", f"{broken}/deep/b.csv", "data-assets/notes.txt"):
        assert up.ask("PUT", f"{FILES}/{path}", b"x").status_code == 200
    registered(up, sources=[UPLOAD])
    now_ms = system_now_ms()
    all_files = {f"{'a' * 32}/a.csv", f"{'b' * 32}/a.csv", f"{'b' * 32}/deep/b.csv", "notes.txt"}
    assert note_unregistered(up.stores, now_ms + KEPT_UNREGISTERED_MS - 60_000) == 0
    ok(up, "POST", "/api/v1/trash/collect")
    assert files_of_uploads(up) == all_files
    assert note_unregistered(up.stores, now_ms + KEPT_UNREGISTERED_MS + 60_000) == 1
    assert note_unregistered(up.stores, now_ms + KEPT_UNREGISTERED_MS + 60_000) == 0
    # Who goes on with it after all is told to begin anew.
    again = {**UPLOAD, "address": broken}
    body = {"name": "late", "kind": "file", "sources": [again]}
    assert "was deleted. Upload it again." in refused(up, 404, "POST", BASE, body)
    collected: dict[str, Any] = {"is_done": False}
    while not collected["is_done"]:
        collected = ok(up, "POST", "/api/v1/trash/collect")
    assert files_of_uploads(up) == {f"{'a' * 32}/a.csv", "notes.txt"}
    assert up.ask("GET", f"{FILES}/{FOLDER}/a.csv").content == b"x"

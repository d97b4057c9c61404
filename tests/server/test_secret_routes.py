"""Secrets over HTTP: set, listed, read and deleted, who may, and that nothing else ever tells a value."""

from __future__ import annotations

import logging
import sqlite3

import pytest

from runyard.auth.permissions import Scope
from runyard.entities.audit import AuditSearch
from runyard.services.secrets import MAX_NAME_LENGTH, MAX_SECRETS, MAX_VALUE_BYTES
from tests.server.local import Local, good, refusal
from tests.server.team import Team

SECRETS = "/api/v1/secrets"
VALUE = "hunter2-äöü-\U0001f511\nsecond line"


@pytest.fixture
def local(local_on_each_engine: Local) -> Local:
    return local_on_each_engine


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


def set_one(local: Local, name: str = "password", value: str = VALUE, **more):
    return good(local.ask("PUT", f"{SECRETS}/{name}", json={"value": value, **more}))["secret"]


def test_a_secret_is_set_read_changed_listed_and_deleted(local):
    assert good(local.ask("GET", SECRETS)) == {"secrets": []}
    made = set_one(local, content_type="text/plain")
    assert (made["name"], made["content_type"], made["updated_by"]) == ("password", "text/plain", "local")
    assert good(local.ask("GET", f"{SECRETS}/password"))["value"] == VALUE
    changed = set_one(local, value="another")
    assert changed["created_ms"] == made["created_ms"]
    assert good(local.ask("GET", f"{SECRETS}/password"))["value"] == "another"
    set_one(local, "a.b-c_9")
    assert [each["name"] for each in good(local.ask("GET", SECRETS))["secrets"]] == ["a.b-c_9", "password"]
    good(local.ask("DELETE", f"{SECRETS}/password"))
    for method in ("GET", "DELETE"):
        assert refusal(local.ask(method, f"{SECRETS}/password"))[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize("name", ["x" * (MAX_NAME_LENGTH + 1), ".a", "a b", "a/b", "ä", "a%0ab", "a'b"])
def test_a_name_that_can_not_be_is_refused_everywhere(local, name):
    for method in ("PUT", "GET", "DELETE"):
        answer = local.ask(method, f"{SECRETS}/{name}", json={"value": VALUE})
        assert answer.status_code in (400, 404)
        assert "hunter2" not in answer.text
    assert good(local.ask("GET", SECRETS)) == {"secrets": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"value": None},
        {"value": 7},
        {"value": ["hunter2"]},
        {"value": ""},
        {"value": "hunter2" * MAX_VALUE_BYTES},
        {"value": "hunter2\0"},
        {"value": {"a": {"hunter2": "hunter2"}}},
        {"value": VALUE, "content_type": ["t"]},
        {"value": VALUE, "content_type": "t" * 256},
    ],
)
def test_a_value_that_can_not_be_is_refused_and_not_repeated(local, body):
    status, code, message = refusal(local.ask("PUT", f"{SECRETS}/password", json=body))
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "hunter2" not in message
    assert good(local.ask("GET", SECRETS)) == {"secrets": []}


@pytest.mark.parametrize(
    "body", [b'{"value": "hunter2\\ud800"}', b'"{\\"value\\": 2}"', b'{"value": {"hunter2": "\\ud800"}}']
)
def test_a_body_that_is_hardly_json_is_refused_and_not_repeated(local, body):
    headers = {"content-type": "application/json"}
    answer = local.ask("PUT", f"{SECRETS}/password", headers, content=body)
    assert refusal(answer)[0] == 400
    assert "hunter2" not in answer.text


def test_a_value_may_be_as_long_as_the_limit_says(local):
    set_one(local, value="é" * (MAX_VALUE_BYTES // 2))
    assert len(good(local.ask("GET", f"{SECRETS}/password"))["value"]) == MAX_VALUE_BYTES // 2


def test_a_workspace_has_so_many_secrets_and_no_more(local, monkeypatch):
    monkeypatch.setattr("runyard.services.secrets.MAX_SECRETS", 2)
    assert MAX_SECRETS > 2
    set_one(local, "a")
    set_one(local, "b")
    assert refusal(local.ask("PUT", f"{SECRETS}/c", json={"value": "v"}))[0] == 400
    set_one(local, "b", "changed")
    assert len(good(local.ask("GET", SECRETS))["secrets"]) == 2


def test_who_may_read_values_and_who_may_only_list(team):
    base = f"/workspaces/alpha{SECRETS}"
    contributor, reader = team.key(Scope.CONTRIBUTOR, "alpha"), team.key(Scope.READER, "alpha")
    assert team.ask("PUT", f"{base}/token", {"value": VALUE}, key=contributor).status_code == 200
    assert team.ask("GET", f"{base}/token", key=contributor).json()["value"] == VALUE
    listed = team.ask("GET", base, key=reader)
    assert [each["name"] for each in listed.json()["secrets"]] == ["token"]
    assert "hunter2" not in listed.text
    for name in ("token", "none"):
        refused = team.ask("GET", f"{base}/{name}", key=reader)
        assert refused.status_code == 403
        assert "READ_SECRETS" in refused.json()["message"]
    assert team.ask("PUT", f"{base}/token", {"value": "x"}, key=reader).status_code == 403
    assert team.ask("DELETE", f"{base}/token", key=reader).status_code == 403
    elsewhere = team.key(Scope.OWNER, "beta")
    assert team.ask("GET", f"{base}/token", key=elsewhere).status_code == 403
    assert team.ask("GET", f"/workspaces/beta{SECRETS}/token", key=elsewhere).status_code == 404
    assert team.ask("GET", f"{base}/token", key=None).status_code == 401


def test_a_role_in_an_experiment_opens_no_secret(team):
    key = team.person("ben")
    made = team.ask(
        "POST", "/workspaces/alpha/api/2.0/mlflow/experiments/create", {"name": "e"}, key=team.admin_key
    )
    team.grant("ben", "owner", "alpha", made.json()["experiment_id"])
    for path in (SECRETS, f"{SECRETS}/token"):
        assert team.ask("GET", f"/workspaces/alpha{path}", key=key).status_code == 403


def test_s19_a_value_is_in_no_file_log_audit_entry_or_other_answer(team, caplog):
    caplog.set_level(logging.DEBUG)
    base = f"/workspaces/alpha{SECRETS}"
    for value in ("hunter2-first", "hunter2-second"):
        team.ask("PUT", f"{base}/token", {"value": value}, key=team.admin_key).raise_for_status()
    team.ask("GET", f"{base}/token", key=team.admin_key).raise_for_status()
    team.ask("DELETE", f"{base}/token", key=team.admin_key).raise_for_status()
    team.ask("PUT", f"{base}/token", {"value": "hunter2-third"}, key=team.admin_key).raise_for_status()
    kept = "\n".join(team.kept())
    assert "hunter2" not in kept
    assert b"hunter2".hex() not in kept
    assert "hunter2" not in caplog.text
    entries = team.stores.metadata.audit.search(AuditSearch(limit=20))
    told = [
        (each.event.action, each.event.target) for each in entries if each.event.action.startswith("secrets.")
    ]
    assert told[::-1] == [
        ("secrets.set_secret", "secret_name=token"),
        ("secrets.set_secret", "secret_name=token"),
        ("secrets.get_secret", "secret_name=token"),
        ("secrets.remove_secret", "secret_name=token"),
        ("secrets.set_secret", "secret_name=token"),
    ]


@pytest.mark.parametrize(
    "value", ["$HOME", "${DB_URL}", "{{secrets/scope/key}}", "%(x)s", "$(id)", "`id`", "~root"]
)
def test_s19_a_value_that_looks_like_a_variable_is_text(local, value, monkeypatch):
    monkeypatch.setenv("DB_URL", "postgresql://planted")
    set_one(local, value=value)
    assert good(local.ask("GET", f"{SECRETS}/password"))["value"] == value
    listed = local.ask("GET", SECRETS).text
    assert value not in listed
    assert "planted" not in listed


def test_a_sealed_value_opens_under_no_other_name_and_in_no_other_workspace(team):
    for name in ("one", "two"):
        body = {"value": f"value of {name}"}
        team.ask("PUT", f"/workspaces/alpha{SECRETS}/{name}", body, key=team.admin_key).raise_for_status()
    with sqlite3.connect(team.settings.database_path) as database:
        (sealed,) = database.execute("SELECT sealed FROM secrets WHERE name = 'one'").fetchone()
        database.execute("UPDATE secrets SET sealed = ? WHERE name = 'two'", (sealed,))
        database.execute(
            "INSERT INTO secrets SELECT 'beta', name, sealed, content_type, created_ms, updated_ms, "
            "updated_by FROM secrets WHERE name = 'one'"
        )
    database.close()
    for path in ("/workspaces/alpha/api/v1/secrets/two", "/workspaces/beta/api/v1/secrets/one"):
        answer = team.ask("GET", path, key=team.admin_key)
        assert answer.status_code == 503
        assert "set the secret again" in answer.json()["message"]


def test_secrets_go_with_their_workspace(team):
    team.ask("PUT", f"/workspaces/beta{SECRETS}/token", {"value": VALUE}, key=team.admin_key)
    is_done = False
    while not is_done:  # one call removes what fits into its time
        removed = team.ask("DELETE", "/api/v1/workspaces/beta", {"confirm": "beta"}, key=team.admin_key)
        is_done = removed.raise_for_status().json()["is_done"]
    team.ask("POST", "/api/v1/workspaces", {"name": "beta"}, key=team.admin_key)
    assert team.ask("GET", f"/workspaces/beta{SECRETS}", key=team.admin_key).json() == {"secrets": []}

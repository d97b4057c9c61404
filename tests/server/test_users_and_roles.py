"""MLflow's users, roles and permissions: people, groups and grants by other names."""

from __future__ import annotations

from typing import Any

import pytest

from runyard.auth.permissions import Scope
from tests.server.team import Team

USERS = "/api/2.0/mlflow/users"
ROLES = "/api/3.0/mlflow/roles"
PERMISSIONS = "/api/3.0/mlflow/users/permissions"
ALPHA = "/workspaces/alpha"


@pytest.fixture
def team(tmp_path):
    team = Team(tmp_path / "home")
    yield team
    team.close()


@pytest.fixture
def experiment_id(team: Team) -> Any:
    made = team.ask("POST", f"{ALPHA}/api/2.0/mlflow/experiments/create", {"name": "x"}, key=team.admin_key)
    return made.json()["experiment_id"]


def done(team: Team, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
    answer = team.ask(method, path, body, key=key or team.admin_key)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(
    team: Team, method: str, path: str, body: Any = None, key: str | None = None
) -> tuple[int, str, str]:
    answer = team.ask(method, path, body, key=key or team.admin_key)
    told = answer.json()
    return answer.status_code, told["error_code"], told["message"]


def role_in(team: Team, workspace: str = "alpha", name: str = "editors") -> Any:
    return done(team, "POST", f"{ROLES}/create", {"workspace": workspace, "name": name})["role"]["id"]


def permission(team: Team, role_id: int, level: str, kind: str = "workspace", pattern: str = "*") -> Any:
    body = {"role_id": role_id, "resource_type": kind, "resource_pattern": pattern, "permission": level}
    return done(team, "POST", f"{ROLES}/permissions/add", body)["role_permission"]


def reads(team: Team, key: str, workspace: str) -> bool:
    asked = f"/workspaces/{workspace}/api/2.0/mlflow/experiments/get?experiment_id=0"
    return team.ask("GET", asked, key=key).status_code == 200


# --- refusals ---------------------------------------------------------------------------------------------


def test_refusals_begin_with_the_words_of_mlflow_s_server(team: Team, experiment_id: str):
    """Programs that were written for it look for these."""
    path = f"{ALPHA}/api/2.0/mlflow/experiments/get?experiment_id={experiment_id}"
    unknown = team.ask("GET", path)
    assert unknown.status_code == 401
    assert unknown.json()["message"].startswith("You are not authenticated. ")
    bob = team.person("bob")
    for asked in (path, f"{USERS}/get?username=ann", f"{ROLES}/list"):
        status, code, message = refused(team, "GET", asked, key=bob)
        assert (status, code) == (403, "PERMISSION_DENIED")
        assert message.startswith("Permission denied. ")


# --- users ------------------------------------------------------------------------------------------------


def test_a_user_is_a_person(team: Team):
    made = done(team, "POST", f"{USERS}/create", {"username": "bob", "password": ""})["user"]
    assert set(made) == {"id", "username", "is_admin"}
    assert (made["username"], made["is_admin"]) == ("bob", False)
    assert isinstance(made["id"], int)
    assert 0 <= made["id"] < 2**53
    own = done(team, "GET", "/api/v1/principals/bob")["principal"]
    assert own["kind"] == "person"
    assert done(team, "GET", f"{USERS}/get", {"username": "bob"})["user"] == made
    team.person("robot", "service")
    listed = done(team, "GET", f"{USERS}/list")["users"]
    assert [each["username"] for each in listed] == ["ann", "bob", "robot"]
    assert listed[0]["is_admin"] is True


def test_passwords_are_refused_with_what_to_use_instead(team: Team):
    for method, path, body in (
        ("POST", f"{USERS}/create", {"username": "bob", "password": "hunter2hunter2"}),
        ("PATCH", f"{USERS}/update-password", {"username": "ann", "password": "hunter2hunter2"}),
        ("POST", f"{USERS}/create-ui", {"username": "bob", "password": "hunter2hunter2"}),
    ):
        status, code, message = refused(team, method, path, body)
        assert (status, code) == (501, "NOT_IMPLEMENTED")
        assert "runyard key create" in message
        assert "hunter2" not in message
    assert refused(team, "GET", f"{USERS}/get", {"username": "bob"})[0] == 404
    assert not any("hunter2" in line for line in team.kept())


def test_an_administrator_is_made_and_unmade(team: Team):
    key = team.person("bob")
    assert team.ask("GET", f"{USERS}/list", key=key).status_code == 403
    done(team, "PATCH", f"{USERS}/update-admin", {"username": "bob", "is_admin": True})
    assert done(team, "GET", f"{USERS}/get", {"username": "bob"})["user"]["is_admin"] is True
    assert done(team, "GET", f"{ROLES}/list", key=team.admin_key) == {"roles": []}
    done(team, "PATCH", f"{USERS}/update-admin", {"username": "bob", "is_admin": False})
    told = refused(team, "PATCH", f"{USERS}/update-admin", {"username": "ann", "is_admin": False})
    assert told[1] == "INVALID_STATE"
    assert "only administrator" in told[2]


def test_a_deleted_user_is_locked_out_and_not_found(team: Team):
    key = team.person("bob")
    assert done(team, "GET", f"{USERS}/current", key=key)["user"]["username"] == "bob"
    told = refused(team, "DELETE", f"{USERS}/delete", {"username": "ann"})
    assert "cannot delete their own account" in told[2]
    done(team, "DELETE", f"{USERS}/delete", {"username": "bob"})
    assert team.ask("GET", f"{USERS}/current", key=key).status_code == 401
    missing = (404, "RESOURCE_DOES_NOT_EXIST", "User with username=bob not found")
    assert refused(team, "GET", f"{USERS}/get", {"username": "bob"}) == missing
    assert refused(team, "DELETE", f"{USERS}/delete", {"username": "bob"}) == missing
    again = refused(team, "POST", f"{USERS}/create", {"username": "bob"})
    assert again == (400, "RESOURCE_ALREADY_EXISTS", "User (username=bob) already exists.")


def test_people_see_themselves_and_no_others(team: Team):
    key = team.person("bob")
    team.person("eve")
    assert done(team, "GET", f"{USERS}/get", {"username": "bob"}, key)["user"]["username"] == "bob"
    assert done(team, "GET", f"{PERMISSIONS}/list", {"username": "bob"}, key)["permissions"] == []
    for path in (f"{USERS}/get", f"{PERMISSIONS}/list", "/api/3.0/mlflow/users/roles/list"):
        other, none = (refused(team, "GET", path, {"username": name}, key) for name in ("eve", "nobody"))
        assert other[:2] == (403, "PERMISSION_DENIED")
        assert other == none


def test_a_caller_is_told_who_they_are(team: Team):
    told = done(team, "GET", f"{USERS}/current")
    assert told["user"]["username"] == "ann"
    assert (told["user"]["is_admin"], told["is_basic_auth"]) == (True, False)
    narrow = done(team, "GET", f"{USERS}/current", key=team.key(Scope.READER))
    assert narrow["user"]["is_admin"] is False
    permissions = done(team, "GET", "/api/3.0/mlflow/users/current/permissions")
    assert permissions == {"is_admin": True, "permissions": []}


# --- grants to users --------------------------------------------------------------------------------------


def granting(experiment_id: str, **more: str) -> dict[str, str]:
    return {"username": "bob", "resource_type": "experiment", "resource_id": experiment_id, **more}


@pytest.mark.parametrize(
    ("level", "role", "seen", "is_allowed"),
    [
        ("READ", "reader", "READ", False),
        ("USE", "reader", "READ", False),
        ("EDIT", "contributor", "EDIT", True),
        ("MANAGE", "owner", "MANAGE", True),
    ],
)
def test_a_permission_is_a_role(
    team: Team, experiment_id: str, level: str, role: str, seen: str, is_allowed: bool
):
    team.person("bob")
    nothing = done(team, "GET", f"{ALPHA}{PERMISSIONS}/get", granting(experiment_id))
    assert nothing == {"allowed": False, "permission": "NO_PERMISSIONS"}
    done(team, "POST", f"{ALPHA}{PERMISSIONS}/grant", granting(experiment_id, permission=level))
    (grant,) = done(team, "GET", f"{ALPHA}/api/v1/grants")["grants"]
    assert (grant["principal"], grant["role"], grant["experiment_id"]) == ("bob", role, experiment_id)
    told = done(team, "GET", f"{ALPHA}{PERMISSIONS}/get", granting(experiment_id))
    assert told == {"allowed": is_allowed, "permission": seen}
    (row,) = done(team, "GET", f"{PERMISSIONS}/list", {"username": "bob"})["permissions"]
    assert row["role_name"].startswith("__user_")
    assert (row["workspace"], row["resource_type"], row["resource_pattern"], row["permission"]) == (
        "alpha", "experiment", experiment_id, seen,
    )  # fmt: skip
    (own,) = done(team, "GET", "/api/3.0/mlflow/users/roles/list", {"username": "bob"})["roles"]
    assert (own["id"], own["name"], own["workspace"]) == (row["role_id"], row["role_name"], "alpha")
    (held,) = own["permissions"]
    assert (held["role_id"], held["resource_pattern"], held["permission"]) == (own["id"], experiment_id, seen)
    listed = {each["username"]: each["roles"] for each in done(team, "GET", f"{USERS}/list")["users"]}
    assert listed["bob"] == [own]
    twice = refused(team, "POST", f"{ALPHA}{PERMISSIONS}/grant", granting(experiment_id, permission=level))
    assert twice[:2] == (400, "RESOURCE_ALREADY_EXISTS")
    done(team, "POST", f"{ALPHA}{PERMISSIONS}/revoke", granting(experiment_id))
    assert done(team, "GET", f"{ALPHA}/api/v1/grants")["grants"] == []
    for never in (experiment_id, "99999", "not-an-id"):
        gone = refused(team, "POST", f"{ALPHA}{PERMISSIONS}/revoke", granting(never))
        assert gone[:2] == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"permission": "DENY"}, (501, "NOT_IMPLEMENTED", "grants only add")),
        ({"permission": "NO_PERMISSIONS"}, (400, "INVALID_PARAMETER_VALUE", "Invalid permission")),
        ({"permission": "read"}, (400, "INVALID_PARAMETER_VALUE", "Invalid permission 'read'")),
        (
            {"resource_type": "workspace"},
            (400, "INVALID_PARAMETER_VALUE", "is not supported by the per-user"),
        ),
        ({"resource_type": "registered_model"}, (501, "NOT_IMPLEMENTED", "in one experiment by its id")),
        ({"resource_type": "spaceship"}, (400, "INVALID_PARAMETER_VALUE", "Invalid resource type")),
        ({"resource_id": "*"}, (501, "NOT_IMPLEMENTED", "in one experiment by its id")),
        ({"resource_id": "x"}, (400, "INVALID_PARAMETER_VALUE", "Invalid experiment ID")),
        ({"resource_id": "987654"}, (404, "RESOURCE_DOES_NOT_EXIST", "No Experiment with id=987654")),
        ({"username": "nobody"}, (404, "RESOURCE_DOES_NOT_EXIST", "User with username=nobody not found")),
    ],
)
def test_what_cannot_be_granted_is_refused(team: Team, experiment_id: str, body: dict, told: tuple):
    team.person("bob")
    status, code, message = refused(
        team, "POST", f"{ALPHA}{PERMISSIONS}/grant", granting(experiment_id, permission="READ") | body
    )
    assert (status, code) == told[:2]
    assert told[2] in message
    assert done(team, "GET", f"{ALPHA}/api/v1/grants")["grants"] == []


def test_s11_only_owners_grant_and_only_what_is_theirs(team: Team, experiment_id: str):
    keys = {name: team.person(name) for name in ("bob", "eve", "odo")}
    team.grant("eve", "contributor", "alpha")
    team.grant("odo", "owner", "alpha", experiment_id)
    grant = f"{ALPHA}{PERMISSIONS}/grant"
    for who in ("bob", "eve"):
        for name in ("bob", "eve"):
            body = granting(experiment_id, permission="MANAGE") | {"username": name}
            assert refused(team, "POST", grant, body, keys[who])[:2] == (403, "PERMISSION_DENIED")
    done(team, "POST", grant, granting(experiment_id, permission="EDIT"), keys["odo"])
    for other in ("0", "987654", "*"):
        told = refused(team, "POST", grant, granting(other, permission="EDIT"), keys["odo"])
        assert told[:2] == (403, "PERMISSION_DENIED")
    for path in (f"{ROLES}/list", f"{USERS}/list"):
        assert team.ask("GET", f"{ALPHA}{path}", key=keys["odo"]).status_code == 403


def test_what_a_user_may_do_is_told_to_them_and_to_owners(team: Team, experiment_id: str):
    keys = {name: team.person(name) for name in ("bob", "eve", "odo")}
    team.grant("odo", "owner", "alpha")
    team.grant("bob", "reader", "alpha")
    asked = f"{ALPHA}{PERMISSIONS}/get"
    for who in ("bob", "odo"):
        told = done(team, "GET", asked, granting(experiment_id), keys[who])
        assert told["permission"] == "READ"
    assert refused(team, "GET", asked, granting(experiment_id), keys["eve"])[0] == 403
    own = granting(experiment_id) | {"username": "eve"}
    hidden, none = (
        done(team, "GET", asked, own | {"resource_id": each}, keys["eve"]) for each in ("0", "98765")
    )
    assert hidden == none == {"allowed": False, "permission": "NO_PERMISSIONS"}
    ann = granting(experiment_id) | {"username": "ann"}
    assert done(team, "GET", asked, ann)["permission"] == "MANAGE"


# --- roles ------------------------------------------------------------------------------------------------


def test_a_role_is_a_group_with_grants(team: Team, experiment_id: str):
    key = team.person("bob")
    role_id = role_in(team)
    assert done(team, "GET", f"{ROLES}/get", {"role_id": role_id})["role"] == {
        "id": role_id, "name": "editors", "workspace": "alpha", "description": None, "permissions": [],
    }  # fmt: skip
    whole = permission(team, role_id, "USE")
    assert (whole["resource_type"], whole["resource_pattern"], whole["permission"]) == (
        "workspace",
        "*",
        "USE",
    )
    one = permission(team, role_id, "EDIT", "experiment", experiment_id)
    assert one["role_id"] == role_id
    assert not reads(team, key, "alpha")
    assigned = done(team, "POST", f"{ROLES}/assign", {"username": "bob", "role_id": role_id})["assignment"]
    assert assigned["role_id"] == role_id
    assert reads(team, key, "alpha")
    assert not reads(team, key, "beta")
    listed = done(team, "GET", f"{ROLES}/permissions/list", {"role_id": role_id})["role_permissions"]
    assert listed == [whole, one]
    assert done(team, "GET", f"{ROLES}/users/list", {"role_id": role_id})["assignments"] == [assigned]
    members = done(team, "GET", "/api/v1/groups/alpha:editors/members")["principals"]
    assert [each["name"] for each in members] == ["bob"]
    (own,) = done(team, "GET", "/api/3.0/mlflow/users/roles/list", {"username": "bob"}, key)["roles"]
    assert (own["id"], own["permissions"]) == (role_id, [whole, one])
    rows = done(team, "GET", "/api/3.0/mlflow/users/current/permissions", key=key)["permissions"]
    assert [(row["role_name"], row["permission"]) for row in rows] == [
        ("editors", "EDIT"),
        ("editors", "USE"),
    ]
    users = {each["username"]: each["roles"] for each in done(team, "GET", f"{USERS}/list")["users"]}
    assert (users["ann"], users["bob"]) == ([], [own])


def test_what_a_role_was_granted_is_changed_and_taken_away(team: Team):
    role_id = role_in(team)
    granted = permission(team, role_id, "MANAGE")
    changed = done(
        team,
        "PATCH",
        f"{ROLES}/permissions/update",
        {"role_permission_id": granted["id"], "permission": "EDIT"},
    )["role_permission"]
    assert changed == granted | {"permission": "EDIT"}
    body = {"role_id": role_id, "resource_type": "workspace", "resource_pattern": "*", "permission": "USE"}
    assert refused(team, "POST", f"{ROLES}/permissions/add", body)[1] == "RESOURCE_ALREADY_EXISTS"
    done(team, "DELETE", f"{ROLES}/permissions/remove", {"role_permission_id": granted["id"]})
    gone = refused(team, "DELETE", f"{ROLES}/permissions/remove", {"role_permission_id": granted["id"]})
    assert gone[2] == f"Role permission with id={granted['id']} not found"


def test_a_role_ends_for_whom_it_is_taken_from_and_with_itself(team: Team):
    keys = {name: team.person(name) for name in ("bob", "eve")}
    role_id = role_in(team)
    permission(team, role_id, "MANAGE")
    for name in keys:
        done(team, "POST", f"{ROLES}/assign", {"username": name, "role_id": role_id})
    twice = refused(team, "POST", f"{ROLES}/assign", {"username": "bob", "role_id": role_id})
    assert twice[1] == "RESOURCE_ALREADY_EXISTS"
    done(team, "DELETE", f"{ROLES}/unassign", {"username": "bob", "role_id": role_id})
    assert [reads(team, key, "alpha") for key in keys.values()] == [False, True]
    gone = refused(team, "DELETE", f"{ROLES}/unassign", {"username": "bob", "role_id": role_id})
    assert gone[1] == "RESOURCE_DOES_NOT_EXIST"
    done(team, "DELETE", f"{ROLES}/delete", {"role_id": role_id})
    assert not reads(team, keys["eve"], "alpha")
    assert (
        refused(team, "GET", f"{ROLES}/get", {"role_id": role_id})[2] == f"Role with id={role_id} not found"
    )
    assert role_in(team) != role_id


def test_roles_are_named_within_their_workspace(team: Team):
    first, second = role_in(team), role_in(team, "beta")
    assert first != second
    told = refused(team, "POST", f"{ROLES}/create", {"workspace": "alpha", "name": "editors"})
    assert told[1:] == ("RESOURCE_ALREADY_EXISTS", "Role (name=editors, workspace=alpha) already exists.")
    by_place = {
        place: done(team, "GET", f"{ROLES}/list", {"workspace": place})["roles"]
        for place in ("alpha", "beta")
    }
    assert {place: [role["id"] for role in found] for place, found in by_place.items()} == {
        "alpha": [first],
        "beta": [second],
    }
    assert len(done(team, "GET", f"{ROLES}/list?workspace=alpha&workspace=beta")["roles"]) == 2
    assert len(done(team, "GET", f"{ROLES}/list")["roles"]) == 2
    renamed = done(team, "PATCH", f"{ROLES}/update", {"role_id": first, "name": "writers"})["role"]
    assert (renamed["id"], renamed["name"], renamed["workspace"]) == (first, "writers", "alpha")
    assert refused(team, "POST", f"{ROLES}/create", {"workspace": "nowhere", "name": "x"})[0] == 404


def test_a_role_is_described_as_in_mlflow(team: Team):
    described = {"workspace": "alpha", "name": "editors", "description": "who writes"}
    made = done(team, "POST", f"{ROLES}/create", described)["role"]
    assert made["description"] == "who writes"
    renamed = done(team, "PATCH", f"{ROLES}/update", {"role_id": made["id"], "name": "writers"})["role"]
    assert (renamed["name"], renamed["description"]) == ("writers", "who writes")
    for said in ("who writes much \U0001f58b", "", "x" * 1024):
        body = {"role_id": made["id"], "description": said}
        changed = done(team, "PATCH", f"{ROLES}/update", body)["role"]
        assert changed == renamed | {"description": said}
        assert done(team, "GET", f"{ROLES}/get", {"role_id": made["id"]})["role"] == changed
    for never in ("x" * 1025, 7, ["x"]):
        told = refused(team, "PATCH", f"{ROLES}/update", {"role_id": made["id"], "description": never})
        assert told[:2] == (400, "INVALID_PARAMETER_VALUE")
    empty = done(team, "POST", f"{ROLES}/create", described | {"name": "e", "description": ""})["role"]
    assert empty["description"] == ""
    assert [each["description"] for each in done(team, "GET", f"{ROLES}/list")["roles"]] == ["", "x" * 1024]


@pytest.mark.parametrize(
    ("level", "seen"), [("USE", "USE"), ("READ", "USE"), ("EDIT", "EDIT"), ("MANAGE", "MANAGE")]
)
def test_the_least_that_a_role_has_in_a_workspace_is_use(team: Team, level: str, seen: str):
    key = team.person("bob")
    role_id = role_in(team)
    granted = permission(team, role_id, level)
    assert granted["permission"] == seen
    body = {"role_permission_id": granted["id"], "permission": level}
    assert done(team, "PATCH", f"{ROLES}/permissions/update", body)["role_permission"] == granted
    done(team, "POST", f"{ROLES}/assign", {"username": "bob", "role_id": role_id})
    (row,) = done(team, "GET", "/api/3.0/mlflow/users/current/permissions", key=key)["permissions"]
    assert (row["resource_type"], row["permission"]) == ("workspace", seen)


def test_a_group_of_the_server_is_a_role_where_it_was_granted_something(team: Team):
    body = {"name": "team", "kind": "group"}
    done(team, "POST", "/api/v1/principals", body)
    for workspace in ("alpha", "beta"):
        team.grant("team", "reader", workspace)
    roles = done(team, "GET", f"{ROLES}/list")["roles"]
    assert [(role["workspace"], role["name"]) for role in roles] == [("alpha", "team"), ("beta", "team")]
    for change in ({"name": "x"}, {"description": "x"}):
        told = refused(team, "PATCH", f"{ROLES}/update", {"role_id": roles[0]["id"]} | change)
        assert told[1] == "INVALID_STATE"
    done(team, "DELETE", f"{ROLES}/delete", {"role_id": roles[0]["id"]})
    (left,) = done(team, "GET", f"{ROLES}/list")["roles"]
    assert left == roles[1]
    assert done(team, "GET", "/api/v1/principals/team")["principal"]["is_disabled"] is False
    team.grant("everyone", "reader", "beta")
    (everyone,) = (each for each in done(team, "GET", f"{ROLES}/list")["roles"] if each["name"] == "everyone")
    told = refused(team, "POST", f"{ROLES}/assign", {"username": "ann", "role_id": everyone["id"]})
    assert told[0] == 400


def test_what_a_role_cannot_be_is_refused(team: Team):
    described = {"workspace": "alpha", "name": "x", "description": "x" * 1025}
    assert "at most 1024 characters" in refused(team, "POST", f"{ROLES}/create", described)[2]
    assert done(team, "GET", f"{ROLES}/list") == {"roles": []}
    role_id = role_in(team)
    own = refused(team, "PATCH", f"{ROLES}/update", {"role_id": role_id, "name": "__user_7__"})
    assert own[1] == "INVALID_PARAMETER_VALUE"
    assert "reserved '__user_' prefix" in own[2]
    for blank in ("", "  "):
        told = refused(team, "PATCH", f"{ROLES}/update", {"role_id": role_id, "name": blank})
        assert told == (400, "INVALID_PARAMETER_VALUE", "Role name cannot be empty.")
        told = refused(team, "GET", f"{ROLES}/list", {"workspace": blank})
        assert told[2] == "Parameter 'workspace' must be a non-empty string when provided."
    told = refused(team, "POST", f"{ROLES}/create", {"workspace": "alpha", "name": "  "})
    assert told[2] == "Role name cannot be empty."
    assert done(team, "GET", f"{ROLES}/get", {"role_id": role_id})["role"]["name"] == "editors"
    assert "At least one of" in refused(team, "PATCH", f"{ROLES}/update", {"role_id": role_id})[2]
    assert refused(team, "GET", f"{ROLES}/get", {"role_id": "abc"})[1] == "INVALID_PARAMETER_VALUE"
    for kind, pattern, code in (
        ("workspace", "alpha", "INVALID_PARAMETER_VALUE"),
        ("experiment", "*", "NOT_IMPLEMENTED"),
        ("prompt", "*", "NOT_IMPLEMENTED"),
        ("experiment", "987654", "RESOURCE_DOES_NOT_EXIST"),
    ):
        body = {"role_id": role_id, "resource_type": kind, "resource_pattern": pattern, "permission": "READ"}
        assert refused(team, "POST", f"{ROLES}/permissions/add", body)[1] == code


def test_the_audit_log_names_who_was_given_what(team: Team):
    team.person("bob")
    role_id = role_in(team)
    done(team, "POST", f"{ROLES}/assign", {"username": "bob", "role_id": role_id})
    entries = done(team, "GET", "/api/v1/audit")["entries"]
    told = {entry["action"]: entry["target"] for entry in entries}
    assert told["roles.assign_role"] == f"username=bob role_id={role_id}"

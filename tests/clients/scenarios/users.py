"""What MLflow's own client of users, roles and permissions asks; `up` makes its caller an administrator."""

import uuid

import mlflow
from expecting import refused, same
from mlflow.server import get_app_client
from mlflow.tracking import MlflowClient


def _client():
    return get_app_client("basic-auth", tracking_uri=mlflow.get_tracking_uri())


def _name(kind):
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def a_user_is_made_found_promoted_and_deleted():
    client, name = _client(), _name("user")
    made = client.create_user(name, "")
    same((made.username, made.is_admin, made.password_hash), (name, False, "REDACTED"))
    same(client.get_user(name).id, made.id)
    client.update_user_admin(name, True)
    same(client.get_user(name).is_admin, True)
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.create_user(name, "")
    client.delete_user(name)
    for call in (client.get_user, client.delete_user):
        with refused("RESOURCE_DOES_NOT_EXIST"):
            call(name)


def passwords_are_not_implemented():
    client = _client()
    with refused("NOT_IMPLEMENTED"):
        client.create_user(_name("user"), "a long password")
    with refused("NOT_IMPLEMENTED"):
        client.update_user_password(_name("user"), "a long password")


def a_user_is_granted_a_permission_in_an_experiment():
    client, name = _client(), _name("user")
    client.create_user(name, "")
    experiment_id = MlflowClient().create_experiment(_name("experiment"))
    same(client.get_user_permission(name, "experiment", experiment_id).allowed, False)
    client.grant_user_permission(name, "experiment", experiment_id, "EDIT")
    told = client.get_user_permission(name, "experiment", experiment_id)
    same((told.allowed, told.permission), (True, "EDIT"))
    with refused("RESOURCE_ALREADY_EXISTS"):
        client.grant_user_permission(name, "experiment", experiment_id, "READ")
    client.revoke_user_permission(name, "experiment", experiment_id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.revoke_user_permission(name, "experiment", experiment_id)


def a_role_is_granted_permissions_and_assigned():
    client, name, user = _client(), _name("role"), _name("user")
    client.create_user(user, "")
    role = client.create_role("vision", name)
    same((role.name, role.workspace, role.permissions), (name, "vision", []))
    added = client.add_role_permission(role.id, "workspace", "*", "MANAGE")
    same((added.role_id, added.resource_type, added.permission), (role.id, "workspace", "MANAGE"))
    same(client.update_role_permission(added.id, "USE").permission, "USE")
    same([each.id for each in client.list_role_permissions(role.id)], [added.id])
    assignment = client.assign_role(user, role.id)
    same([each.id for each in client.list_role_users(role.id)], [assignment.id])
    same([each.id for each in client.list_user_roles(user)], [role.id])
    assert role.id in [each.id for each in client.list_roles("vision")]
    assert role.id in [each.id for each in client.list_all_roles()]
    same(client.update_role(role.id, name=f"{name}-2").name, f"{name}-2")
    client.unassign_role(user, role.id)
    client.remove_role_permission(added.id)
    same(client.get_role(role.id).permissions, [])
    client.delete_role(role.id)
    with refused("RESOURCE_DOES_NOT_EXIST"):
        client.get_role(role.id)


def what_roles_cannot_be_granted_is_refused():
    client = _client()
    role = client.create_role("default", _name("role"))
    with refused("NOT_IMPLEMENTED"):
        client.add_role_permission(role.id, "registered_model", "*", "READ")
    with refused("NOT_IMPLEMENTED"):
        client.add_role_permission(role.id, "workspace", "*", "DENY")
    with refused("INVALID_PARAMETER_VALUE"):
        client.add_role_permission(role.id, "workspace", "*", "OWN")

"""People and services as MLflow's users: who there is, and what each may do."""

from __future__ import annotations

from dataclasses import replace

from runyard.auth.permissions import Permission, not_allowed
from runyard.entities.credential import Principal, PrincipalKind
from runyard.entities.rights import Grant, Rights, Role
from runyard.errors import AlreadyExists, InvalidParameter, NotFound, NotImplementedHere
from runyard.services import principals
from runyard.services.call import Call
from runyard.services.experiments import get_experiment, resolve_experiment_id
from runyard.services.grants import remove_grant, set_grant
from runyard.services.tokens import identify

_LOCAL_SINCE_MS = 0
NO_PASSWORDS = (
    "There are no passwords here: people sign in by a provider of identities, or with an API key "
    "(`runyard key create`)."
)


def current_user(call: Call) -> Principal:
    """Return who asks, as somebody who has what their credential gives."""
    caller = identify(call)
    found = call.stores.metadata.credentials.find_principal(caller.principal_id)
    if found is None:  # whoever is at the machine of `up` has no row
        return Principal(caller.principal_id, caller.name, PrincipalKind.PERSON, True, _LOCAL_SINCE_MS)
    return replace(found, is_administrator=caller.is_administrator)


def find_user(call: Call, username: str) -> Principal:
    """Return the person or service of that name.

    Raises:
        NotFound: There is none, or they are locked out.
    """
    found = call.stores.metadata.credentials.find_principal_by_name(username)
    if found is None or found.kind is PrincipalKind.GROUP or not found.is_active:
        raise NotFound(f"User with username={username[:200]} not found")
    return found


def see_user(call: Call, username: str) -> Principal:
    """Return a user to themselves or to an administrator.

    Raises:
        Forbidden: Somebody else asks, whether or not there is such a user.
        NotFound: There is none.
    """
    caller = identify(call)
    if caller.name == username:
        return current_user(call)
    if not caller.is_administrator:
        raise not_allowed(Permission.ADMINISTER, None)
    return find_user(call, username)


def list_users(call: Call) -> list[Principal]:
    """Return all people and services who are not locked out, by name."""
    found = principals.list_principals(call, None)
    return [each for each in found if each.kind is not PrincipalKind.GROUP and each.is_active]


def create_user(call: Call, username: str, password: str) -> Principal:
    """Return a new person, who has no role anywhere and no way to sign in yet.

    Raises:
        AlreadyExists: Somebody has this name, locked out or not.
        InvalidParameter: A name that can't be.
        NotImplementedHere: A password was given.
    """
    if password:
        raise NotImplementedHere(f"{NO_PASSWORDS} Leave 'password' empty to add the person.")
    try:
        return principals.create_principal(call, username, PrincipalKind.PERSON, None, False)
    except AlreadyExists:
        raise AlreadyExists(f"User (username={username}) already exists.") from None


def change_administrator(call: Call, username: str, is_administrator: bool) -> None:
    """Make somebody an administrator, or one no more."""
    user = find_user(call, username)
    principals.change_principal(call, user.principal_id, is_administrator=is_administrator)


def delete_user(call: Call, username: str) -> None:
    """Lock somebody out for good; what they did keeps their name, so nobody else gets it.

    Raises:
        InvalidParameter: It is the caller.
        NotFound: There is no such user.
    """
    if identify(call).name == username:
        raise InvalidParameter(
            "Users cannot delete their own account. Ask another admin to delete this user instead."
        )
    principals.change_principal(call, find_user(call, username).principal_id, is_disabled=True)


def grant_to_user(call: Call, username: str, role: Role, experiment_id: str) -> None:
    """Give a user a role in one experiment, where they have none themselves.

    Raises:
        AlreadyExists: They have.
        NotFound: There is no such user or experiment.
    """
    with call.stores.atomic(alone_for="grants"):
        user = find_user(call, username)
        place = get_experiment(call, experiment_id).experiment_id
        if _own_grant(call, user, place) is not None:
            raise AlreadyExists(f"{_told(username, experiment_id)} already exists.")
        set_grant(call, user.principal_id, role, place)


def revoke_from_user(call: Call, username: str, experiment_id: str) -> None:
    """Take away the role that a user was given themselves in one experiment.

    Raises:
        NotFound: There is no such user or grant.
    """
    user = find_user(call, username)
    try:
        place = resolve_experiment_id(call.workspace, experiment_id)
    except InvalidParameter:  # what can't be an experiment's id was granted to nobody
        place = ""
    if not place or _own_grant(call, user, place) is None:
        raise NotFound(f"{_told(username, experiment_id)} not found.")
    remove_grant(call, user.principal_id, place)


def role_in_experiment(call: Call, username: str, experiment_id: str) -> Role | None:
    """Return the widest role that a user has in an experiment; none in one that isn't there.

    Raises:
        Forbidden: Somebody asks who is neither they nor an owner of the workspace.
        NotFound: There is no such user.
    """
    caller, workspace = identify(call), call.workspace.name
    own = caller.may(Permission.MANAGE, workspace)
    user = find_user(call, username) if own else see_user(call, username)
    place = resolve_experiment_id(call.workspace, experiment_id)
    try:
        get_experiment(call, place)
    except NotFound:
        return None
    if user.is_administrator:
        return Role.OWNER
    return _widest(call.stores.metadata.rights.rights_of(user.principal_id), workspace, place)


def _widest(rights: Rights, workspace: str, experiment_id: str) -> Role | None:
    for role in (Role.OWNER, Role.CONTRIBUTOR, Role.READER):
        of_these = rights.experiments_with(role.permission, workspace)
        if rights.allow(role.permission, workspace) or experiment_id in of_these:
            return role
    return None


def _own_grant(call: Call, user: Principal, experiment_id: str) -> Grant | None:
    grants = call.stores.metadata.rights.list_grants_of(user.principal_id)
    here = (each for each in grants if each.workspace == call.workspace.name)
    return next((each for each in here if each.experiment_id == experiment_id), None)


def _told(username: str, experiment_id: str) -> str:
    return f"Permission for user={username} on resource_type=experiment, resource_id={experiment_id}"

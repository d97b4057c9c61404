"""Permissions: who may do what, and what a refusal gives away."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runyard.auth.permissions import LOCAL_OWNER, Caller, Open, Permission, Scope, authorize
from runyard.errors import Forbidden, Unauthenticated

scopes = st.sampled_from(Scope)
permissions = st.sampled_from(Permission)
rights = st.sampled_from([permission for permission in Permission if permission is not Permission.IDENTIFY])
names = st.sampled_from(["alpha", "beta"])


def caller(scope: Scope, workspace: str | None = None) -> Caller:
    return Caller(name="ann", principal_id="p1", scope=scope, workspace=workspace)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope.READER, {Permission.IDENTIFY, Permission.READ}),
        (
            Scope.CONTRIBUTOR,
            {Permission.IDENTIFY, Permission.READ, Permission.READ_SECRETS, Permission.CONTRIBUTE},
        ),
        (Scope.OWNER, set(Permission) - {Permission.ADMINISTER}),
        (Scope.ADMIN, set(Permission)),
    ],
)
def test_a_scope_allows_its_own_permission_and_those_below(scope, allowed):
    assert {permission for permission in Permission if scope.allows(permission)} == allowed


@given(scopes, scopes)
def test_a_scope_includes_another_exactly_if_it_allows_all_that_the_other_does(wide, narrow):
    allows_all = all(wide.allows(permission) for permission in Permission if narrow.allows(permission))
    assert wide.includes(narrow) == allows_all


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_an_open_route_without_a_reason_is_refused(reason):
    with pytest.raises(ValueError, match="must say why"):
        Open(reason)


def test_an_open_route_answers_without_a_caller():
    authorize(None, Open("a load balancer asks it"), "alpha")


@pytest.mark.parametrize("permission", Permission)
def test_every_permission_needs_a_caller(permission):
    with pytest.raises(Unauthenticated):
        authorize(None, permission, "alpha")


@given(permissions, names)
def test_the_local_owner_may_do_everything(permission, workspace):
    authorize(LOCAL_OWNER, permission, workspace)
    authorize(LOCAL_OWNER, permission, None)


@given(scopes, rights, names)
def test_a_credential_of_one_workspace_opens_no_other(scope, permission, workspace):
    other = "alpha" if workspace == "beta" else "beta"
    with pytest.raises(Forbidden):
        authorize(caller(scope, workspace), permission, other)


@given(scopes, rights)
def test_a_credential_of_one_workspace_opens_nothing_of_the_server_as_a_whole(scope, permission):
    with pytest.raises(Forbidden):
        authorize(caller(scope, "alpha"), permission, None)


@pytest.mark.parametrize("workspace", [None, "default", "alpha"])
def test_a_credential_of_one_workspace_may_ask_who_it_is_at_home_and_at_the_root(workspace):
    authorize(caller(Scope.READER, "alpha"), Permission.IDENTIFY, workspace)


def test_a_credential_of_one_workspace_may_not_even_ask_who_it_is_elsewhere():
    with pytest.raises(Forbidden):
        authorize(caller(Scope.OWNER, "alpha"), Permission.IDENTIFY, "beta")


def test_a_credential_of_one_workspace_never_administers():
    bound = caller(Scope.ADMIN, "alpha")
    authorize(bound, Permission.MANAGE, "alpha")
    with pytest.raises(Forbidden):
        authorize(bound, Permission.ADMINISTER, "alpha")
    assert not bound.is_administrator
    assert caller(Scope.ADMIN).is_administrator


@given(scopes, permissions, st.none() | names, st.none() | names)
def test_narrowing_a_credential_never_gives_it_more(scope, permission, bound_to, asked):
    wide = caller(scope)
    narrow = dataclasses.replace(wide, workspace=bound_to)
    assert wide.may(permission, asked) or not narrow.may(permission, asked)


def test_a_refusal_has_the_same_text_for_every_workspace():
    texts = set()
    for workspace in ("beta", "does-not-exist"):
        with pytest.raises(Forbidden) as refused:
            authorize(caller(Scope.OWNER, "alpha"), Permission.READ, workspace)
        texts.add(str(refused.value))
    assert len(texts) == 1
    assert "beta" not in texts.pop()

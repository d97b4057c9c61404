"""Who sent a request, and the short-lived tokens that stand in for long-lived credentials."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
from collections.abc import Iterator

from runyard.auth.api_keys import read_api_key
from runyard.auth.job_keys import read_job_key
from runyard.auth.permissions import (
    LOCAL_OWNER,
    UNAUTHENTICATED_TEXT,
    Caller,
    JobReach,
    Permission,
    Proof,
    Scope,
    not_allowed,
)
from runyard.auth.tokens import MAX_LIFETIME_S, IssuedToken, TokenIssuer, new_signing_key
from runyard.entities.credential import ApiKey, Principal, SigningKey
from runyard.entities.experiment import LifecycleStage
from runyard.entities.job import Job
from runyard.entities.rights import Rights
from runyard.entities.run import RunStatus
from runyard.entities.sweep import Sweep
from runyard.errors import Forbidden, Unauthenticated
from runyard.services.call import Call, system_now_ms
from runyard.settings import Mode, Settings
from runyard.stores.metadata.base_credentials import CredentialStore
from runyard.stores.opening import Stores

_GOING_ON = frozenset({RunStatus.RUNNING, RunStatus.SCHEDULED})


def authenticate(
    stores: Stores, settings: Settings, authorization: str | None, now_ms: int | None = None
) -> Caller | None:
    """Return who sent a request with this ``Authorization`` header.

    Taken are ``Bearer`` with a token or an API key, and ``Basic`` with either as the password. Without a
    header it is the local owner on ``up``, and nobody on ``serve``.

    Raises:
        Unauthenticated: A credential came that is not good, whatever the mode: to go on as the local owner
            would give the bearer of a narrowed or ended credential more than it ever allowed.
    """
    if authorization is None:
        return LOCAL_OWNER if settings.mode is Mode.UP else None
    now_ms = system_now_ms() if now_ms is None else now_ms
    secret = presented_in(authorization)
    caller = _holder_of_key(stores, secret, now_ms) or _code_of_job(stores, settings, secret)
    if caller is None:
        caller = _bearer_of_token(stores, settings, secret, now_ms)
    if caller is None:
        raise Unauthenticated(UNAUTHENTICATED_TEXT)
    return caller


def identify(call: Call) -> Caller:
    """Return who asks.

    Raises:
        Unauthenticated: Nobody that the server knows.
    """
    if call.caller is None:
        raise Unauthenticated(UNAUTHENTICATED_TEXT)
    return call.caller


def exchange(call: Call, workspace: str | None, scope: Scope | None, lifetime_s: int | None) -> IssuedToken:
    """Return a token for what the caller may do, or for the part of it that ``workspace`` and ``scope`` name.

    Raises:
        InvalidParameter: ``lifetime_s`` is over an hour.
        Forbidden: The caller's credential does not reach that far, or is itself a token.
        NotFound: There is no such workspace, and the caller is one who may know.
    """
    caller = identify(call)
    if workspace is not None and caller.workspace not in {None, workspace}:
        raise Forbidden("A token can't do more than the credential that it is made from.")
    if workspace is not None:
        # Whoever has no role there is not told whether it exists.
        if not caller.may_somewhere(Permission.READ, workspace):
            raise not_allowed(Permission.READ, workspace)
        call.stores.metadata.workspaces.get_workspace(workspace)
    lifetime_s = MAX_LIFETIME_S if lifetime_s is None else lifetime_s
    return issue_for(call, caller, workspace or caller.workspace, scope or caller.scope, lifetime_s)


def renew_for_run(call: Call, run_id: str) -> IssuedToken:
    """Return a token for a run that goes on, which can do no more than log, for the run's own client.

    Whoever found a token could keep it alive by this, so it ends with the run, with the API key that the
    first one was made from, and after seven days.

    Raises:
        Forbidden: The run has ended, or the caller has had tokens for seven days.
        NotFound: There is no such run.
    """
    caller = identify(call)
    run = call.stores.metadata.runs.get_run(call.workspace.name, run_id)
    if run.status not in _GOING_ON or run.lifecycle_stage is not LifecycleStage.ACTIVE:
        raise Forbidden("The run has ended, and no token is renewed for it.")
    scope = _narrower(caller.scope, Scope.CONTRIBUTOR)
    if caller.proof is not Proof.TOKEN:
        return issue_for(call, caller, call.workspace.name, scope, MAX_LIFETIME_S)
    credentials = call.stores.metadata.credentials
    issuer = _issuer(credentials, credentials.list_signing_keys())
    return issuer.renew(caller, call.workspace.name, scope, call.now_ms())


def issue_for(
    call: Call, caller: Caller, workspace: str | None, scope: Scope, lifetime_s: int
) -> IssuedToken:
    """Return a token for what ``caller`` may do; :meth:`TokenIssuer.issue` says what it refuses."""
    credentials = call.stores.metadata.credentials
    issuer = _issuer(credentials, credentials.list_signing_keys())
    return issuer.issue(caller, workspace, scope, lifetime_s, call.now_ms())


def presented_in(authorization: str) -> str:
    """Return the API key or token in an ``Authorization`` header, or an empty text."""
    kind, _, content = authorization.partition(" ")
    if kind.lower() == "bearer":
        return content.strip()
    if kind.lower() != "basic":
        return ""
    try:
        pair = base64.b64decode(content.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
    return pair.partition(":")[2]


def is_guess(stores: Stores, authorization: str) -> bool:
    """Whether somebody may have made up what an ``Authorization`` header holds, which was found not good.

    A token can't be guessed. Who sends an API key that has ended has held it: a training run or a browser
    goes on sending what it has, and must be told that it has ended, not to wait.
    """
    secret = presented_in(authorization)
    if secret.count(".") == 2:
        return False
    return _known_key(stores.metadata.credentials, secret) is None and _known_job(stores, secret) is None


def _known_key(credentials: CredentialStore, secret: str) -> ApiKey | None:
    """Return the API key that ``secret`` spells, good or ended; ``None`` if there never was one."""
    presented = read_api_key(secret)
    key = credentials.find_api_key(presented.key_id) if presented else None
    if presented is None or key is None or not presented.matches(key.secret_sha256):
        return None
    return key


def _holder_of_key(stores: Stores, secret: str, now_ms: int) -> Caller | None:
    key = _known_key(stores.metadata.credentials, secret)
    owner = None if key is None else _owner(stores.metadata.credentials, key, now_ms)
    if key is None or owner is None:
        return None
    return Caller(
        name=owner.name,
        principal_id=owner.principal_id,
        scope=_reach(key, owner),
        workspace=key.workspace,
        proof=Proof.API_KEY,
        key_id=key.key_id,
        expires_ms=key.expires_ms,
        rights=_rights(stores, owner),
        key_kind=key.kind,
    )


def _code_of_job(stores: Stores, settings: Settings, secret: str) -> Caller | None:
    """Return whom the code of a job speaks for: who submitted it, with little that it may change."""
    job = _known_job(stores, secret)
    if job is None or job.status.is_over:
        return None
    caller = submitter(stores, settings, job)
    if caller is None:
        return None
    return dataclasses.replace(
        caller,
        scope=Scope.CONTRIBUTOR,
        workspace=job.workspace,
        is_local_owner=False,
        proof=Proof.JOB_KEY,
        job=JobReach(job.run_id, job.experiment_id),
    )


def submitter(stores: Stores, settings: Settings, submitted: Job | Sweep) -> Caller | None:
    """Return who submitted something, with what they may do now; ``None`` if they were locked out."""
    if submitted.principal_id == LOCAL_OWNER.principal_id:
        return LOCAL_OWNER if settings.mode is Mode.UP else None
    owner = stores.metadata.credentials.find_principal(submitted.principal_id)
    if owner is None or not owner.is_active:
        return None
    return Caller(
        name=owner.name,
        principal_id=owner.principal_id,
        scope=Scope.CONTRIBUTOR,
        workspace=submitted.workspace,
        proof=Proof.JOB_KEY,
        rights=_rights(stores, owner),
    )


def _known_job(stores: Stores, secret: str) -> Job | None:
    """Return the job whose key ``secret`` is, over or not."""
    presented = read_job_key(secret)
    job = stores.metadata.jobs.find_job(presented.run_id) if presented else None
    if presented is None or job is None or not presented.matches(job.key_sha256):
        return None
    return job


def _bearer_of_token(stores: Stores, settings: Settings, secret: str, now_ms: int) -> Caller | None:
    """Return whom a token speaks for, if they and the API key behind it are still good."""
    credentials = stores.metadata.credentials
    bearer = _issuer(credentials, credentials.list_signing_keys()).verify(secret, now_ms)
    if bearer.principal_id == LOCAL_OWNER.principal_id:
        return bearer if settings.mode is Mode.UP else None
    key = credentials.find_api_key(bearer.key_id) if bearer.key_id else None
    owner = _owner(credentials, key, now_ms) if key else None
    if owner is None or key is None or owner.principal_id != bearer.principal_id:
        return None
    scope = _narrower(bearer.scope, _reach(key, owner))
    return dataclasses.replace(
        bearer, name=owner.name, scope=scope, rights=_rights(stores, owner), key_kind=key.kind
    )


def _owner(credentials: CredentialStore, key: ApiKey, now_ms: int) -> Principal | None:
    """Return whose key it is, if it, all that it was made from, and they themselves are still good."""
    owner = credentials.find_principal(key.principal_id)
    is_good = all(each is not None and each.is_active(now_ms) for each in lineage(credentials, key))
    return owner if owner is not None and owner.is_active and is_good else None


def lineage(credentials: CredentialStore, key: ApiKey) -> Iterator[ApiKey | None]:
    """Yield a key, the key that it was made from, and so on; ``None`` in place of one that is gone.

    A browser signs in with the key of a machine, which somebody approved with a key of theirs: three.
    """
    made: ApiKey | None = key
    while made is not None:
        yield made
        if made.parent_key_id is None:
            return
        made = credentials.find_api_key(made.parent_key_id)
    yield None


def _rights(stores: Stores, owner: Principal) -> Rights | None:
    return None if owner.is_administrator else stores.metadata.rights.rights_of(owner.principal_id)


def _reach(key: ApiKey, owner: Principal) -> Scope:
    """What a key gives: the scope it was made with, but the server as a whole to administrators alone."""
    return _narrower(key.scope, Scope.ADMIN if owner.is_administrator else Scope.OWNER)


def _narrower(one: Scope, other: Scope) -> Scope:
    return other if one.includes(other) else one


def ensure_signing_key(stores: Stores) -> None:
    """Make the first signing key, if there is none in use yet.

    A server does so before it answers: another one on the same database must know the key by the time
    that it is shown a token.
    """
    credentials = stores.metadata.credentials
    with stores.atomic(alone_for="signing key"):
        if all(key.retired_ms is not None for key in credentials.list_signing_keys()):
            credentials.add_signing_key(new_signing_key(system_now_ms()))


def rotate_signing_key(stores: Stores, now_ms: int) -> SigningKey:
    """Return a new signing key, which signs from now on; what the others signed is good until it expires."""
    credentials = stores.metadata.credentials
    made = new_signing_key(now_ms)
    with stores.atomic(alone_for="signing key"):
        before = [key for key in credentials.list_signing_keys() if key.retired_ms is None]
        credentials.add_signing_key(made)
        for key in before:
            credentials.retire_signing_key(key.key_id, now_ms)
    return made


def rotate_if_due(stores: Stores, max_age_ms: int, now_ms: int) -> bool:
    """Rotate the signing key if it has signed for ``max_age_ms``; return whether it was."""
    if not _is_rotation_due(stores, max_age_ms, now_ms):
        return False
    with stores.atomic(alone_for="signing key"):
        # Another server may have rotated it while this one waited for its turn.
        if not _is_rotation_due(stores, max_age_ms, now_ms):
            return False
        rotate_signing_key(stores, now_ms)
    return True


def _is_rotation_due(stores: Stores, max_age_ms: int, now_ms: int) -> bool:
    signing = [key for key in stores.metadata.credentials.list_signing_keys() if key.retired_ms is None]
    return bool(signing) and now_ms - max(key.created_ms for key in signing) >= max_age_ms


def _issuer(credentials: CredentialStore, keys: list[SigningKey]) -> TokenIssuer:
    return _remembered_issuer(credentials.server_id(), tuple(keys))


@functools.lru_cache(maxsize=4)
def _remembered_issuer(server_id: str, keys: tuple[SigningKey, ...]) -> TokenIssuer:
    """Keys are parsed once, not per request; others, as after a rotation, make another issuer."""
    return TokenIssuer(server_id, keys)

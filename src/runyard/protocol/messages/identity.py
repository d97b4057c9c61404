"""Messages of Runyard's own routes about people, services, groups, roles, API keys and the audit log."""

from __future__ import annotations

from runyard.entities.audit import AuditEntry
from runyard.entities.credential import ApiKey, Principal
from runyard.protocol.messages.common import Int64, Wire


class ListPrincipals(Wire):
    """Query of ``GET /api/v1/principals``; ``kind`` is ``person``, ``service`` or ``group``."""

    kind: str | None = None


class CreatePrincipal(Wire):
    """Body of ``POST /api/v1/principals``."""

    name: str
    kind: str = "person"
    email: str | None = None
    is_administrator: bool = False


class ChangePrincipal(Wire):
    """Body of ``PATCH /api/v1/principals/{principal}``: what is left out stays; an empty email goes."""

    name: str | None = None
    email: str | None = None
    is_administrator: bool | None = None
    is_disabled: bool | None = None


class WirePrincipal(Wire, omit_defaults=False):
    """A person, a service or a group; only administrators see email addresses."""

    principal_id: str
    name: str
    kind: str
    email: str | None
    is_administrator: bool
    is_disabled: bool
    created_ms: int
    disabled_ms: int | None


class PrincipalAnswer(Wire):
    """One principal."""

    principal: WirePrincipal


class PrincipalsAnswer(Wire, omit_defaults=False):
    """Principals, by name."""

    principals: list[WirePrincipal]


class ListGrants(Wire):
    """Query of ``GET /api/v1/grants``: those of one experiment, or all of the workspace."""

    experiment_id: str | None = None


class SetGrant(Wire):
    """Body of ``PUT /api/v1/grants``; ``principal`` is a name or an id, no experiment is the workspace."""

    principal: str
    role: str
    experiment_id: str | None = None


class RemoveGrant(Wire):
    """Query or body of ``DELETE /api/v1/grants``."""

    principal: str
    experiment_id: str | None = None


class WireGrant(Wire, omit_defaults=False):
    """A role of somebody in the workspace, or in one experiment of it."""

    principal_id: str
    principal: str
    kind: str
    role: str
    experiment_id: str | None
    granted_ms: int
    granted_by: str


class GrantAnswer(Wire):
    """One grant."""

    grant: WireGrant


class GrantsAnswer(Wire, omit_defaults=False):
    """Grants, those of the whole workspace first."""

    grants: list[WireGrant]


class ListKeys(Wire):
    """Query of ``GET /api/v1/keys``: one's own, those of a ``principal``, or of all by ``*``."""

    principal: str | None = None


class CreateKey(Wire):
    """Body of ``POST /api/v1/keys``; what is left out is as wide as the caller's own credential."""

    name: str
    scope: str | None = None
    workspace: str | None = None
    lifetime_days: Int64 | None = None
    principal: str | None = None


class WireKey(Wire, omit_defaults=False):
    """An API key without its secret; ``kind`` is ``key``, ``session`` or ``login``."""

    key_id: str
    name: str
    kind: str
    principal_id: str
    principal: str
    scope: str
    workspace: str | None
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    is_active: bool


class CreateKeyAnswer(Wire):
    """A new API key; ``api_key`` is the secret itself, which is shown this once."""

    key: WireKey
    api_key: str


class KeysAnswer(Wire, omit_defaults=False):
    """API keys, the newest first."""

    keys: list[WireKey]


class SearchAudit(Wire):
    """Query of ``GET /api/v1/audit``; times in milliseconds since the epoch."""

    caller: str | None = None
    action: str | None = None
    outcome: str | None = None
    workspace: str | None = None
    target: str | None = None
    since_ms: Int64 | None = None
    until_ms: Int64 | None = None
    max_results: Int64 = 100
    page_token: str | None = None


class WireAuditEntry(Wire, omit_defaults=False):
    """An entry of the audit log; ``count`` is how many requests that were alike it stands for."""

    number: int
    at_ms: int
    action: str
    outcome: str
    caller: str
    principal_id: str
    key_id: str
    client: str
    workspace: str
    target: str
    request_id: str
    count: int
    chain_hash: str


class AuditAnswer(Wire, omit_defaults=False):
    """A page of the audit log, the newest entry first."""

    entries: list[WireAuditEntry]
    next_page_token: str | None


class ChainAnswer(Wire, omit_defaults=False):
    """Whether the audit log is as it was written; ``first_broken`` is the entry that does not fit.

    ``lost_guards`` names the database's triggers on the log that are gone, altered or not the server's: while
    they are, the database lets entries be changed, and the last ones be taken away without a trace.
    """

    is_whole: bool
    entries: int
    first_broken: int | None
    last_hash: str
    lost_guards: list[str] = []


class SigningKeyAnswer(Wire, omit_defaults=False):
    """The key that signs from now on."""

    key_id: str
    created_ms: int


def wire_principal(principal: Principal, *, with_email: bool) -> WirePrincipal:
    """Return a principal as it is sent."""
    return WirePrincipal(
        principal_id=principal.principal_id,
        name=principal.name,
        kind=principal.kind.value,
        email=principal.email if with_email else None,
        is_administrator=principal.is_administrator,
        is_disabled=not principal.is_active,
        created_ms=principal.created_ms,
        disabled_ms=principal.disabled_ms,
    )


def wire_key(key: ApiKey, owner: Principal, now_ms: int) -> WireKey:
    """Return an API key as it is sent."""
    return WireKey(
        key_id=key.key_id,
        name=key.name,
        kind=key.kind.value,
        principal_id=owner.principal_id,
        principal=owner.name,
        scope=key.scope.value,
        workspace=key.workspace,
        created_ms=key.created_ms,
        expires_ms=key.expires_ms,
        revoked_ms=key.revoked_ms,
        is_active=key.is_active(now_ms) and owner.is_active,
    )


def wire_audit_entry(entry: AuditEntry) -> WireAuditEntry:
    """Return an entry as it is sent."""
    event = entry.event
    return WireAuditEntry(
        number=entry.number,
        at_ms=event.at_ms,
        action=event.action,
        outcome=event.outcome.value,
        caller=event.caller,
        principal_id=event.principal_id,
        key_id=event.key_id,
        client=event.client,
        workspace=event.workspace,
        target=event.target,
        request_id=event.request_id,
        count=event.count,
        chain_hash=entry.chain_hash,
    )

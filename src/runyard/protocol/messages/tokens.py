"""Messages of Runyard's own routes about callers and their tokens."""

from __future__ import annotations

from runyard.protocol.messages.common import Int64, Wire


class CreateToken(Wire):
    """Ask for a token; what is left out is as wide as the caller's own credential, and an hour long."""

    workspace: str | None = None
    scope: str | None = None
    expires_in_s: Int64 | None = None


class CreateTokenAnswer(Wire, omit_defaults=False):
    """A token, in the words of OAuth 2; ``workspace`` is null for one that is good in all."""

    access_token: str
    token_type: str
    expires_in_s: int
    expires_ms: int
    scope: str
    workspace: str | None


class GetCallerAnswer(Wire, omit_defaults=False):
    """Who the server takes the caller for, and how far their credential and their roles reach.

    ``roles`` are those in whole workspaces, ``experiment_roles`` those in single experiments, by workspace
    and experiment id. An administrator has none and needs none. ``permission`` is the most that they have in
    all of the workspace that was addressed: ``IDENTIFY``, ``READ``, ``CONTRIBUTE``, ``MANAGE`` or
    ``ADMINISTER``.
    """

    name: str
    scope: str
    workspace: str | None
    expires_ms: int | None
    principal_id: str
    is_administrator: bool
    is_local_owner: bool
    key_kind: str | None
    roles: dict[str, str]
    experiment_roles: dict[str, dict[str, str]]
    permission: str

"""What a route asks for, what a caller may do at most, and the one function that compares the two."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from runyard.entities.permission import Permission, Scope
from runyard.entities.workspace import DEFAULT_WORKSPACE
from runyard.errors import Forbidden, Unauthenticated

__all__ = ["LOCAL_OWNER", "Caller", "Open", "Permission", "Proof", "Scope", "authorize"]

UNAUTHENTICATED_TEXT = (
    "This server needs a valid credential: send 'Authorization: Bearer <API key or token>', "
    "or the API key as the password of HTTP Basic. It may be missing, malformed, expired or revoked."
)


@dataclass(frozen=True, slots=True)
class Open:
    """A route that answers without a credential; ``why`` is what a reviewer reads in the frozen list."""

    why: str

    def __post_init__(self) -> None:
        if not self.why.strip():
            raise ValueError("A route that is open to everybody must say why.")


class Proof(str, Enum):
    """How a caller showed who they are."""

    LOCAL = "local"
    API_KEY = "api_key"
    TOKEN = "token"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and the most that the credential they sent lets them do.

    Args:
        name: What people call them.
        principal_id: Their id, which stays when they are renamed.
        scope: What the credential allows at most.
        workspace: The one workspace that the credential is good for; ``None`` for all.
        is_local_owner: The person at this machine, on ``runyard up``.
        proof: How they showed who they are.
        key_id: The API key that they sent, or that their token was made from.
        expires_ms: When the credential ends; ``None`` for never.
    """

    name: str
    principal_id: str
    scope: Scope
    workspace: str | None = None
    is_local_owner: bool = False
    proof: Proof = Proof.API_KEY
    key_id: str | None = None
    expires_ms: int | None = None

    @property
    def is_administrator(self) -> bool:
        """Whether the whole server is theirs to administer."""
        return self.may(Permission.ADMINISTER, None)

    def may(self, permission: Permission, workspace: str | None) -> bool:
        """Whether they have ``permission`` in ``workspace``; ``None`` stands for the server as a whole."""
        if not self.scope.allows(permission):
            return False
        if self.workspace is None:
            return True
        if permission is Permission.IDENTIFY:
            # The root of the server is the default workspace's address too, and everybody knows that it is
            # there: a credential of another workspace may ask there what it is.
            return workspace in {None, DEFAULT_WORKSPACE, self.workspace}
        return workspace == self.workspace and permission is not Permission.ADMINISTER


LOCAL_OWNER = Caller(
    name="local",
    principal_id="local-owner",
    scope=Scope.ADMIN,
    is_local_owner=True,
    proof=Proof.LOCAL,
)


def authorize(caller: Caller | None, permits: Permission | Open, workspace: str | None) -> None:
    """Return if ``caller`` may use a route that needs ``permits``, addressed to ``workspace``.

    To be called before anything is looked up by what the caller named, the workspace included: the
    refusal then can't tell whether that exists.

    Args:
        caller: Who sent the request; ``None`` if no credential came and the server needs one.
        permits: What the route declares.
        workspace: The name in the request's address; ``None`` for a route of the server as a whole.

    Raises:
        Unauthenticated: The route needs a credential and none came.
        Forbidden: The credential does not allow this, whether or not the object exists.
    """
    if isinstance(permits, Open):
        return
    if caller is None:
        raise Unauthenticated(UNAUTHENTICATED_TEXT)
    if not caller.may(permits, workspace):
        place = "this server" if workspace is None or permits is Permission.ADMINISTER else "this workspace"
        raise Forbidden(
            f"This needs the permission {permits.name} on {place}, which the credential does not give."
        )

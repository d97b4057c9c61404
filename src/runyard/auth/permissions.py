"""What a route asks for, what a caller may do at most, and the one function that compares the two."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from runyard.entities.credential import KeyKind
from runyard.entities.permission import Permission, Scope
from runyard.entities.rights import Rights
from runyard.entities.workspace import DEFAULT_WORKSPACE
from runyard.errors import Forbidden, Unauthenticated

__all__ = [
    "LOCAL_OWNER",
    "Caller",
    "JobReach",
    "Open",
    "Permission",
    "Proof",
    "Scope",
    "authorize",
    "not_allowed",
]

# Both refusals begin as those of MLflow's server do: programs look for these words.
UNAUTHENTICATED_TEXT = (
    "You are not authenticated. This server needs a valid credential: send "
    "'Authorization: Bearer <API key or token>', or the API key as the password of HTTP Basic. "
    "It may be missing, malformed, expired or revoked."
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
    JOB_KEY = "job_key"


@dataclass(frozen=True, slots=True)
class JobReach:
    """What the code of a job may change: its own run, runs that it begins, and what routes are open to jobs.

    Args:
        run_id: The job, and its run.
        experiment_id: Where that run is, and where it may begin others.
    """

    run_id: str
    experiment_id: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and what they may do: both their credential and their roles must allow a thing.

    Args:
        name: What people call them.
        principal_id: Their id, which stays when they are renamed.
        scope: What the credential allows at most.
        workspace: The one workspace that the credential is good for; ``None`` for all.
        is_local_owner: The person at this machine, on ``runyard up``.
        proof: How they showed who they are.
        key_id: The API key that they sent, or that their token was made from.
        expires_ms: When the credential ends; ``None`` for never.
        since_ms: Of a token, when the first of those was made that it was renewed from.
        rights: What their roles allow; ``None`` for whoever may do all, as administrators.
        key_kind: What that API key was made for.
        job: The job that asks, for whoever submitted it; it reads what they may, and changes little.
    """

    name: str
    principal_id: str
    scope: Scope
    workspace: str | None = None
    is_local_owner: bool = False
    proof: Proof = Proof.API_KEY
    key_id: str | None = None
    expires_ms: int | None = None
    since_ms: int | None = None
    rights: Rights | None = None
    key_kind: KeyKind | None = None
    job: JobReach | None = None

    @property
    def is_administrator(self) -> bool:
        """Whether the whole server is theirs to administer."""
        return self.may(Permission.ADMINISTER, None)

    def may(self, permission: Permission, workspace: str | None) -> bool:
        """Whether they have ``permission`` in all of ``workspace``; ``None`` is the server as a whole."""
        if self.job is not None and permission > Permission.READ:
            return False
        return self._whole_allows(permission, workspace)

    def may_from_job(self, permission: Permission, workspace: str | None) -> bool:
        """Whether a job may use a route that is open to jobs: its submitter has ``permission`` there."""
        return self.job is not None and self._whole_allows(permission, workspace)

    def most_in(self, workspace: str) -> Permission:
        """Return the highest permission that they have in all of ``workspace``."""
        return max(each for each in Permission if each is Permission.IDENTIFY or self.may(each, workspace))

    def experiments_with(self, permission: Permission, workspace: str) -> frozenset[str]:
        """Return the ids of the single experiments of ``workspace`` where a role gives them ``permission``.

        Besides, they have it in all experiments of a workspace where they :meth:`may`.
        """
        if self.job is not None and permission > Permission.READ:
            return self._experiment_of_job(self.job.experiment_id, permission, workspace)
        if self.rights is None or not self._credential_allows(permission, workspace):
            return frozenset()
        return self.rights.experiments_with(permission, workspace)

    def may_somewhere(self, permission: Permission, workspace: str) -> bool:
        """Whether they have ``permission`` in ``workspace`` or in one of its experiments."""
        return self.may(permission, workspace) or bool(self.experiments_with(permission, workspace))

    def _experiment_of_job(
        self, experiment_id: str, permission: Permission, workspace: str
    ) -> frozenset[str]:
        """Return the job's own experiment, as long as its submitter has ``permission`` there."""
        if not self._credential_allows(permission, workspace):
            return frozenset()
        has_it = self._whole_allows(permission, workspace) or (
            self.rights is not None and experiment_id in self.rights.experiments_with(permission, workspace)
        )
        return frozenset({experiment_id}) if has_it else frozenset()

    def _whole_allows(self, permission: Permission, workspace: str | None) -> bool:
        if not self._credential_allows(permission, workspace):
            return False
        if self.rights is None or permission is Permission.IDENTIFY:
            return True
        return workspace is not None and self.rights.allow(permission, workspace)

    def _credential_allows(self, permission: Permission, workspace: str | None) -> bool:
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


def authorize(
    caller: Caller | None,
    permits: Permission | Open,
    workspace: str | None,
    in_part: bool = False,
    for_jobs: bool = False,
) -> None:
    """Return if ``caller`` may use a route that needs ``permits``, addressed to ``workspace``.

    To be called before anything is looked up by what the caller named, the workspace included: the
    refusal then can't tell whether that exists.

    Args:
        caller: Who sent the request; ``None`` if no credential came and the server needs one.
        permits: What the route declares.
        workspace: The name in the request's address; ``None`` for a route of the server as a whole.
        in_part: Whether to have it in one experiment of the workspace is enough. Which one is asked for
            must then be looked at.
        for_jobs: Whether the route is open to the code of jobs.

    Raises:
        Unauthenticated: The route needs a credential and none came.
        Forbidden: Their credential or their roles do not allow this, whether or not the object exists.
    """
    if isinstance(permits, Open):
        return
    if caller is None:
        raise Unauthenticated(UNAUTHENTICATED_TEXT)
    if caller.may(permits, workspace) or (for_jobs and caller.may_from_job(permits, workspace)):
        return
    if not in_part or workspace is None or not caller.experiments_with(permits, workspace):
        raise not_allowed(permits, workspace)


def not_allowed(permits: Permission, workspace: str | None) -> Forbidden:
    """Return what somebody is told who lacks a permission, whatever they asked for."""
    place = "this server" if workspace is None or permits is Permission.ADMINISTER else "this workspace"
    if permits is Permission.IDENTIFY:
        return Forbidden(f"Permission denied. This credential is not for {place}.")
    return Forbidden(
        f"Permission denied. This needs the permission {permits.name} on {place}, "
        "which neither the credential gives nor a role."
    )

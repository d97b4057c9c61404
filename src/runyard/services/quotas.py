"""The quotas of workspaces: set, told, and held to where something is created."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from runyard.auth.permissions import Permission
from runyard.entities.quota import Limited, Quota, Used
from runyard.errors import InvalidParameter, NotFound
from runyard.services.call import Call
from runyard.services.standings import Standing, defaults_of
from runyard.stores.artifacts.base import ArtifactFile, ArtifactUpload, Declared

MAX_LIMIT = 2**62


@dataclass(frozen=True, slots=True)
class QuotaOfWorkspace:
    """The quota of a workspace, the limits that come of it, and how much is used."""

    workspace: str
    quota: Quota
    limits: dict[Limited, int]
    used: Used


def read_quota(call: Call, name: str) -> QuotaOfWorkspace:
    """Return the quota of a workspace and how it stands with it.

    Raises:
        NotFound: The caller may read no workspace of that name.
    """
    if call.caller is None or not call.caller.may(Permission.READ, name):
        raise NotFound(f"Workspace '{name}' not found")
    quotas = call.stores.metadata.quotas
    call.stores.metadata.workspaces.get_workspace(name)
    quota = quotas.list_quotas().get(name, Quota())
    return QuotaOfWorkspace(
        name, quota, quota.limits(defaults_of(call.settings)), quotas.count_used([name])[name]
    )


def set_quota(call: Call, name: str, quota: Quota) -> QuotaOfWorkspace:
    """Keep a quota in place of the one before; other servers follow within seconds.

    Raises:
        InvalidParameter: A limit can't be.
        NotFound: There is no such workspace.
    """
    for field, limit in asdict(quota).items():
        if limit is not None and not 0 <= limit <= MAX_LIMIT:
            raise InvalidParameter(
                f"Invalid value {limit} for '{field}': expected a number up to {MAX_LIMIT}, 0 for no limit."
            )
    with call.stores.atomic():
        call.stores.metadata.workspaces.get_workspace(name)
        call.stores.metadata.quotas.set_quota(name, quota, call.now_ms())
    call.operation.standings.refresh(call.stores, call.settings)
    return read_quota(call, name)


def take(call: Call, what: Limited, amount: int = 1) -> None:
    """Count what the transaction of this thread adds, once it is committed; without a quota do nothing.

    Raises:
        QuotaReached: It is more than the quota leaves.
    """
    standing = call.operation.standings.of(call.workspace.name)
    if standing is None:
        return
    standing.check(what, amount)
    call.stores.database.after_commit(lambda: call.operation.standings.note(standing, what, amount))


def give_back(call: Call, what: Limited, amount: int) -> None:
    """Count what was removed."""
    standing = call.operation.standings.of(call.workspace.name)
    if standing is not None and amount:
        call.operation.standings.note(standing, what, -amount)


def limited(call: Call, upload: ArtifactUpload, declared: Declared) -> ArtifactUpload:
    """Return an upload that ends in ``QuotaReached`` when it is more than the quota leaves.

    A file that takes the place of another counts beside it until the workspace is measured.

    Raises:
        QuotaReached: It is already by its declared size.
    """
    standing = call.operation.standings.of(call.workspace.name)
    if standing is None or Limited.ARTIFACT_BYTES not in standing.limits:
        return upload
    try:
        standing.check(Limited.ARTIFACT_BYTES, declared.size_bytes or 0)
    except BaseException:
        upload.close()
        raise
    return _LimitedUpload(call, standing, upload)


class _LimitedUpload(ArtifactUpload):
    def __init__(self, call: Call, standing: Standing, upload: ArtifactUpload) -> None:
        self._standings = call.operation.standings
        self._standing = standing
        self._upload = upload
        self._written_bytes = 0

    def write(self, piece: bytes | memoryview) -> None:
        self._written_bytes += len(piece)
        self._standing.check(Limited.ARTIFACT_BYTES, self._written_bytes)
        self._upload.write(piece)

    def commit(self) -> ArtifactFile:
        file = self._upload.commit()
        self._standings.note(self._standing, Limited.ARTIFACT_BYTES, file.size_bytes)
        return file

    def close(self) -> None:
        self._upload.close()

"""The audit log: what is written into it, how it is searched, and whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from runyard.auth.permissions import Caller
from runyard.entities.audit import AuditEntry, AuditEvent, AuditSearch
from runyard.protocol import limits
from runyard.services.call import Call
from runyard.stores.metadata.base_audit import AuditStore

MAX_PAGE = 1_000
MAX_TARGET_LENGTH = 500
MAX_VALUE_LENGTH = 120

# What a request names; all else that it says, such as values and secrets, is not the log's business.
_NAMING = (
    "name",
    "principal",
    "group",
    "member",
    "role",
    "kind",
    "is_administrator",
    "is_disabled",
    "key_id",
    "scope",
    "workspace",
    "workspace_name",
    "username",
    "is_admin",
    "role_id",
    "role_permission_id",
    "resource_type",
    "resource_pattern",
    "resource_id",
    "permission",
    "mode",
    "experiment_id",
    "experiment_ids",
    "run_id",
    "run_ids",
    "model_id",
    "model_ids",
    "artifact_path",
    "path",
    "key",
    "webhook_id",
    "secret_name",
    "datastore",
    "file_path",
    "kinds",
    "max_runs",
    "max_experiments",
    "max_artifact_bytes",
    "max_metric_points",
    "older_than_s",
    "dry_run",
)


@dataclass(frozen=True, slots=True)
class Chain:
    """What became of the chain.

    Args:
        entries: How long it is.
        first_broken: The first entry that does not fit into it.
        last_hash: That of the last entry.
        lost_guards: The database's triggers on it that are gone, altered or not ours: while they are, entries
            can be changed, and the last of them taken away without a trace.
    """

    entries: int
    first_broken: int | None
    last_hash: str
    lost_guards: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing was changed or left out."""
        return self.first_broken is None


def said_by(event: AuditEvent, caller: Caller | None) -> AuditEvent:
    """Return an event with who it was; nobody for a stranger."""
    if caller is None:
        return event
    key_id = f"job {caller.job.run_id}" if caller.job is not None else caller.key_id or ""
    return replace(event, caller=caller.name, principal_id=caller.principal_id, key_id=key_id)


def target_of(asked: Mapping[str, object]) -> str:
    """Return the names in what was asked, in a fixed order, escaped and of bounded length."""
    told = [f"{name}={_shown(asked[name])}" for name in _NAMING if asked.get(name) not in (None, "", [], ())]
    return " ".join(told)[:MAX_TARGET_LENGTH]


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_shown, value[:20])) + (f",…({len(value)})" if len(value) > 20 else "")
    return ascii(str(value))[1:-1][:MAX_VALUE_LENGTH]


def search_audit(call: Call, search: AuditSearch) -> list[AuditEntry]:
    """Return a page of the log, the newest entry first.

    Raises:
        InvalidParameter: The page is larger than 1,000.
    """
    limits.check_page_size(search.limit, MAX_PAGE)
    return call.stores.metadata.audit.search(search)


def verify_chain(audit: AuditStore) -> Chain:
    """Return whether the log is as it was written: reads all of it.

    Who can write into the database can make a new chain; keep ``last_hash`` elsewhere to notice that.
    """
    count, chain_hash, first_broken = 0, "", None
    for entry in audit.read_all():
        count += 1
        fits = entry.number == count and entry.chain_hash == entry.event.chained_to(chain_hash)
        chain_hash = entry.chain_hash
        if not fits and first_broken is None:
            first_broken = entry.number
            break
    return Chain(count, first_broken, chain_hash, tuple(audit.lost_guards()))

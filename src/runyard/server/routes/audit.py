"""Runyard's own routes about the audit log."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.entities.audit import AuditSearch, Outcome
from runyard.protocol.messages.identity import AuditAnswer, ChainAnswer, SearchAudit, wire_audit_entry
from runyard.protocol.paging import parse_position_token, position_token
from runyard.protocol.wire import choice
from runyard.server.routing import Routes
from runyard.services import audit
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/v1/audit"


@routes.get(_BASE, permits=Permission.ADMINISTER, summary="Search the audit log.")
def search_audit(call: Call, body: SearchAudit) -> AuditAnswer:
    """Answer who did what, or was not let do it, the newest first."""
    same = (body.caller, body.action, body.outcome, body.workspace, body.target, body.since_ms, body.until_ms)
    after = parse_position_token(body.page_token, same)
    search = AuditSearch(
        caller=body.caller,
        action=body.action,
        outcome=None if body.outcome is None else choice(Outcome, body.outcome, "outcome"),
        workspace=body.workspace,
        target=body.target,
        since_ms=body.since_ms,
        until_ms=body.until_ms,
        before_number=None if after is None else int(after[0]),
        limit=body.max_results,
    )
    found = audit.search_audit(call, search)
    more = len(found) == body.max_results and found[-1].number > 1
    return AuditAnswer(
        entries=[wire_audit_entry(entry) for entry in found],
        next_page_token=position_token([found[-1].number], same) if more else None,
    )


@routes.get(f"{_BASE}/verify", permits=Permission.ADMINISTER, summary="Whether the audit log is whole.")
def verify_audit(call: Call) -> ChainAnswer:
    """Answer whether nothing in the log was changed or left out; reads all of it."""
    chain = audit.verify_chain(call.stores.metadata.audit)
    return ChainAnswer(
        is_whole=chain.is_whole,
        entries=chain.entries,
        first_broken=chain.first_broken,
        last_hash=chain.last_hash,
        lost_guards=list(chain.lost_guards),
    )

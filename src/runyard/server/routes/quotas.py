"""Runyard's own routes about the quotas of workspaces."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.quotas import QuotaAnswer, SetQuota, quota_of, wire_quota
from runyard.server.routing import Routes
from runyard.services import quotas
from runyard.services.call import Call

routes = Routes()
_QUOTA = "/api/v1/workspaces/{name}/quota"


@routes.get(_QUOTA, permits=Permission.READ, summary="Get the quota of a workspace and how much is used.")
def read_quota(call: Call, name: str) -> QuotaAnswer:
    """Answer the quota."""
    return _answer(quotas.read_quota(call, name))


@routes.put(_QUOTA, permits=Permission.ADMINISTER, summary="Set the quota of a workspace.")
def set_quota(call: Call, body: SetQuota, name: str) -> QuotaAnswer:
    """Keep a quota in place of the one before."""
    return _answer(quotas.set_quota(call, name, quota_of(body)))


def _answer(found: quotas.QuotaOfWorkspace) -> QuotaAnswer:
    return wire_quota(found.workspace, found.quota, found.limits, found.used)

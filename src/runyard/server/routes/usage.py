"""Runyard's own routes about how much workspaces hold."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.usage import UsageAnswer, wire_experiment_usage, wire_workspace_usage
from runyard.server.routing import Routes
from runyard.services import usage
from runyard.services.call import Call

routes = Routes()


@routes.get(
    "/api/v1/usage", permits=Permission.ADMINISTER, summary="How much each workspace of the server holds."
)
def read_usage(call: Call) -> UsageAnswer:
    """Answer what all workspaces hold."""
    return _answer(usage.read_usage(call))


@routes.get("/api/v1/workspaces/{name}/usage", permits=Permission.READ, summary="How much a workspace holds.")
def read_workspace_usage(call: Call, name: str) -> UsageAnswer:
    """Answer what one workspace holds."""
    return _answer(usage.read_workspace_usage(call, name))


def _answer(read: usage.Usage) -> UsageAnswer:
    return UsageAnswer(
        workspaces=[
            wire_workspace_usage(each.workspace, each.content, each.measured) for each in read.workspaces
        ],
        most_runs=[wire_experiment_usage(each) for each in read.most_runs],
        most_bytes=[wire_experiment_usage(each) for each in read.most_bytes],
    )

"""What a workspace is said to be: in the words of Azure's SDK, and where no server can be asked."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from runyard.entities.workspace import DEFAULT_WORKSPACE
from runyard.protocol.messages.workspaces import RESOURCE_GROUP, SUBSCRIPTION_ID, WireWorkspace


def details_of(described: WireWorkspace, url: str, tracking_uri: str, location: str) -> dict[str, Any]:
    """Return what a server has said of a workspace, under the names of Azure's ``get_details``.

    ``url``, ``trackingUri``, ``experimentCount``, ``runCount`` and ``isDefault`` are Runyard's own.
    """
    created = datetime.fromtimestamp(described.created_ms / 1000, tz=timezone.utc)
    return {
        "location": location,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "tags": dict(described.tags),
        "description": described.description,
        "creationTime": created.isoformat(),
        "discoveryUrl": f"{url}/api/v1/server",
        "mlFlowTrackingUri": tracking_uri,
        "url": url,
        "trackingUri": tracking_uri,
        "experimentCount": described.experiment_count,
        "runCount": described.run_count,
        "isDefault": described.is_default,
    }


def assumed(name: str) -> WireWorkspace:
    """Return a workspace that is only believed to be there, for who can't ask."""
    return WireWorkspace(
        name=name,
        description="",
        tags={},
        created_ms=0,
        subscription_id=SUBSCRIPTION_ID,
        resource_group=RESOURCE_GROUP,
        experiment_count=0,
        run_count=0,
        is_default=name == DEFAULT_WORKSPACE,
    )

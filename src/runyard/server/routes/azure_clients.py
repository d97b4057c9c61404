"""What Microsoft's clients ask before they log: which cloud this is, who they are, which workspaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response

from runyard.auth.permissions import Open, Permission, Proof
from runyard.auth.tokens import MAX_LIFETIME_S
from runyard.errors import NotFound
from runyard.protocol import wire
from runyard.protocol.azure_uris import SCOPE_FORM
from runyard.protocol.messages.azure import (
    ARM_WORKSPACE_KIND,
    ARM_WORKSPACE_TYPE,
    ArmWorkspacesAnswer,
    ManagedIdentityToken,
    SubscriptionsAnswer,
    arm_workspace,
    cloud_metadata,
    discovery,
    subscription,
)
from runyard.protocol.messages.workspaces import RESOURCE_GROUP, SUBSCRIPTION_ID
from runyard.protocol.timestamps import timestamp_of
from runyard.server.addresses import base_url
from runyard.server.answers import Answer
from runyard.server.azure_requests import MSI_PATHS
from runyard.server.bodies import read_whole
from runyard.server.routing import Routes
from runyard.services import reach, tokens, workspaces
from runyard.services.call import Call
from runyard.services.workspaces import UsedWorkspace

routes = Routes()
_JSON = "application/json"
_TOLD_TO_ALL = "asked before anybody has a token; it tells nothing but the address that was asked"
_WORKSPACES = "/providers/Microsoft.MachineLearningServices/workspaces"


@routes.get(
    "/metadata/endpoints",
    permits=Open(_TOLD_TO_ALL),
    summary="Which cloud Azure's clients are in.",
    content_type=_JSON,
)
async def get_cloud(call: Call, http: Request) -> Response:
    """Answer the list of clouds, which is this server."""
    return _json(cloud_metadata(base_url(call, http), http.url.hostname or ""))


@routes.get(
    "/discovery",
    permits=Open(_TOLD_TO_ALL),
    summary="Where the services of Azure ML are.",
    content_type=_JSON,
)
async def discover(call: Call, http: Request) -> Response:
    """Answer the addresses, which are all this server's."""
    return _json(discovery(base_url(call, http)))


@routes.get(*MSI_PATHS, permits=Permission.IDENTIFY, summary="Exchange an API key for a token, as in Azure.")
async def get_identity_token(call: Call, http: Request) -> ManagedIdentityToken | Response:
    """Answer a token for whoever sent the header ``secret``, or for the owner of this machine."""
    return await _token(call, http)


@routes.post(*MSI_PATHS, permits=Permission.IDENTIFY, summary="Exchange an API key for a token, as in Azure.")
async def post_identity_token(call: Call, http: Request) -> ManagedIdentityToken | Response:
    """Answer the same to Azure's first SDK, which asks so where no secret is needed."""
    await read_whole(http.receive)
    return await _token(call, http)


@routes.get("/arm/subscriptions", permits=Permission.IDENTIFY, summary="List the one subscription there is.")
def list_subscriptions(call: Call) -> SubscriptionsAnswer:
    """Answer the subscription of all workspaces."""
    return SubscriptionsAnswer(value=[subscription()])


@routes.get(
    f"/arm/subscriptions/{{subscription}}{_WORKSPACES}",
    permits=Permission.IDENTIFY,
    summary="List the workspaces, as Azure does for a subscription.",
)
async def list_of_subscription(
    call: Call, http: Request, subscription: str
) -> ArmWorkspacesAnswer | Response:
    """Answer the workspaces that the caller may read."""
    return await _listed(call, http, subscription, RESOURCE_GROUP)


@routes.get(
    f"/arm/subscriptions/{{subscription}}/resourceGroups/{{resource_group}}{_WORKSPACES}",
    permits=Permission.IDENTIFY,
    summary="List the workspaces, as Azure does for a resource group.",
)
async def list_of_group(
    call: Call, http: Request, subscription: str, resource_group: str
) -> ArmWorkspacesAnswer | Response:
    """Answer the workspaces that the caller may read; they are in every group."""
    return await _listed(call, http, subscription, resource_group)


@routes.get(
    "/arm/subscriptions/{subscription}/resources",
    "/arm/subscriptions/{subscription}/resourceGroups/{resource_group}/resources",
    permits=Permission.IDENTIFY,
    summary="List what there is of Azure's resources: workspaces.",
)
async def list_resources(
    call: Call, http: Request, subscription: str, resource_group: str = RESOURCE_GROUP
) -> ArmWorkspacesAnswer | Response:
    """Answer the workspaces that the caller may read, if what is asked for is of their type."""
    wanted = http.query_params.get("$filter", ARM_WORKSPACE_TYPE)
    if ARM_WORKSPACE_TYPE.lower() not in wanted.lower():
        return _json(ArmWorkspacesAnswer(value=[]))
    return await _listed(call, http, subscription, resource_group)


@routes.get(
    "/arm",
    permits=Permission.READ,
    of=reach.anywhere,
    summary="Get a workspace, as Azure does.",
    content_type=_JSON,
)
async def get_arm_workspace(call: Call, http: Request) -> Response:
    """Answer the workspace of the address, with where its MLflow is."""
    used = await run_sync(workspaces.get_workspace, call, call.workspace.name)
    path = http.url.path
    scope = path[path.find("/subscriptions/") :] if "/subscriptions/" in path else _scope(used)
    return _json(_described(used, quote(scope), base_url(call, http)))


async def _token(call: Call, http: Request) -> ManagedIdentityToken | Response:
    caller = tokens.identify(call)
    if caller.proof in (Proof.TOKEN, Proof.JOB_KEY):
        # Whoever sends a token has one already: they get it back, and none that lasts longer. So does a job,
        # whose key ends with it; its client asks again within the hour.
        sent = http.headers.get("secret") or http.headers.get("authorization", "").partition(" ")[2]
        text, expires_ms = sent.strip(), caller.expires_ms or call.now_ms() + MAX_LIFETIME_S * 1000
    else:
        issued = await run_sync(tokens.exchange, call, None, None, None)
        text, expires_ms = issued.text, issued.expires_ms
    answer = ManagedIdentityToken(
        access_token=text,
        expires_on=str(expires_ms // 1000),
        expires_in=str(max(0, (expires_ms - call.now_ms()) // 1000)),
        token_type="Bearer",
        resource=http.query_params.get("resource", ""),
    )
    return Answer(wire.encode(answer))


async def _listed(call: Call, http: Request, subscription: str, resource_group: str) -> Response:
    found: Sequence[UsedWorkspace] = await run_sync(workspaces.list_workspaces, call)
    if subscription != SUBSCRIPTION_ID:
        raise NotFound(
            f"There is no subscription {subscription!r}; the one of this server is {SUBSCRIPTION_ID}."
        )
    # A client that wants Azure's hubs, projects or feature stores alone names kinds, with commas between.
    kinds = http.query_params.get("kind", "")
    if kinds and ARM_WORKSPACE_KIND.lower() not in map(str.strip, kinds.lower().split(",")):
        found = ()
    address = base_url(call, http)
    value = [_described(used, _scope(used, quote(resource_group)), address) for used in found]
    return _json(ArmWorkspacesAnswer(value=value))


def _scope(used: UsedWorkspace, group: str = RESOURCE_GROUP) -> str:
    return SCOPE_FORM.format(subscription=SUBSCRIPTION_ID, group=group, workspace=used[0].name)


def _described(used: UsedWorkspace, scope: str, address: str) -> dict[str, Any]:
    return arm_workspace(used[0], scope, address, timestamp_of(used[0].created_ms))


def _json(answer: Any) -> Response:
    return Answer(wire.encode(answer))

"""What MLflow's pages ask and no program does."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.errors import NotImplementedHere
from runyard.protocol.messages.mlflow_pages import (
    AskGateway,
    GatewayEndpointsAnswer,
    PageTelemetry,
    PageTelemetryAnswer,
    SendPageTelemetry,
)
from runyard.server.routes.refused import GATEWAY
from runyard.server.routing import Routes
from runyard.services import reach
from runyard.services.call import Call

routes = Routes()
_TELEMETRY = "/ajax-api/3.0/mlflow/ui-telemetry"


@routes.get(
    _TELEMETRY,
    permits=Permission.READ,
    of=reach.anywhere,
    summary="Whether pages are to tell how they are used: they are not.",
)
def page_telemetry(call: Call) -> PageTelemetry:
    """Answer that pages are to tell nothing."""
    return PageTelemetry(disable_ui_telemetry=True, disable_ui_events=[], ui_rollout_percentage=0)


@routes.post(
    _TELEMETRY,
    permits=Permission.READ,
    of=reach.anywhere,
    summary="Drop what a page tells of how it is used.",
)
def send_page_telemetry(call: Call, body: SendPageTelemetry) -> PageTelemetryAnswer:
    """Keep nothing and send nothing on."""
    return PageTelemetryAnswer(status="disabled")


@routes.get(
    "/ajax-api/2.0/mlflow/gateway-proxy",
    permits=Permission.READ,
    of=reach.anywhere,
    summary="List the endpoints of a gateway to language models: there are none.",
)
def list_gateway_endpoints(call: Call, body: AskGateway) -> GatewayEndpointsAnswer:
    """Answer an empty list: the page of an experiment asks for it, and shows a refusal as a fault."""
    if body.gateway_path.strip("/") != "api/2.0/endpoints":
        raise NotImplementedHere(GATEWAY)
    return GatewayEndpointsAnswer(endpoints=[])

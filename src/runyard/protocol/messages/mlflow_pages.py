"""MLflow's messages that its own pages alone send."""

from __future__ import annotations

from runyard.protocol.messages.common import Wire


class PageTelemetry(Wire, omit_defaults=False):
    """Whether pages are to tell how they are used, in MLflow's words."""

    disable_ui_telemetry: bool
    disable_ui_events: list[str]
    ui_rollout_percentage: int


class SendPageTelemetry(Wire):
    """Body of ``ui-telemetry``; what it holds is not read."""


class PageTelemetryAnswer(Wire):
    """What became of it."""

    status: str


class AskGateway(Wire):
    """Query of ``gateway-proxy``: what is asked of the gateway."""

    gateway_path: str


class GatewayEndpointsAnswer(Wire, omit_defaults=False):
    """The endpoints of a gateway."""

    endpoints: list[str]

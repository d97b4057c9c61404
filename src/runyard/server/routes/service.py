"""Routes about the server itself: is it well, what version, what can it do."""

from __future__ import annotations

from dataclasses import asdict

from runyard._version import __version__
from runyard.auth.permissions import Open, Permission
from runyard.protocol.messages.service import CheckAnswer, WireFault
from runyard.protocol.messages.workspaces import ServerAnswer, ServerInfoAnswer
from runyard.server.routing import Routes
from runyard.services import reach
from runyard.services.artifact_parts import takes_parts
from runyard.services.artifacts import gives_addresses
from runyard.services.call import Call
from runyard.services.integrity import check_integrity

routes = Routes()

MLFLOW_VERSION = "3.17.2"
"""The version of MLflow's protocol that this server speaks; its clients compare it with their own."""


@routes.get("/health", permits=Open("probed by load balancers; says only OK"), summary="Is it alive.")
def health(call: Call) -> str:
    """Answer a probe."""
    return "OK"


@routes.get(
    "/version", permits=Permission.READ, of=reach.anywhere, summary="The version of MLflow's protocol."
)
def version(call: Call) -> str:
    """Answer what MLflow's clients compare with their own version."""
    return MLFLOW_VERSION


@routes.get(
    "/api/3.0/mlflow/server-info",
    permits=Permission.IDENTIFY,
    is_of_server=True,
    summary="What MLflow 3 clients may use.",
)
def server_info(call: Call) -> ServerInfoAnswer:
    """Answer which optional features of MLflow's protocol are there."""
    return ServerInfoAnswer(
        store_type="SqlStore",
        workspaces_enabled=not call.is_page_of_one,
        trace_archival_enabled=False,
        multipart_uploads_enabled=takes_parts(call),
        multipart_downloads_enabled=gives_addresses(call),
        presigned_upload_run_id_supported=False,
        presigned_upload_model_id_supported=False,
        features_enabled={"gateway": False},
    )


@routes.get(
    "/api/v1/check", permits=Permission.ADMINISTER, summary="Whether all data is whole; takes a while."
)
def check(call: Call) -> CheckAnswer:
    """Answer what is wrong with the stores, and how much was looked at."""
    found = check_integrity(call.stores)
    faults = [WireFault(where=each.where, what=each.what, advice=each.advice) for each in found.faults]
    return CheckAnswer(is_whole=found.is_whole, faults=faults, looked_at=asdict(found.counts))


@routes.get(
    "/api/v1/server", permits=Permission.READ, of=reach.anywhere, summary="What answers at this address."
)
def server(call: Call) -> ServerAnswer:
    """Answer product, version, mode and workspace."""
    return ServerAnswer(
        product="Runyard",
        version=__version__,
        mode=call.settings.mode.value,
        workspace=call.workspace.name,
        has_mlflow_pages=call.operation.has_mlflow_pages,
    )

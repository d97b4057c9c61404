"""What Microsoft's plugin for MLflow asks about runs that MLflow's own clients don't."""

from __future__ import annotations

from runyard.auth.permissions import Permission
from runyard.protocol.messages.azure import (
    GetRunDataStatus,
    LogBatchAsyncAnswer,
    RunDataStatusAnswer,
    RunTokenAnswer,
)
from runyard.protocol.messages.logging import LogBatch
from runyard.protocol.timestamps import timestamp_of
from runyard.server.routes.logging import log_batch
from runyard.server.routing import Routes
from runyard.services import reach, tokens
from runyard.services.call import Call

routes = Routes()
_RUNS = "/api/2.0/mlflow/runs"


@routes.get(
    "/history/v1.0/experimentids/{experiment_id}/runs/{run_id}/token",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Renew the token of a run that goes on, as Azure's run history does.",
)
def renew_token(call: Call, experiment_id: str, run_id: str) -> RunTokenAnswer:
    """Answer a token to log with for another hour."""
    renewed = tokens.renew_for_run(call, run_id)
    return RunTokenAnswer(token=renewed.text, expiry_time_utc=timestamp_of(renewed.expires_ms))


@routes.post(
    f"{_RUNS}/log-batch-async",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Log metrics, params and tags, for a client that would ask later whether they are kept.",
    commits_together=True,
)
def log_batch_async(call: Call, body: LogBatch) -> LogBatchAsyncAnswer:
    """Log a batch: all of it or nothing. It is kept when this is answered."""
    log_batch(call, body)
    return LogBatchAsyncAnswer(batch_tracking_id="")


@routes.get(
    f"{_RUNS}/get-run-data-status",
    permits=Permission.READ,
    of=reach.run,
    summary="Ask whether a batch is kept.",
)
def get_run_data_status(call: Call, body: GetRunDataStatus) -> RunDataStatusAnswer:
    """Answer that it is: what was acknowledged always is."""
    return RunDataStatusAnswer(is_complete=True)

"""Beginning a run, and finding where to log to it."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from runyard.entities.experiment import LifecycleStage
from runyard.entities.run import RunStatus
from runyard.entities.run_names import random_name
from runyard.errors import Unavailable
from runyard.protocol.limits import check_first_tags
from runyard.protocol.messages.common import key_values
from runyard.protocol.messages.runs import (
    CreateRun,
    RunAnswer,
    WireRun,
    WireRunData,
    WireRunInfo,
    WireRunInputs,
    WireRunOutputs,
)
from runyard.sdk.artifact_uploads import proxied_folder
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.credentials import find_credential
from runyard.sdk.local_user import local_user
from runyard.sdk.mlflow_auth import announce
from runyard.sdk.mlflow_spool import outbox_for
from runyard.sdk.run_sinks import DirectSink, RunSink, SpoolSink
from runyard.sdk.spool.calls import PROXIED_SCHEME
from runyard.sdk.spool.launched import launched_run
from runyard.sdk.spool.records import RunBegun

PARENT_TAG = "mlflow.parentRunId"


def new_run(experiment_id: str, name: str | None = None, tags: Mapping[str, str] | None = None) -> RunBegun:
    """Return a run of this process that is to be begun, with what is known of where it comes from.

    Args:
        experiment_id: Where.
        name: What it is called; a name is drawn if there is none.
        tags: More tags.
    """
    name = name or random_name()
    user = local_user()
    known = {"mlflow.runName": name, "mlflow.user": user, **_source(), **(tags or {})}
    return RunBegun(
        run_id=uuid.uuid4().hex,
        experiment_id=experiment_id,
        user_id=user,
        name=name,
        started_ms=time.time_ns() // 1_000_000,
        tags=known,
    )


def begin(connection: Connection, tracking_uri: str, begun: RunBegun) -> WireRun:
    """Begin a run and return it; while no server answers, it is begun in the spool and sent later.

    Raises:
        RunyardError: What the server raised.
        Unavailable: No server answers, and the spool is turned off.
    """
    check_first_tags(begun.tags)
    wanted = CreateRun(
        run_id=begun.run_id,
        experiment_id=begun.experiment_id,
        user_id=begun.user_id,
        run_name=begun.name,
        start_time=begun.started_ms,
        tags=key_values(begun.tags),
    )
    try:
        return connection.post(f"{MLFLOW}/runs/create", wanted, RunAnswer, is_repeatable=True).run
    except Unavailable:
        outbox = outbox_for(tracking_uri)
        if outbox is None:
            raise
        outbox.add(begun)
    return record_of(begun)


def record_of(begun: RunBegun) -> WireRun:
    """Return a run that was begun here as a server would show it."""
    info = WireRunInfo(
        run_id=begun.run_id,
        run_uuid=begun.run_id,
        experiment_id=begun.experiment_id,
        run_name=begun.name,
        user_id=begun.user_id,
        status=RunStatus.RUNNING.value,
        artifact_uri=f"{PROXIED_SCHEME}:/{begun.experiment_id}/{begun.run_id}/artifacts",
        lifecycle_stage=LifecycleStage.ACTIVE.value,
        start_time=begun.started_ms,
    )
    return WireRun(info, WireRunData(tags=key_values(begun.tags)), WireRunInputs(), WireRunOutputs())


def open_sink(connection: Connection, url: str, tracking_uri: str, record: WireRun) -> RunSink:
    """Return where to log to a run: the spool of this process, or the server where that is turned off.

    Args:
        connection: Reaches the workspace.
        url: Address of the server.
        tracking_uri: Address of the workspace, as MLflow's client has it.
        record: The run.
    """
    run_id, artifact_uri = record.info.run_id, record.info.artifact_uri
    # What is logged by MLflow's client in this process shall go through the same spool, in the same order.
    announce(url, find_credential(url))
    outbox = outbox_for(tracking_uri)
    if outbox is None:
        return DirectSink(connection, run_id, proxied_folder(f"run {run_id!r}", artifact_uri))
    launched = launched_run(outbox.tracking_uri)
    if launched is not None and launched.begun.run_id == run_id:
        # Its own spool may be sent later than this one.
        outbox.add(launched.begun)
    else:
        launched = None
    return SpoolSink(outbox, run_id, artifact_uri.partition(":/")[2].strip("/"), launched)


def _source() -> dict[str, str]:
    """Return which program this is, in the words that MLflow's client has for it."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if main is None:
        return {"mlflow.source.name": "", "mlflow.source.type": "NOTEBOOK" if _in_notebook() else "LOCAL"}
    return {"mlflow.source.name": os.fspath(Path(main)), "mlflow.source.type": "LOCAL"}


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules

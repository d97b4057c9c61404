"""The run that this process is part of, as its environment tells; or one that only prints."""

from __future__ import annotations

import importlib
import logging
import os
import uuid
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import msgspec

from runyard.errors import InvalidState, Unavailable
from runyard.protocol.messages.runs import RunAnswer, RunId, WireRun
from runyard.sdk.addresses import without_workspace
from runyard.sdk.connection import MLFLOW, Connection
from runyard.sdk.mlflow_spool import spooled_address
from runyard.sdk.run_beginning import new_run, record_of
from runyard.sdk.spool.launched import launched_run
from runyard.sdk.spool.records import RunBegun
from runyard.sdk.transport import Answer, Request, Transport

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

RUN_ID_VARIABLES = ("MLFLOW_RUN_ID", "AZUREML_RUN_ID")
_WEB = ("http://", "https://")

_log = logging.getLogger("runyard.run")


class RunContext(NamedTuple):
    """The run that a process is part of.

    Args:
        workspace: Where it lies.
        tracking_uri: The workspace's address as this process's MLflow has it.
        record: The run.
        is_offline: Whether there is none, and what is logged is printed.
    """

    workspace: Workspace
    tracking_uri: str
    record: WireRun
    is_offline: bool = False


class OfflineTransport(Transport):
    """Stands for a server where there is none."""

    def send(self, request: Request) -> Answer:
        """Refuse.

        Raises:
            InvalidState: Always.
        """
        raise InvalidState(
            "This run is offline: what is logged is printed, and nothing is kept that could be read. Start "
            "the script with `runyard run`, or begin a run with Experiment.start_logging()."
        )


def find_context() -> RunContext | None:
    """Return the run that the environment names, or None if it names none.

    While no server answers, the run is taken at its word, and what is logged waits in the spool.

    Raises:
        NotFound: The workspace has no such run.
    """
    run_id = next((value for name in RUN_ID_VARIABLES if (value := os.environ.get(name))), None)
    if run_id is None:
        return None
    chosen = os.environ.get("MLFLOW_TRACKING_URI", "")
    tracking_uri = spooled_address(chosen) if chosen.startswith(_WEB) else ""
    try:
        workspace = _workspace_at(tracking_uri)
        tracking_uri = tracking_uri or workspace.tracking_uri
        record = _read(workspace.connection, tracking_uri, run_id)
    except Unavailable as error:
        if not tracking_uri:
            raise
        _log.warning("%s What is logged to run %s waits on this machine.", error, run_id)
        return RunContext(_assumed(tracking_uri), tracking_uri, record_of(_begun(tracking_uri, run_id)))
    return RunContext(workspace, tracking_uri, record)


def offline_context() -> RunContext:
    """Return a run that only prints."""
    workspace = _workspace_class()._assumed("offline", "http://offline.invalid")
    workspace._connection = Connection(OfflineTransport())
    begun = msgspec.structs.replace(new_run("offline"), run_id=f"OfflineRun_{uuid.uuid4()}")
    return RunContext(workspace, workspace.tracking_uri, record_of(begun), is_offline=True)


def _read(connection: Connection, tracking_uri: str, run_id: str) -> WireRun:
    launched = launched_run(tracking_uri)
    if launched is not None and launched.begun.run_id == run_id:
        # `runyard run` has begun it in its spool, which may not be sent yet.
        return record_of(launched.begun)
    return connection.get(f"{MLFLOW}/runs/get", RunAnswer, RunId(run_id=run_id)).run


def _begun(tracking_uri: str, run_id: str) -> RunBegun:
    launched = launched_run(tracking_uri)
    return launched.begun if launched is not None else RunBegun(run_id)


def _workspace_at(tracking_uri: str) -> Workspace:
    if not tracking_uri:
        return _workspace_class().from_config()
    return _workspace_class().get(_name_in(tracking_uri), url=without_workspace(tracking_uri))


def _assumed(tracking_uri: str) -> Workspace:
    return _workspace_class()._assumed(_name_in(tracking_uri), without_workspace(tracking_uri))


def _name_in(tracking_uri: str) -> str:
    named = tracking_uri[len(without_workspace(tracking_uri)) :].rpartition("/")[2]
    return unquote(named) or "default"


def _workspace_class() -> type[Workspace]:
    # A workspace hands out runs, so its module imports theirs; only here a run has to find a workspace.
    found: type[Workspace] = importlib.import_module("runyard.sdk.workspace").Workspace
    return found

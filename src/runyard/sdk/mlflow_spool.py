"""The plugin that lets MLflow's client log to Runyard's addresses without waiting for the network."""

from __future__ import annotations

import atexit
import os
import threading
from functools import partial
from typing import Any
from urllib.parse import quote

from runyard.errors import InvalidParameter
from runyard.sdk.addresses import server_url
from runyard.sdk.credentials import FixedToken
from runyard.sdk.mlflow_auth import credential_for
from runyard.sdk.spool.choices import SpoolChoices, read_choices
from runyard.sdk.spool.known_workspaces import (
    Answerer,
    KnownWorkspaces,
    ask_who_answers,
    is_named,
    open_workspace,
)
from runyard.sdk.spool.launched import launched_run
from runyard.sdk.spool.outbox import Outbox, close_all
from runyard.sdk.transport import Credential

_lock = threading.Lock()
_outboxes: dict[str, Outbox | None] = {}


def outbox_for(tracking_uri: str) -> Outbox | None:
    """Return where to put what is logged to an address; None if it is not Runyard's, or nothing is spooled.

    The first call for an address asks there who answers, for a few seconds at most. While nobody answers,
    the address is Runyard's if one answered there before, or if this person's configuration names it.

    Raises:
        InvalidParameter: A setting of the spool can't be what it is.
    """
    choices = read_choices()
    try:
        address = spooled_address(tracking_uri)
    except InvalidParameter:
        return None
    with _lock:
        if address not in _outboxes:
            _outboxes[address] = _new_outbox(address, choices)
        return _outboxes[address]


def open_outbox(tracking_uri: str) -> Outbox:
    """Return where to put what is logged to an address that a person named as Runyard's; nobody is asked.

    Raises:
        InvalidParameter: It is no server's address, or a setting of the spool can't be what it is.
    """
    address = spooled_address(tracking_uri)
    return Outbox(address, partial(_connect, address), read_choices())


def spooled_address(tracking_uri: str) -> str:
    """Return the workspace's own address, also where MLflow names the workspace in a header.

    Raises:
        InvalidParameter: It is no server's address.
    """
    address, named = server_url(tracking_uri), os.environ.get("MLFLOW_WORKSPACE")
    return (
        f"{address}/workspaces/{quote(named, safe='')}"
        if named and "/workspaces/" not in address
        else address
    )


def spool_credential(address: str) -> Credential | None:
    """Return what MLflow's client would send to an address: its own token, or the one of our plugin."""
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return FixedToken(token) if token else credential_for(address)


def _new_outbox(address: str, choices: SpoolChoices) -> Outbox | None:
    if not _is_spooled(address, choices):
        return None
    return Outbox(address, partial(_connect, address), choices)


def _connect(address: str) -> Any:
    return open_workspace(address, spool_credential(address))


def _is_spooled(address: str, choices: SpoolChoices) -> bool:
    if choices.mode != "auto":
        return choices.mode == "on"
    if launched_run(address) is not None:
        return True
    known = KnownWorkspaces(choices.root)
    answerer = ask_who_answers(address, spool_credential(address))
    if answerer is Answerer.RUNYARD:
        known.remember(address)
    if answerer is Answerer.NOBODY:
        return known.has(address) or is_named(address)
    return answerer is Answerer.RUNYARD


# MLflow ends its active run when the process ends. It asks for that after it has loaded its plugins, so what
# is asked for here, while they are loaded, comes after it.
atexit.register(close_all)

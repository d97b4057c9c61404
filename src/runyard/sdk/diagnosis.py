"""Looks at all that lies between a program on this machine and its workspace, and says what is in the way."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from runyard._version import __version__
from runyard.errors import NotFound, RunyardError, Unauthenticated
from runyard.protocol.messages.tokens import GetCallerAnswer
from runyard.protocol.messages.workspaces import ServerAnswer, WorkspaceAnswer
from runyard.sdk.addresses import origin
from runyard.sdk.connection import Connection, connect
from runyard.sdk.credentials import known_secret
from runyard.sdk.spool.choices import spool_root
from runyard.sdk.spool.folder import spool_paths

CLOCKS_APART_S = 120.0
FREE_BYTES = 100 * 1024 * 1024
# What MLflow's client finds Runyard by; pyproject.toml has the same.
PLUGINS = ("mlflow.request_auth_provider", "mlflow.tracking_store", "mlflow.artifact_repository")
_CLIENTS = ("mlflow", "mlflow-skinny")


class State(str, Enum):
    """How something is: good, worth a look, or in the way."""

    GOOD = "good"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Args:
        name: What it is, in a word or two.
        state: How it is.
        text: What was found.
        advice: What to do about it; empty where all is well.
    """

    name: str
    state: State
    text: str
    advice: str = ""


def diagnose(url: str, workspace_name: str) -> Iterator[Finding]:
    """Yield what is found, one by one; what can't be looked at because of something before it is left out.

    Args:
        url: Address of the server.
        workspace_name: The workspace to look for in it.
    """
    yield _versions()
    yield _mlflow()
    yield _mlflow_address(url)
    yield _spools()
    yield _credential(url)
    reached = _told("Server", lambda: _server(url))
    yield reached
    if reached.state is State.FAULT:
        return
    yield _told("Clock", lambda: _clock(url))
    identified = _told("Identity", lambda: _identity(url))
    yield identified
    if identified.state is not State.FAULT:
        yield _told("Workspace", lambda: _workspace(url, workspace_name))


def _told(name: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except RunyardError as error:
        return Finding(name, State.FAULT, str(error), _advice(error))


def _advice(error: RunyardError) -> str:
    if isinstance(error, Unauthenticated):
        return "Run `runyard login`, or set RUNYARD_TOKEN to an API key of this server."
    if isinstance(error, NotFound):
        return "See `runyard workspace list`, or make one with `runyard workspace create`."
    return ""


def _versions() -> Finding:
    text = f"{__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Finding("Runyard", State.GOOD, text)


def _mlflow() -> Finding:
    found = {name: version for name in _CLIENTS if (version := _version_of(name))}
    if not found:
        return Finding(
            "MLflow", State.WARNING, "not installed in this Python", "Scripts need it: pip install mlflow."
        )
    said = ", ".join(f"{name} {version}" for name, version in found.items())
    missing = [group for group in PLUGINS if not _is_announced(group)]
    if missing:
        return Finding(
            "MLflow",
            State.FAULT,
            f"{said} does not find Runyard's plugins ({', '.join(missing)})",
            "Install Runyard in the Python that runs the scripts: pip install runyard.",
        )
    return Finding("MLflow", State.GOOD, f"{said}, which finds Runyard's plugins")


def _version_of(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _is_announced(group: str) -> bool:
    return any(each.value.startswith("runyard.") for each in metadata.entry_points(group=group))


def _mlflow_address(url: str) -> Finding:
    name = "Tracking URI"
    chosen = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not chosen:
        return Finding(name, State.GOOD, "MLFLOW_TRACKING_URI is not set: the script says where to log")
    if not chosen.startswith(("http://", "https://")) or origin(chosen) != origin(url):
        return Finding(
            name,
            State.WARNING,
            f"MLFLOW_TRACKING_URI is {_without_user(chosen)}, which is not this server",
            "Unset it, or set it to what `runyard token` prints.",
        )
    return Finding(name, State.GOOD, f"MLFLOW_TRACKING_URI is {_without_user(chosen)}")


def _without_user(address: str) -> str:
    scheme, mark, rest = address.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}" if mark else address


def _spools() -> Finding:
    root = spool_root()
    waiting = len(spool_paths(root))
    free_bytes = shutil.disk_usage(_existing(root)).free
    if free_bytes < FREE_BYTES:
        return Finding(
            "Spool",
            State.FAULT,
            f"the disk of {root} has {free_bytes / 1e6:.0f} MB left",
            "Free some, or set RUNYARD_SPOOL_DIR to a folder on another disk.",
        )
    if waiting:
        return Finding(
            "Spool",
            State.WARNING,
            f"{waiting} spools in {root}, of scripts that run or of what could not be sent",
            "See `runyard spool list`; `runyard sync` sends them.",
        )
    return Finding("Spool", State.GOOD, f"nothing waits to be sent in {root}")


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _credential(url: str) -> Finding:
    try:
        secret = known_secret(url)
    except RunyardError as error:
        return Finding("Credential", State.FAULT, str(error))
    if secret is None:
        return Finding("Credential", State.GOOD, "none for this server; `runyard up` needs none")
    place = "RUNYARD_TOKEN" if os.environ.get("RUNYARD_TOKEN") == secret else "the credentials file"
    return Finding("Credential", State.GOOD, f"one for this server, from {place}")


def _server(url: str) -> Finding:
    started_s = time.perf_counter()
    told = connect(url).get("/api/v1/server", ServerAnswer)
    took_ms = 1000 * (time.perf_counter() - started_s)
    text = f"{told.product} {told.version} at {url} answers in {took_ms:.0f} ms"
    if told.version.split(".")[:2] != __version__.split(".")[:2]:
        advice = f"Upgrade the older of the two; this is Runyard {__version__}."
        return Finding("Server", State.WARNING, text, advice)
    return Finding("Server", State.GOOD, text)


def _clock(url: str) -> Finding:
    answer = connect(url).open("/api/v1/server", ())
    answer.read()
    said = answer.headers.get("Date")
    if not said:
        return Finding("Clock", State.GOOD, "the server does not say what time it is")
    apart_s = time.time() - parsedate_to_datetime(said).timestamp()
    if abs(apart_s) < CLOCKS_APART_S:
        return Finding("Clock", State.GOOD, "the same here and at the server")
    way = "ahead of" if apart_s > 0 else "behind"
    text = f"this machine is {abs(apart_s):.0f} s {way} the server"
    return Finding(
        "Clock",
        State.WARNING,
        text,
        "Set both by NTP: times of points come from here, ends of tokens from there.",
    )


def _identity(url: str) -> Finding:
    caller = connect(url).get("/api/v1/caller", GetCallerAnswer)
    reach = "administrator" if caller.is_administrator else caller.permission.lower()
    return Finding("Identity", State.GOOD, f"{caller.name} ({reach})")


def _workspace(url: str, name: str) -> Finding:
    connection: Connection = connect(url).below(f"/workspaces/{quote(name, safe='')}")
    described = connection.get(f"/api/v1/workspaces/{quote(name, safe='')}", WorkspaceAnswer).workspace
    return Finding(
        "Workspace",
        State.GOOD,
        f"{name}: {described.experiment_count} experiments, {described.run_count} runs",
    )

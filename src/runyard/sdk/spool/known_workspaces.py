"""Which addresses are Runyard's: by asking there, or while nobody answers, by what was seen before."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

import msgspec

from runyard.decoding import learnt
from runyard.errors import RouteNotFound, RunyardError, Unauthenticated, Unavailable
from runyard.protocol.messages.workspaces import ServerAnswer
from runyard.sdk.addresses import origin, without_workspace
from runyard.sdk.connection import Connection
from runyard.sdk.credentials import known_secret
from runyard.sdk.spool.trust import spool_trust
from runyard.sdk.transport import Credential, HttpTransport

PRODUCT = "Runyard"
PROBE_TIMEOUT_S = 3.0

_FILE = "known.json"


class Answerer(Enum):
    """Who answers at an address."""

    RUNYARD = "Runyard"
    OTHER = "another server"
    NOBODY = "nobody"


class KnownExperiment(msgspec.Struct):
    """An experiment as it was when it was last seen."""

    experiment_id: str
    name: str
    artifact_location: str


class _Known(msgspec.Struct):
    version: int = 1
    workspaces: dict[str, list[KnownExperiment]] = {}


class KnownWorkspaces:
    """Remembers workspaces, and their experiments, for the times when their server can't be asked.

    Args:
        root: The folder of all spools.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / _FILE

    def has(self, tracking_uri: str) -> bool:
        """Tell whether a Runyard answered at this address before."""
        return tracking_uri in self._read().workspaces

    def find(self, tracking_uri: str, *, experiment_id: str = "", name: str = "") -> KnownExperiment | None:
        """Return an experiment by its id or its name."""
        for known in self._read().workspaces.get(tracking_uri, []):
            if known.experiment_id == experiment_id or (name and known.name == name):
                return known
        return None

    def remember(self, tracking_uri: str, experiment: KnownExperiment | None = None) -> None:
        """Remember a workspace, and an experiment of it."""
        known = self._read()
        experiments = known.workspaces.setdefault(tracking_uri, [])
        if experiment is not None:
            if experiment in experiments:
                return
            kept = [each for each in experiments if each.experiment_id != experiment.experiment_id]
            known.workspaces[tracking_uri] = [*kept, experiment]
        self._write(known)

    def _read(self) -> _Known:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=learnt(_Known))
        except (OSError, msgspec.MsgspecError):
            return _Known()

    def _write(self, known: _Known) -> None:
        beside = self._path.with_name(f".{_FILE}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside.write_bytes(msgspec.json.encode(known))
            beside.rename(self._path)
        except OSError:
            # It only serves a later start without a network; a full disk is said when something is logged.
            return


def ask_who_answers(tracking_uri: str, credential: Credential | None) -> Answerer:
    """Ask at an address who is there; blocks for a few seconds at most."""
    transport = HttpTransport(
        tracking_uri, credential, read_timeout_s=PROBE_TIMEOUT_S, is_patient=False, trust=spool_trust()
    )
    try:
        answer = Connection(transport).get("/api/v1/server", ServerAnswer)
    except (Unavailable, Unauthenticated):
        # Who does not let us in has not said who it is.
        return Answerer.NOBODY
    except RunyardError:
        return Answerer.OTHER
    return Answerer.RUNYARD if answer.product == PRODUCT else Answerer.OTHER


def is_named(tracking_uri: str) -> bool:
    """Tell whether this person's configuration of Runyard names the server at an address."""
    url = os.environ.get("RUNYARD_URL")
    if url:
        return origin(url) == origin(tracking_uri)
    return not os.environ.get("RUNYARD_TOKEN") and known_secret(tracking_uri) is not None


def open_workspace(tracking_uri: str, credential: Credential | None) -> Connection:
    """Return a connection to a workspace, once it is known that a Runyard answers there.

    Raises:
        RunyardError: Nobody answers there, or somebody else.
    """
    connection = Connection(HttpTransport(tracking_uri, credential, trust=spool_trust()))
    try:
        answer = connection.get("/api/v1/server", ServerAnswer)
    except RouteNotFound:
        answer = None
    if answer is None or answer.product != PRODUCT:
        raise Unavailable(f"What answers at {without_workspace(tracking_uri)} is no Runyard.")
    return connection

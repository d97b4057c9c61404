"""The launchers of compute targets, opened once and kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from runyard.compute.base import Launcher, Opening, TargetKind, resolve
from runyard.compute.kinds import KINDS
from runyard.decoding import learnt
from runyard.entities.compute_target import LOCAL, ComputeTarget
from runyard.errors import InvalidParameter, Unavailable
from runyard.protocol.limits import check_length
from runyard.protocol.wire import invalid, invalid_part
from runyard.services.operation import Operation
from runyard.services.outbound import OutboundClient
from runyard.services.sealing import Sealer
from runyard.settings import Mode, Settings

MAX_SETTINGS_LENGTH = 20_000
MAX_CREDENTIAL_LENGTH = 50_000
_FOLDERS = "compute"


class Launchers:
    """Opens launchers of targets, one for each; all targets of this machine have the same.

    Args:
        settings: How the server runs.
        operation: The server.
    """

    def __init__(self, settings: Settings, operation: Operation | None = None) -> None:
        self._settings = settings
        self._operation = operation or Operation()
        self._opened: dict[tuple[str, str], tuple[ComputeTarget, Launcher]] = {}
        self._lock = threading.Lock()

    def of(self, target: ComputeTarget) -> Launcher:
        """Return the launcher of a target, as the target is now.

        Raises:
            Unavailable: Its credential was encrypted with a key that this server does not have.
        """
        key = _key(target)
        with self._lock:
            before = self._opened.get(key)
            if before is not None and _is_same(before[0], target):
                return before[1]
            opened = open_launcher(self._settings, target, self._operation.tunnel)
            self._opened[key] = (target, opened)
        if before is not None:
            before[1].close()
        return opened

    def forget(self, workspace: str, name: str) -> None:
        """Let go of the launcher of a target that is no more."""
        with self._lock:
            found = self._opened.pop((workspace, name), None)
        if found is not None:
            found[1].close()

    def remove_left(self, targets: Iterable[ComputeTarget]) -> None:
        """Remove what is kept here for targets that are no more.

        Args:
            targets: All that there are, of kinds too that this server does not know.
        """
        wanted = {_folder(self._settings, each).name for each in targets}
        for each in (self._settings.home / _FOLDERS).glob("*"):
            if each.name not in wanted:
                shutil.rmtree(each, ignore_errors=True)

    def close(self) -> None:
        """Let go of all; agents go on."""
        for _, launcher in self._opened.values():
            launcher.close()


def open_launcher(settings: Settings, target: ComputeTarget, tunnel: str = "") -> Launcher:
    """Return a launcher of a target; it connects to nothing yet.

    Args:
        settings: How the server runs.
        target: The target.
        tunnel: The socket of the server that tunnels lead to.

    Raises:
        Unavailable: Its credential was encrypted with a key that this server does not have, or its settings
            are those of another version.
    """
    kind = KINDS[target.kind]
    try:
        told = msgspec.convert(dict(target.settings), learnt(kind.settings))
    except msgspec.ValidationError as error:
        raise Unavailable(f"The settings of '{target.name}' are none to this server: {error}.") from None
    # Whoever is on the machine where `up` runs goes wherever the machine can go.
    is_of_one_person = settings.mode is Mode.UP
    lookup = resolve if is_of_one_person else OutboundClient(settings).lookup
    return kind.open(
        Opening(
            folder=_folder(settings, target),
            name=target.name,
            settings=told,
            credential=credential_of(settings, target),
            server=settings.public_url,
            lookup=lookup,
            tunnel=tunnel,
            is_of_one_person=is_of_one_person,
        )
    )


def kind_named(name: str) -> TargetKind:
    """Return a kind of targets.

    Raises:
        InvalidParameter: There is none of that name.
    """
    if name not in KINDS:
        raise invalid("kind", name[:100], f"One of {', '.join(KINDS)}.")
    return KINDS[name]


def checked_settings(kind: TargetKind, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings of a target as they are kept.

    Raises:
        InvalidParameter: They are none of this kind.
    """
    check_length(json.dumps(dict(settings)), MAX_SETTINGS_LENGTH, "settings")
    try:
        checked = msgspec.convert(dict(settings), learnt(kind.settings))
    except msgspec.ValidationError as error:
        refusal = invalid_part("settings", dict(settings), str(error))
        if "unknown field" in refusal.message:
            fields = ", ".join(kind.settings.__struct_fields__) or "none"
            refusal = InvalidParameter(f"{refusal.message.rstrip('.')}; those of its kind are {fields}.")
        raise refusal from None
    kept: Mapping[str, Any] = msgspec.to_builtins(checked)
    return kept


def may_run(settings: Settings, target: ComputeTarget) -> bool:
    """Return whether this server runs jobs of a target: as its own user only if its operator says so."""
    kind = KINDS.get(target.kind)
    if kind is None or settings.slots_of_this_machine:
        return kind is not None
    try:
        return not kind.runs_here(msgspec.convert(dict(target.settings), learnt(kind.settings)))
    except msgspec.ValidationError:  # those of another version
        return False


def sealed_credential(settings: Settings, target: ComputeTarget, credential: Mapping[str, str]) -> str:
    """Return the credential of a target as it is kept.

    Raises:
        InvalidParameter: Its kind takes none of this form.
    """
    kind = KINDS[target.kind]
    names = {part.name for part in kind.credential}
    unknown = sorted(credential.keys() - names)
    if unknown:
        allowed = ", ".join(sorted(names)) or "none"
        raise invalid("credential", unknown[0][:100], f"Parts that '{target.kind}' takes: {allowed}.")
    for name, value in credential.items():
        check_length(value, MAX_CREDENTIAL_LENGTH, f"credential.{name}")
    return Sealer(settings).seal(json.dumps(dict(credential)), _sealed_for(target)) if credential else ""


def credential_of(settings: Settings, target: ComputeTarget) -> dict[str, str]:
    """Return the credential of a target as it was given.

    Raises:
        Unavailable: It was encrypted with a key that this server does not have.
    """
    plain = Sealer(settings).open(target.sealed, _sealed_for(target)) if target.sealed else "{}"
    found: dict[str, str] = json.loads(plain)
    return found


def _key(target: ComputeTarget) -> tuple[str, str]:
    return ("", LOCAL) if target.kind == LOCAL else (target.workspace, target.name)


def _is_same(one: ComputeTarget, other: ComputeTarget) -> bool:
    is_local = one.kind == other.kind == LOCAL
    return is_local or (one.kind, one.settings, one.sealed) == (other.kind, other.settings, other.sealed)


def _folder(settings: Settings, target: ComputeTarget) -> Path:
    if target.kind == LOCAL:
        return settings.home / "jobs"
    name = hashlib.sha256(json.dumps([target.workspace, target.name]).encode()).hexdigest()[:16]
    return settings.home / _FOLDERS / name


def _sealed_for(target: ComputeTarget) -> str:
    return f"compute target {target.workspace}/{target.name}"

"""What a person may choose about spools: where they lie, how much they hold, how long to wait."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runyard.errors import InvalidParameter

MODES = ("auto", "on", "off")

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class SpoolChoices:
    """What the environment says.

    Args:
        mode: ``auto`` spools for addresses that are known to be Runyard's, ``on`` for all, ``off`` for none.
        root: The folder that has a folder for each spool.
        max_bytes: How much all spools below ``root`` may hold together.
        read_wait_s: For how long a call that reads waits until what was logged is sent.
        exit_wait_s: For how long the end of the process waits for it.
    """

    mode: str
    root: Path
    max_bytes: int
    read_wait_s: float
    exit_wait_s: float


def read_choices() -> SpoolChoices:
    """Return what ``RUNYARD_SPOOL`` and its like say.

    Raises:
        InvalidParameter: One of them says something else than it can.
    """
    mode = os.environ.get("RUNYARD_SPOOL") or "auto"
    if mode not in MODES:
        raise InvalidParameter(f"RUNYARD_SPOOL={mode!r} is none of {', '.join(MODES)}.")
    return SpoolChoices(
        mode=mode,
        root=spool_root(),
        max_bytes=int(_number("RUNYARD_SPOOL_MAX_MB", 10_000) * _MB),
        read_wait_s=_number("RUNYARD_SPOOL_READ_WAIT_S", 10),
        exit_wait_s=_number("RUNYARD_SPOOL_EXIT_WAIT_S", 30),
    )


def spool_root() -> Path:
    """Return the folder of all spools: ``RUNYARD_SPOOL_DIR``, or ``runyard/spool`` in the person's state."""
    named = os.environ.get("RUNYARD_SPOOL_DIR")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "runyard" / "spool"


def _number(name: str, default: float) -> float:
    text = os.environ.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if number < 0:
        raise InvalidParameter(f"{name}={text!r} is not a number of at least 0.")
    return number

"""What a person may choose about spools: where they lie, how much they hold, how long to wait."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runyard.errors import InvalidParameter

MODES = ("auto", "on", "off")
FSYNC = ("batch", "always")

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
        is_synced: Whether a call returns only once the disk itself has what was logged.
    """

    mode: str
    root: Path
    max_bytes: int
    read_wait_s: float
    exit_wait_s: float
    is_synced: bool = False


def read_choices() -> SpoolChoices:
    """Return what ``RUNYARD_SPOOL`` and its like say.

    Raises:
        InvalidParameter: One of them says something else than it can.
    """
    return SpoolChoices(
        mode=_one_of("RUNYARD_SPOOL", MODES),
        root=spool_root(),
        max_bytes=int(_number("RUNYARD_SPOOL_MAX_MB", 10_000) * _MB),
        read_wait_s=_number("RUNYARD_SPOOL_READ_WAIT_S", 10),
        exit_wait_s=_number("RUNYARD_SPOOL_EXIT_WAIT_S", 30),
        is_synced=_one_of("RUNYARD_SPOOL_FSYNC", FSYNC) == "always",
    )


def spool_root() -> Path:
    """Return the folder of all spools: ``RUNYARD_SPOOL_DIR``, or ``runyard/spool`` in the person's state."""
    named = os.environ.get("RUNYARD_SPOOL_DIR")
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "runyard" / "spool"


def _one_of(name: str, words: tuple[str, ...]) -> str:
    """Return what a variable says; the first of the words is the default."""
    word = os.environ.get(name) or words[0]
    if word not in words:
        raise InvalidParameter(f"{name}={word!r} is none of {', '.join(words)}.")
    return word


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

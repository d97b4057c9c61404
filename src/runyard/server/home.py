"""The folder of a server: made, held by one server alone, and what in it tells others where that is."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runyard.entities.workspace import DEFAULT_WORKSPACE
from runyard.errors import InvalidParameter, InvalidState
from runyard.protocol.messages.workspaces import RESOURCE_GROUP, SUBSCRIPTION_ID
from runyard.services.call import system_now_ms
from runyard.settings import Settings

UNFINISHED_RESTORE = "restoring"
"""The file that says that a restore into the folder has not come to its end."""

_ANNOUNCEMENT = "server.json"

_log = logging.getLogger("runyard.server")


def make_home(home: Path) -> None:
    """Make the folder if it is not there; it and all that this process makes later are for its owner alone.

    Raises:
        InvalidParameter: It can't be made.
        InvalidState: A restore into it did not come to its end.
    """
    os.umask(0o077)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidParameter(f"home can't be the folder '{home}': {error.strerror}.") from None
    if (home / UNFINISHED_RESTORE).exists():
        raise InvalidState(
            f"A restore into {home} did not come to its end. Empty the folder and restore again."
        )


@contextlib.contextmanager
def only_server_of(home: Path) -> Iterator[None]:
    """Hold the home for as long as the block runs; the kernel lets go of it whatever happens.

    Raises:
        InvalidState: Another server holds it.
    """
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidState(
                f"Another Runyard server is using {home}{_by_whom(home)}. Use that one, stop it first, "
                "or choose another folder with --home."
            ) from None
        yield


@contextlib.contextmanager
def announced(settings: Settings, url: str) -> Iterator[None]:
    """Tell other processes of this machine where the server is, for as long as the block runs.

    ``server.json`` is for commands at the home, ``config.json`` for ``Workspace.from_config()``.
    """
    running = {
        "url": url,
        "pid": os.getpid(),
        "started_ms": system_now_ms(),
        "mode": settings.mode.value,
    }
    connection = {
        "subscription_id": SUBSCRIPTION_ID,
        "resource_group": RESOURCE_GROUP,
        "workspace_name": DEFAULT_WORKSPACE,
        "runyard_url": url,
    }
    announcement = settings.home / _ANNOUNCEMENT
    _write_json(announcement, running)
    _write_json(settings.home / "config.json", connection)
    try:
        yield
    finally:
        if not _is_anothers(announcement):
            announcement.unlink(missing_ok=True)


def _by_whom(home: Path) -> str:
    try:
        running = json.loads((home / _ANNOUNCEMENT).read_text())
        return f" (process {running['pid']} at {running['url']})"
    except (OSError, ValueError, KeyError):
        return ""


def _is_anothers(announcement: Path) -> bool:
    """Whether another server on the same home has announced itself since."""
    try:
        return bool(json.loads(announcement.read_text())["pid"] != os.getpid())
    except (OSError, ValueError, KeyError):
        return False


def _write_json(path: Path, content: dict[str, Any]) -> None:
    # A name of its own: several servers on one database may share a home and begin at the same moment.
    written = path.with_suffix(f".{secrets.token_hex(4)}.new")
    try:
        written.write_text(json.dumps(content, indent=2) + "\n")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        # To read what is on a full disk matters more than to be found without an address.
        written.unlink(missing_ok=True)
        _log.warning("the disk is full: %s is not up to date", path)
        return
    written.replace(path)

"""`runyard sync` and `runyard spool`: what clients logged while they could not reach their server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from runyard.cli.options import Json
from runyard.cli.printing import (
    bytes_text,
    complain,
    note,
    print_json,
    print_table,
    progress_bar,
    say,
    time_text,
)
from runyard.errors import InvalidState, NotFound, RunyardError, Unauthenticated
from runyard.sdk.addresses import is_loopback
from runyard.sdk.credentials import find_credential
from runyard.sdk.spool.choices import spool_root
from runyard.sdk.spool.folder import SpoolFolder, find_spools
from runyard.sdk.spool.known_workspaces import open_workspace
from runyard.sdk.spool.replay import send_spool
from runyard.sdk.transport import Credential

app = App(name="spool", help="List what clients logged and have not sent yet.")

Folder = Annotated[
    Path | None, Parameter(help="A spool, or a folder of spools; by default this person's own.")
]


def sync(
    folder: Folder = None,
    *,
    to: Annotated[
        str | None,
        Parameter(help="Tracking URI to send to, where the server has another address by now."),
    ] = None,
    json: Json = False,
) -> None:
    """Send what clients logged while they could not reach their server; each record arrives once.

    A spool is removed once all of it has arrived. What the server refuses for good stays in the spool's
    `refused.jsonl`. The command may be stopped and called again at any time.
    """
    spools = _found(folder)
    outcomes: list[dict[str, Any]] = []
    failure: RunyardError | None = None
    for spool in spools:
        outcome, error = _tried(spool, to)
        outcomes.append(outcome)
        failure = error or failure
    if json:
        print_json(outcomes)
    else:
        for outcome in outcomes:
            _say_outcome(outcome)
        if not spools:
            say("Nothing waits to be sent.")
    if failure is not None:
        raise failure


@app.command(name="list")
def list_spools(folder: Folder = None, *, json: Json = False) -> None:
    """List what waits to be sent, the oldest first."""
    described = [_described(spool) for spool in _found(folder)]
    if json:
        print_json(described)
        return
    print_table(
        ("WAITING", "REFUSED", "SIZE", "BEGUN", "IN USE", "FOR", "FOLDER"),
        (
            (
                str(one["waiting"]),
                str(one["refused"]),
                bytes_text(one["size_bytes"]),
                time_text(one["created_ms"]),
                "yes" if one["has_writer"] else "no",
                one["tracking_uri"],
                one["folder"],
            )
            for one in described
        ),
    )


def _found(folder: Path | None) -> list[SpoolFolder]:
    if folder is not None and not folder.is_dir():
        raise NotFound(f"There is no folder {str(folder)!r}.")
    return find_spools(folder or spool_root())


def _tried(spool: SpoolFolder, to: str | None) -> tuple[dict[str, Any], RunyardError | None]:
    try:
        return _sent(spool, to), None
    except RunyardError as error:
        return {**_described(spool), "is_sent": False, "error": str(error)}, error


def _sent(spool: SpoolFolder, to: str | None) -> dict[str, Any]:
    tracking_uri = to or spool.origin.tracking_uri
    described = _described(spool)
    waiting = described["waiting"]
    done = 0
    with progress_bar() as show:

        def told(count: int) -> None:
            nonlocal done
            done += count
            show(spool.path.name, done, waiting)

        connection = open_workspace(tracking_uri, _credential_for(tracking_uri, is_chosen=to is not None))
        if not send_spool(spool, connection, told):
            raise InvalidState(f"{spool.path} is being sent by another process just now.")
    refused = spool.refused_count()
    sent = done - (refused - described["refused"])
    return {**described, "waiting": 0, "sent": sent, "refused": refused, "is_sent": True}


def _credential_for(tracking_uri: str, *, is_chosen: bool) -> Credential | None:
    """Return the credential for an address that, unless the person chose it, only the spool itself names.

    Raises:
        Unauthenticated: The spool must not decide who gets the person's token.
    """
    is_for_any = os.environ.get("RUNYARD_TOKEN") and not os.environ.get("RUNYARD_URL")
    if is_for_any and not is_chosen and not is_loopback(tracking_uri):
        raise Unauthenticated(f"Say `--to {tracking_uri}` to let the server there have RUNYARD_TOKEN.")
    return find_credential(tracking_uri)


def _described(spool: SpoolFolder) -> dict[str, Any]:
    return {
        "folder": str(spool.path),
        "tracking_uri": spool.origin.tracking_uri,
        "created_ms": spool.origin.created_ms,
        "has_writer": spool.has_writer(),
        "waiting": spool.waiting_count(),
        "refused": spool.refused_count(),
        "size_bytes": spool.size_bytes(),
    }


def _say_outcome(outcome: dict[str, Any]) -> None:
    if not outcome["is_sent"]:
        complain(f"{outcome['folder']} was not sent.")
        return
    say(f"Sent from {outcome['folder']} to {outcome['tracking_uri']}: {outcome['sent']} records")
    if outcome["refused"]:
        note(f"Refused by the server: {outcome['refused']} records, see refused.jsonl there")

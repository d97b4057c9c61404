"""`runyard audit`: who did what, and who was not let do it."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Annotated, Literal

from cyclopts import App, Parameter

from runyard.cli.options import THIS_SERVER, Json, Server
from runyard.cli.printing import complain, print_json, print_table, say, time_text
from runyard.cli.trash import parse_age
from runyard.protocol.messages.identity import SearchAudit, WireAuditEntry
from runyard.sdk.connection import connect
from runyard.sdk.principals import AuditLog

app = App(name="audit", help="Search the audit log, and check that it is whole.")


@app.command(name="list")
def list_entries(
    *,
    caller: Annotated[str | None, Parameter(help="Who asked, by name or id.")] = None,
    action: Annotated[str | None, Parameter(help="What, as `grants` or `runs.delete_run`.")] = None,
    outcome: Annotated[Literal["done", "refused"] | None, Parameter(help="What came of it.")] = None,
    workspace: Annotated[
        str | None, Parameter(name=["--workspace", "-w"], help="Which workspace was addressed.")
    ] = None,
    target: Annotated[str | None, Parameter(help="A part of what it was about, as `run_id=…`.")] = None,
    since: Annotated[str | None, Parameter(help="Not longer ago than this, as 30d or 12h.")] = None,
    limit: Annotated[int, Parameter(help="How many at most; by default 100.")] = 100,
    server: Server = THIS_SERVER,
    json: Json = False,
) -> None:
    """List entries of the audit log, the newest first; for administrators."""
    search = SearchAudit(
        caller=caller,
        action=action,
        outcome=outcome,
        workspace=workspace,
        target=target,
        since_ms=None if since is None else _ago_ms(since),
    )
    found = list(AuditLog(connect(server.address())).search(search, limit))
    if json:
        print_json([{name: getattr(each, name) for name in each.__struct_fields__} for each in found])
        return
    print_table(("WHEN", "WHO", "FROM", "OUTCOME", "ACTION", "WORKSPACE", "WHAT"), map(_row, found))


@app.command
def verify(*, server: Server = THIS_SERVER, json: Json = False) -> int:
    """Say whether nothing in the log was changed or left out; exits with 1 if something was, or could be.

    It could be where the triggers are gone by which the database refuses it; the last entries then, too.
    """
    chain = AuditLog(connect(server.address())).verify()
    if json:
        print_json({name: getattr(chain, name) for name in chain.__struct_fields__})
    elif chain.is_whole:
        say(f"The audit log is whole: {chain.entries} entries, the last hash is {chain.last_hash or '-'}")
    else:
        complain(f"The audit log is not as it was written: entry {chain.first_broken} does not fit.")
    if chain.lost_guards and not json:
        lost = ", ".join(chain.lost_guards)
        complain(f"Nothing keeps the log from being changed: triggers are gone or not the server's: {lost}.")
    return 0 if chain.is_whole and not chain.lost_guards else 1


def _ago_ms(age: str) -> int:
    return time.time_ns() // 1_000_000 - int(parse_age(age, "--since") / timedelta(milliseconds=1))


def _row(entry: WireAuditEntry) -> tuple[str, ...]:
    count = f" (x{entry.count})" if entry.count > 1 else ""
    return (
        time_text(entry.at_ms),
        entry.caller or "nobody",
        entry.client or "-",
        entry.outcome + count,
        entry.action,
        entry.workspace or "-",
        entry.target or "-",
    )

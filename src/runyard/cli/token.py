"""`runyard token`: the two lines that let any MLflow client log to a workspace."""

from __future__ import annotations

import shlex
from typing import Annotated, Literal

from cyclopts import Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import note, print_json, say, time_text
from runyard.errors import Unauthenticated
from runyard.protocol.messages.workspaces import ServerAnswer
from runyard.sdk.connection import Connection
from runyard.sdk.credentials import API_KEY_PREFIX, exchange, known_secret
from runyard.sdk.transport import HttpTransport
from runyard.sdk.workspace import Workspace

Shell = Literal["posix", "fish", "powershell"]
Scope = Literal["reader", "contributor", "owner", "admin"]

URI_NAME, TOKEN_NAME = "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN"


def token(
    *,
    scope: Annotated[Scope | None, Parameter(help="The most that the token may do.")] = None,
    expires_in_s: Annotated[int | None, Parameter(help="For how long it is good, at most 3600.")] = None,
    force: Annotated[bool, Parameter(help="Make a token even where none is needed.")] = False,
    shell: Annotated[Shell, Parameter(help="Whose words to print the lines in.")] = "posix",
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Print what an MLflow client needs to log to a workspace: its address and a token of at most an hour.

    The token is good for that workspace alone. Use it as `eval "$(runyard token)"`.
    """
    address = place.address()
    secret = known_secret(address)
    transport = HttpTransport(address)
    made, expires_ms = None, None
    if secret is None and not force:
        _need_none(Connection(transport), address)
    elif secret is not None and not secret.startswith(API_KEY_PREFIX):
        note("RUNYARD_TOKEN holds a token and no API key, so it is printed as it is.")
        made = secret
    else:
        granted = exchange(transport, secret, workspace=place.name(), scope=scope, expires_in_s=expires_in_s)
        made, expires_ms = granted.access_token, granted.expires_ms
    lines = {URI_NAME: Workspace.get(place.name(), url=address).tracking_uri}
    if made is not None:
        lines[TOKEN_NAME] = made
    if json:
        print_json({**lines, "expires_ms": expires_ms})
        return
    for name, value in lines.items():
        say(_assignment(shell, name, value))
    if expires_ms is not None:
        note(f"The token is good until {time_text(expires_ms)}.")


def _need_none(connection: Connection, address: str) -> None:
    """Say that no token is needed here; on a server that needs one, say how to get one."""
    try:
        connection.get("/api/v1/server", ServerAnswer)
    except Unauthenticated:
        raise Unauthenticated(
            f"The server at {address} needs a credential. Set RUNYARD_TOKEN to an API key; "
            "an administrator makes one with `runyard admin`."
        ) from None
    note("This server needs no token. (--force makes one all the same.)")


def _assignment(shell: Shell, name: str, value: str) -> str:
    if shell == "fish":
        return f"set -gx {name} {shlex.quote(value)}"
    if shell == "powershell":
        doubled = value.replace("'", "''")
        return f"$env:{name} = '{doubled}'"
    return f"export {name}={shlex.quote(value)}"

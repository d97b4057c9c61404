"""`runyard server`: how a running server is, for whoever administers it."""

from __future__ import annotations

import sys

import msgspec
from cyclopts import App

from runyard.cli.options import THIS_SERVER, Json
from runyard.cli.options import Server as Address
from runyard.cli.printing import print_json, print_pairs, say
from runyard.sdk.server import Server

app = App(name="server", help="Say how a running server is, check its data, change its signing key.")


@app.command
def ready(*, server: Address = THIS_SERVER, json: Json = False) -> None:
    """Say whether a server can work; the exit code is 5 if it can't."""
    found = Server(url=server.address()).get_readiness()
    if json:
        print_json(msgspec.to_builtins(found))
    else:
        say(f"The server at {server.address()} is ready.")


@app.command
def metrics(*, server: Address = THIS_SERVER) -> None:
    """Print what a server can be measured by, in the text format of Prometheus."""
    sys.stdout.write(Server(url=server.address()).get_metrics_text())


@app.command
def check(*, server: Address = THIS_SERVER, json: Json = False) -> int:
    """Have a running server look whether all its data is whole; `runyard check` looks at a home itself.

    The exit code is 1 if something is wrong.
    """
    found = Server(url=server.address()).check()
    if json:
        print_json(msgspec.to_builtins(found))
        return 0 if found.is_whole else 1
    for fault in found.faults:
        say(f"{fault.where}: {fault.what}")
        say(f"  {fault.advice}")
    print_pairs({name: f"{count:,}" for name, count in found.looked_at.items()})
    say("All is whole." if found.is_whole else f"{len(found.faults)} faults.")
    return 0 if found.is_whole else 1


@app.command(name="rotate-key")
def rotate_key(*, server: Address = THIS_SERVER, json: Json = False) -> None:
    """Let another key sign the tokens from now on; those that others signed are good until they end."""
    made = Server(url=server.address()).rotate_signing_key()
    if json:
        print_json(msgspec.to_builtins(made))
    else:
        say(f"The key {made.key_id} signs from now on.")

"""`runyard config`: what a server's settings are, and where each comes from."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from runyard.cli.options import Json
from runyard.cli.printing import print_json, print_pairs, say
from runyard.cli.server_flags import NO_FLAGS, ServerFlags
from runyard.settings import choose_settings, names, shown


def config(
    *,
    flags: ServerFlags = NO_FLAGS,
    explain: Annotated[bool, Parameter(help="Say where each comes from and what it does, too.")] = False,
    json: Json = False,
) -> None:
    """Print the settings that a server with these flags, variables and file would have; no password."""
    chosen = choose_settings(**flags.given())
    rows = [
        {
            "name": name,
            "value": shown(name, chosen[name].value),
            "origin": chosen[name].origin,
            "help": setting.metadata["help"],
        }
        for name, setting in names().items()
    ]
    if json:
        print_json(rows)
        return
    if not explain:
        print_pairs({row["name"]: _text(row["value"]) for row in rows})
        return
    for row in rows:
        say(f"{row['name']} = {_text(row['value'])}")
        say(f"  from  {row['origin']}")
        say(f"  {row['help']}")


def _text(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) or "-" if isinstance(value, list) else str(value)

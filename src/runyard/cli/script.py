"""`runyard run SCRIPT`: runs a script and records what it logs, prints and runs in."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from cyclopts import Parameter

from runyard.cli.options import HERE, Place
from runyard.cli.printing import note
from runyard.cli.run_words import COMMANDS
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.credentials import find_credential
from runyard.sdk.mlflow_auth import announce
from runyard.sdk.mlflow_spool import open_outbox, spooled_address
from runyard.sdk.script.program import Program
from runyard.sdk.script.running import RunWishes, run_recorded

DEFAULT_WORKSPACE = "default"


def run_script(
    *script: Annotated[str, Parameter(help="A script, and what to pass on to it unchanged.")],
    module: Annotated[
        str | None,
        Parameter(name=["--module", "-m"], help="In place of a script, a module, as in `python -m`."),
    ] = None,
    experiment: Annotated[
        str | None,
        Parameter(name=["--experiment", "-e"], help="Name of the experiment; it is made if need be."),
    ] = None,
    name: Annotated[str | None, Parameter(help="What the run is called; by default a name is drawn.")] = None,
    system_metrics: Annotated[
        bool, Parameter(help="Let MLflow measure processor, memory and GPUs; needs psutil.")
    ] = False,
    place: Place = HERE,
) -> int:
    """Run a Python script and record what it prints, its code, git's state, the environment and its end.

    What the script itself logs by MLflow goes into the same run. Our own options come before the script,
    and its exit code is that of the command.
    """
    program = _program(script, module)
    address = spooled_address(_tracking_uri(place))
    announce(address, find_credential(address))
    outbox = open_outbox(address)
    wishes = RunWishes(
        experiment=experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "",
        name=name or os.environ.get("MLFLOW_RUN_NAME") or "",
        has_system_metrics=system_metrics,
        is_flushed=os.environ.get("RUNYARD_SPOOL") == "off",
    )
    run, end = run_recorded(program, outbox, wishes)
    outbox.close()
    why = f" ({end.reason})" if end.reason else ""
    note(f"Run {run.begun.name} {run.begun.run_id}: {end.status}{why}")
    return end.exit_code


def _program(words: tuple[str, ...], module: str | None) -> Program:
    if module is not None:
        return Program(module, words, is_module=True)
    if not words:
        raise InvalidParameter("Name a script, as in `runyard run train.py`. See `runyard run --help`.")
    if not Path(words[0]).is_file() and not words[0].endswith(".py"):
        likely = difflib.get_close_matches(words[0], COMMANDS, n=1)
        hint = f" Did you mean `runyard run {likely[0]}`?" if likely else ""
        raise NotFound(f"There is no script and no command {words[0]!r}.{hint}")
    return Program(words[0], words[1:])


def _tracking_uri(place: Place) -> str:
    """Return where to log to: what the options say, else where MLflow would, else the usual place."""
    chosen = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not place.url and not place.workspace and chosen.startswith(("http://", "https://")):
        return chosen
    name = place.name()
    return place.address() + ("" if name == DEFAULT_WORKSPACE else f"/workspaces/{quote(name, safe='')}")

"""`runyard azureml`: what has to do with code and clients that were made for Azure ML."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from runyard.errors import NotFound

app = App(
    name="azureml", help="Run code for Azure ML's first SDK; point Microsoft's own clients at a server."
)
app.command(
    "runyard.cli.azureml_env:env", name="env", help="Print what Microsoft's packages need to find a server."
)


@app.command(name="run")
def run_script(
    script: Annotated[str, Parameter(help="The script.")],
    *arguments: Annotated[str, Parameter(help="What to pass on to it.", allow_leading_hyphen=True)],
) -> int:
    """Run a script that was written for Azure ML's first SDK, unchanged.

    Its `azureml.core`, `azureml.mlflow` and what goes with them are Runyard's, over the workspace that the
    nearest config.json names. Microsoft's own packages, if they are installed here, stay what they are: the
    command then says so, and RUNYARD_AZUREML=alias puts Runyard's names in their place. The exit code is the
    script's.
    """
    if not Path(script).is_file():
        raise NotFound(f"There is no script {script!r}.")
    return subprocess.call([sys.executable, "-m", "runyard.azureml", script, *arguments])

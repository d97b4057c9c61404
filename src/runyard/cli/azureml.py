"""`runyard azureml`: what has to do with code and clients that were made for Azure ML."""

from __future__ import annotations

from cyclopts import App

app = App(name="azureml", help="Point Azure ML's own clients at a server.")
app.command(
    "runyard.cli.azureml_env:env", name="env", help="Print what Microsoft's packages need to find a server."
)

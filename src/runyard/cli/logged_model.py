"""`runyard logged-model`: what `log_model` of MLflow 3 keeps, registered or not."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import (
    bytes_text,
    number_text,
    print_json,
    print_pairs,
    print_parts,
    print_table,
    say,
    time_text,
)
from runyard.cli.trash import experiment_id_of
from runyard.protocol.messages.common import mapping

app = App(name="logged-model", help="List, show and download models that runs have logged.")

WORKING_FOLDER = Path()
ModelId = Annotated[str, Parameter(help="The model's id, as m-….")]


@app.command(name="list")
def list_models(
    *,
    experiment: Annotated[
        str | None,
        Parameter(name=["--experiment", "-e"], help="Name or id of the experiment; by default all."),
    ] = None,
    filter: Annotated[str | None, Parameter(help="Conditions, as 'metrics.rmse < 60'.")] = None,
    max: Annotated[int, Parameter(help="How many at most; by default 50.", validator=Number(gte=1))] = 50,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List the models that runs have logged, the last made first."""
    workspace = place.open()
    if experiment is None:
        ids = [each.id for each in workspace.experiments.values()]
    else:
        ids = [experiment_id_of(workspace, experiment)]
    found = list(itertools.islice(workspace.logged_models.search(ids, filter), max)) if ids else []
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("ID", "NAME", "STATUS", "LOGGED", "RUN ID", "METRICS"),
        (
            (
                each.info.model_id,
                each.info.name,
                each.info.status,
                time_text(each.info.creation_timestamp_ms),
                each.info.source_run_id or "-",
                " ".join(f"{one.key}={number_text(float(one.value))}" for one in each.data.metrics or ()),
            )
            for each in found
        ),
    )


@app.command
def show(model_id: ModelId, *, place: Place = HERE, json: Json = False) -> None:
    """Show a logged model: its run, params, metrics, tags and files."""
    models = place.open().logged_models
    found = models.get(model_id)
    files = models.list_files(model_id)
    if json:
        print_json({**msgspec.to_builtins(found), "files": [file.path for file in files]})
        return
    print_pairs(
        {
            "Name": found.info.name,
            "Id": found.info.model_id,
            "Status": found.info.status,
            "Logged": time_text(found.info.creation_timestamp_ms),
            "Run": found.info.source_run_id or "-",
        }
    )
    metrics = {one.key: number_text(float(one.value)) for one in found.data.metrics or ()}
    tags = mapping(found.info.tags or ())
    print_parts(
        {"Params": mapping(found.data.params or ()), "Metrics": metrics, "Tags": tags},
        [f"{file.path}  {bytes_text(file.file_size or 0)}" for file in files],
    )


@app.command
def download(
    model_id: ModelId,
    *,
    to: Annotated[
        Path, Parameter(help="Folder to put the files into; by default the working one.")
    ] = WORKING_FOLDER,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Bring the files of a logged model to this machine."""
    written = place.open().logged_models.download(model_id, to)
    if json:
        print_json(written)
        return
    for path in written:
        say(path)

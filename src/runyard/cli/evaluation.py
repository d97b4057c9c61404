"""`runyard evaluation` and `runyard scorer`: what models are judged by, as the workspace keeps it."""

from __future__ import annotations

import json as json_text
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import count_text, print_json, print_pairs, print_table, say, time_text
from runyard.cli.trash import experiment_id_of
from runyard.errors import InvalidParameter, NotFound
from runyard.protocol.messages.evaluation_datasets import WireEvaluationDataset
from runyard.protocol.messages.scorers import WireScorer
from runyard.sdk.evaluation_datasets import EvaluationDatasets

app = App(name="evaluation", help="List, show and delete evaluation datasets and their records.")
scorer_app = App(name="scorer", help="List, show and delete what judges traces.")

Dataset = Annotated[str, Parameter(help="The dataset's name, or its id.")]
Experiment = Annotated[str, Parameter(help="Name or id of the experiment.")]
Scorer = Annotated[str, Parameter(help="The scorer's name.")]


@app.command(name="list")
def list_datasets(
    *,
    experiment: Annotated[
        str | None,
        Parameter(name=["--experiment", "-e"], help="Only those linked to this one, by name or id."),
    ] = None,
    filter: Annotated[str | None, Parameter(help="Conditions, as \"name LIKE 'capital%'\".")] = None,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List evaluation datasets, the last made first."""
    workspace = place.open()
    ids = [] if experiment is None else [experiment_id_of(workspace, experiment)]
    found = list(workspace.evaluation_datasets.search(ids, filter))
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("ID", "NAME", "RECORDS", "CHANGED", "TAGS"),
        (
            (
                each.dataset_id,
                each.name,
                str(_record_count(each)),
                time_text(each.last_update_time),
                " ".join(f"{key}={value}" for key, value in sorted(json_text.loads(each.tags).items())),
            )
            for each in found
        ),
    )


@app.command
def show(dataset: Dataset, *, place: Place = HERE, json: Json = False) -> None:
    """Show an evaluation dataset with its records."""
    datasets = place.open().evaluation_datasets
    found = _found(datasets, dataset)
    records = list(datasets.list_records(found.dataset_id))
    if json:
        print_json({"dataset": msgspec.to_builtins(found), "records": records})
        return
    print_pairs(
        {
            "Name": found.name,
            "Id": found.dataset_id,
            "Digest": found.digest,
            "Changed": time_text(found.last_update_time),
            "Made by": found.created_by or "-",
        }
    )
    say()
    print_table(
        ("RECORD", "INPUTS", "EXPECTATIONS"),
        (
            (each["dataset_record_id"], _short(each.get("inputs")), _short(each.get("expectations")))
            for each in records
        ),
    )


@app.command
def delete(dataset: Dataset, *, place: Place = HERE, json: Json = False) -> None:
    """Delete an evaluation dataset with its records. There is no way back."""
    datasets = place.open().evaluation_datasets
    found = _found(datasets, dataset)
    datasets.delete(found.dataset_id)
    if json:
        print_json({"dataset_id": found.dataset_id, "name": found.name})
    else:
        say(f"{found.name} deleted")


@app.command(name="delete-records")
def delete_records(
    dataset: Dataset,
    *record_id: Annotated[str, Parameter(help="The record's id, as `evaluation show` prints it.")],
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Delete records of an evaluation dataset. There is no way back."""
    if not record_id:
        raise InvalidParameter("Name the records by their ids, as `runyard evaluation show` prints them.")
    datasets = place.open().evaluation_datasets
    deleted = datasets.delete_records(_found(datasets, dataset).dataset_id, record_id)
    if json:
        print_json({"deleted": deleted})
    else:
        say(f"{count_text(deleted, 'record')} deleted")


@scorer_app.command(name="list")
def list_scorers(experiment: Experiment, *, place: Place = HERE, json: Json = False) -> None:
    """List the scorers of an experiment, each in its last version."""
    workspace = place.open()
    _print_scorers(workspace.scorers.list(experiment_id_of(workspace, experiment)), json)


@scorer_app.command(name="show")
def show_scorer(experiment: Experiment, name: Scorer, *, place: Place = HERE, json: Json = False) -> None:
    """List all versions of a scorer; with --json with what each is made of."""
    workspace = place.open()
    _print_scorers(workspace.scorers.versions(experiment_id_of(workspace, experiment), name), json)


@scorer_app.command(name="delete")
def delete_scorer(
    experiment: Experiment,
    name: Scorer,
    *,
    version: Annotated[
        int | None, Parameter(name=["--version", "-v"], help="Only this version; by default all.")
    ] = None,
    place: Place = HERE,
) -> None:
    """Delete a scorer, or a version of it. There is no way back."""
    workspace = place.open()
    workspace.scorers.delete(experiment_id_of(workspace, experiment), name, version)
    say(f"{name} deleted" if version is None else f"{name} version {version} deleted")


def _found(datasets: EvaluationDatasets, text: str) -> WireEvaluationDataset:
    """Return a dataset by its name, or else by its id."""
    named = next((each for each in datasets.search() if each.name == text), None)
    if named is not None:
        return named
    try:
        return datasets.get(text)
    except NotFound:
        raise NotFound(f"There is no evaluation dataset {text!r}, by name or by id.") from None


def _print_scorers(found: list[WireScorer], json: bool) -> None:
    if json:
        print_json(msgspec.to_builtins(found))
        return
    print_table(
        ("NAME", "VERSION", "REGISTERED", "ID"),
        (
            (each.scorer_name, str(each.scorer_version), time_text(each.creation_time), each.scorer_id)
            for each in found
        ),
    )


def _record_count(dataset: WireEvaluationDataset) -> int:
    return int(json_text.loads(dataset.profile)["num_records"]) if dataset.profile else 0


def _short(value: Any) -> str:
    return "-" if value is None else json_text.dumps(value, ensure_ascii=False)[:80]

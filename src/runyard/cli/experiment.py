"""`runyard experiment`: what experiments a workspace has."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import print_json, print_table, time_text
from runyard.sdk.experiment import Experiment

app = App(name="experiment", help="List experiments.")


@app.command(name="list")
def list_experiments(
    *,
    deleted: Annotated[bool, Parameter(help="Those in the trash instead.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List the experiments of a workspace, the newest first."""
    found = Experiment.list(place.open(), view_type="ArchivedOnly" if deleted else "ActiveOnly")
    if json:
        print_json([_described(experiment) for experiment in found])
        return
    print_table(
        ("ID", "NAME", "CREATED", "TAGS"),
        (
            (
                experiment.id,
                experiment.name,
                time_text(experiment.created_ms),
                ", ".join(f"{key}={value}" for key, value in _own_tags(experiment).items()),
            )
            for experiment in found
        ),
    )


def _own_tags(experiment: Experiment) -> dict[str, str]:
    return {key: value for key, value in experiment.tags.items() if not key.startswith("mlflow.")}


def _described(experiment: Experiment) -> dict[str, object]:
    return {
        "experiment_id": experiment.id,
        "name": experiment.name,
        "created_ms": experiment.created_ms,
        "is_active": experiment.is_active,
        "tags": experiment.tags,
        "url": experiment.get_portal_url(),
    }

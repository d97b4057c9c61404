"""`runyard run compare`: what runs were given and came to, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from cyclopts import Parameter

from runyard.cli.options import HERE, Json, Place, RunId
from runyard.cli.printing import duration_text, number_text, print_json, print_table
from runyard.errors import InvalidParameter
from runyard.sdk.run import Run


def compare_runs(
    *run_id: RunId,
    only_what_differs: Annotated[bool, Parameter(help="Leave out what all of them have alike.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Show params, latest metrics and tags of runs side by side, a run in each column."""
    if len(run_id) < 2:
        raise InvalidParameter("Name at least two runs by their ids.")
    workspace = place.open()
    runs = [workspace.get_run(each) for each in run_id]
    parts = {
        "params": _rows(runs, lambda run: run.params),
        "metrics": _rows(runs, lambda run: run.latest_metrics),
        "tags": _rows(runs, lambda run: _own(run.tags)),
    }
    if only_what_differs:
        parts = {
            kind: {key: values for key, values in rows.items() if any(each != values[0] for each in values)}
            for kind, rows in parts.items()
        }
    if json:
        print_json({"run_ids": [run.id for run in runs], **parts})
        return
    print_table(
        ("", *(run.display_name for run in runs)),
        [
            ("run id", *(run.id for run in runs)),
            ("status", *(run.status for run in runs)),
            ("duration", *(duration_text(run.started_ms, run.ended_ms) for run in runs)),
            *(
                (f"{kind[:-1]} {key}", *map(_text, values))
                for kind, rows in parts.items()
                for key, values in rows.items()
            ),
        ],
    )


def _rows(
    runs: Sequence[Run], of: Callable[[Run], Mapping[str, str | float]]
) -> dict[str, list[str | float | None]]:
    """Return what each run has for each key that one of them has; None for what it has not."""
    found = [of(run) for run in runs]
    return {key: [each.get(key) for each in found] for key in sorted({key for each in found for key in each})}


def _own(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith("mlflow.")}


def _text(value: str | float | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else number_text(value)

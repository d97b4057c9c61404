"""`runyard run`: running scripts, looking at runs, bringing their files here, and the trash."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from runyard.cli.options import HERE, Json, Place, RunId
from runyard.cli.printing import (
    count_text,
    duration_text,
    number_text,
    print_json,
    print_pairs,
    print_parts,
    print_table,
    say,
    time_text,
)
from runyard.cli.run_comparing import compare_runs
from runyard.cli.run_following import open_run, rename_run, tag_run, tail_run
from runyard.cli.script import run_script
from runyard.cli.sparkline import sparkline
from runyard.entities.experiment import View
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.metric_values import MetricSummary, summarize_metrics
from runyard.sdk.run import Run
from runyard.sdk.run_search import NEWEST_FIRST
from runyard.sdk.workspace import Workspace
from runyard.sdk.workspace_runs import find_runs

app = App(name="run", help="Run scripts; list, show, compare, follow, tag, download and delete runs.")
app.default(run_script)
app.command(tail_run, name="tail")
app.command(open_run, name="open")
app.command(tag_run, name="tag")
app.command(rename_run, name="rename")
app.command(compare_runs, name="compare")

SPARKLINE_WIDTH = 40
METRICS_IN_A_LIST = 4
WORKING_FOLDER = Path()

OfExperiment = Annotated[
    str | None,
    Parameter(name=["--experiment", "-e"], help="In place of ids, the name of the runs' experiment."),
]
Filter = Annotated[str | None, Parameter(help="Only those runs of the experiment, as 'metrics.rmse > 60'.")]
DryRun = Annotated[bool, Parameter(help="Only say which runs.")]


@app.command(name="list")
def list_runs(
    *,
    experiment: Annotated[
        str | None, Parameter(name=["--experiment", "-e"], help="Name of the experiment; by default all.")
    ] = None,
    filter: Annotated[
        str, Parameter(help="Conditions, as \"metrics.rmse < 60 and params.alpha = '0.1'\".")
    ] = "",
    order_by: Annotated[
        tuple[str, ...], Parameter(help="Order, as 'metrics.rmse ASC'; may be repeated.")
    ] = (),
    max: Annotated[int, Parameter(help="How many at most; by default 50.", validator=Number(gte=1))] = 50,
    deleted: Annotated[bool, Parameter(help="Those in the trash instead.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """List runs, the newest first."""
    workspace = place.open()
    experiments = [workspace.experiments[experiment]] if experiment else list(workspace.experiments.values())
    names = {found.id: found.name for found in experiments}
    runs = itertools.islice(
        find_runs(
            workspace,
            list(names),
            filter_text=filter,
            order_by=order_by or NEWEST_FIRST,
            view=View.DELETED_ONLY if deleted else View.ACTIVE_ONLY,
        ),
        max,
    )
    if json:
        print_json([_described(run) for run in runs])
        return
    print_table(
        ("RUN ID", "NAME", "STATUS", "STARTED", "DURATION", "METRICS", "EXPERIMENT"),
        (
            (
                run.id,
                run.display_name,
                run.status,
                time_text(run.started_ms),
                duration_text(run.started_ms, run.ended_ms),
                _few_metrics(run),
                names[run.experiment_id],
            )
            for run in runs
        ),
    )


@app.command
def show(
    run_id: RunId,
    *,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Show a run: its params, latest metrics, tags and files."""
    run = place.open().get_run(run_id)
    files = run.get_file_names()
    if json:
        print_json({**_described(run), "files": files})
        return
    print_pairs(
        {
            "Run": run.display_name,
            "Id": run.id,
            "Experiment": run.experiment.name,
            "Status": run.status if run.is_active else f"{run.status}, in the trash",
            "Started": time_text(run.started_ms),
            "Duration": duration_text(run.started_ms, run.ended_ms),
            "Studio": run.get_portal_url(),
        }
    )
    metrics = {key: number_text(value) for key, value in sorted(run.latest_metrics.items())}
    print_parts({"Params": run.params, "Metrics": metrics, "Tags": run.tags}, files)


@app.command
def metrics(
    run_id: RunId,
    key: Annotated[str | None, Parameter(help="Show each point of this metric.")] = None,
    *,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Show a run's metrics with their course, or all points of one of them."""
    workspace = place.open()
    run = workspace.get_run(run_id)
    if key is not None:
        _show_points(workspace, run, key, as_json=json)
        return
    keys = sorted(run.latest_metrics)
    summaries = summarize_metrics(workspace.connection, run.id, keys, SPARKLINE_WIDTH)
    if json:
        print_json([_summary(summary, run.latest_metrics[summary.key]) for summary in summaries])
        return
    print_table(
        ("METRIC", "LAST", "COURSE", "LOWEST", "HIGHEST", "POINTS"),
        (
            (
                summary.key,
                number_text(run.latest_metrics[summary.key]),
                sparkline(summary.course, SPARKLINE_WIDTH),
                number_text(summary.lowest),
                number_text(summary.highest),
                str(summary.point_count),
            )
            for summary in summaries
        ),
    )


@app.command
def download(
    run_id: RunId,
    path: Annotated[str | None, Parameter(help="A file or a folder of the run; by default all.")] = None,
    *,
    to: Annotated[
        Path, Parameter(help="Folder to put the files into; by default the working one.")
    ] = WORKING_FOLDER,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Bring files of a run to this machine."""
    run = place.open().get_run(run_id)
    wanted = (path or "").strip("/")
    names = [
        name for name in run.get_file_names() if not wanted or name == wanted or name.startswith(f"{wanted}/")
    ]
    if not names:
        raise NotFound(
            f"Run {run.id!r} has no file {wanted!r}." if wanted else f"Run {run.id!r} has no files."
        )
    if names == [wanted]:
        to.mkdir(parents=True, exist_ok=True)
        run.download_file(wanted, to)
        written = [to / wanted.rpartition("/")[2]]
    else:
        run.download_files(wanted or None, to)
        written = [to / name for name in names]
    if json:
        print_json([str(target) for target in written])
    else:
        say(f"{count_text(len(written), 'file')} in {to.absolute()}")


@app.command
def delete(
    *run_id: RunId,
    experiment: OfExperiment = None,
    filter: Filter = None,
    dry_run: DryRun = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Move runs to the trash, from where `runyard run restore` brings them back."""
    workspace = place.open()
    if experiment is None and not dry_run:
        _each(workspace, _named(run_id), Run.delete, "moved to the trash", as_json=json)
        return
    ids = [workspace.experiments[experiment].id] if experiment else []
    found = workspace.trash.delete_runs(run_id, experiment_ids=ids, filter_text=filter, dry_run=dry_run)
    _said(found, "would be moved to the trash" if dry_run else "moved to the trash", as_json=json)


@app.command
def restore(
    *run_id: RunId,
    experiment: OfExperiment = None,
    filter: Filter = None,
    dry_run: DryRun = False,
    place: Place = HERE,
    json: Json = False,
) -> None:
    """Bring runs back from the trash."""
    workspace = place.open()
    if experiment is None and not dry_run:
        _each(workspace, _named(run_id), Run.restore, "restored", as_json=json)
        return
    ids = [workspace.experiments[experiment].id] if experiment else []
    found = workspace.trash.restore_runs(run_id, experiment_ids=ids, filter_text=filter, dry_run=dry_run)
    _said(found, "would be restored" if dry_run else "restored", as_json=json)


def _named(run_ids: tuple[str, ...]) -> tuple[str, ...]:
    if not run_ids:
        raise InvalidParameter(
            "Name the runs by their ids, or give --experiment NAME, with a --filter or not."
        )
    return run_ids


def _said(run_ids: list[str], done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(run_ids)
        return
    for run_id in run_ids:
        say(run_id)
    say(f"{count_text(len(run_ids), 'run')} {done}")


def _each(
    workspace: Workspace, run_ids: tuple[str, ...], act: Callable[[Run], None], done: str, *, as_json: bool
) -> None:
    acted = []
    for run_id in run_ids:
        run = workspace.get_run(run_id)
        act(run)
        acted.append(run)
        if not as_json:
            say(f"{run.id} ({run.display_name}) {done}")
    if as_json:
        print_json([{"run_id": run.id, "is_active": run.is_active} for run in acted])


def _show_points(workspace: Workspace, run: Run, key: str, *, as_json: bool) -> None:
    points = run.get_metric_points(key)
    if not len(points):
        raise NotFound(
            f"Run {run.id!r} has no metric {key!r}. It has: {', '.join(run.latest_metrics) or 'none'}."
        )
    rows = zip(points.steps, points.timestamps_ms, points.values, strict=True)
    if as_json:
        print_json([{"step": step, "timestamp_ms": time_ms, "value": value} for step, time_ms, value in rows])
        return
    if sys.stdout.isatty():
        say(sparkline(points.values, 2 * SPARKLINE_WIDTH))
    print_table(
        ("STEP", "TIME", "VALUE"),
        ((str(step), time_text(time_ms), number_text(value)) for step, time_ms, value in rows),
    )


def _few_metrics(run: Run) -> str:
    shown = [f"{key}={number_text(value)}" for key, value in sorted(run.latest_metrics.items())]
    more = len(shown) - METRICS_IN_A_LIST
    return " ".join(shown[:METRICS_IN_A_LIST]) + (f" and {more} more" if more > 0 else "")


def _described(run: Run) -> dict[str, object]:
    return {
        "run_id": run.id,
        "name": run.display_name,
        "experiment_id": run.experiment_id,
        "status": run.status,
        "is_active": run.is_active,
        "started_ms": run.started_ms,
        "ended_ms": run.ended_ms,
        "params": run.params,
        "metrics": run.latest_metrics,
        "tags": run.tags,
        "url": run.get_portal_url(),
    }


def _summary(summary: MetricSummary, last: float) -> dict[str, object]:
    return {
        "key": summary.key,
        "point_count": summary.point_count,
        "last": last,
        "lowest": summary.lowest,
        "highest": summary.highest,
    }

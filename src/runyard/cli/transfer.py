"""`runyard import` and `runyard export`: what was logged elsewhere comes in, what is here goes out."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from runyard.cli.options import HERE, Json, Place
from runyard.cli.printing import bytes_text, note, print_json, print_table, progress_bar, say
from runyard.errors import StorageFull
from runyard.sdk.addresses import without_workspace
from runyard.sdk.transfer.destination import Destination
from runyard.sdk.transfer.exporting import Export
from runyard.sdk.transfer.importing import Import, Options, Report
from runyard.sdk.transfer.mlflow_server import MlflowServer
from runyard.sdk.transfer.opening import open_source

SHOWN_PROBLEMS = 20
_ROWS = {
    "experiments": "Experiments",
    "runs": "Runs",
    "deleted_runs": "  of them in the trash",
    "params": "Params",
    "tags": "Tags",
    "points": "Points of metrics",
    "datasets": "Dataset inputs",
    "models": "Logged models",
    "model_metrics": "Metrics of models",
    "registered_models": "Registered models",
    "versions": "Model versions",
    "traces": "Traces",
    "spans": "Spans of traces",
    "assessments": "Assessments of traces",
    "attachments": "Attachments of traces",
    "scorers": "Scorers",
    "scorer_versions": "  their versions",
    "label_schemas": "Label schemas",
    "issues": "Issues",
    "evaluation_datasets": "Evaluation datasets",
    "records": "  their records",
    "files": "Files",
    "file_bytes": "Bytes of files",
}


def import_(
    source: Annotated[
        str,
        Parameter(
            help="An MLflow server's address, the URL of its database (as `sqlite:///mlflow.db`), or its "
            "folder `mlruns`."
        ),
    ],
    *,
    to: Annotated[
        str | None,
        Parameter(help="Address of the server or the workspace, in place of --url and --workspace."),
    ] = None,
    experiment: Annotated[
        tuple[str, ...],
        Parameter(
            name=["--experiment", "-e"],
            help="Only the experiment of this name, without registered models; may be repeated.",
        ),
    ] = (),
    prefix: Annotated[str, Parameter(help="What the names of experiments begin with here.")] = "",
    artifacts: Annotated[
        tuple[Path, ...],
        Parameter(
            help="A folder in which files of the runs may be read, besides `mlruns` itself or the folder of "
            "the SQLite file; may be repeated."
        ),
    ] = (),
    source_workspace: Annotated[
        str, Parameter(help="Which workspace of a database of MLflow 3 to read.")
    ] = "default",
    source_name: Annotated[
        str | None,
        Parameter(help="What an earlier import called this source, if it has another address by now."),
    ] = None,
    dry_run: Annotated[bool, Parameter(help="Only read, and say what would be imported.")] = False,
    place: Place = HERE,
    json: Json = False,
) -> int:
    """Take over what MLflow keeps: experiments, runs, metrics, files, models, traces, evaluation datasets.

    It may be stopped at any time; called again it goes on where it was, and nothing comes twice. At the end
    both sides are counted. You must be an owner of the workspace.
    """
    workspace = _placed(place, to).open()
    opened = open_source(source, artifacts, source_workspace)
    options = Options(experiment, prefix, dry_run)
    with contextlib.closing(opened), progress_bar() as told:
        destination = Destination(workspace.connection, source_name or opened.name)
        try:
            report = Import(opened, destination, options, told).run()
        except StorageFull as error:
            raise StorageFull(f"{error} Make room, then give the same command again: it goes on.") from error
    if json:
        print_json({**asdict(report), "is_complete": report.is_complete})
    else:
        _print(report)
    return 0 if report.is_complete else 1


def export(
    folder: Annotated[Path, Parameter(help="A folder that is not there yet.")],
    *,
    experiment: Annotated[str, Parameter(name=["--experiment", "-e"], help="The experiment's name.")],
    place: Place = HERE,
    json: Json = False,
) -> int:
    """Write an experiment down: its runs as Parquet, traces and evaluation as JSON, files as they are.

    `runyard import FOLDER` reads it back, into this or another workspace. The same content is written as the
    same bytes.
    """
    workspace = place.open()
    opened = MlflowServer(workspace.tracking_uri)
    deleted_ms = {item.id: item.deleted_ms for item in workspace.trash.list_items()}
    with contextlib.closing(opened), progress_bar() as told:
        exported = Export(opened, folder, deleted_ms, told).run(experiment)
    counts = asdict(exported.counts)
    if json:
        print_json({"folder": str(exported.folder), "counts": counts, "problems": list(exported.problems)})
    else:
        rows = [(title, str(counts[name])) for name, title in _ROWS.items()]
        print_table(("", exported.folder.name), rows)
        _print_problems(exported.problems)
    return 1 if exported.problems else 0


def _placed(place: Place, to: str | None) -> Place:
    if to is None:
        return place
    server = without_workspace(to)
    named = to.rstrip("/")[len(server) :].rpartition("/")[2]
    return replace(place, url=server, workspace=named or place.workspace)


def _print(report: Report) -> None:
    read, kept = asdict(report.read), asdict(report.kept)
    if report.is_dry_run:
        say(f"From {report.source} would come:")
        rows = [(title, str(read[name])) for name, title in _ROWS.items()]
        print_table(("", "SOURCE"), rows)
        return _print_remarks(report)
    say(f"From {report.source}:")
    print_table(
        ("", "SOURCE", "HERE", ""),
        [
            (title, str(read[name]), str(kept[name]), "" if read[name] == kept[name] else "differs")
            for name, title in _ROWS.items()
        ],
    )
    return _print_remarks(report)


def _print_remarks(report: Report) -> None:
    if report.earlier_runs:
        say(f"{report.earlier_runs} runs had come before.")
    if report.open_runs:
        say(f"{report.open_runs} runs are still running there; import again when they have ended.")
    if report.open_traces:
        say(f"{report.open_traces} traces still go on there; import again when they have ended.")
    if report.remote_owners:
        say(
            f"Files of {report.remote_owners} runs, models and traces stay in the remote store that has them."
        )
    _print_problems(report.problems)
    if not report.is_dry_run:
        size = bytes_text(report.kept.file_bytes)
        say(
            f"All of it is here, {size} of files with it." if report.is_complete else "Not all of it is here."
        )


def _print_problems(problems: Sequence[str]) -> None:
    for problem in problems[:SHOWN_PROBLEMS]:
        note(problem)
    if len(problems) > SHOWN_PROBLEMS:
        note(f"… and {len(problems) - SHOWN_PROBLEMS} more; --json tells all.")

"""`runyard usage`: how much workspaces hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from cyclopts import Parameter

from runyard.cli.options import THIS_SERVER, Json, Server
from runyard.cli.printing import bytes_text, print_json, print_pairs, print_table, say, time_text
from runyard.protocol.messages.usage import UsageAnswer, WireExperimentUsage, WireWorkspaceUsage
from runyard.sdk.usage import server_usage
from runyard.sdk.workspace import Workspace

OneWorkspace = Annotated[
    str | None,
    Parameter(name=["--workspace", "-w"], help="Only this one, in more detail; all need an administrator."),
]


def usage(*, workspace: OneWorkspace = None, server: Server = THIS_SERVER, json: Json = False) -> None:
    """Show how much each workspace holds, and which experiments are the largest."""
    address = server.address()
    read = server_usage(address) if workspace is None else Workspace.get(workspace, url=address).usage()
    if json:
        print_json(msgspec.to_builtins(read))
    elif workspace is None:
        _print_all(read)
    else:
        _print_one(read.workspaces[0])
        _print_largest(read)


def _print_all(read: UsageAnswer) -> None:
    print_table(
        (
            "WORKSPACE",
            "RUNS",
            "ARTIFACTS",
            "POINTS",
            "EXPERIMENTS",
            "MODELS",
            "REGISTRY",
            "TRACES",
            "IN TRASH",
            "ACTIVE",
            "MEASURED",
        ),
        (
            (
                each.workspace,
                _count(each.runs),
                bytes_text(each.artifact_bytes),
                _count(each.metric_points),
                _count(each.experiments),
                f"{_count(each.logged_models)}, {bytes_text(each.logged_model_bytes)}",
                f"{_count(each.model_versions)}, {bytes_text(each.registered_bytes)}",
                f"{_count(each.traces)}, {bytes_text(_of_traces(each))}",
                f"{_count(each.deleted_runs)} runs, {bytes_text(each.deleted_artifact_bytes)}",
                time_text(each.last_activity_ms),
                time_text(each.measured_ms),
            )
            for each in read.workspaces
        ),
    )
    _print_largest(read)


def _print_one(use: WireWorkspaceUsage) -> None:
    statuses = ", ".join(
        f"{_count(count)} {name.lower()}" for name, count in sorted(use.runs_by_status.items())
    )
    print_pairs(
        {
            "Workspace": use.workspace,
            "Experiments": f"{_count(use.experiments)}, and {_count(use.deleted_experiments)} in the trash",
            "Runs": _count(use.runs) + (f" ({statuses})" if statuses else ""),
            "Runs in the trash": _count(use.deleted_runs),
            "Logged models": f"{_count(use.logged_models)}, "
            f"and {_count(use.deleted_logged_models)} in the trash",
            "Registered models": _with_versions(use.registered_models, use.model_versions),
            "Prompts": _with_versions(use.prompts, use.prompt_versions),
            "Traces": f"{_count(use.traces)}, with {bytes_text(use.trace_database_bytes)} in the database",
            "Evaluation datasets": f"{_count(use.evaluation_datasets)} "
            f"with {_count(use.dataset_records)} records",
            "Metric points": _count(use.metric_points),
            "Artifacts": _files(use.artifact_bytes, use.artifact_files),
            "Of them in the trash": _files(use.deleted_artifact_bytes, use.deleted_artifact_files),
            "Of logged models": _files(use.logged_model_bytes, use.logged_model_files),
            "Of registered models": _files(use.registered_bytes, use.registered_files),
            "Of traces": _files(use.trace_file_bytes, use.trace_files),
            "Last activity": time_text(use.last_activity_ms),
            "Measured": time_text(use.measured_ms),
        }
    )


def _print_largest(read: UsageAnswer) -> None:
    for title, experiments in (("by bytes", read.most_bytes), ("by runs", read.most_runs)):
        if experiments:
            say()
            say(f"The largest experiments {title}:")
            _print_experiments(experiments)


def _print_experiments(experiments: Sequence[WireExperimentUsage]) -> None:
    print_table(
        ("NAME", "ID", "ARTIFACTS", "FILES", "RUNS", "WORKSPACE"),
        (
            (
                each.name + (" (in the trash)" if each.is_deleted else ""),
                each.experiment_id,
                bytes_text(each.artifact_bytes),
                _count(each.artifact_files),
                _count(each.runs),
                each.workspace,
            )
            for each in experiments
        ),
    )


def _with_versions(number: int, versions: int) -> str:
    return f"{_count(number)} with {_count(versions)} versions"


def _files(size_bytes: int, files: int) -> str:
    return f"{bytes_text(size_bytes)} in {_count(files)} files"


def _of_traces(use: WireWorkspaceUsage) -> int:
    return use.trace_database_bytes + use.trace_file_bytes


def _count(number: int) -> str:
    return f"{number:,}"

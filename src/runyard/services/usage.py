"""How much workspaces hold: counted when somebody asks, measured beforehand where that takes long."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runyard.auth.permissions import Permission
from runyard.entities.usage import ContentUse, ExperimentUse, MeasuredUse
from runyard.errors import NotFound
from runyard.services.artifact_measuring import measure_artifacts
from runyard.services.call import Call
from runyard.stores.opening import Stores

LARGEST = 20
MEASURED_EVERY_MS = 15 * 60 * 1000
MEASURED_WITHIN_MS = 10 * 60 * 1000
TRACES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class WorkspaceUsage:
    """What one workspace holds."""

    workspace: str
    content: ContentUse
    measured: MeasuredUse


@dataclass(frozen=True, slots=True)
class Usage:
    """What some workspaces hold, and the largest of their experiments."""

    workspaces: Sequence[WorkspaceUsage]
    most_runs: Sequence[ExperimentUse]
    most_bytes: Sequence[ExperimentUse]


def read_usage(call: Call) -> Usage:
    """Return what every workspace of the server holds."""
    return _read(call.stores, [each.name for each in call.stores.metadata.workspaces.list_workspaces()])


def read_workspace_usage(call: Call, name: str) -> Usage:
    """Return what one workspace holds.

    Raises:
        NotFound: The caller may read no workspace of that name.
    """
    if call.caller is None or not call.caller.may(Permission.READ, name):
        raise NotFound(f"Workspace '{name}' not found")
    call.stores.metadata.workspaces.get_workspace(name)
    return _read(call.stores, [name])


def _read(stores: Stores, names: Sequence[str]) -> Usage:
    usage = stores.metadata.usage
    with stores.database.reading_together():
        contents, measured = usage.count_contents(names), usage.read_measured(names)
        return Usage(
            workspaces=[WorkspaceUsage(name, contents[name], measured[name]) for name in names],
            most_runs=usage.rank_by_runs(names, LARGEST),
            most_bytes=usage.rank_by_bytes(names, LARGEST),
        )


def measure_due(stores: Stores, now_ms: Callable[[], int], rest: Callable[[float], None]) -> int:
    """Measure the workspaces that are due and that no other server measures; return how many.

    Args:
        stores: What the server remembers.
        now_ms: Tells milliseconds since the epoch.
        rest: Called now and then with the seconds that were worked.

    Raises:
        Unavailable: The store can't be reached; whoever calls again goes on with the next workspace.
    """
    names = [workspace.name for workspace in stores.metadata.workspaces.list_workspaces()]
    before_ms = now_ms() - MEASURED_EVERY_MS
    known = stores.metadata.usage.read_measured(names)
    due = [name for name in names if (known[name].measured_ms or 0) <= before_ms]
    return sum(_measure_if_due(stores, name, now_ms(), rest) for name in due)


def _measure_if_due(stores: Stores, workspace: str, now_ms: int, rest: Callable[[float], None]) -> bool:
    usage = stores.metadata.usage
    is_ours = stores.database.retrying(
        lambda: usage.claim_measuring(workspace, now_ms, MEASURED_EVERY_MS, MEASURED_WITHIN_MS)
    )
    if not is_ours:
        return False
    found = measure_artifacts(stores.artifacts, workspace, usage.find_owners(workspace), rest)
    trace_database_bytes = _measure_traces(stores, workspace, rest)
    measured = MeasuredUse(
        metric_points=usage.count_points(workspace),
        artifact_files=found.total.files,
        artifact_bytes=found.total.size_bytes,
        deleted_files=found.deleted.files,
        deleted_bytes=found.deleted.size_bytes,
        logged_model_files=found.logged_models.files,
        logged_model_bytes=found.logged_models.size_bytes,
        registered_files=found.registered.files,
        registered_bytes=found.registered.size_bytes,
        trace_files=found.traces.files,
        trace_file_bytes=found.traces.size_bytes,
        trace_database_bytes=trace_database_bytes,
        measured_ms=now_ms,
    )
    stores.database.retrying(lambda: usage.keep_measured(workspace, measured, found.experiments))
    return True


def _measure_traces(stores: Stores, workspace: str, rest: Callable[[float], None]) -> int:
    size_bytes = 0
    began_s = time.monotonic()
    for part_bytes in stores.metadata.usage.measure_traces(workspace, TRACES_AT_ONCE):
        size_bytes += part_bytes
        rest(time.monotonic() - began_s)
        began_s = time.monotonic()
    return size_bytes

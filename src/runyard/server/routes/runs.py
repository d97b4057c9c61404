"""MLflow's routes about runs: life cycle and search."""

from __future__ import annotations

from msgspec import UNSET

from runyard.auth.permissions import Permission
from runyard.protocol.messages.common import Empty, mapping
from runyard.protocol.messages.prompt_lab import CreatePromptLabRun
from runyard.protocol.messages.runs import (
    CreateRun,
    RunAnswer,
    RunId,
    RunInfoAnswer,
    SearchDatasets,
    SearchDatasetsAnswer,
    SearchRuns,
    SearchRunsAnswer,
    UpdateRun,
    WireDatasetSummary,
    run_status,
    wire_run,
    wire_run_info,
)
from runyard.server.routing import Routes
from runyard.services import prompt_lab, reach, runs
from runyard.services.call import Call

routes = Routes()
_BASE = "/api/2.0/mlflow/runs"


@routes.post(
    f"{_BASE}/create",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    for_jobs=True,
    summary="Begin a run; with a `run_id` of the client's own (32 hex digits) once, however often sent.",
    commits_together=True,
)
def create_run(call: Call, body: CreateRun) -> RunAnswer:
    """Begin a run."""
    new = runs.NewRun(
        experiment_id=body.experiment_id,
        name=body.run_name,
        user_id=body.user_id,
        started_ms=body.start_time,
        tags=mapping(body.tags),
        run_id=body.run_id or None,
    )
    made = runs.create_run(call, new)
    return RunAnswer(run=wire_run(made.run, made.contents))


@routes.post(
    "/ajax-api/2.0/mlflow/runs/create-promptlab-run",
    permits=Permission.CONTRIBUTE,
    of=reach.experiment,
    summary="Keep one try of a prompt, as MLflow's prompt lab made it.",
)
def create_prompt_lab_run(call: Call, body: CreatePromptLabRun) -> RunAnswer:
    """Keep a try of a prompt as a finished run."""
    return RunAnswer(run=prompt_lab.create_prompt_lab_run(call, body))


@routes.get(f"{_BASE}/get", permits=Permission.READ, of=reach.run, summary="Get a run.")
def get_run(call: Call, body: RunId) -> RunAnswer:
    """Answer a run with all that hangs on it."""
    return RunAnswer(run=runs.get_run(call, body.run_id))


@routes.post(
    f"{_BASE}/update",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    summary="Change status, end or name of a run.",
    commits_together=True,
)
def update_run(call: Call, body: UpdateRun) -> RunInfoAnswer:
    """Change the row of a run."""
    run = runs.update_run(call, body.run_id, run_status(body.status), body.end_time, body.run_name)
    return RunInfoAnswer(run_info=wire_run_info(run))


@routes.post(
    f"{_BASE}/delete",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    is_audited=True,
    summary="Move a run to the trash.",
)
def delete_run(call: Call, body: RunId) -> Empty:
    """Move a run to the trash."""
    runs.delete_run(call, body.run_id)
    return Empty()


@routes.post(
    f"{_BASE}/restore",
    permits=Permission.CONTRIBUTE,
    of=reach.run,
    is_audited=True,
    summary="Bring a run back.",
)
def restore_run(call: Call, body: RunId) -> Empty:
    """Bring a run back from the trash."""
    runs.restore_run(call, body.run_id)
    return Empty()


@routes.post(f"{_BASE}/search", permits=Permission.READ, of=reach.searched, summary="Search runs.")
def search_runs(call: Call, body: SearchRuns) -> SearchRunsAnswer:
    """Answer a page of runs."""
    page = runs.search_runs(call, body)
    return SearchRunsAnswer(
        runs=list(page.items) or UNSET,
        next_page_token=page.next_token or UNSET,
    )


@routes.post(
    "/api/2.0/mlflow/experiments/search-datasets",
    "/api/2.0mlflow/experiments/search-datasets",
    permits=Permission.READ,
    of=reach.searched,
    summary="List the datasets that runs of some experiments read.",
)
def search_datasets(call: Call, body: SearchDatasets) -> SearchDatasetsAnswer:
    """Answer datasets; MLflow registers the second address, its pages call the first."""
    found = runs.search_datasets(call, body.experiment_ids)
    return SearchDatasetsAnswer(
        dataset_summaries=[
            WireDatasetSummary(
                experiment_id=summary.experiment_id,
                name=summary.name,
                digest=summary.digest,
                context=summary.context or UNSET,
            )
            for summary in found
        ]
    )

"""MLflow's messages about runs: life cycle, search, inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from runyard.entities.run import (
    Dataset,
    DatasetInput,
    ModelInput,
    ModelOutput,
    Run,
    RunContents,
    RunStatus,
)
from runyard.protocol.messages.common import Int64, KeyValue, Wire, key_values, mapping
from runyard.protocol.messages.metrics import WireMetric, wire_metric
from runyard.protocol.wire import invalid

_STATUSES = {
    "1": RunStatus.RUNNING,
    "2": RunStatus.SCHEDULED,
    "3": RunStatus.FINISHED,
    "4": RunStatus.FAILED,
    "5": RunStatus.KILLED,
    **RunStatus.__members__,
}


class CreateRun(Wire):
    """Body of ``runs/create``; ``run_id`` is Runyard's own field."""

    run_id: str | None = None
    experiment_id: str | None = None
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 | None = None
    tags: list[KeyValue] = []


class RunId(Wire):
    """Body of ``runs/get``, ``delete`` and ``restore``."""

    __wire_aliases__ = {"run_id": "run_uuid"}

    run_id: str


class UpdateRun(Wire):
    """Body of ``runs/update``."""

    __wire_aliases__ = {"run_id": "run_uuid"}

    run_id: str
    status: str | Int64 | None = None
    end_time: Int64 | None = None
    run_name: str | None = None


class SearchRuns(Wire):
    """Body of ``runs/search``."""

    experiment_ids: list[str] = []
    filter: str | None = None
    run_view_type: str | Int64 | None = None
    max_results: Int64 | None = None
    order_by: list[str] = []
    page_token: str | None = None


class WireDataset(Wire, omit_defaults=False):
    """A dataset on the wire."""

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | UnsetType = UNSET
    profile: str | UnsetType = UNSET


class WireDatasetInput(Wire, omit_defaults=False):
    """A dataset that a run read, with the tags of that use."""

    dataset: WireDataset
    tags: list[KeyValue] = []


class WireModelInput(Wire):
    """A logged model that a run read."""

    model_id: str


class WireModelOutput(Wire, omit_defaults=False):
    """A logged model that a run wrote."""

    model_id: str
    step: Int64 = 0


class LogInputs(Wire):
    """Body of ``runs/log-inputs``."""

    run_id: str
    datasets: list[WireDatasetInput] = []
    models: list[WireModelInput] = []


class LogOutputs(Wire):
    """Body of ``runs/outputs``."""

    run_id: str
    models: list[WireModelOutput]


class WireRunInfo(Wire, omit_defaults=False):
    """The row of a run; ``run_uuid`` repeats ``run_id`` for clients before MLflow 1.0."""

    run_id: str
    run_uuid: str
    experiment_id: str
    run_name: str
    user_id: str
    status: str
    artifact_uri: str
    lifecycle_stage: str
    start_time: Int64 | UnsetType = UNSET
    end_time: Int64 | UnsetType = UNSET


class WireRunData(Wire):
    """What was logged to a run: latest metrics, params, tags."""

    metrics: list[WireMetric] = []
    params: list[KeyValue] = []
    tags: list[KeyValue] = []


class WireRunInputs(Wire):
    """What a run read."""

    dataset_inputs: list[WireDatasetInput] = []
    model_inputs: list[WireModelInput] = []


class WireRunOutputs(Wire):
    """What a run wrote."""

    model_outputs: list[WireModelOutput] = []


class WireRun(Wire, omit_defaults=False):
    """A run on the wire."""

    info: WireRunInfo
    data: WireRunData
    inputs: WireRunInputs
    outputs: WireRunOutputs


class RunAnswer(Wire):
    """One run."""

    run: WireRun


class RunInfoAnswer(Wire):
    """The row of one run after an update."""

    run_info: WireRunInfo


class SearchRunsAnswer(Wire):
    """A page of runs."""

    runs: list[WireRun] | UnsetType = UNSET
    next_page_token: str | UnsetType = UNSET


class SearchDatasets(Wire):
    """Body of ``experiments/search-datasets``."""

    experiment_ids: list[str] = []


class WireDatasetSummary(Wire):
    """A dataset that runs of an experiment read, and in which context."""

    experiment_id: str
    name: str
    digest: str
    context: str | UnsetType = UNSET


class SearchDatasetsAnswer(Wire):
    """The datasets that runs of the experiments read."""

    dataset_summaries: list[WireDatasetSummary] = []


def run_status(text: str | int | None) -> RunStatus | None:
    """Return the status that a request names by word or by MLflow's number; None when unset."""
    if text is None:
        return None
    status = _STATUSES.get(str(text))
    if status is not None:
        return status
    raise invalid("status", text, f"Expected one of {', '.join(RunStatus.__members__)}.")


def wire_run_info(run: Run) -> WireRunInfo:
    """Return the row of a run as MLflow writes it."""
    return WireRunInfo(
        run_id=run.run_id,
        run_uuid=run.run_id,
        experiment_id=run.experiment_id,
        run_name=run.name,
        user_id=run.user_id,
        status=run.status.value,
        artifact_uri=run.artifact_uri,
        lifecycle_stage=run.lifecycle_stage.value,
        start_time=UNSET if run.started_ms is None else run.started_ms,
        end_time=UNSET if run.ended_ms is None else run.ended_ms,
    )


def wire_run(run: Run, contents: RunContents) -> WireRun:
    """Return a run with all that hangs on it as MLflow writes it."""
    return WireRun(
        info=wire_run_info(run),
        data=WireRunData(
            metrics=[wire_metric(metric) for metric in contents.metrics],
            params=key_values(contents.params),
            tags=key_values(contents.tags),
        ),
        inputs=WireRunInputs(
            dataset_inputs=[_wire_dataset_input(item) for item in contents.dataset_inputs],
            model_inputs=[WireModelInput(model_id=item.model_id) for item in contents.model_inputs],
        ),
        outputs=WireRunOutputs(
            model_outputs=[
                WireModelOutput(model_id=item.model_id, step=item.step) for item in contents.model_outputs
            ]
        ),
    )


def _wire_dataset_input(item: DatasetInput) -> WireDatasetInput:
    dataset = item.dataset
    return WireDatasetInput(
        dataset=WireDataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema or UNSET,
            profile=dataset.profile or UNSET,
        ),
        tags=key_values(item.tags),
    )


def dataset_inputs(items: Sequence[WireDatasetInput]) -> list[DatasetInput]:
    """Return the datasets of a request as entities."""
    return [
        DatasetInput(
            Dataset(
                name=item.dataset.name,
                digest=item.dataset.digest,
                source_type=item.dataset.source_type,
                source=item.dataset.source,
                schema=item.dataset.schema or None,
                profile=item.dataset.profile or None,
            ),
            mapping(item.tags),
        )
        for item in items
    ]


def model_inputs(items: Sequence[WireModelInput]) -> list[ModelInput]:
    """Return the models that a request says a run read."""
    return [ModelInput(item.model_id) for item in items]


def model_outputs(items: Sequence[WireModelOutput]) -> list[ModelOutput]:
    """Return the models that a request says a run wrote."""
    return [ModelOutput(item.model_id, item.step) for item in items]

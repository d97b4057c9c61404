"""Writing an experiment down in open formats: Parquet, JSON lines, the files as they are, and a manifest."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runyard.entities.run import DatasetInput
from runyard.errors import AlreadyExists, NotFound
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.destination import IMPORT_TAG
from runyard.sdk.transfer.evaluation_lines import EVALUATION, write_evaluation
from runyard.sdk.transfer.records import Counts, SourceExperiment, SourceModel, SourceRun
from runyard.sdk.transfer.source import Source, Unreadable
from runyard.sdk.transfer.tables import POINTS_IN_A_PART, TableWriters
from runyard.sdk.transfer.trace_lines import write_traces

FORMAT = "runyard-export"
VERSION = 1
MANIFEST = "manifest.json"
PROXIED = "mlflow-artifacts:"
# What an import leaves behind is of this server, not of the experiment.
LEFT_OUT_TAGS = frozenset({IMPORT_TAG})


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the folder, how much of each kind, and what the source could not give."""

    folder: Path
    counts: Counts
    problems: Sequence[str] = ()


class Export:
    """Writes one experiment into a folder that appears when all of it is there.

    The same content is the same bytes, wherever and whenever it is written.

    Args:
        source: Where to read.
        folder: A folder that is not there yet.
        deleted_ms: Since when runs are in the trash, by their ids.
        told: Called with what, how much of it is done, and of how much.
    """

    def __init__(
        self,
        source: Source,
        folder: Path,
        deleted_ms: dict[str, int],
        told: Callable[[str, int, int], None] = lambda what, done, total: None,
    ) -> None:
        self._source = source
        self._folder = folder
        self._deleted_ms = deleted_ms
        self._told = told
        self._counts = Counts(experiments=1)

    def run(self, name: str) -> Exported:
        """Write the experiment of that name, active or in the trash.

        Raises:
            AlreadyExists: The folder is there.
            NotFound: There is no such experiment.
        """
        found = [each for each in self._source.experiments() if each.name == name]
        if not found:
            raise NotFound(f"{self._source.name} has no experiment {name!r}.")
        if self._folder.exists():
            raise AlreadyExists(f"{self._folder} is there already; an export makes a folder of its own.")
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{self._folder.name}-", dir=self._folder.parent))
        try:
            self._write(unfinished, found[0])
            unfinished.chmod(0o755)
            unfinished.rename(self._folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return Exported(self._folder, self._counts, self._source.problems)

    def _write(self, folder: Path, experiment: SourceExperiment) -> None:
        tables = TableWriters(folder)
        try:
            for run in self._source.runs(experiment):
                self._keep_run(folder, tables, run)
                self._told("Runs", self._counts.runs, 0)
            for model in self._source.models(experiment):
                self._keep_model(folder, tables, model)
            tables.close()
        finally:
            tables.abandon()
        for counts in write_traces(folder, self._source, experiment):
            self._counts.add(counts)
            self._told("Traces", self._counts.traces, 0)
        for counts in write_evaluation(folder / EVALUATION, self._source, experiment):
            self._counts.add(counts)
            self._told("Records of evaluation datasets", self._counts.records, 0)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "experiment": {
                "name": experiment.name,
                "created_ms": experiment.created_ms,
                "updated_ms": experiment.updated_ms,
                "is_deleted": experiment.is_deleted,
                "tags": _kept_tags(experiment.tags),
            },
            "counts": asdict(self._counts),
        }
        text = json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=True)
        (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")

    def _keep_run(self, folder: Path, tables: TableWriters, run: SourceRun) -> None:
        first = tables.points
        for points in self._source.points(run):
            for point in points:
                tables.add_point(_point_row(run.run_id, point))
        count = tables.points - first
        is_remote = not run.artifact_uri.startswith(PROXIED)
        last = max(first, tables.points - 1)
        row = (run.run_id, run.name, run.user_id, run.status, run.started_ms, run.ended_ms)
        times = (int(run.is_deleted), self._deleted_ms.get(run.run_id) if run.is_deleted else None)
        place = (run.artifact_uri if is_remote else None, first // POINTS_IN_A_PART, last // POINTS_IN_A_PART)
        tables.add("runs", (*row, *times, *place, count))
        tags = _kept_tags(run.tags)
        _keep_pairs(tables, "params", run.run_id, run.params)
        _keep_pairs(tables, "tags", run.run_id, tags)
        for use in run.datasets:
            tables.add("datasets", _dataset_row(run.run_id, use))
        for model_id in run.model_ids:
            tables.add("model_inputs", (run.run_id, model_id))
        for output in run.outputs:
            tables.add("model_outputs", (run.run_id, output.model_id, output.step))
        counts = Counts(runs=1, deleted_runs=int(run.is_deleted), params=len(run.params), tags=len(tags))
        counts.datasets, counts.points = len(run.datasets), count
        self._counts.add(counts)
        if not is_remote:
            self._copy_files(folder / "artifacts" / "runs" / run.run_id, run)

    def _keep_model(self, folder: Path, tables: TableWriters, model: SourceModel) -> None:
        is_remote = not model.artifact_uri.startswith(PROXIED)
        row = (model.model_id, model.name, str(model.status), model.created_ms, model.updated_ms)
        place = (model.model_type, model.source_run_id, model.artifact_uri if is_remote else None)
        tables.add("models", (*row, *place))
        _keep_pairs(tables, "model_params", model.model_id, model.params)
        _keep_pairs(tables, "model_tags", model.model_id, model.tags)
        for each in model.metrics:
            where = (each.run_id, each.dataset_name, each.dataset_digest)
            row_of = (model.model_id, each.key, each.value, each.timestamp_ms, each.step, *where)
            tables.add("model_metrics", row_of)
        self._counts.add(Counts(models=1, model_metrics=len(model.metrics)))
        if not is_remote:
            self._copy_files(folder / "artifacts" / "models" / model.model_id, model)

    def _copy_files(self, folder: Path, owner: SourceRun | SourceModel) -> None:
        for file in self._source.files(owner):
            if not {"", ".", ".."}.isdisjoint(file.path.split("/")):
                raise Unreadable(f"{file.path!r} is no path of an artifact.")
            target = folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with self._source.fetched(owner, file) as local:
                shutil.copyfile(local, target)
            self._counts.add(Counts(files=1, file_bytes=target.stat().st_size))


def _point_row(run_id: str, point: Point) -> tuple[Any, ...]:
    return (run_id, point.key, point.step, point.timestamp, float(point.value))


def _dataset_row(run_id: str, use: DatasetInput) -> tuple[Any, ...]:
    dataset = use.dataset
    row = (run_id, dataset.name, dataset.digest, dataset.source_type, dataset.source)
    tags = json.dumps(dict(use.tags), ensure_ascii=False, sort_keys=True)
    return (*row, dataset.schema, dataset.profile, tags)


def _kept_tags(tags: Any) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key not in LEFT_OUT_TAGS}


def _keep_pairs(tables: TableWriters, table: str, owner: str, pairs: Any) -> None:
    for key in sorted(pairs):
        tables.add(table, (owner, key, pairs[key]))

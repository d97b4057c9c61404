"""A folder of MLflow's file store (``mlruns/``) as a source; it is only read, and no link is followed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.run import Dataset, DatasetInput, ModelOutput
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.local_artifacts import LocalArtifacts
from runyard.sdk.transfer.mlflow_folder_registry import read_registered_models, read_versions
from runyard.sdk.transfer.mlflow_folder_traces import FolderTraces
from runyard.sdk.transfer.mlflow_meta import META, MetaFiles, meta_in, number_of, opened, text_of
from runyard.sdk.transfer.mlflow_values import MODEL_STATUSES, RUN_STATUSES, point
from runyard.sdk.transfer.records import (
    SourceExperiment,
    SourceFile,
    SourceModel,
    SourceRegisteredModel,
    SourceRun,
    SourceTrace,
    SourceVersion,
)
from runyard.sdk.transfer.source import POINTS_AT_ONCE, Source, Unreadable

TRASH = ".trash"
MODELS_EXPERIMENT = "models"  # the file store of registered models lies beside the experiments
MAX_LINE_BYTES = 4096
REMEMBERED_POINTS = 200_000


class MlflowFolder(Source):
    """Reads a file store. What is broken in it is left out and noted.

    Args:
        folder: The folder that MLflow calls its tracking directory.
        artifact_roots: Other folders in which its runs' files lie.

    Raises:
        InvalidParameter: The folder is no file store.
        NotFound: There is no such folder.
    """

    def __init__(self, folder: Path, artifact_roots: Sequence[Path] = ()) -> None:
        self._root = folder.expanduser().absolute()
        super().__init__(f"file://{self._root}")
        self._files = MetaFiles(self.problems)
        if not self._root.is_dir():
            raise NotFound(f"There is no folder {self._root}.")
        self._artifacts = LocalArtifacts([self._root, *artifact_roots], self._root.parent, self.problems)
        self._traces = FolderTraces(self._files, self._artifacts)
        if not self.experiments():
            raise InvalidParameter(
                f"{self._root} is no file store of MLflow's: it has no experiments, folders with a {META}."
            )

    def experiments(self) -> list[SourceExperiment]:
        """See :class:`Source`."""
        found = []
        for parent, is_deleted in ((self._root, False), (self._root / TRASH, True)):
            for folder in self._files.folders(parent, but=(TRASH, MODELS_EXPERIMENT)):
                if (folder / META).exists():
                    found += self._files.noted(
                        lambda folder=folder, gone=is_deleted: self._experiment(folder, gone)
                    )
        return found

    def _experiment(self, folder: Path, is_deleted: bool) -> SourceExperiment:
        meta = meta_in(folder)
        return SourceExperiment(
            source_id=folder.relative_to(self._root).as_posix(),
            name=text_of(meta, "name") or folder.name,
            created_ms=number_of(meta, "creation_time"),
            updated_ms=number_of(meta, "last_update_time"),
            is_deleted=is_deleted or text_of(meta, "lifecycle_stage") == "deleted",
            tags=self._files.values(folder / "tags"),
            artifact_location=text_of(meta, "artifact_location"),
        )

    def count_runs(self, experiment: SourceExperiment) -> int:
        """See :class:`Source`."""
        return sum(1 for _ in self._run_folders(experiment))

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        """See :class:`Source`."""
        for folder in self._run_folders(experiment):
            yield from self._files.noted(lambda folder=folder: self._run(experiment, folder))

    def _run_folders(self, experiment: SourceExperiment) -> Iterator[Path]:
        others = (TRASH, "tags", "datasets", "traces", "models")
        for folder in self._files.folders(self._root / experiment.source_id, but=others):
            if (folder / META).exists():
                yield folder

    def _run(self, experiment: SourceExperiment, folder: Path) -> SourceRun:
        meta = meta_in(folder)
        run_id = text_of(meta, "run_id") or text_of(meta, "run_uuid")
        if run_id != folder.name:
            raise Unreadable(f"{folder / META} is of a run {run_id!r}, not of its folder's.")
        tags = self._files.values(folder / "tags")
        datasets, model_ids = self._inputs(folder)
        return SourceRun(
            run_id=run_id,
            experiment_id=experiment.source_id,
            name=text_of(meta, "run_name") or text_of(meta, "name") or tags.get("mlflow.runName", ""),
            user_id=text_of(meta, "user_id"),
            status=RUN_STATUSES.get(number_of(meta, "status") or 3, "FINISHED"),
            started_ms=number_of(meta, "start_time"),
            ended_ms=number_of(meta, "end_time"),
            is_deleted=text_of(meta, "lifecycle_stage") == "deleted",
            deleted_ms=number_of(meta, "deleted_time"),
            artifact_uri=text_of(meta, "artifact_uri"),
            params=self._files.values(folder / "params"),
            tags=tags,
            datasets=datasets,
            model_ids=model_ids,
            outputs=self._outputs(folder),
            place=str(folder),
        )

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        """See :class:`Source`."""
        batch: list[Point] = []
        for key, path in self._files.files(Path(run.place) / "metrics"):
            for parts in _once(path):
                batch.append(_point(key, parts, path))
                if len(batch) == POINTS_AT_ONCE:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        """See :class:`Source`."""
        for folder in self._files.folders(self._root / experiment.source_id / "models"):
            yield from self._files.noted(lambda folder=folder: self._model(experiment, folder))

    def _model(self, experiment: SourceExperiment, folder: Path) -> SourceModel:
        meta = meta_in(folder)
        metrics = [
            _model_metric(key, parts, path)
            for key, path in self._files.files(folder / "metrics")
            for parts in _once(path)
        ]
        return SourceModel(
            model_id=folder.name,
            experiment_id=experiment.source_id,
            name=text_of(meta, "name"),
            status=MODEL_STATUSES.get(number_of(meta, "status") or 2, "LOGGED_MODEL_READY"),
            created_ms=number_of(meta, "creation_timestamp"),
            updated_ms=number_of(meta, "last_updated_timestamp"),
            is_deleted=text_of(meta, "lifecycle_stage") == "deleted",
            model_type=text_of(meta, "model_type"),
            source_run_id=text_of(meta, "source_run_id"),
            artifact_uri=text_of(meta, "artifact_location") or text_of(meta, "artifact_uri"),
            params=self._files.values(folder / "params"),
            tags=self._files.values(folder / "tags"),
            metrics=metrics,
        )

    def registered_models(self) -> Iterator[SourceRegisteredModel]:
        """See :class:`Source`."""
        return read_registered_models(self._root / MODELS_EXPERIMENT, self._files)

    def versions(self, model: SourceRegisteredModel) -> Iterator[SourceVersion]:
        """See :class:`Source`."""
        return read_versions(self._root / MODELS_EXPERIMENT / model.name, self._files)

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        """See :class:`Source`."""
        return self._traces.traces(self._root / experiment.source_id)

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        """See :class:`Source`."""
        return self._traces.spans(trace)

    @contextlib.contextmanager
    def attachment(self, trace: SourceTrace, attachment_id: str) -> Iterator[Path]:
        """See :class:`Source`."""
        yield self._traces.attachment(trace, attachment_id)

    def remote_location(self, uri: str) -> str | None:
        """See :class:`Source`."""
        return self._artifacts.remote_location(uri)

    def files(self, owner: SourceRun | SourceModel) -> Iterator[SourceFile]:
        """See :class:`Source`."""
        return self._artifacts.files(owner.artifact_uri)

    def _inputs(self, folder: Path) -> tuple[list[DatasetInput], list[str]]:
        datasets, model_ids = [], []
        for each in self._files.folders(folder / "inputs"):
            meta = meta_in(each)
            name = text_of(meta, "source_id")
            if text_of(meta, "source_type") == "MODEL":
                model_ids.append(name)
            elif Path(name).name == name and name not in ("", ".", ".."):
                tags = {str(key): str(value) for key, value in _pairs(meta.get("tags"))}
                datasets.append(DatasetInput(_dataset(folder.parent / "datasets" / name), tags))
        return datasets, model_ids

    def _outputs(self, folder: Path) -> list[ModelOutput]:
        found = []
        for each in self._files.folders(folder / "outputs"):
            meta = meta_in(each)
            found.append(
                ModelOutput(text_of(meta, "destination_id") or each.name, number_of(meta, "step") or 0)
            )
        return found


def _point(key: str, parts: list[str], path: Path) -> Point:
    try:
        step = int(parts[2]) if len(parts) > 2 else 0
        return point(key, float(parts[1]), int(parts[0]), step)
    except (ValueError, IndexError) as error:
        raise Unreadable(f"{path} has a line that is no point: {' '.join(parts)[:100]!r}") from error


def _model_metric(key: str, parts: list[str], path: Path) -> LoggedModelMetric:
    try:
        timestamp_ms, value, step, run_id = int(parts[0]), float(parts[1]), int(parts[2]), parts[3]
    except (ValueError, IndexError) as error:
        raise Unreadable(f"{path} has a line that is no metric: {' '.join(parts)[:100]!r}") from error
    name, digest = parts[4:6] if len(parts) >= 6 else (None, None)
    return LoggedModelMetric(key, value, timestamp_ms, step, run_id, name, digest)


def _once(path: Path) -> Iterator[list[str]]:
    """Yield the words of each line; a line that is there again is left out, as far back as is remembered."""
    seen: set[int] = set()
    with opened(path) as file:
        while line := file.readline(MAX_LINE_BYTES):
            if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                raise Unreadable(f"{path} has a line of more than {MAX_LINE_BYTES} bytes.")
            if not line.strip() or hash(line) in seen:
                continue
            if len(seen) == REMEMBERED_POINTS:
                seen.clear()
            seen.add(hash(line))
            yield line.decode(errors="replace").split()


def _dataset(folder: Path) -> Dataset:
    meta = meta_in(folder)
    return Dataset(
        name=text_of(meta, "name"),
        digest=text_of(meta, "digest"),
        source_type=text_of(meta, "source_type"),
        source=text_of(meta, "source"),
        schema=text_of(meta, "schema") or None,
        profile=text_of(meta, "profile") or None,
    )


def _pairs(value: object) -> Iterable[tuple[object, object]]:
    return value.items() if isinstance(value, dict) else ()

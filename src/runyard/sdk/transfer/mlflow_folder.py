"""A folder of MLflow's file store (``mlruns/``) as a source; it is only read, and no link is followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.run import Dataset, DatasetInput, ModelOutput
from runyard.errors import InvalidParameter, NotFound
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.local_artifacts import LocalArtifacts
from runyard.sdk.transfer.mlflow_values import MODEL_STATUSES, RUN_STATUSES, point
from runyard.sdk.transfer.records import SourceExperiment, SourceFile, SourceModel, SourceRun
from runyard.sdk.transfer.source import POINTS_AT_ONCE, Source, Unreadable

META = "meta.yaml"
TRASH = ".trash"
MODELS_EXPERIMENT = "models"  # the file store of registered models lies beside the experiments
MAX_META_BYTES = 32 * 1024 * 1024
MAX_VALUE_BYTES = 1024 * 1024
MAX_LINE_BYTES = 4096
REMEMBERED_POINTS = 200_000

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        if not self._root.is_dir():
            raise NotFound(f"There is no folder {self._root}.")
        self._artifacts = LocalArtifacts([self._root, *artifact_roots], self._root.parent, self.problems)
        if not self.experiments():
            raise InvalidParameter(
                f"{self._root} is no file store of MLflow's: it has no experiments, folders with a {META}."
            )

    def experiments(self) -> list[SourceExperiment]:
        """See :class:`Source`."""
        found = []
        for parent, is_deleted in ((self._root, False), (self._root / TRASH, True)):
            for folder in self._folders(parent, but=(TRASH, MODELS_EXPERIMENT)):
                if (folder / META).exists():
                    found += self._noted(
                        lambda folder=folder, gone=is_deleted: self._experiment(folder, gone)
                    )
        return found

    def _experiment(self, folder: Path, is_deleted: bool) -> SourceExperiment:
        meta = _meta(folder)
        return SourceExperiment(
            source_id=folder.relative_to(self._root).as_posix(),
            name=_text(meta, "name") or folder.name,
            created_ms=_number(meta, "creation_time"),
            updated_ms=_number(meta, "last_update_time"),
            is_deleted=is_deleted or _text(meta, "lifecycle_stage") == "deleted",
            tags=self._values(folder / "tags"),
            artifact_location=_text(meta, "artifact_location"),
        )

    def count_runs(self, experiment: SourceExperiment) -> int:
        """See :class:`Source`."""
        return sum(1 for _ in self._run_folders(experiment))

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        """See :class:`Source`."""
        for folder in self._run_folders(experiment):
            yield from self._noted(lambda folder=folder: self._run(experiment, folder))

    def _run_folders(self, experiment: SourceExperiment) -> Iterator[Path]:
        others = (TRASH, "tags", "datasets", "traces", "models")
        for folder in self._folders(self._root / experiment.source_id, but=others):
            if (folder / META).exists():
                yield folder

    def _run(self, experiment: SourceExperiment, folder: Path) -> SourceRun:
        meta = _meta(folder)
        run_id = _text(meta, "run_id") or _text(meta, "run_uuid")
        if run_id != folder.name:
            raise Unreadable(f"{folder / META} is of a run {run_id!r}, not of its folder's.")
        tags = self._values(folder / "tags")
        datasets, model_ids = self._inputs(folder)
        return SourceRun(
            run_id=run_id,
            experiment_id=experiment.source_id,
            name=_text(meta, "run_name") or _text(meta, "name") or tags.get("mlflow.runName", ""),
            user_id=_text(meta, "user_id"),
            status=RUN_STATUSES.get(_number(meta, "status") or 3, "FINISHED"),
            started_ms=_number(meta, "start_time"),
            ended_ms=_number(meta, "end_time"),
            is_deleted=_text(meta, "lifecycle_stage") == "deleted",
            deleted_ms=_number(meta, "deleted_time"),
            artifact_uri=_text(meta, "artifact_uri"),
            params=self._values(folder / "params"),
            tags=tags,
            datasets=datasets,
            model_ids=model_ids,
            outputs=self._outputs(folder),
            place=str(folder),
        )

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        """See :class:`Source`."""
        batch: list[Point] = []
        for key, path in self._files(Path(run.place) / "metrics"):
            for parts in _once(path):
                batch.append(_point(key, parts, path))
                if len(batch) == POINTS_AT_ONCE:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        """See :class:`Source`."""
        for folder in self._folders(self._root / experiment.source_id / "models"):
            yield from self._noted(lambda folder=folder: self._model(experiment, folder))

    def _model(self, experiment: SourceExperiment, folder: Path) -> SourceModel:
        meta = _meta(folder)
        metrics = [
            _model_metric(key, parts, path)
            for key, path in self._files(folder / "metrics")
            for parts in _once(path)
        ]
        return SourceModel(
            model_id=folder.name,
            experiment_id=experiment.source_id,
            name=_text(meta, "name"),
            status=MODEL_STATUSES.get(_number(meta, "status") or 2, "LOGGED_MODEL_READY"),
            created_ms=_number(meta, "creation_timestamp"),
            updated_ms=_number(meta, "last_updated_timestamp"),
            is_deleted=_text(meta, "lifecycle_stage") == "deleted",
            model_type=_text(meta, "model_type"),
            source_run_id=_text(meta, "source_run_id"),
            artifact_uri=_text(meta, "artifact_location") or _text(meta, "artifact_uri"),
            params=self._values(folder / "params"),
            tags=self._values(folder / "tags"),
            metrics=metrics,
        )

    def remote_location(self, uri: str) -> str | None:
        """See :class:`Source`."""
        return self._artifacts.remote_location(uri)

    def files(self, owner: SourceRun | SourceModel) -> Iterator[SourceFile]:
        """See :class:`Source`."""
        return self._artifacts.files(owner.artifact_uri)

    def _inputs(self, folder: Path) -> tuple[list[DatasetInput], list[str]]:
        datasets, model_ids = [], []
        for each in self._folders(folder / "inputs"):
            meta = _meta(each)
            name = _text(meta, "source_id")
            if _text(meta, "source_type") == "MODEL":
                model_ids.append(name)
            elif Path(name).name == name and name not in ("", ".", ".."):
                tags = {str(key): str(value) for key, value in _pairs(meta.get("tags"))}
                datasets.append(DatasetInput(_dataset(folder.parent / "datasets" / name), tags))
        return datasets, model_ids

    def _outputs(self, folder: Path) -> list[ModelOutput]:
        found = []
        for each in self._folders(folder / "outputs"):
            meta = _meta(each)
            found.append(ModelOutput(_text(meta, "destination_id") or each.name, _number(meta, "step") or 0))
        return found

    def _values(self, folder: Path) -> dict[str, str]:
        return {key: _read(path, MAX_VALUE_BYTES).decode() for key, path in self._files(folder)}

    def _files(self, folder: Path) -> Iterator[tuple[str, Path]]:
        """Yield the regular files below a folder with the keys that their paths are."""
        for parent, folders, names in os.walk(folder, followlinks=False):
            folders.sort()
            for name in sorted(names):
                path = Path(parent, name)
                if path.is_symlink() or not path.is_file():
                    self.problems.append(f"{path} is a link or no regular file; it is left out.")
                    continue
                yield path.relative_to(folder).as_posix(), path

    def _folders(self, parent: Path, but: Sequence[str] = ()) -> list[Path]:
        if parent.is_symlink() or not parent.is_dir():
            return []
        found = []
        for entry in sorted(os.scandir(parent), key=lambda each: each.name):
            if entry.is_symlink():
                self.problems.append(f"{entry.path} is a link; it is not followed.")
            elif entry.is_dir() and entry.name not in but:
                found.append(Path(entry.path))
        return found

    def _noted(self, read: Any) -> list[Any]:
        try:
            return [read()]
        except (Unreadable, OSError, ValueError) as error:
            self.problems.append(str(error))
            return []


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
    with _opened(path) as file:
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
    meta = _meta(folder)
    return Dataset(
        name=_text(meta, "name"),
        digest=_text(meta, "digest"),
        source_type=_text(meta, "source_type"),
        source=_text(meta, "source"),
        schema=_text(meta, "schema") or None,
        profile=_text(meta, "profile") or None,
    )


def _meta(folder: Path) -> dict[str, Any]:
    path = folder / META
    try:
        content = _Loader(_read(path, MAX_META_BYTES)).get_single_data()
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise Unreadable(f"{path} is no YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(content, dict):
        raise Unreadable(f"{path} is not what MLflow writes.")
    return content


def _text(meta: dict[str, Any], key: str) -> str:
    value = meta.get(key)
    return "" if value is None else str(value)


def _number(meta: dict[str, Any], key: str) -> int | None:
    value = meta.get(key)
    return value if isinstance(value, int) else None


def _pairs(value: object) -> Iterable[tuple[object, object]]:
    return value.items() if isinstance(value, dict) else ()


def _read(path: Path, limit: int) -> bytes:
    with _opened(path) as file:
        content: bytes = file.read(limit + 1)
    if len(content) > limit:
        raise Unreadable(f"{path} is longer than {limit} bytes.")
    return content


def _opened(path: Path) -> Any:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable(f"{path} is no regular file.")
    return os.fdopen(descriptor, "rb")

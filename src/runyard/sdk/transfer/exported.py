"""A folder that `runyard export` wrote, as a source."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from runyard.entities.logged_model import LoggedModelMetric
from runyard.entities.run import Dataset, DatasetInput, ModelOutput
from runyard.errors import InvalidParameter
from runyard.sdk.spool.records import Point
from runyard.sdk.transfer.evaluation_lines import EVALUATION, EvaluationLines
from runyard.sdk.transfer.exporting import FORMAT, MANIFEST, VERSION
from runyard.sdk.transfer.local_artifacts import LocalArtifacts
from runyard.sdk.transfer.mlflow_values import point
from runyard.sdk.transfer.records import (
    SourceExperiment,
    SourceFile,
    SourceModel,
    SourceRun,
    SourceTrace,
)
from runyard.sdk.transfer.source import POINTS_AT_ONCE, Source, Unreadable
from runyard.sdk.transfer.tables import METRICS, PARTS, TABLES, read_table
from runyard.sdk.transfer.trace_lines import TRACES, TraceLines, attachments_folder

MAX_MANIFEST_BYTES = 32 * 1024 * 1024
REMEMBERED_PARTS = 4

Rows = list[tuple[Any, ...]]


class ExportedFolder(Source):
    """Reads an export; its name is made from its content, so that a copy of it is the same source.

    Args:
        folder: What `runyard export` made.

    Raises:
        InvalidParameter: It is no export, or one of another version.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder.absolute()
        content = _manifest_bytes(self._root / MANIFEST)
        self._manifest = _manifest(self._root, content)
        digest = hashlib.sha256(content).hexdigest()[:16]
        super().__init__(f"{FORMAT}:{digest}")
        self._artifacts = LocalArtifacts([self._root / "artifacts"], self._root, self.problems)
        self._traces = TraceLines(self._root / TRACES, self.problems)
        self.evaluation = EvaluationLines(self._root / EVALUATION)
        self._part = lru_cache(REMEMBERED_PARTS)(self._read_part)

    def experiments(self) -> list[SourceExperiment]:
        """See :class:`Source`."""
        described = self._manifest["experiment"]
        return [
            SourceExperiment(
                source_id="0",
                name=described["name"],
                created_ms=described["created_ms"],
                updated_ms=described["updated_ms"],
                is_deleted=described["is_deleted"],
                tags=described["tags"],
            )
        ]

    def count_runs(self, experiment: SourceExperiment) -> int:
        """See :class:`Source`."""
        return int(self._manifest["counts"]["runs"])

    def runs(self, experiment: SourceExperiment) -> Iterator[SourceRun]:
        """See :class:`Source`."""
        names = ("params", "tags", "datasets", "model_inputs", "model_outputs")
        hanging = {name: _Hanging(self._rows(name)) for name in names}
        for row in self._rows("runs"):
            run_id, name, user_id, status, started_ms, ended_ms, is_deleted, deleted_ms, uri, *parts = row
            yield SourceRun(
                run_id=run_id,
                experiment_id=experiment.source_id,
                name=name,
                user_id=user_id,
                status=status,
                started_ms=started_ms,
                ended_ms=ended_ms,
                is_deleted=bool(is_deleted),
                deleted_ms=deleted_ms,
                artifact_uri=uri or f"artifacts/runs/{run_id}",
                params={key: value for _, key, value in hanging["params"].of(run_id)},
                tags={key: value for _, key, value in hanging["tags"].of(run_id)},
                datasets=[_dataset(each) for each in hanging["datasets"].of(run_id)],
                model_ids=[model_id for _, model_id in hanging["model_inputs"].of(run_id)],
                outputs=[ModelOutput(each[1], each[2]) for each in hanging["model_outputs"].of(run_id)],
                place=json.dumps(parts),
            )

    def points(self, run: SourceRun) -> Iterator[list[Point]]:
        """See :class:`Source`."""
        first, last, count = json.loads(run.place)
        for part in range(first, last + 1) if count else ():
            rows = self._part(part).get(run.run_id, [])
            for start in range(0, len(rows), POINTS_AT_ONCE):
                yield [
                    point(key, value, timestamp_ms, step)
                    for _, key, step, timestamp_ms, value in rows[start : start + POINTS_AT_ONCE]
                ]

    def count_points(self, run: SourceRun) -> int:
        """See :class:`Source`."""
        return int(json.loads(run.place)[2])

    def models(self, experiment: SourceExperiment) -> Iterator[SourceModel]:
        """See :class:`Source`."""
        names = ("model_params", "model_tags", "model_metrics")
        hanging = {name: _Hanging(self._rows(name)) for name in names}
        for row in self._rows("models"):
            model_id, name, status, created_ms, updated_ms, model_type, source_run_id, uri = row
            yield SourceModel(
                model_id=model_id,
                experiment_id=experiment.source_id,
                name=name,
                status=status,
                created_ms=created_ms,
                updated_ms=updated_ms,
                model_type=model_type,
                source_run_id=source_run_id,
                artifact_uri=uri or f"artifacts/models/{model_id}",
                params={key: value for _, key, value in hanging["model_params"].of(model_id)},
                tags={key: value for _, key, value in hanging["model_tags"].of(model_id)},
                metrics=[LoggedModelMetric(*each[1:]) for each in hanging["model_metrics"].of(model_id)],
            )

    def traces(self, experiment: SourceExperiment) -> Iterator[SourceTrace]:
        """See :class:`Source`."""
        return self._traces.traces(experiment)

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        """See :class:`Source`."""
        return self._traces.spans(trace)

    @contextlib.contextmanager
    def attachment(self, trace: SourceTrace, attachment_id: str) -> Iterator[Path]:
        """See :class:`Source`."""
        yield self._artifacts.file(attachments_folder(trace.trace.trace_id), attachment_id)

    def remote_location(self, uri: str) -> str | None:
        """See :class:`Source`."""
        return self._artifacts.remote_location(uri)

    def files(self, owner: SourceRun | SourceModel) -> Iterator[SourceFile]:
        """See :class:`Source`."""
        return self._artifacts.files(owner.artifact_uri)

    def _rows(self, name: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from read_table(self._root / f"{name}.parquet", TABLES[name])
        except ValueError as error:
            raise InvalidParameter(str(error)) from error

    def _read_part(self, part: int) -> dict[str, Rows]:
        try:
            rows = read_table(self._root / PARTS / f"{part:06}.parquet", METRICS)
            return {run_id: list(of_run) for run_id, of_run in groupby(rows, key=itemgetter(0))}
        except ValueError as error:
            raise Unreadable(str(error)) from error


class _Hanging:
    """Rows that hang on what is read one after another, in the same order."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._groups = groupby(rows, key=itemgetter(0))
        self._next: tuple[str, Rows] | None = None

    def of(self, owner: str) -> Rows:
        """Return the rows of the next owner, if it is this one."""
        if self._next is None:
            found = next(self._groups, None)
            self._next = None if found is None else (found[0], list(found[1]))
        if self._next is None or self._next[0] != owner:
            return []
        rows, self._next = self._next[1], None
        return rows


def _dataset(row: tuple[Any, ...]) -> DatasetInput:
    _, name, digest, source_type, source, schema, profile, tags = row
    return DatasetInput(Dataset(name, digest, source_type, source, schema, profile), json.loads(tags))


def _manifest_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_MANIFEST_BYTES + 1)
    if len(content) > MAX_MANIFEST_BYTES:
        raise InvalidParameter(f"{path} is longer than {MAX_MANIFEST_BYTES} bytes.")
    return content


def _manifest(root: Path, content: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
        is_export = manifest["format"] == FORMAT
        version = manifest["version"]
        is_whole = {"name", "created_ms", "updated_ms", "is_deleted", "tags"} <= set(manifest["experiment"])
        is_whole = is_whole and isinstance(manifest["counts"]["runs"], int)
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise InvalidParameter(f"{root / MANIFEST} is no manifest of an export: {error!r}") from error
    if not is_export or not is_whole:
        raise InvalidParameter(f"{root} is no export of Runyard's.")
    if version != VERSION:
        raise InvalidParameter(f"{root} has the format version {version!r}; this Runyard reads {VERSION}.")
    return dict(manifest)

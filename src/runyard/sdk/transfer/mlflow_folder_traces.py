"""The traces of a file store of MLflow's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from runyard.decoding import learnt
from runyard.entities.assessment import Assessment
from runyard.entities.trace import ARTIFACTS_TAG, Trace
from runyard.errors import InvalidParameter
from runyard.protocol.messages.assessments import WireAssessment, assessment_in
from runyard.sdk.transfer.local_artifacts import LocalArtifacts
from runyard.sdk.transfer.mlflow_meta import MetaFiles, yaml_in
from runyard.sdk.transfer.mlflow_traces import (
    SPANS_FILE,
    each_sound,
    older_trace,
    prompts_in,
    spans_in_file,
    spans_in_files,
    trace_of_today,
)
from runyard.sdk.transfer.records import SourceTrace
from runyard.sdk.transfer.source import Unreadable
from runyard.sdk.transfer.trace_contents import ATTACHMENTS

INFO = "trace_info.yaml"


class FolderTraces:
    """Reads traces, each from a folder of its own.

    Args:
        files: Reads small files.
        artifacts: Finds the files of traces.
    """

    def __init__(self, files: MetaFiles, artifacts: LocalArtifacts) -> None:
        self._files = files
        self._artifacts = artifacts

    def traces(self, experiment: Path) -> Iterator[SourceTrace]:
        """Yield the traces in the folder of an experiment, by their ids."""
        return each_sound(self._files.problems, self._described(experiment / "traces"))

    def _described(self, parent: Path) -> Iterator[tuple[str, Callable[[], SourceTrace]]]:
        for folder in self._files.folders(parent):
            if (folder / INFO).exists():
                yield folder.name, partial(self._read, folder)

    def _read(self, folder: Path) -> SourceTrace:
        meta = yaml_in(folder / INFO)
        metadata, tags = (self._files.values(folder / name) for name in ("request_metadata", "tags"))
        trace = (
            older_trace(meta, {}, {})
            if "request_id" in meta
            else trace_of_today({key: value for key, value in meta.items() if key != "assessments"})
        )
        if trace.trace_id != folder.name:
            raise Unreadable(f"{folder / INFO} is of a trace {trace.trace_id!r}, not of its folder's.")
        return SourceTrace(
            trace=replace(trace, metadata=metadata, tags=tags, assessments=self._assessments(trace, folder)),
            artifact_uri=tags.get(ARTIFACTS_TAG, ""),
            prompts=prompts_in(tags),
            place=str(folder),
        )

    def _assessments(self, trace: Trace, folder: Path) -> list[Assessment]:
        found = []
        for name, path in self._files.files(folder / "assessments"):
            try:
                sent = msgspec.convert(yaml_in(path), learnt(WireAssessment), strict=False)
            except msgspec.ValidationError as error:
                raise InvalidParameter(f"{name}: {error}") from error
            found.append(assessment_in(sent, trace.trace_id))
        return sorted(found, key=lambda each: (each.created_ms, each.assessment_id))

    def spans(self, trace: SourceTrace) -> Iterator[dict[str, Any]]:
        """Yield the spans of a trace: from beside it, or from where its tag says."""
        own = Path(trace.place) / "artifacts" / SPANS_FILE
        if own.is_file() and not own.is_symlink():
            yield from spans_in_file(own)
        else:
            yield from spans_in_files(self._artifacts, trace)

    def attachment(self, trace: SourceTrace, attachment_id: str) -> Path:
        """Return where a file that is attached to a trace lies: beside it, or where its tag says."""
        own, path = Path(trace.place) / "artifacts", f"{ATTACHMENTS}/{attachment_id}"
        return self._artifacts.file(str(own) if (own / path).is_file() else trace.artifact_uri, path)

"""An evaluation dataset (MLflow 3): records of inputs, and what is expected of them, to judge a model by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

USER_TAG = "mlflow.user"
"""The tag that says who has sent a record or made a dataset, by MLflow's name."""


class SourceType(str, Enum):
    """Where a record comes from (MLflow's ``DatasetRecordSourceType``)."""

    UNSPECIFIED = "UNSPECIFIED"
    TRACE = "TRACE"
    HUMAN = "HUMAN"
    DOCUMENT = "DOCUMENT"
    CODE = "CODE"


@dataclass(frozen=True, slots=True)
class RecordSource:
    """Where a record comes from, with what is known of it."""

    source_type: SourceType
    source_data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def source_id(self) -> str | None:
        """The trace, or whatever else the record was made from."""
        found = self.source_data.get("trace_id" if self.source_type is SourceType.TRACE else "source_id")
        return None if found is None else str(found)


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """One record; inputs, outputs, expectations and tags are plain JSON values.

    Args:
        record_id: The server's own.
        inputs: What the dataset has once.
        created_ms: When it came first, in milliseconds since the epoch.
        updated_ms: When something was merged into it last.
        outputs: What came of the inputs, or ``None``.
        expectations: What should come of them, or ``None``.
        tags: By key.
        source: Where it comes from, if somebody said so.
        created_by: Who sent it first.
        updated_by: Who sent it last.
    """

    record_id: str
    inputs: Mapping[str, Any]
    created_ms: int
    updated_ms: int
    outputs: Any = None
    expectations: Mapping[str, Any] | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    source: RecordSource | None = None
    created_by: str | None = None
    updated_by: str | None = None

    @property
    def inputs_sha256(self) -> str:
        """What tells these inputs from all others, however their keys are ordered."""
        return inputs_sha256(self.inputs)


@dataclass(frozen=True, slots=True)
class EvaluationDataset:
    """One dataset as it is stored, without its records.

    Args:
        dataset_id: ``d-`` and 32 hex digits.
        workspace: Where it lives.
        name: Not unique.
        created_ms: In milliseconds since the epoch.
        updated_ms: When its records or its experiments changed last.
        digest: Tells its states apart, by name and time.
        schema: Which fields its records have had, and of what type.
        record_count: How many records it has.
        created_by: Who made it.
        updated_by: Who merged records into it last.
        tags: By key.
        experiment_ids: The experiments that it is linked to, the first linked first.
    """

    dataset_id: str
    workspace: str
    name: str
    created_ms: int
    updated_ms: int
    digest: str
    schema: Mapping[str, Any] | None = None
    record_count: int = 0
    created_by: str | None = None
    updated_by: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    experiment_ids: Sequence[str] = ()


def inputs_sha256(inputs: Mapping[str, Any]) -> str:
    """Return what tells these inputs from all others, as MLflow's store does."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def dataset_digest(name: str, updated_ms: int) -> str:
    """Return the digest of a dataset's state, as MLflow's store makes it."""
    return hashlib.sha256(f"{name}:{updated_ms}".encode()).hexdigest()[:8]

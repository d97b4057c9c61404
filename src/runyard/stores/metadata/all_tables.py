"""The whole schema: who makes or compares it must have loaded each module that declares a part of it."""

from __future__ import annotations

from runyard.stores.metadata import (
    schema_assets,
    schema_datastores,
    schema_evaluation,
    schema_identity,
    schema_jobs,
    schema_operation,
    schema_registry,
    schema_sweeps,
    schema_traces,
)
from runyard.stores.metadata.schema import tables

__all__ = [
    "schema_assets",
    "schema_datastores",
    "schema_evaluation",
    "schema_identity",
    "schema_jobs",
    "schema_operation",
    "schema_registry",
    "schema_sweeps",
    "schema_traces",
    "tables",
]

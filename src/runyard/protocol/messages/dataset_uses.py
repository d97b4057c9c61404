"""A version of a data asset as an input of a run, in the words of MLflow's dataset inputs."""

from __future__ import annotations

import json

from runyard.protocol.messages.common import KeyValue
from runyard.protocol.messages.data_assets import WireDataAsset
from runyard.protocol.messages.runs import WireDataset, WireDatasetInput

CONTEXT_TAG = "mlflow.data.context"
NAME_TAG, VERSION_TAG, ID_TAG = "runyard.data.name", "runyard.data.version", "runyard.data.id"
SOURCE_TYPE = "runyard"

_DIGEST_LENGTH = 16
_MOST_PLACES = 100


def dataset_use(record: WireDataAsset, context: str | None = None) -> WireDatasetInput:
    """Return what a run notes of a version that it reads, and what for if that is said."""
    source_type, source = _source(record)
    dataset = WireDataset(
        name=record.name,
        digest=record.content_sha256[:_DIGEST_LENGTH],
        source_type=source_type,
        source=json.dumps(source),
        profile=json.dumps({"version": record.version, "kind": record.kind}),
    )
    tags = {NAME_TAG: record.name, VERSION_TAG: str(record.version), ID_TAG: record.asset_id}
    if context:
        tags[CONTEXT_TAG] = context
    return WireDatasetInput(
        dataset=dataset, tags=[KeyValue(key=key, value=value) for key, value in tags.items()]
    )


def _source(record: WireDataAsset) -> tuple[str, dict[str, object]]:
    """Return the source in words that MLflow's client understands, where it has any."""
    (first, *others) = record.sources
    if first.kind == "url" and not others:
        return "http", {"url": first.address}
    places = [
        f"{each.datastore}:{each.address}" if each.kind == "datastore" else each.address
        for each in record.sources
    ]
    shown = {"name": record.name, "version": record.version, "id": record.asset_id}
    return SOURCE_TYPE, {**shown, "places": places[:_MOST_PLACES]}

"""The registered models of a file store of MLflow's: ``models/<name>/version-<number>/``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from runyard.sdk.transfer.mlflow_meta import META, MetaFiles, meta_in, number_of, text_of
from runyard.sdk.transfer.mlflow_values import DELETED_STAGE
from runyard.sdk.transfer.records import SourceRegisteredModel, SourceVersion
from runyard.sdk.transfer.source import Unreadable

_VERSION = re.compile(r"version-([1-9][0-9]{0,9})")


def read_registered_models(root: Path, files: MetaFiles) -> Iterator[SourceRegisteredModel]:
    """Yield the models whose folders lie in ``root``, by name."""
    for folder in files.folders(root):
        if (folder / META).exists():
            yield from files.noted(lambda folder=folder: _model(folder, files))


def read_versions(folder: Path, files: MetaFiles) -> Iterator[SourceVersion]:
    """Yield the versions in a model's folder, the lowest number first."""
    numbered = [(_VERSION.fullmatch(each.name), each) for each in files.folders(folder)]
    found = sorted((int(match[1]), each) for match, each in numbered if match is not None)
    for number, each in found:
        for version in files.noted(lambda number=number, each=each: _version(number, each, files)):
            if version.stage != DELETED_STAGE:
                yield version


def _model(folder: Path, files: MetaFiles) -> SourceRegisteredModel:
    meta = meta_in(folder)
    if text_of(meta, "name") != folder.name:
        raise Unreadable(f"{folder / META} is of a model {text_of(meta, 'name')!r}, not of its folder's.")
    aliases = files.values(folder / "aliases")
    return SourceRegisteredModel(
        name=folder.name,
        created_ms=number_of(meta, "creation_timestamp"),
        updated_ms=number_of(meta, "last_updated_timestamp"),
        description=text_of(meta, "description"),
        tags=files.values(folder / "tags"),
        aliases={alias: int(version) for alias, version in aliases.items()},
    )


def _version(number: int, folder: Path, files: MetaFiles) -> SourceVersion:
    meta = meta_in(folder)
    return SourceVersion(
        version=number,
        created_ms=number_of(meta, "creation_timestamp"),
        updated_ms=number_of(meta, "last_updated_timestamp"),
        description=text_of(meta, "description"),
        stage=text_of(meta, "current_stage"),
        source=text_of(meta, "source"),
        location=text_of(meta, "storage_location"),
        run_id=text_of(meta, "run_id"),
        model_id=text_of(meta, "model_id"),
        run_link=text_of(meta, "run_link"),
        tags=files.values(folder / "tags"),
    )

"""Datasets as inputs of runs: values that say how a run gets one, and the note in a run that it read one."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from runyard.errors import Forbidden, InvalidParameter, InvalidState, NotFound
from runyard.protocol.messages.data_assets import WireDataAsset
from runyard.protocol.messages.dataset_uses import dataset_use
from runyard.protocol.messages.runs import LogInputs
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.connection import MLFLOW, Connection

if TYPE_CHECKING:
    from runyard.sdk.abstract_dataset import AbstractDataset

_logger = logging.getLogger(__name__)
_noted: set[tuple[str, str]] = set()


@names_arguments
@dataclass(frozen=True)
class DatasetConsumptionConfig:
    """A dataset under the name by which a run asks for it, and how it gets there.

    Args:
        name: That name.
        dataset: The dataset.
        mode: ``direct``, ``download`` or ``mount``.
        path_on_compute: The folder that its files are put into.

    Example:
        >>> from runyard import Dataset
        >>> Dataset.File.from_files("https://example.org/a.csv").as_named_input("cars").as_download()
        DatasetConsumptionConfig('cars', mode='download')
    """

    name: str
    dataset: AbstractDataset
    mode: str = "direct"
    path_on_compute: str | None = None

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return the same input, to be downloaded before the run begins.

        Example:
            >>> photos.as_named_input("pictures").as_download("/tmp/pictures").path_on_compute
            '/tmp/pictures'
        """
        return replace(self, mode="download", path_on_compute=path_on_compute)

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return the same input, to be there as files when the run begins.

        Example:
            >>> photos.as_named_input("pictures").as_mount().mode
            'mount'
        """
        return replace(self, mode="mount", path_on_compute=path_on_compute)

    def __repr__(self) -> str:
        return f"DatasetConsumptionConfig({self.name!r}, mode={self.mode!r})"


def log_input(connection: Connection, run_id: str, record: WireDataAsset, context: str | None) -> None:
    """Note in a run, as MLflow's dataset inputs are, that it read a version of a data asset.

    Raises:
        NotFound: The workspace has no such run.
    """
    used = dataset_use(record, context)
    connection.tell(f"{MLFLOW}/runs/log-inputs", LogInputs(run_id=run_id, datasets=[used]))


def note_use(connection: Connection, record: WireDataAsset) -> None:
    """Note in the run that is under way in this process that it reads a dataset, once.

    There may be none, or one of another server: then nothing is noted here.
    """
    mlflow = sys.modules.get("mlflow")
    active = mlflow.active_run() if mlflow is not None and hasattr(mlflow, "active_run") else None
    run_id = os.environ.get("MLFLOW_RUN_ID") if active is None else str(active.info.run_id)
    if not run_id or (run_id, record.asset_id) in _noted:
        return
    _noted.add((run_id, record.asset_id))
    try:
        if active is None:
            log_input(connection, run_id, record, None)
        else:
            _log_by_mlflow(mlflow, run_id, record)
    except (NotFound, Forbidden, InvalidParameter, InvalidState) as error:
        _logger.debug("The use of %s is noted in no run: %s", record.name, error)


def _log_by_mlflow(mlflow: Any, run_id: str, record: WireDataAsset) -> None:
    """Note it through MLflow's client: what that has logged so far may still be on its way to the server."""
    entities, use = mlflow.entities, dataset_use(record)
    dataset = use.dataset
    used = entities.DatasetInput(
        entities.Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            profile=dataset.profile,
        ),
        [entities.InputTag(tag.key, tag.value) for tag in use.tags],
    )
    try:
        mlflow.MlflowClient().log_inputs(run_id, datasets=[used])
    except mlflow.exceptions.MlflowException as error:
        _logger.debug("The use of %s is noted in no run: %s", record.name, error)

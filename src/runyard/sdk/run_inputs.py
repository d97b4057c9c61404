"""What a job was given of data, as its script asks for it."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from runyard.sdk.dataset import get_dataset_by_id

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

_INPUTS, _OUTPUTS = "RUNYARD_INPUTS", "RUNYARD_OUTPUTS"


class RunInputs(ABC):
    """The inputs and outputs of the run that this process is."""

    _workspace: Workspace

    @property
    @abstractmethod
    def id(self) -> str:
        """The run's id."""

    @property
    def input_datasets(self) -> dict[str, Any]:
        """The inputs of the job that this process is, by name: paths, and datasets that are read directly.

        Empty for any other run.

        Example:
            >>> run.input_datasets
            {}
        """
        said = self._said(_INPUTS)
        assets: dict[str, str] = said.get("assets", {})
        datasets = {name: get_dataset_by_id(self._workspace, each) for name, each in assets.items()}
        return {**said.get("paths", {}), **datasets}

    @property
    def output_datasets(self) -> dict[str, str]:
        """The folders of the job that this process is that go to datastores after it, by name.

        Example:
            >>> run.output_datasets
            {}
        """
        found: dict[str, str] = self._said(_OUTPUTS)
        return found

    def _said(self, variable: str) -> dict[str, Any]:
        if os.environ.get("MLFLOW_RUN_ID") != self.id:
            return {}
        said: dict[str, Any] = json.loads(os.environ.get(variable, "{}"))
        return said

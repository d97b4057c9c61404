"""Files of a run as versions of registered models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import text
from runyard.sdk.artifact_uploads import checked_name
from runyard.sdk.connection import Connection
from runyard.sdk.model import Model
from runyard.sdk.model_datasets import dataset_tags
from runyard.sdk.model_registration import new_version, register_source

if TYPE_CHECKING:
    from runyard.sdk.abstract_dataset import AbstractDataset
    from runyard.sdk.workspace import Workspace


@names_arguments
class RunRegistration(ABC):
    """What a run has for registered models."""

    _workspace: Workspace
    _connection: Connection

    @property
    @abstractmethod
    def id(self) -> str:
        """The run's id."""

    @abstractmethod
    def _source_of(self, path: str) -> tuple[str, str | None]:
        """Return where files of the run are, and of which logged model they are if they are one's."""

    def register_model(
        self,
        model_name: str,
        model_path: str | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, AbstractDataset]] | None = None,
        sample_input_dataset: AbstractDataset | None = None,
        sample_output_dataset: AbstractDataset | None = None,
        resource_configuration: object = None,
    ) -> Model:
        """Register files of this run as the next version of a model, and return it. Nothing is copied.

        Args:
            model_name: The model's name; it is made if there is none.
            model_path: A file or a folder of the run, models that MLflow logged in it among them; by default
                what is called as the model is.
            tags: What may change.
            properties: What is written once.
            model_framework: What it was made with, as ``ScikitLearn``.
            model_framework_version: Which version of that.
            description: What it is.
            datasets: What it was made with, as ``[("training data", dataset)]``.
            sample_input_dataset: Taken for Azure's scripts; no effect.
            sample_output_dataset: As ``sample_input_dataset``.
            resource_configuration: As ``sample_input_dataset``.

        Raises:
            NotFound: The run has no such file or folder.
            InvalidParameter: No model can have this name, or a dataset is not registered.
            Forbidden: The credential does not allow it.

        Example:
            >>> run.upload_file("outputs/ridge.pkl", "out/ridge.pkl")
            >>> run.register_model("ridge", "outputs/ridge.pkl")
            Model('ridge', version=1)
        """
        path = checked_name(model_path or text(model_name, "model_name"))
        source, model_id = self._source_of(path)
        framework = (model_framework, model_framework_version)
        noted = {**(tags or {}), **dataset_tags(datasets)}
        new = new_version(model_name, noted, properties, description, framework)
        version = register_source(self._connection, new, source, run_id=self.id, model_id=model_id)
        return Model._of(self._workspace, version)

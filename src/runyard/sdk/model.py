"""Registered models: versions of trained models under a name, and their files."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runyard.errors import InvalidParameter
from runyard.protocol.messages.model_versions import UpdateModelVersion
from runyard.protocol.messages.registered_models import (
    ModelVersionAnswer,
    WireModelVersion,
)
from runyard.protocol.registry_names import check_model_name
from runyard.sdk.absent import Absent
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import optional_text, pairs
from runyard.sdk.connection import Connection, connection_of
from runyard.sdk.model_datasets import MadeWith, dataset_tags, is_made_with
from runyard.sdk.model_files import download
from runyard.sdk.model_marks import ModelMarks
from runyard.sdk.model_registration import drop_files, local_files, new_version, register_files
from runyard.sdk.model_search import (
    VERSIONS,
    Labels,
    find_version,
    has_labels,
    search_versions,
    split_id,
    wanted_labels,
)
from runyard.sdk.representation import html_table, link

if TYPE_CHECKING:
    from runyard.sdk.abstract_dataset import AbstractDataset
    from runyard.sdk.workspace import Workspace


@names_arguments
class Model(ModelMarks, MadeWith):
    """One version of a registered model.

    Args:
        workspace: Where it lies.
        name: Its name; the latest version is taken unless another is asked for.
        id: Its id, as ``ridge:3``, in place of name and version.
        tags: Only versions with these tags: a key, keys, pairs, or a mapping.
        properties: Only versions with these properties.
        version: Its number.
        run_id: Only versions that come from this run.
        model_framework: Only versions of this framework.
        expand: Taken for Azure's scripts; no effect.

    Raises:
        NotFound: There is no such version.
        InvalidParameter: Neither name nor id was given, or an id is none.

    Example:
        >>> model = Model.register(ws, "out/ridge.pkl", "ridge")
        >>> Model(ws, "ridge").download("models")
        'models/ridge.pkl'
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,
        tags: Labels = None,
        properties: Labels = None,
        version: int | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
    ) -> None:
        if id is not None:
            name, version = split_id(id)
        if not name:
            raise InvalidParameter(
                "Model takes name= or id=, as Model(ws, 'ridge') or Model(ws, id='ridge:3')."
            )
        self._settle(
            workspace,
            find_version(workspace, name, version, run_id, wanted_labels(tags, properties, model_framework)),
        )

    def _settle(self, workspace: Workspace, record: WireModelVersion) -> None:
        self._workspace = workspace
        self._connection: Connection = connection_of(workspace)
        self._record = record

    @classmethod
    def _of(cls, workspace: Workspace, record: WireModelVersion) -> Model:
        found = cls.__new__(cls)
        found._settle(workspace, record)
        return found

    @staticmethod
    def register(
        workspace: Workspace,
        model_path: str | os.PathLike[str],
        model_name: str,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        datasets: Sequence[tuple[str, AbstractDataset]] | None = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: Sequence[str] | None = None,
        sample_input_dataset: AbstractDataset | None = None,
        sample_output_dataset: AbstractDataset | None = None,
        resource_configuration: object = None,
    ) -> Model:
        """Register a file or a folder of this machine as the next version of a model, and return it.

        It blocks until the files are there, and shows how far it is. If it fails, there is no version.

        Args:
            workspace: Where.
            model_path: A file, or a folder with all that is in it.
            model_name: The model's name; it is made if there is none.
            tags: What may change.
            properties: What is written once.
            description: What it is.
            datasets: What it was made with, as ``[("training data", dataset)]``.
            model_framework: What it was made with, as ``ScikitLearn``.
            model_framework_version: Which version of that.
            child_paths: Only these files and folders of the folder.
            sample_input_dataset: Taken for Azure's scripts; no effect.
            sample_output_dataset: As ``sample_input_dataset``.
            resource_configuration: As ``sample_input_dataset``.

        Raises:
            InvalidParameter: There is no such file, no model can have this name, or a dataset is not
                registered.
            Forbidden: The credential does not allow it.
            Unavailable: No server answers.

        Example:
            >>> Model.register(ws, "out/ridge.pkl", "ridge", tags={"team": "robots"})
            Model('ridge', version=1)
        """
        check_model_name(model_name, "model_name")
        new = new_version(
            model_name,
            {**pairs(tags or {}, "tags"), **dataset_tags(datasets)},
            properties,
            description,
            (model_framework, model_framework_version),
        )
        if not isinstance(model_path, str | os.PathLike):
            raise InvalidParameter(f"model_path must be a path, not {model_path!r}.")
        files = local_files(Path(model_path), child_paths)
        return Model._of(workspace, register_files(connection_of(workspace), new, files))

    @staticmethod
    def list(
        workspace: Workspace,
        name: str | None = None,
        tags: Labels = None,
        properties: Labels = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> builtins.list[Model]:
        """Return the versions of a workspace's models, the last changed first.

        Args:
            workspace: Where to look.
            name: Only versions of this model.
            tags: Only versions with these tags: a key, keys, pairs, or a mapping.
            properties: Only versions with these properties.
            run_id: Only versions that come from this run.
            latest: Only the latest of each model.
            dataset_id: Only versions that were made with the dataset of this id.
            expand: Taken for Azure's scripts; no effect.
            page_count: As ``expand``.
            model_framework: Only versions of this framework.

        Raises:
            Unavailable: No server answers.

        Example:
            >>> model = Model.register(ws, "out/ridge.pkl", "ridge", tags={"team": "robots"})
            >>> Model.list(ws, tags={"team": "robots"}, latest=True)
            [Model('ridge', version=1)]
        """
        wanted = wanted_labels(tags, properties, model_framework)
        found = [record for record in search_versions(workspace, name, run_id) if has_labels(record, wanted)]
        if dataset_id is not None:
            found = [record for record in found if is_made_with(record, dataset_id)]
        if latest:
            newest: dict[str, int] = {}
            for record in found:
                newest[record.name] = max(int(record.version), newest.get(record.name, 0))
            found = [record for record in found if int(record.version) == newest[record.name]]
        return [Model._of(workspace, record) for record in found]

    def download(
        self, target_dir: str | os.PathLike[str] = ".", exist_ok: bool = False, exists_ok: bool | None = None
    ) -> str:
        """Bring the files to this machine, and return the path of the only file, or else of the folder.

        Args:
            target_dir: The folder to put it into; it is made if need be.
            exist_ok: Whether what is there already may be replaced.
            exists_ok: The same, as Azure's first SDK once called it.

        Raises:
            AlreadyExists: It is there already, and ``exist_ok`` is false; nothing is written.
            NotFound: The version does not exist any more, or has no files.

        Example:
            >>> model.download("models", exist_ok=True)
            'models/ridge.pkl'
        """
        may_replace = bool(exist_ok or exists_ok)
        path = download(self._connection, self.name, self.version, Path(target_dir), may_replace)
        return str(path)

    def delete(self) -> None:
        """Delete this version for good; its number is not given again. Files that nothing else needs go too.

        Raises:
            NotFound: It does not exist any more.
            Forbidden: The credential does not allow it.

        Example:
            >>> model.delete()
            >>> Model.list(ws)
            []
        """
        self._connection.tell(f"{VERSIONS}/delete", self._named(), "DELETE")
        if self._record.model_id:
            drop_files(self._connection, self._record.model_id)

    def update(
        self,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        sample_input_dataset: AbstractDataset | None = None,
        sample_output_dataset: AbstractDataset | None = None,
        resource_configuration: object = None,
    ) -> None:
        """Put these tags in place of those that are there, and another description; what is None stays.

        Args:
            tags: What may change.
            description: What it is.
            sample_input_dataset: Taken for Azure's scripts; no effect.
            sample_output_dataset: As ``sample_input_dataset``.
            resource_configuration: As ``sample_input_dataset``.

        Raises:
            NotFound: The version does not exist any more.
            InvalidParameter: A tag or the description can't be.

        Example:
            >>> model.update(tags={"checked": "yes"}, description="The one to use.")
            >>> model.description
            'The one to use.'
        """
        if tags is not None:
            self.remove_tags([key for key in self.tags if key not in tags])
            self.add_tags(tags)
        if optional_text(description, "description") is not None:
            wanted = UpdateModelVersion(name=self.name, version=str(self.version), description=description)
            answer = self._connection.change("PATCH", f"{VERSIONS}/update", wanted, ModelVersionAnswer)
            self._record = answer.model_version

    def refresh(self) -> Model:
        """Read this version from the server again and return it.

        Raises:
            NotFound: It does not exist any more.

        Example:
            >>> model.refresh().version
            1
        """
        answer = self._connection.get(f"{VERSIONS}/get", ModelVersionAnswer, self._named())
        self._record = answer.model_version
        return self

    @staticmethod
    def deserialize(workspace: Workspace, model_payload: Mapping[str, Any]) -> Model:
        """Return the version that :meth:`serialize` described, as it is now.

        Raises:
            NotFound: The workspace has none of that name and number any more.
            InvalidParameter: It describes none.

        Example:
            >>> Model.deserialize(ws, model.serialize()) == model
            True
        """
        model_id = model_payload.get("id")
        if not isinstance(model_id, str):
            raise InvalidParameter("'model_payload' is what serialize() of a model returned.")
        return Model(workspace, id=model_id)

    get_model_path = Absent("Model(ws, name).download(folder) returns the path that the model is at then.")
    get_sas_urls = Absent("model.download(folder) brings the files here, by the caller's own credential.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and (self._workspace, self.id) == (other._workspace, other.id)

    def __hash__(self) -> int:
        return hash((self._workspace, self.id))

    def __repr__(self) -> str:
        return f"Model({self.name!r}, version={self.version})"

    def _repr_html_(self) -> str:
        shown = f"models/{self._record.model_id}" if self._record.model_id else ""
        page = f"{self._workspace.tracking_uri}/#/{shown}"
        return html_table(
            [
                ("Model", self.name),
                ("Version", str(self.version)),
                ("Description", self.description),
                ("Aliases", ", ".join(self.aliases)),
                ("Tags", ", ".join(f"{key} = {value}" for key, value in sorted(self.tags.items()))),
                ("Run", self.run_id),
                ("Studio", link(page, "Open in the Studio")),
            ]
        )

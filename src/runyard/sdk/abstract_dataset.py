"""What datasets have in common: where data lies, its versions in a workspace, its files."""

from __future__ import annotations

import copy
import os
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from runyard.entities.data_asset import UPLOADS
from runyard.errors import AlreadyExists, InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.asset_limits import check_data_name
from runyard.protocol.messages.data_assets import (
    RegisterDataAsset,
    WireDataAsset,
    WireDataSource,
    WireReading,
    data_content,
)
from runyard.sdk.absent import AbsentHere
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import optional_text, pairs, text
from runyard.sdk.connection import connection_of
from runyard.sdk.data_sources import (
    DataFile,
    DatastoreSource,
    LocalSource,
    Source,
    Uploads,
    files_of,
    source_of_wire,
)
from runyard.sdk.dataset_inputs import DatasetConsumptionConfig, log_input, note_use
from runyard.sdk.dataset_marks import DatasetMarks
from runyard.sdk.dataset_parts import HasParts, Part
from runyard.sdk.dataset_records import (
    delete_dataset,
    get_record,
    register_record,
)
from runyard.sdk.downloads import DownloadProgress, path_below
from runyard.sdk.representation import html_table

if TYPE_CHECKING:
    from runyard.sdk.run import Run
    from runyard.sdk.workspace import Workspace

# What a dataset of Azure's can do besides, and what does it here.
_INSTEAD = {
    "as_cache": "Bring the files with download(), which returns their paths.",
    "as_hdfs": "Let Spark read the files: spark.read.csv(dataset.download()).",
    "filter": "Filter the DataFrame: to_pandas_dataframe().query('age > 30').",
    "get_profile": "Ask the DataFrame: to_pandas_dataframe().describe().",
    "get_partition_key_values": "Ask the DataFrame: to_pandas_dataframe()[[...]].drop_duplicates().",
    "get_profile_runs": "Ask the DataFrame: to_pandas_dataframe().describe().",
    "partition_by": "Write the DataFrame with to_parquet(..., partition_cols=[...]), and send the folder "
    "with Dataset.File.upload_directory.",
    "sample": "Use take_sample(0.1), or sample the DataFrame: to_pandas_dataframe().sample(frac=0.1).",
    "submit_profile_run": "Ask the DataFrame: to_pandas_dataframe().describe().",
    "to_csv_files": "Write the DataFrame with to_csv(...), and send it with Dataset.File.upload_directory.",
    "to_parquet_files": "Dataset.Tabular.register_pandas_dataframe keeps a DataFrame as Parquet.",
    "to_spark_dataframe": "Let Spark read the files: spark.read.csv(dataset.download()).",
}

Self = TypeVar("Self", bound="AbstractDataset")


@names_arguments
class AbstractDataset(DatasetMarks, HasParts):
    """What file and tabular datasets have in common. Made by :class:`Dataset`, not by itself.

    Args:
        sources: Where the data lies.
        reading: How rows are read; None of files.

    Example:
        >>> photos = Dataset.File.from_files("photos")
        >>> photos.register(ws, "photos").version
        1
    """

    _kind = ""

    def __init__(self, sources: list[Source], reading: WireReading | None = None) -> None:
        self._sources = sources
        self._reading = reading
        self._workspace: Workspace | None = None
        self._record: WireDataAsset | None = None
        self._parts: tuple[Part, ...] = ()

    @property
    def is_part(self) -> bool:
        """Whether it is but a part of the data, as :meth:`take` returns it: one that is not registered.

        Example:
            >>> dataset.take(2).is_part
            True
        """
        return bool(self._parts)

    def register(
        self: Self,
        workspace: Workspace,
        name: str,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        create_new_version: bool = False,
    ) -> Self:
        """Keep this dataset in a workspace by name, and return it as it is there.

        Files of this machine are uploaded. What the latest version of the name is already, is that version,
        and nothing is uploaded. A failed upload leaves nothing behind.

        Args:
            workspace: Where to keep it.
            name: Its name.
            description: What it is.
            tags: Free key and value pairs.
            create_new_version: Whether the name may have a version that is something else.

        Raises:
            AlreadyExists: The name has a version that is something else, and may not.
            InvalidParameter: A part of it can't be; the message says which.
            Forbidden: The caller may only read.

        Example:
            >>> data = Dataset.File.from_files("photos")
            >>> data.register(ws, "photos", create_new_version=True).version
            1
        """
        check_data_name(text(name, "name"))
        optional_text(description, "description")
        pairs(tags or {}, "tags")
        if self.is_part:
            raise NotImplementedHere(
                "A part of a dataset is not registered. Register what it was taken from."
            )
        for source in self._sources:
            if isinstance(source, DatastoreSource) and source.owner not in (None, workspace):
                raise InvalidParameter(
                    f"The datastore {source.datastore!r} is of another workspace than {workspace.name!r}."
                )
        described = [source.wire() for source in self._sources]
        found = self._known_as(workspace, name, described, create_new_version)
        if found is not None:
            return self._registered(workspace, found)
        uploads = Uploads(connection_of(workspace))
        wanted = RegisterDataAsset(
            name=name,
            kind=self._kind,
            sources=self._uploaded(uploads, described),
            reading=self._reading,
            description=description or "",
            tags=dict(tags or {}),
            as_new_version=create_new_version,
        )
        return self._registered(workspace, register_record(workspace, wanted, uploads))

    def to_path(self) -> list[str]:
        """Return the paths of the files within the dataset, as ``/photos/1.png``.

        Raises:
            NotFound: There is no file.

        Example:
            >>> photos.to_path()
            ['/1.png', '/2.png']
        """
        return [f"/{file.name}" for file in self._files()]

    def download(
        self,
        target_path: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        ignore_not_found: bool = False,
    ) -> list[str]:
        """Bring the files to this machine and return their paths.

        Args:
            target_path: The folder to put them into; by default a new temporary one.
            overwrite: Whether files that are there may be replaced.
            ignore_not_found: Whether a file that is not there any more is passed over.

        Raises:
            AlreadyExists: A file is there, and may not be replaced; nothing was written.
            NotFound: A file is not there any more.
            Unavailable: A file can't be read now.

        Example:
            >>> photos.download("here")
            ['here/1.png', 'here/2.png']
        """
        folder = Path(target_path) if target_path is not None else Path(tempfile.mkdtemp(prefix="runyard-"))
        files = [(file, path_below(folder, file.name)) for file in self._files()]
        taken = [target for _, target in files if target.exists()]
        if taken and not overwrite:
            raise AlreadyExists(f"{taken[0]} is there already; overwrite=True replaces it.")
        self._note_use()
        with DownloadProgress() as progress:
            return [
                str(target) for file, target in files if _fetched(file, target, progress, ignore_not_found)
            ]

    def as_named_input(self, name: str) -> DatasetConsumptionConfig:
        """Return this dataset as an input of a run, under the name by which the run asks for it.

        Example:
            >>> photos.as_named_input("pictures")
            DatasetConsumptionConfig('pictures', mode='direct')
        """
        if not text(name, "name").isidentifier():
            raise InvalidParameter(f"The name of an input has letters, digits and '_', not {name!r}.")
        return DatasetConsumptionConfig(name, self)

    def log_to(self, run: Run, context: str | None = None) -> None:
        """Note in a run, where MLflow keeps a run's datasets, that it used this one.

        In a program that MLflow or Runyard has begun a run for, that is done by itself when data is read.

        Args:
            run: The run.
            context: What for, as ``training``.

        Raises:
            InvalidParameter: The dataset is not registered.

        Example:
            >>> dataset.log_to(run, "training")
            >>> run.get_details()["inputDatasets"][0]["name"]
            'titanic'
        """
        log_input(run.experiment.workspace.connection, run.id, self._registered_record(), context)

    def unregister_all_versions(self) -> None:
        """Delete all versions of this dataset's name. There is no way back.

        What was uploaded for them, and nothing else needs, goes with the next ``runyard gc``.

        Example:
            >>> photos.unregister_all_versions()
            >>> ws.datasets
            {}
        """
        delete_dataset(self._there(), self._registered_record().name)
        self._record = None

    def _changed(self: Self, **parts: Any) -> Self:
        """Return a copy with other parts."""
        copied = copy.copy(self)
        vars(copied).update(parts)
        return copied

    def _files(self) -> list[DataFile]:
        connection = None if self._workspace is None else self._workspace.connection
        return files_of(self._sources, connection)

    def _note_use(self) -> None:
        if self._workspace is not None and self._record is not None:
            note_use(self._workspace.connection, self._record)

    def _known_as(
        self, workspace: Workspace, name: str, described: list[WireDataSource], as_new_version: bool
    ) -> WireDataAsset | None:
        """Return the latest version of a name if it is this dataset."""
        try:
            latest = get_record(workspace, name)
        except NotFound:
            return None
        if latest.content_sha256 == data_content(self._kind, described, self._reading).sha256():
            return latest
        if not as_new_version:
            raise AlreadyExists(
                f"There is a dataset {name!r} with other data already, in version {latest.version}. "
                "Give create_new_version=True, or choose another name."
            )
        return None

    def _uploaded(self, uploads: Uploads, described: list[WireDataSource]) -> list[WireDataSource]:
        """Return the places of the data once all of it is out of this machine."""
        places: list[WireDataSource] = []
        try:
            for source, wire in zip(self._sources, described, strict=True):
                if isinstance(source, LocalSource):
                    folder = f"{UPLOADS}/{uuid.uuid4().hex}"
                    uploads.folders.append(folder)
                    source.upload(uploads.connection, folder)
                    wire.address = folder
                places.append(wire)
        except BaseException:
            uploads.take_back()
            raise
        return places

    def _registered(self: Self, workspace: Workspace, record: WireDataAsset) -> Self:
        return type(self)._of(workspace, record)

    @classmethod
    def _of(cls: type[Self], workspace: Workspace, record: WireDataAsset) -> Self:
        """Return the dataset that the server tells of."""
        found = cls([source_of_wire(each) for each in record.sources], record.reading)
        found._workspace, found._record = workspace, record
        return found

    def _registered_record(self) -> WireDataAsset:
        if self._record is None:
            raise InvalidParameter(
                "The dataset is not registered: register(workspace, name) returns one that is."
            )
        return self._record

    def _there(self) -> Workspace:
        if self._workspace is None:
            raise InvalidParameter("The dataset is in no workspace yet: register(workspace, name).")
        return self._workspace

    def __getattr__(self, name: str) -> NoReturn:
        if name in _INSTEAD:
            raise AbsentHere(f"A dataset has no '{name}' here. {_INSTEAD[name]}")
        raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")

    def __repr__(self) -> str:
        if self._record is None:
            return f"{type(self).__name__}({[source.shown() for source in self._sources]})"
        return f"{type(self).__name__}({self.name!r}, version={self.version})"

    def _repr_html_(self) -> str:
        places = [source.shown() for source in self._sources]
        return html_table(
            [
                ("Dataset", self.name or "not registered"),
                ("Version", str(self.version or "")),
                ("Description", self.description or ""),
                ("Kind", self._kind),
                ("Read as", "" if self._reading is None else self._reading.format),
                ("Data", ", ".join(places[:5]) + (", …" if len(places) > 5 else "")),
                ("Tags", ", ".join(f"{key}={value}" for key, value in self.tags.items())),
            ]
        )


def _fetched(file: DataFile, target: Path, progress: DownloadProgress, ignore_not_found: bool) -> bool:
    try:
        file.fetch(target, progress)
    except NotFound:
        if not ignore_not_found:
            raise
        return False
    return True

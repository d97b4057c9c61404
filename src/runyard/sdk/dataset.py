"""Datasets: where data lies and how it is read, registered in a workspace by name and in versions."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from runyard.entities.data_asset import UPLOADS
from runyard.errors import AlreadyExists, InvalidParameter, NotFound, NotImplementedHere
from runyard.protocol.asset_limits import check_data_name
from runyard.protocol.messages.data_assets import (
    ChangeDataAsset,
    RegisterDataAsset,
    WireDataAsset,
    WireDataSource,
    WireReading,
    data_content,
)
from runyard.sdk.data_frames import read_frame
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
from runyard.sdk.dataset_records import (
    change_record,
    delete_dataset,
    get_record,
    get_record_by_id,
    list_records,
    register_record,
)
from runyard.sdk.downloads import DownloadProgress, path_below
from runyard.sdk.representation import html_table

if TYPE_CHECKING:
    from runyard.sdk.run import Run
    from runyard.sdk.workspace import Workspace

# What a dataset of Azure's can do besides, and what does it here.
_INSTEAD = {
    "drop_columns": "Drop them from the DataFrame: to_pandas_dataframe().drop(columns=[...]).",
    "filter": "Filter the DataFrame: to_pandas_dataframe().query('age > 30').",
    "get_profile": "Ask the DataFrame: to_pandas_dataframe().describe().",
    "keep_columns": "Take them from the DataFrame: to_pandas_dataframe()[[...]].",
    "random_split": "Split the DataFrame, as with scikit-learn's train_test_split.",
    "sample": "Sample the DataFrame: to_pandas_dataframe().sample(frac=0.1).",
    "skip": "Skip rows of the DataFrame: to_pandas_dataframe().iloc[10:].",
    "time_after": "Compare the column: df[df.when >= start].",
    "time_before": "Compare the column: df[df.when <= end].",
    "time_between": "Compare the column: df[df.when.between(start, end)].",
    "time_recent": "Compare the column: df[df.when >= pandas.Timestamp.now() - delta].",
    "to_csv_files": "Write the DataFrame with to_csv(...), and send it with Dataset.File.upload_directory.",
    "to_parquet_files": "Dataset.Tabular.register_pandas_dataframe keeps a DataFrame as Parquet.",
    "to_spark_dataframe": "Let Spark read the files: spark.read.csv(dataset.download()).",
    "with_timestamp_columns": "Name moments in set_column_types={'when': 'datetime64[ns]'}, and compare them "
    "in the DataFrame.",
}
_NOT_MOUNTED = "Nothing is mounted here. Use download(), which returns the paths of the files."

Self = TypeVar("Self", bound="AbstractDataset")


class AbstractDataset:
    """What file and tabular datasets have in common. Made by :class:`Dataset`, not by itself.

    Args:
        sources: Where the data lies.
        reading: How rows are read; None of files.
    """

    _kind = ""

    def __init__(self, sources: list[Source], reading: WireReading | None = None) -> None:
        self._sources = sources
        self._reading = reading
        self._workspace: Workspace | None = None
        self._record: WireDataAsset | None = None
        self._limit: int | None = None

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
            >>> data = Dataset.File.from_files("photos")  # doctest: +SKIP
            >>> data.register(ws, "photos", create_new_version=True).version  # doctest: +SKIP
            1
        """
        check_data_name(name)
        if self._limit is not None:
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
        uploads = Uploads(workspace.connection)
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

    def take(self: Self, count: int) -> Self:
        """Return the first rows of a tabular dataset, or the first files of a file dataset.

        Raises:
            InvalidParameter: ``count`` is no number of them.
        """
        if isinstance(count, bool) or count < 1:
            raise InvalidParameter(f"count must be a whole number from 1 on, not {count!r}.")
        taken = type(self)(self._sources, self._reading)
        taken._workspace, taken._record = self._workspace, self._record
        taken._limit = count if self._limit is None else min(count, self._limit)
        return taken

    def to_path(self) -> list[str]:
        """Return the paths of the files within the dataset, as ``/photos/1.png``.

        Raises:
            NotFound: There is no file.
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
        """Return this dataset as an input of a run, under the name by which the run asks for it."""
        if not name.isidentifier():
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
        """
        log_input(run.experiment.workspace.connection, run.id, self._registered_record(), context)

    def update(self, description: str | None = None, tags: Mapping[str, str] | None = None) -> None:
        """Change what is said of this version; what is left out stays as it is.

        Raises:
            InvalidParameter: The dataset is not registered, or a text is too long.
        """
        record = self._registered_record()
        wanted = ChangeDataAsset(description=description, tags=None if tags is None else dict(tags))
        self._record = change_record(self._there(), record.asset_id, wanted)

    def unregister_all_versions(self) -> None:
        """Delete all versions of this dataset's name. There is no way back.

        What was uploaded for them, and nothing else needs, goes with the next ``runyard gc``.
        """
        delete_dataset(self._there(), self._registered_record().name)
        self._record = None

    @property
    def id(self) -> str | None:
        """The id of the version; None until it is registered."""
        return None if self._record is None else self._record.asset_id

    @property
    def name(self) -> str | None:
        """The name that it is registered by."""
        return None if self._record is None else self._record.name

    @property
    def version(self) -> int | None:
        """The version that it is."""
        return None if self._record is None else self._record.version

    @property
    def description(self) -> str | None:
        """What it is."""
        return None if self._record is None else self._record.description

    @property
    def tags(self) -> dict[str, str]:
        """Free key and value pairs."""
        return {} if self._record is None else dict(self._record.tags)

    @property
    def record(self) -> WireDataAsset | None:
        """What the server said of it; None until it is registered."""
        return self._record

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
        return cast("Self", dataset_of(workspace, record))

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
            raise NotImplementedHere(f"A dataset has no '{name}' here. {_INSTEAD[name]}")
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


class FileDataset(AbstractDataset):
    """Files, of whatever content. ``Dataset.File.from_files`` makes one.

    Example:
        >>> photos = Dataset.get_by_name(ws, "photos")  # doctest: +SKIP
        >>> photos.download("here")  # doctest: +SKIP
        ['here/1.png', 'here/2.png']
    """

    _kind = "file"

    def as_download(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return this dataset as an input of a run, to be downloaded before it begins."""
        return DatasetConsumptionConfig(self._input_name(), self).as_download(path_on_compute)

    def as_mount(self, path_on_compute: str | None = None) -> DatasetConsumptionConfig:
        """Return this dataset as an input of a run, to be there as files when it begins."""
        return DatasetConsumptionConfig(self._input_name(), self).as_mount(path_on_compute)

    def mount(self, mount_point: str | None = None, **options: Any) -> NoReturn:
        """Raise an error that says what to use.

        Raises:
            NotImplementedHere: Always.
        """
        raise NotImplementedHere(_NOT_MOUNTED)

    def _files(self) -> list[DataFile]:
        return super()._files()[: self._limit]

    def _input_name(self) -> str:
        return f"input_{(self.id or uuid.uuid4().hex)[:8]}"


class TabularDataset(AbstractDataset):
    """Rows that are in files. ``Dataset.Tabular.from_delimited_files`` and its like make one.

    Example:
        >>> titanic = Dataset.get_by_name(ws, "titanic")  # doctest: +SKIP
        >>> titanic.take(3).to_pandas_dataframe().shape  # doctest: +SKIP
        (3, 12)
    """

    _kind = "tabular"

    def to_pandas_dataframe(self, on_error: str = "null", out_of_range_datetime: str = "null") -> Any:
        """Return all rows as a pandas DataFrame.

        Args:
            on_error: Taken for Azure's scripts; no effect.
            out_of_range_datetime: As ``on_error``.

        Raises:
            InvalidParameter: pandas is not installed (for Parquet also pyarrow), or a file is something else.
            NotFound: A file is not there any more.
            Unavailable: A file can't be read now.
        """
        if self._reading is None:
            raise InvalidParameter("The dataset does not say how its rows are read.")
        self._note_use()
        with tempfile.TemporaryDirectory(prefix="runyard-") as folder, DownloadProgress() as progress:
            return read_frame(self._reading, _brought(self._files(), Path(folder), progress), self._limit)


class Datasets(dict[str, "FileDataset | TabularDataset"]):
    """Registered datasets by name, as they were when the server was asked."""

    def _repr_html_(self) -> str:
        return html_table((name, f"{each._kind}, version {each.version}") for name, each in self.items())


class HasDatasets:
    """What a workspace has about datasets."""

    @property
    def datasets(self) -> Datasets:
        """The datasets that are registered in the workspace, each in its latest version, by name.

        Example:
            >>> ws.datasets["titanic"].to_pandas_dataframe()  # doctest: +SKIP
        """
        workspace = cast("Workspace", self)
        return Datasets((record.name, dataset_of(workspace, record)) for record in list_records(workspace))


def dataset_of(workspace: Workspace, record: WireDataAsset) -> FileDataset | TabularDataset:
    """Return the dataset that the server tells of."""
    kind = TabularDataset if record.kind == TabularDataset._kind else FileDataset
    found = kind([source_of_wire(each) for each in record.sources], record.reading)
    found._workspace, found._record = workspace, record
    return found


def get_dataset(
    workspace: Workspace, name: str, version: str | int | None = None
) -> FileDataset | TabularDataset:
    """Return a version of a dataset; see :meth:`Dataset.get_by_name`."""
    return dataset_of(workspace, get_record(workspace, name, version))


def get_dataset_by_id(workspace: Workspace, dataset_id: str) -> FileDataset | TabularDataset:
    """Return the version of a dataset that has this id."""
    return dataset_of(workspace, get_record_by_id(workspace, dataset_id))


def _fetched(file: DataFile, target: Path, progress: DownloadProgress, ignore_not_found: bool) -> bool:
    try:
        file.fetch(target, progress)
    except NotFound:
        if not ignore_not_found:
            raise
        return False
    return True


def _brought(files: list[DataFile], folder: Path, progress: DownloadProgress) -> Iterator[tuple[str, Path]]:
    """Yield names of files and where they are on this machine, each fetched when it is its turn."""
    for file in files:
        target = file.local
        if target is None:
            target = path_below(folder, file.name)
            file.fetch(target, progress)
        yield file.name, target

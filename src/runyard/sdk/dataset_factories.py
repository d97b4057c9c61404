"""Datasets from where data lies: ``Dataset.File`` and ``Dataset.Tabular``, and those that are registered."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runyard.errors import InvalidParameter, NotImplementedHere
from runyard.protocol.messages.data_assets import WireReading
from runyard.sdk.absent import Absent
from runyard.sdk.argument_errors import names_arguments
from runyard.sdk.arguments import text
from runyard.sdk.data_partitions import PartitionFormat
from runyard.sdk.data_reference import DataPath, DataReference
from runyard.sdk.data_sources import DataPlaces, sources_of
from runyard.sdk.dataset import Datasets, FileDataset, TabularDataset, get_dataset, get_dataset_by_id
from runyard.sdk.datastore import Datastore
from runyard.sdk.delimited_files import checked_separator, checked_types, has_header
from runyard.sdk.optional_libraries import optional_library

if TYPE_CHECKING:
    from runyard.sdk.workspace import Workspace

_NO_PARTITIONS = (
    "partition_format makes columns of rows: Dataset.Tabular takes it, and files have none. "
    "dataset.to_path() returns their paths."
)


@names_arguments
class FileDatasetFactory:
    """Makes datasets of files; used as ``Dataset.File``.

    Example:
        >>> Dataset.File.from_files("photos").to_path()
        ['/1.png', '/2.png']
    """

    @staticmethod
    def from_files(
        path: DataPlaces, validate: bool = True, partition_format: str | None = None, is_file: bool = False
    ) -> FileDataset:
        """Return a dataset of files. Those of this machine are uploaded when it is registered.

        Args:
            path: An http(s) URL; a file, folder or pattern of this machine; a tuple of a datastore, or its
                name, and a path or pattern in it; or a list of these.
            validate: Whether to look if there are files at paths of this machine.
            partition_format: Must be left out.
            is_file: Taken for Azure's scripts; no effect.

        Raises:
            NotFound: There is no file at a path of this machine.
            InvalidParameter: ``path`` is none of these.

        Example:
            >>> Dataset.File.from_files("https://example.org/photos.zip").to_path()
            ['/photos.zip']
        """
        _refuse(partition_format, _NO_PARTITIONS)
        return FileDataset(sources_of(path, validate=validate))

    @staticmethod
    def upload_directory(
        src_dir: str | os.PathLike[str],
        target: Datastore | tuple[Datastore, str] | DataPath | DataReference,
        pattern: str | None = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> FileDataset:
        """Send a folder of this machine to a datastore, and return a dataset of what lies there then.

        Args:
            src_dir: The folder.
            target: The datastore, with the path of the folder in it that the files go to.
            pattern: Which files, as ``**/*.csv``; all below the folder if left out.
            overwrite: Whether to replace files that are there; else they stay as they are.
            show_progress: Whether to show bars, where a person watches.

        Raises:
            InvalidParameter: There is no such folder, no file in it fits, or ``target`` is none of these.
            Forbidden: The credential does not allow it.

        Example:
            >>> target = (ws.get_default_datastore(), "scans/2026")
            >>> Dataset.File.upload_directory("photos", target, pattern="**/*.png").take(1).download("here")
            ['here/1.png']
        """
        root, (datastore, path) = Path(src_dir), _target(target)
        if not root.is_dir():
            raise InvalidParameter(f"src_dir: {root} is no folder of this machine.")
        files = sorted(each for each in root.glob(pattern or "**/*") if each.is_file())
        if not files:
            raise InvalidParameter(f"pattern: no file in {root} fits {pattern or '**/*'!r}.")
        datastore.upload_files(files, root, path, overwrite=overwrite, show_progress=show_progress)
        return FileDataset(sources_of((datastore, path or "")))


@names_arguments
class TabularDatasetFactory:
    """Makes datasets of rows; used as ``Dataset.Tabular``.

    Example:
        >>> Dataset.Tabular.from_delimited_files("titanic.csv").to_pandas_dataframe().shape
        (3, 3)
    """

    @staticmethod
    def from_delimited_files(
        path: DataPlaces,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: Mapping[str, str] | None = None,
        separator: str = ",",
        header: bool | int = True,
        partition_format: str | None = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Return a dataset of the lines of files, as CSV.

        Args:
            path: As :meth:`FileDatasetFactory.from_files`.
            validate: As there.
            include_path: Whether a column ``Path`` says which file a row is from.
            infer_column_types: Must be left as it is; ``set_column_types`` names types.
            set_column_types: Types of columns by pandas' words, as ``{"age": "float64"}``.
            separator: What stands between values.
            header: Whether the first line of each file names the columns; else they are ``Column1``, ….
            partition_format: Columns that are in the paths of files, as ``/{team}/{when:yyyy/MM}/data.csv``:
                what a path ends with from the first of them on, text or a moment.
            support_multi_line: Taken for Azure's scripts; values in quotes may have line breaks anyway.
            empty_as_string: Must be left as it is.
            encoding: Of the text.

        Raises:
            NotFound: There is no file at a path of this machine.
            InvalidParameter: ``path`` is none of these, or a type is no word.

        Example:
            >>> Dataset.Tabular.from_delimited_files("https://example.org/cars.csv", separator=";")
            TabularDataset(['https://example.org/cars.csv'])
        """
        _refuse(
            not infer_column_types, "infer_column_types=False is not done. Name types in set_column_types."
        )
        _refuse(empty_as_string, "empty_as_string is not done. Use fillna('') of the DataFrame.")
        reading = WireReading(
            format="delimited",
            separator=checked_separator(separator),
            header=has_header(header),
            encoding=text(encoding, "encoding"),
            include_path=include_path,
            column_types=checked_types(set_column_types),
            partition_format=_partitions(partition_format),
        )
        return TabularDataset(sources_of(path, validate=validate), reading)

    @staticmethod
    def from_json_lines_files(
        path: DataPlaces,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, str] | None = None,
        partition_format: str | None = None,
        invalid_lines: str = "error",
        encoding: str = "utf8",
    ) -> TabularDataset:
        r"""Return a dataset of files with an object of JSON on each line.

        Args:
            path: As :meth:`FileDatasetFactory.from_files`.
            validate: As there.
            include_path: As :meth:`from_delimited_files`.
            set_column_types: As there.
            partition_format: As there.
            invalid_lines: ``error``, or ``drop`` to pass over lines that are no object.
            encoding: Of the text.

        Raises:
            NotFound: There is no file at a path of this machine.
            InvalidParameter: As :meth:`from_delimited_files`.

        Example:
            >>> size = Path("cars.jsonl").write_text('{"speed": 4}\n{"speed": 7}\n')
            >>> Dataset.Tabular.from_json_lines_files("cars.jsonl").to_pandas_dataframe().speed.tolist()
            [4, 7]
        """
        if invalid_lines not in ("error", "drop"):
            raise InvalidParameter(f"invalid_lines must be 'error' or 'drop', not {invalid_lines!r}.")
        reading = WireReading(
            format="json_lines",
            encoding=text(encoding, "encoding"),
            include_path=include_path,
            drops_invalid_lines=invalid_lines == "drop",
            column_types=checked_types(set_column_types),
            partition_format=_partitions(partition_format),
        )
        return TabularDataset(sources_of(path, validate=validate), reading)

    @staticmethod
    def from_parquet_files(
        path: DataPlaces,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Mapping[str, str] | None = None,
        partition_format: str | None = None,
    ) -> TabularDataset:
        """Return a dataset of the rows of Parquet files.

        Args:
            path: As :meth:`FileDatasetFactory.from_files`.
            validate: As there.
            include_path: As :meth:`from_delimited_files`.
            set_column_types: As there.
            partition_format: As there.

        Raises:
            NotFound: There is no file at a path of this machine.
            InvalidParameter: As :meth:`from_delimited_files`.

        Example:
            >>> pandas.DataFrame({"speed": [4, 7]}).to_parquet("cars.parquet")
            >>> Dataset.Tabular.from_parquet_files("cars.parquet").to_pandas_dataframe().speed.tolist()
            [4, 7]
        """
        reading = WireReading(
            format="parquet",
            include_path=include_path,
            column_types=checked_types(set_column_types),
            partition_format=_partitions(partition_format),
        )
        return TabularDataset(sources_of(path, validate=validate), reading)

    from_sql_query = Absent(
        "Ask the database with pandas.read_sql, its password from ws.secrets, and keep the DataFrame with "
        "Dataset.Tabular.register_pandas_dataframe."
    )

    @staticmethod
    def register_pandas_dataframe(
        dataframe: Any,
        target: Datastore | tuple[Datastore, str] | DataPath | DataReference,
        name: str,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        show_progress: bool = True,
    ) -> TabularDataset:
        """Send a DataFrame to a datastore as Parquet, and return the next version of a dataset of it.

        Args:
            dataframe: The DataFrame.
            target: The datastore, with the folder in it below which the file gets one of its own.
            name: What the dataset is called.
            description: What it is.
            tags: Free key and value pairs.
            show_progress: Whether to show bars, where a person watches.

        Raises:
            InvalidParameter: It is no DataFrame, pyarrow is not installed, or ``target`` is none of these.
            Forbidden: The credential does not allow it.

        Example:
            >>> cars = pandas.DataFrame({"speed": [4, 7]})
            >>> Dataset.Tabular.register_pandas_dataframe(cars, (store, "frames"), "cars")
            TabularDataset('cars', version=1)
        """
        datastore, path = _target(target)
        if not hasattr(dataframe, "to_parquet"):
            raise InvalidParameter(f"dataframe must be a DataFrame, not a {type(dataframe).__name__}.")
        optional_library("pyarrow", "Writing Parquet files", "pyarrow")
        place = "/".join(part for part in ((path or "").strip("/"), uuid.uuid4().hex) if part)
        with tempfile.TemporaryDirectory(prefix="runyard-") as folder:
            file = Path(folder, "part-00000.parquet")
            dataframe.to_parquet(file, index=False)
            datastore.upload_files([file], folder, place, overwrite=True, show_progress=show_progress)
        made = TabularDatasetFactory.from_parquet_files((datastore, f"{place}/{file.name}"))
        return made.register(datastore.workspace, name, description, tags, create_new_version=True)


@names_arguments
class Dataset:
    """Where datasets come from: files, rows, and what is registered in a workspace.

    Attributes:
        File: Makes datasets of files.
        Tabular: Makes datasets of rows.

    Example:
        >>> data = Dataset.Tabular.from_delimited_files("titanic.csv")
        >>> data = data.register(ws, "titanic", create_new_version=True)
        >>> Dataset.get_by_name(ws, "titanic").to_pandas_dataframe().columns.tolist()
        ['name', 'age', 'boarded']
    """

    File = FileDatasetFactory
    Tabular = TabularDatasetFactory
    auto_read_files = Absent("Say what the files are: Dataset.Tabular.from_delimited_files and its like.")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        raise TypeError("Use Dataset.File.from_files, Dataset.Tabular.from_… or Dataset.get_by_name.")

    @staticmethod
    def get_by_name(
        workspace: Workspace, name: str, version: str | int = "latest", **options: Any
    ) -> FileDataset | TabularDataset:
        """Return a dataset that is registered.

        Args:
            workspace: Where it is.
            name: Its name.
            version: Which version; by default the one with the highest number.
            **options: Taken for Azure's scripts; no effect.

        Raises:
            NotFound: The workspace has no such dataset or version.

        Example:
            >>> Dataset.get_by_name(ws, dataset.name, version=1)
            TabularDataset('titanic', version=1)
        """
        return get_dataset(workspace, name, version)

    @staticmethod
    def get_by_id(workspace: Workspace, id: str, **options: Any) -> FileDataset | TabularDataset:
        """Return the version of a dataset that has this id.

        Args:
            workspace: Where it is.
            id: The id, as :attr:`AbstractDataset.id` says it.
            **options: Taken for Azure's scripts; no effect.

        Raises:
            NotFound: The workspace has none.

        Example:
            >>> Dataset.get_by_id(ws, dataset.id)
            TabularDataset('titanic', version=1)
        """
        return get_dataset_by_id(workspace, id)

    @staticmethod
    def get_all(workspace: Workspace) -> Datasets:
        """Return the datasets that are registered, each in its latest version, by name.

        Example:
            >>> photos = Dataset.File.from_files("photos").register(ws, "photos")
            >>> Dataset.get_all(ws)
            {'photos': FileDataset('photos', version=1)}
        """
        return workspace.datasets


def _target(target: Any) -> tuple[Datastore, str | None]:
    match target:
        case Datastore():
            return target, None
        case (Datastore() as datastore, str() as path):
            return datastore, path
        case DataPath() | DataReference():
            return target.datastore, target.path_on_datastore
    raise InvalidParameter(f"target must be a datastore and a path in it, not {target!r}.")


def _partitions(said: str | None) -> str:
    return PartitionFormat(said).text if said else ""


def _refuse(wanted: object, why: str) -> None:
    if wanted:
        raise NotImplementedHere(why)
